"""Outputs made for a page, in a notebook that nobody has trusted yet."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from kexue.book.explorables.animate import animate
from kexue.book.readers.outputs import executed, shown


def png(array):
    buffer = io.BytesIO()
    Image.fromarray(array).save(buffer, "png")
    return base64.b64encode(buffer.getvalue()).decode()


def test_claims_are_markdown_and_keep_their_record():
    data = {"text/html": "<p>✓ x</p>", "text/markdown": "✓ x", "text/plain": "✓ x"}
    record = {"kexue": {"claim": {"statement": "x"}}}
    made = shown({"output_type": "display_data", "data": data, "metadata": record})
    assert made["data"] == {"text/markdown": "✓ x", "text/plain": "✓ x"} and made["metadata"] == record


def test_a_transparent_figure_gets_a_white_ground_and_its_description():
    picture = np.zeros((8, 8, 4), np.uint8)
    picture[2, 3] = 10, 20, 30, 255
    data = {"image/svg+xml": "<svg/>", "image/png": png(picture), "text/plain": "<Figure>"}
    made = shown({"output_type": "display_data", "data": data, "metadata": {}}, "A dot.")
    assert set(made["data"]) == {"image/png", "text/plain"}
    assert made["metadata"] == {"image/png": {"alt": "A dot."}}
    pixels = np.asarray(Image.open(io.BytesIO(base64.b64decode(made["data"]["image/png"]))).convert("RGB"))
    assert pixels[2, 3].tolist() == [10, 20, 30] and pixels[0, 0].tolist() == [255, 255, 255]


def test_what_moves_brings_its_script_and_shows_only_its_picture_without(monkeypatch):
    monkeypatch.setenv("KEXUE_BOOK", "1")
    page = animate(lambda figure, x: figure.text(x, 0.5, "."), [0.1, 0.9], alt="A dot.", figsize=(1, 1)).html
    made = shown({"output_type": "execute_result", "data": {"text/html": page}, "metadata": {}})["data"]["text/html"]
    assert "<style>" in made and "<script>" in made
    visible = made.split("<style>")[1].split("</style>")[1].split("<script")[0]
    assert "<img" in visible and "<input" not in visible and "<button" not in visible
    poster = re.search(r'src="data:image/png;base64,([^"]*)"', visible)[1]
    assert np.asarray(Image.open(io.BytesIO(base64.b64decode(poster))).convert("RGBA"))[0, 0].tolist() == [255] * 4


def test_outputs_stand_in_the_cells_that_made_them():
    def cell(name, kind, **more):
        return {"id": name, "cell_type": kind, "source": "", "metadata": {}} | more

    stream = {"output_type": "stream", "name": "stdout", "text": "1\n"}
    plain = {"cells": [cell("t", "markdown"), cell("a", "code", outputs=[]), cell("b", "code", outputs=[])]}
    run = {
        "cells": [
            cell("a", "code", outputs=[], execution_count=1),
            cell("b", "code", outputs=[stream], execution_count=2),
        ]
    }
    made = executed(plain, run)
    assert [c.get("outputs") for c in made["cells"]] == [None, [], [stream]]
    assert [c.get("execution_count") for c in made["cells"]] == [None, 1, 2]
    assert plain["cells"][2]["outputs"] == []
    with pytest.raises(ValueError, match="zip"):
        executed(plain, {"cells": run["cells"][:1]})
