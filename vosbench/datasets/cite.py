"""What a dataset's publisher asks of those who use it: the licence and the citation, as its card states them."""

from __future__ import annotations

from textwrap import dedent

from vosbench.datasets.card import Dataset


def format_licence(dataset: Dataset) -> str:
    """The licence and where its text is to be found, in one line."""
    stated = dataset.licence or "not stated on its card"
    return f"{dataset.name}: licence {stated}" + (f", see {dataset.homepage}" if dataset.homepage else "")


def format_citation(dataset: Dataset) -> str:
    """The BibTeX entries of a dataset, without a line's end; empty if the card has none."""
    return dedent(dataset.citation).strip()
