"""Build the documentation site: `python docs/site/make_site.py [FOLDER]`, by default into build/docs.

A link that leads nowhere, a page that is in no list of docs/index.md, and everything else that Sphinx warns of is an
error. The site needs no server and no network: open index.html.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parents[1]), str(HERE)]

from check_links import find_faults  # noqa: E402
from reference_pages import format_library, write_command_pages  # noqa: E402
from stage_pages import COMMANDS_MARK, LIBRARY_MARK, SiteError, stage_pages  # noqa: E402


def fill_mark(page: Path, mark: str, content: str) -> None:
    """Put what comes from the code in the place that a page keeps for it."""
    text = page.read_text(encoding="utf-8")
    if text.count(mark) != 1:
        raise SystemExit(f"docs/{page.name}: expected the line {mark} once, found it {text.count(mark)} times")
    page.write_text(text.replace(mark, content), encoding="utf-8")


def build_site(folder: Path) -> int:
    """Build the site into a folder, which is replaced when the site is complete; returns an exit status."""
    from sphinx.cmd.build import build_main

    with tempfile.TemporaryDirectory(prefix="vosbench-docs-") as scratch:
        source, site = Path(scratch, "source"), Path(scratch, "site")
        source.mkdir()
        try:
            stage_pages(source)
        except SiteError as error:
            print(error, file=sys.stderr)
            return 1
        fill_mark(source / "commands.md", COMMANDS_MARK, write_command_pages(source))
        fill_mark(source / "library.md", LIBRARY_MARK, format_library())
        doctrees = str(Path(scratch, "doctrees"))
        options = ["--fail-on-warning", "--quiet", "-b", "html", "-c", str(HERE), "-d", doctrees]
        if status := build_main([*options, str(source), str(site)]):
            return status
        if faults := find_faults(site):
            print("\n".join(faults), file=sys.stderr)
            return 1
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(site, folder)
    print(f"{folder / 'index.html'}: {len(list(folder.rglob('*.html')))} pages")
    return 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=HERE.parents[1] / "build" / "docs")
    sys.exit(build_site(parser.parse_args().folder))
