import io
import re
import subprocess
import sys

import matplotlib as mpl
import matplotlib.pyplot as plt
import pytest

from kexue.book import begin, palette, scale, style


def test_scale_follows_the_backend_and_the_override(monkeypatch):
    monkeypatch.delenv("KEXUE_SCALE", raising=False)
    assert scale(cpu=1, accelerator=2) == 1
    monkeypatch.setenv("KEXUE_SCALE", "accelerator")
    assert scale(cpu=1, accelerator=2) == 2
    monkeypatch.setenv("KEXUE_SCALE", "cpu")
    assert scale(cpu=1, accelerator=2) == 1


def test_an_unknown_override_is_named(monkeypatch):
    monkeypatch.setenv("KEXUE_SCALE", "gpu")
    with pytest.raises(ValueError, match="KEXUE_SCALE must be 'cpu' or 'accelerator', got 'gpu'"):
        scale(cpu=1, accelerator=2)


def luminance(colour: str) -> float:
    channels = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in mpl.colors.to_rgb(colour)]
    return 0.2126 * channels[0] + 0.7152 * channels[1] + 0.0722 * channels[2]


def test_text_and_lines_stand_out_on_a_light_page():
    style()
    # 4.5:1 is what text needs, 2:1 keeps every line visible (dark pages invert the figure).
    assert 1.05 / (luminance(mpl.rcParams["text.color"]) + 0.05) > 4.5
    for colour in vars(palette).values():
        assert 1.05 / (luminance(colour) + 0.05) > 2


def test_the_ground_is_the_pages_in_the_book_and_white_in_a_notebook(monkeypatch):
    with mpl.rc_context():
        monkeypatch.setenv("KEXUE_BOOK", "1")
        style()
        assert (mpl.rcParams["figure.facecolor"], mpl.rcParams["savefig.transparent"]) == ("none", True)
        monkeypatch.delenv("KEXUE_BOOK")
        style()
        assert (mpl.rcParams["figure.facecolor"], mpl.rcParams["savefig.transparent"]) == ("white", False)
        figure, axes = plt.subplots()
        axes.plot([0, 1])
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
        plt.close(figure)
        assert plt.imread(io.BytesIO(buffer.getvalue()))[0, 0].tolist() == [1, 1, 1, 1]


def test_labels_of_a_figure_can_be_read_on_a_narrow_screen():
    """A column of 328 pixels holds the picture as a notebook saves it; letters are drawn for a size of 100 points."""
    with mpl.rc_context():
        style()
        figure, axes = plt.subplots()
        axes.plot([0, 1], label="curve")
        axes.set(xlabel="across", ylabel="up", title="name")
        axes.legend()
        buffer = io.StringIO()
        figure.savefig(buffer, format="svg", bbox_inches="tight")
        plt.close(figure)
    width = float(re.search(r'width="([\d.]+)pt"', buffer.getvalue())[1])
    points = [100 * float(size) for size in re.findall(r"scale\(([\d.]+) -\1\)", buffer.getvalue())]
    assert len(points) > 10 and min(points) * 328 / width >= 9.0


def test_begin_says_versions_device_and_time_in_one_line(capsys, monkeypatch):
    monkeypatch.setenv("KEXUE_SCALE", "cpu")
    begin("dynamics/sgd_to_momentum", seconds={"cpu": 21.4})
    line = capsys.readouterr().out
    assert line.count("\n") == 1
    for word in ("dynamics/sgd_to_momentum", "kexue", "JAX", "about 21 s"):
        assert word in line
    assert "Runtime" not in line
    monkeypatch.setitem(sys.modules, "google.colab", sys)
    begin("dynamics/sgd_to_momentum", seconds={"cpu": 21.4})
    assert "Change runtime type" in capsys.readouterr().out
    monkeypatch.setenv("KEXUE_SCALE", "accelerator")
    begin("dynamics/sgd_to_momentum", seconds={"cpu": 21.4})
    assert "not measured" in capsys.readouterr().out
    with pytest.raises(ValueError, match="PART/SLUG"):
        begin("sgd", seconds={})


def test_begin_says_when_sums_cannot_be_trusted_and_when_loops_are_slow(capsys, monkeypatch):
    import jax

    from kexue import _reductions

    begin("dynamics/sgd_to_momentum", seconds={})
    assert capsys.readouterr().out.count("\n") == 1
    monkeypatch.setattr(_reductions, "are_right", lambda: False)
    begin("dynamics/sgd_to_momentum", seconds={})
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 2 and said[1] == f"Careful: {_reductions.ADVICE}."
    monkeypatch.undo()
    monkeypatch.setattr(jax, "__version__", "0.11.1")
    begin("dynamics/sgd_to_momentum", seconds={})
    assert capsys.readouterr().out.splitlines()[1].startswith("Slow: JAX 0.11.1 ")


@pytest.mark.parametrize(
    ("name", "package"), [("explore", "altair"), ("animate", "matplotlib"), ("style", "matplotlib")]
)
def test_what_is_missing_is_named_with_the_way_to_get_it(name, package):
    program = (
        f"import sys; sys.modules[{package!r}] = None\nfrom kexue.book import claim\nfrom kexue.book import {name}"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    said = done.stderr.splitlines()[-1]
    assert said == f'ModuleNotFoundError: {name} needs {package}, which is not installed: pip install "kexue[book]"'
