"""How all plots look: one column of a paper wide, letters of 7 points or more, colours that print in grey."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from vosbench.errors import VosbenchError
from vosbench.figures.plot_text import FONT_FAMILY, wrap_name, wrap_words

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_WIDTH = 3.3  # inches: a column of the usual two-column papers
AXES_HEIGHT = 2.3  # inches, with the labels of the axes
LETTERS, SMALL_LETTERS = 8, 7  # points
LINE_HEIGHT_INCHES = 0.135  # of small letters
MEANING_OF_BARS = "bars: 95 % intervals, bootstrap over videos"
PNG_DPI = 300
LINE_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#000000", "#E69F00", "#56B4E9")
"""The palette of Okabe and Ito (2008) for colour-blind people, without its yellow, which white paper swallows."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
DASHES = ("-", "--", "-.", ":")
STYLE: Any = {
    "font.family": FONT_FAMILY,
    "font.size": LETTERS,
    "axes.labelsize": LETTERS,
    "axes.titlesize": LETTERS,
    "figure.titlesize": LETTERS,
    "xtick.labelsize": SMALL_LETTERS,
    "ytick.labelsize": SMALL_LETTERS,
    "legend.fontsize": SMALL_LETTERS,
    "legend.title_fontsize": SMALL_LETTERS,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "0.88",
    "grid.linewidth": 0.5,
    "axes.linewidth": 0.6,
    "lines.linewidth": 1.1,
    "lines.markersize": 4,
    "text.parse_math": False,  # names may have dollars
    "pdf.fonttype": 42,  # TrueType: embedded, and text that can be searched
    "svg.fonttype": "path",  # outlines: the same wherever it is shown
    "svg.hashsalt": "vosbench",
    "savefig.dpi": PNG_DPI,
}


def require_matplotlib(remedy: str = "") -> None:
    """Raise VosbenchError if matplotlib is not installed. It is an optional dependency.

    remedy: what can be done instead of installing it, such as "add --no-plots".
    """
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        more = f", or {remedy}" if remedy else ""
        raise VosbenchError(
            "plots", "matplotlib is not installed", f'run: pip install "vosbench[plots]"{more}'
        ) from None


@contextmanager
def plot_style() -> Iterator[None]:
    """Draw and encode plots in the project's style, whatever the user's settings of matplotlib are."""
    from matplotlib import rc_context, rcdefaults

    with rc_context():
        rcdefaults()
        with rc_context(STYLE):
            yield


def start_figure(height: float = AXES_HEIGHT) -> Figure:
    """An empty figure of one column, in whose layout nothing overlaps. height: inches."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(COLUMN_WIDTH, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def enlarge_figure(figure: Figure, lines: float) -> None:
    """Make room for so many lines of small letters below or above the axes."""
    width, height = figure.get_size_inches()
    figure.set_size_inches(width, height + lines * LINE_HEIGHT_INCHES)


def mark_truncation(axes: Axes, which: str) -> None:
    """Mark an axis that does not begin at 0 with two slashes at its beginning. which: "x" or "y"."""
    low, _ = axes.get_xlim() if which == "x" else axes.get_ylim()
    if low <= 0:
        return
    along, across = (0.025, 0.05), (0.0, 0.0)
    slash = [(-1.0, -0.6), (1.0, 0.6)] if which == "y" else [(-0.6, -1.0), (0.6, 1.0)]
    x, y = (along, across) if which == "x" else (across, along)
    style = {"linestyle": "none", "color": "black", "markersize": 7, "markeredgewidth": 0.8, "clip_on": False}
    axes.plot(x, y, transform=axes.transAxes, marker=slash, gid=f"truncated-{which}", zorder=10, **style)  # type: ignore[arg-type]


def set_percent_limits(axes: Axes, which: str, values: Iterable[float]) -> None:
    """Let an axis of percents show all values with some room, from 0 if they come near it; mark it if it is cut."""
    known = list(values)
    low, high = min(known), max(known)
    room = max(0.08 * (high - low), 0.5)
    low = 0.0 if low - room < 0.25 * high else low - room
    high = high + room if high <= 100 else high * 1.02
    (axes.set_xlim if which == "x" else axes.set_ylim)(low, high)
    mark_truncation(axes, which)


def add_title(figure: Figure, title: str) -> None:
    """Write a title above a figure, in as many lines as it needs."""
    if title:
        wrapped = wrap_words(title, LETTERS, COLUMN_WIDTH - 0.2)
        enlarge_figure(figure, 1.2 * (wrapped.count("\n") + 1))
        figure.suptitle(wrapped)


def label_x(axes: Axes, text: str, footnote: str = "") -> None:
    """Label the horizontal axis, and write below the label what a reader must know besides, such as what bars are."""
    inside = COLUMN_WIDTH - 0.7
    figure = axes.figure.get_figure(root=True)
    lines = [wrap_name(text, LETTERS, inside), *([wrap_words(footnote, LETTERS, inside)] if footnote else [])]
    whole = "\n".join(lines)
    if figure:
        enlarge_figure(figure, 1.15 * whole.count("\n"))
    axes.set_xlabel(whole)


def label_y(axes: Axes, text: str) -> None:
    """Label the vertical axis."""
    axes.set_ylabel(wrap_name(text, LETTERS, AXES_HEIGHT - 0.5))
