"""What is cited is what was named, or what is here."""

from __future__ import annotations

import tomllib
from pathlib import Path

from tests.support.cli import REPOSITORY, Cli
from tests.support.runs import tracked
from vosbench.io.paths import Roots
from vosbench.studies.citations import choose_citations
from vosbench.version import __version__


def cited(*names: str, datasets: Path = Path("nowhere"), results: Path = Path("nowhere")) -> list[str]:
    roots = Roots(datasets=datasets, results=results)
    return [citation.licence.split(":")[0] for citation in choose_citations(names, roots)]


def test_what_is_cited_is_what_is_named_or_fetched_or_else_all(cubs: Path) -> None:
    assert cited("davis", "cubs", datasets=cubs.parent) == ["davis2017", "cubs"]
    assert cited(datasets=cubs.parent) == ["vosbench", "cubs"]
    assert {"vosbench", "davis2016", "synthetic", "ytvos2019"} <= set(cited())


def test_the_trackers_of_the_runs_here_are_cited(bears: Path, cubs: Path, tmp_path: Path) -> None:
    tracked(bears, tmp_path / "results/bears-val/static")
    assert cited(datasets=cubs.parent, results=tmp_path / "results") == ["vosbench", "cubs", "static"]


def test_a_tracker_is_cited_by_its_papers() -> None:
    (sam2long,) = choose_citations(["sam2long"], Roots())
    assert [entry.partition(",")[0] for entry in sam2long.entries] == [
        "@article{ding2024sam2long",
        "@article{ravi2024sam2",
    ]


def test_a_paper_of_several_is_given_once(cli: Cli) -> None:
    shown = cli("cite", "sav", "sam2", "sam2long").stdout
    assert shown.count("@article{ravi2024sam2,") == shown.count("@article{ding2024sam2long,") == 1
    assert [line.split(":")[0] for line in shown.splitlines() if line.startswith("%")] == [
        "% sav",
        "% sam2",
        "% sam2long",
    ]


def test_a_citation_is_bibtex_below_its_licence(cli: Cli, cubs: Path) -> None:
    assert cli("cite", "cubs").stdout.splitlines() == [
        "% cubs: licence CC0, see https://cubs.example",
        "@misc{cubs2024,",
        "  title = {Cubs},",
        "}",
    ]


def test_vosbench_is_cited_as_its_citation_file_says(cli: Cli) -> None:
    shown = cli("cite", "vosbench").stdout
    stated = dict(
        line.split(": ", 1) for line in (REPOSITORY / "CITATION.cff").read_text().splitlines() if ": " in line
    )
    licence = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["license"]
    for told in (stated["title"].strip('"'), stated["version"], __version__, f"licence {licence}"):
        assert told in shown


def test_an_unknown_name_offers_trackers_too(cli: Cli) -> None:
    assert "did you mean sam2long?" in cli("cite", "sam2lon", expect=2).stderr
