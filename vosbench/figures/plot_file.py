"""Write plots as PDF, SVG or PNG."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosbench.errors import VosbenchError
from vosbench.figures.plot_style import plot_style
from vosbench.io.files import require_writable, write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PLOT_FORMS = ("pdf", "svg", "png")


def encode_figure(figure: Figure, form: str) -> bytes:
    """A figure as a file. form: one of PLOT_FORMS. The same figure gives the same bytes: no date is written."""
    without_date: dict[str, Any] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(form, {})
    buffer = io.BytesIO()
    with plot_style():
        figure.savefig(buffer, format=form, metadata=without_date)
    return buffer.getvalue()


def find_plot_form(path: Path) -> str:
    """The form of a plot's file. Raises VosbenchError if its name has no suffix of PLOT_FORMS."""
    form = path.suffix.lower().removeprefix(".")
    if form not in PLOT_FORMS:
        expected = ", ".join(f".{each}" for each in PLOT_FORMS)
        raise VosbenchError(path, f"expected a name with {expected}", "choose another name")
    return form


def require_plot_file(path: Path) -> None:
    """Raise VosbenchError if a figure could not be written to a path; see `find_plot_form` for its name."""
    find_plot_form(path)
    require_writable(path)


def write_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PDF, SVG or PNG, as the suffix says, completely or not at all. Raises VosbenchError."""
    write_bytes(path, encode_figure(figure, find_plot_form(path)))
