"""Outputs that were made for a page, as outputs that any front end shows, trusted or not."""

import base64
import copy
import io
import re
from typing import Any

from ..explorables.explore import VEGA
from ..explorables.static import standalone

_STILL = re.compile(r"data:image/(svg\+xml|webp);base64,([\w+/=]+)")
_GROUND = "white"  # a page lends its own to a transparent figure; under a dark theme there would be dark on dark


def executed(notebook: dict[str, Any], run: dict[str, Any]) -> dict[str, Any]:
    """A reader's notebook with the outputs of the chapter's last run."""
    whole = copy.deepcopy(notebook)
    code, ran = ([cell for cell in one["cells"] if cell["cell_type"] == "code"] for one in (whole, run))
    for cell, done in zip(code, ran, strict=True):
        alt = done["metadata"].get("mystnb", {}).get("image", {}).get("alt", "")
        cell["execution_count"] = done["execution_count"]
        cell["outputs"] = [shown(output, alt) for output in done["outputs"]]
    return whole


def shown(output: dict[str, Any], alt: str = "") -> dict[str, Any]:
    """One output of a page: claims as Markdown, figures as PNG, what moves with its own style and script."""
    data = dict(output.get("data", {}))
    if not data:
        return copy.deepcopy(output)
    metadata: dict[str, Any] = {}
    if "kexue" in output.get("metadata", {}):
        data.pop("text/html", None)
        metadata["kexue"] = output["metadata"]["kexue"]
    if 'class="kexue-' in data.get("text/html", ""):
        data["text/html"] = standalone(_STILL.sub(_drawn, data["text/html"]), VEGA)
    if "image/png" in data:
        data.pop("image/svg+xml", None)
        data["image/png"] = _opaque(base64.b64decode(data["image/png"]))
        metadata["image/png"] = {"alt": alt} if alt else {}
    return dict(output) | {"data": data, "metadata": metadata}


def _drawn(match: re.Match[str]) -> str:
    """The still of an explorable or the poster of an animation: in pixels, and without trust still on white."""
    import vl_convert

    octets = base64.b64decode(match[2])
    if match[1] == "svg+xml":  # in pixels it has a third of the size
        octets = vl_convert.svg_to_png(octets.decode(), scale=1.5)
    return f"data:image/png;base64,{_opaque(octets)}"


def _opaque(octets: bytes) -> str:
    """A picture on a white ground, in 256 colours, which a plot does not exceed by much; in base64."""
    from PIL import Image

    picture = Image.open(io.BytesIO(octets)).convert("RGBA")
    ground = Image.new("RGBA", picture.size, _GROUND)
    ground.alpha_composite(picture)
    buffer = io.BytesIO()
    ground.convert("RGB").quantize(256).save(buffer, "png", optimize=True)
    return base64.b64encode(buffer.getvalue()).decode()
