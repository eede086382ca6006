"""Animations: the frames, their size, the markup, the errors."""

import base64
import io
import json
import re

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from kexue.book.explorables.animate import MAX_BYTES, Animation, animate


def dot(figure, x):
    axes = figure.add_subplot(xlim=(0, 1), ylim=(0, 1), xlabel="x")
    axes.plot([0, x], [0, x], "o-", alpha=0.7)


def pixels(content):
    return np.asarray(Image.open(io.BytesIO(content)).convert("RGBA")).astype(int)


def composed(animation, frame):
    """A frame as the page composes it: its layer over what all frames share."""
    picture = pixels(animation.still)
    layer = pixels(animation.layers[frame])
    left, top = animation.corner
    place = picture[top : top + layer.shape[0], left : left + layer.shape[1]]
    opaque = layer[..., 3:] > 0
    assert not (opaque & (place[..., 3:] > 0)).any()  # disjoint: one over the other loses nothing
    place[:] = np.where(opaque, layer, place)
    return picture


def rendered(draw, frame, figsize, dpi):
    figure = Figure(figsize=figsize, dpi=dpi, facecolor="none")
    canvas = FigureCanvasAgg(figure)
    draw(figure, frame)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba()).astype(int)


def test_each_frame_comes_back_exactly():
    frames = [0.2, 0.5, 0.5, 0.9]
    animation = animate(dot, frames, alt="A point moves.", figsize=(3, 2))
    assert len(animation.layers) == 4 and animation.size == (600, 400) and animation.poster == 3
    for i, frame in enumerate(frames):
        picture, direct = composed(animation, i), rendered(dot, frame, (3, 2), 200)
        seen = picture[..., 3] > 0
        assert np.abs(picture[..., 3] - direct[..., 3]).max() <= 9  # sixteen levels of opacity
        np.testing.assert_array_equal(picture[seen][:, :3], direct[seen][:, :3])
    np.testing.assert_array_equal(pixels(animation.picture), composed(animation, 3))


def test_frames_may_be_anything_and_the_figure_is_cleared():
    seen = []

    def draw(figure, frame):
        seen.append((frame, len(figure.axes)))
        dot(figure, 0.3)

    animation = animate(draw, (word for word in ("a", "b")), alt="Nothing moves.", figsize=(2, 2), poster=0)
    assert seen == [("a", 0), ("b", 0)] and animation.poster == 0
    assert all(pixels(layer).max() == 0 for layer in animation.layers)  # nothing moves


def test_default_size_is_matplotlibs_own():
    with mpl.rc_context({"figure.figsize": (2.5, 1.5)}):
        assert animate(dot, [0.1, 0.2], alt="A point.").size == (500, 300)


def test_what_stands_still_is_stored_once():
    """Ten frames take far less than ten times the picture."""
    animation = animate(dot, np.linspace(0.3, 0.4, 10), alt="A point.", figsize=(4, 3))
    assert sum(map(len, animation.layers)) < 0.5 * 10 * len(animation.picture)


def noise(figure, seed):
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(np.random.default_rng(seed).uniform(size=(200, 300, 3)), aspect="auto", interpolation="nearest")


def test_pictures_without_structure_become_lossy_and_still_fit():
    animation = animate(noise, range(8), alt="Noise.", figsize=(3, 2))
    assert len(animation._markup) <= MAX_BYTES
    picture, direct = composed(animation, 4), rendered(noise, 4, (3, 2), 100 * animation.scale)
    assert np.abs(picture - direct).mean() < 40  # noise has a mean difference of 85 from other noise


def test_too_large_says_how_large_and_what_to_do():
    with pytest.raises(
        ValueError, match=r"takes about \d{4,5} kB, 800 kB are allowed: .* fewer than 25 frames, a smaller figsize"
    ):
        animate(noise, range(25), alt="Noise.", figsize=(4, 3))


def test_errors():
    with pytest.raises(ValueError, match="there are no frames to draw"):
        animate(dot, [], alt="A point.")
    with pytest.raises(ValueError, match="alt must describe"):
        animate(dot, [0.1], alt=" ")
    with pytest.raises(ValueError, match="interval must be positive"):
        animate(dot, [0.1], alt="A point.", interval=0)
    with pytest.raises(ValueError, match="poster must be the index of one of the 2 frames, got 2"):
        animate(dot, [0.1, 0.2], alt="A point.", poster=2)


def test_an_error_while_drawing_is_its_own():
    def broken(figure, frame):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        animate(broken, [1], alt="A point.")


def test_draw_frame_must_be_callable(request):
    with pytest.raises(TypeError):  # beartype's own where the tests check annotations, animate's elsewhere
        animate("dot", [1], alt="A point.")  # type: ignore[arg-type]
    unchecked = getattr(animate, "__wrapped__", animate)
    with pytest.raises(TypeError, match="draw_frame must be a function of a figure and a frame, not str"):
        unchecked("dot", [1], alt="A point.")


@pytest.fixture(scope="module")
def small():
    return animate(dot, [0.2, 0.5, 0.9], alt='A "point" <moves>.', figsize=(2, 2), interval=40)


def test_page_markup(small: Animation, monkeypatch):
    monkeypatch.setenv("KEXUE_BOOK", "1")
    page = small._repr_mimebundle_()["text/html"]
    assert re.findall(r"<(script[^>]*|style)>", page) == ['script type="application/json"']
    assert page.count('="A &quot;point&quot; &lt;moves&gt;."') == 2  # canvas and poster
    content = json.loads(page.partition('<script type="application/json">')[2].partition("</script>")[0])
    assert content["interval"] == 40 and content["poster"] == 2 and len(content["frames"]) == 3
    assert base64.b64decode(content["frames"][1]) == small.layers[1]
    assert "http" not in page and "font-awesome" not in page.lower()


def test_notebook_output_brings_its_own_script_and_style(small: Animation, monkeypatch):
    monkeypatch.delenv("KEXUE_BOOK", raising=False)
    bundle = small._repr_mimebundle_()
    assert re.findall(r"<(script|style)>", bundle["text/html"]) == ["style", "script"]
    assert "http" not in bundle["text/html"].replace("http://www.w3.org", "")
    assert re.fullmatch(r"Animation\(3 frames, 400 × 400 pixels, \d+ kB\)", bundle["text/plain"])
