"""State the licence of a dataset or a checkpoint, and a dataset's citation, as card and catalogue have them."""

from __future__ import annotations

from textwrap import dedent

from vosbench.datasets.card import Dataset, Download


def format_licence(dataset: Dataset) -> str:
    """The licence and the address of the dataset's homepage, in one line."""
    stated = dataset.licence or "not stated on its card"
    return f"{dataset.name}: licence {stated}" + (f", see {dataset.homepage}" if dataset.homepage else "")


def format_checkpoint_licence(name: str, checkpoint: Download) -> str:
    """The licence of a checkpoint's weights, in one line."""
    return f"{name}: licence {checkpoint.licence or 'not stated in the catalogue'}"


def format_citation(dataset: Dataset) -> str:
    """The BibTeX entries, without a newline at the end; an empty string if the card has none."""
    return dedent(dataset.citation).strip()
