"""Render the values of a report as one HTML file that needs nothing from anywhere else."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from vosbench.errors import VosbenchError
from vosbench.evaluation.tables import MISSING_VALUE, format_percent
from vosbench.io.processes import run_apart
from vosbench.reports.strips import StripFrame

ASSETS = Path(__file__).parent
SCRIPTS = ("format.js", "charts.js", "tables.js", "videos.js", "page.js")
PACKAGES = ("jinja2", "vl_convert")


def require_packages() -> None:
    """Raise VosbenchError if a package is missing that makes the page."""
    if missing := [name for name in PACKAGES if find_spec(name) is None]:
        found = f"the package {missing[0]} is not installed"
        raise VosbenchError("vosbench report", found, 'install it with: pip install "vosbench[report]"')


def render_page(
    content: Mapping[str, Any],
    strips: Mapping[int, Sequence[Mapping[str, Any]]],
    every_video: Mapping[str, Any] | None = None,
) -> str:
    """The page of a report as HTML.

    content: what the page shows, see `content.describe_report`. strips: place of a video -> its frames, see
    `describe_strip_frame`. every_video: see `content.describe_every_video`; None where the page shows all in full.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    loader = FileSystemLoader(ASSETS)
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": format_percent, "range": _format_range, "number": _format_count}
    return environment.get_template("page.html.j2").render(
        **content,
        data=Markup(to_script_json(content)),
        every_video=every_video and Markup(to_script_json(every_video)),
        strip_data=[(place, Markup(to_script_json(frames))) for place, frames in strips.items()],
        style=Markup(_read_asset("page.css")),
        charts=Markup(_guard_script(bundle_charts())),
        charts_licence=Markup(_read_asset("vega_licence.txt")),
        script=Markup(_guard_script("\n".join(map(_read_asset, SCRIPTS)))),
    )


def to_script_json(value: object) -> str:
    """A value as compact JSON that may stand in a script element: it holds no `<`, `>` or `&`."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def describe_strip_frame(index: int, values: Sequence[float | None], drawn: StripFrame) -> dict[str, Any]:
    """A frame of a strip for the page. index: among the annotated frames. values: its score by each method."""
    layers = (drawn.ground_truth, *drawn.predictions, *drawn.errors)
    count = len(drawn.predictions)
    urls = list(map(_to_data_url, layers))
    frame = _to_data_url(drawn.frame) if drawn.frame else None
    each = {"truth": urls[0], "predictions": urls[1 : count + 1], "errors": urls[count + 1 :]}
    return {"index": index, "values": list(values), "frame": frame, **each}


def _to_data_url(webp: bytes) -> str:
    return f"data:image/webp;base64,{base64.b64encode(webp).decode()}"


@lru_cache(1)
def bundle_charts() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script, which makes `vegaEmbed` known to the page."""
    return run_apart(_bundle_script, "window.vegaEmbed = vegaEmbed;")  # it takes 100 MB


def _bundle_script(script: str) -> str:
    import vl_convert

    return str(vl_convert.javascript_bundle(script))


def _guard_script(script: str) -> str:
    """A script without what would end its element, or begin a comment in it."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _read_asset(name: str) -> str:
    return (ASSETS / name).read_text(encoding="utf-8")


def _format_range(ends: Sequence[float] | None) -> str:
    return f"[{100 * ends[0]:z.1f}, {100 * ends[1]:z.1f}]" if ends else ""


def _format_count(value: float | None, digits: int = 0) -> str:
    return MISSING_VALUE if value is None else f"{value:,.{digits}f}"
