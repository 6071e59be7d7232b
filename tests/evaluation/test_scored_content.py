"""The digests by which scores are reused tell of every change of what the scores depend on."""

from __future__ import annotations

import ast
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import vosbench
from vosbench.evaluation import scored_content
from vosbench.evaluation.scored_content import EVALUATOR_CODE, digest_evaluator

PACKAGE = Path(vosbench.__file__).parent


def find_file(module: str) -> Path | None:
    """The file of a module of vosbench, or of the module in which a name is defined."""
    path = PACKAGE.parent.joinpath(*module.split("."))
    return next((found for found in (path.with_suffix(".py"), path / "__init__.py") if found.is_file()), None)


def list_imports(path: Path) -> Iterator[Path]:
    """The files of vosbench that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "vosbench":
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from filter(None, map(find_file, [node.module, *names]))
        elif isinstance(node, ast.Import):
            yield from filter(None, (find_file(alias.name) for alias in node.names if "vosbench" in alias.name))


def test_all_code_that_scoring_a_video_imports_is_part_of_the_evaluator() -> None:
    found, left = set[Path](), [PACKAGE / "evaluation/score_video.py"]
    while left:
        path = left.pop()
        if path not in found:
            found.add(path)
            left += list_imports(path)
    assert len(found) > 20
    hashed = {
        path
        for name in EVALUATOR_CODE
        for path in ((PACKAGE / name).glob("*.py") if "." not in name else [PACKAGE / name])
    }
    assert {path.relative_to(PACKAGE) for path in found - hashed} <= {Path("__init__.py")}


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the code that makes scores, as if it had been there before this process began."""
    for name in EVALUATOR_CODE:
        if name.endswith(".py"):
            shutil.copy(PACKAGE / name, tmp_path / name)
        else:
            shutil.copytree(PACKAGE / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__", "*.c"))
    (tmp_path / "evaluation/_kernel.abi3.so").write_bytes(b"machine code")
    return tmp_path


@pytest.mark.parametrize(
    "name",
    [
        "types.py",
        "io/files.py",
        "masks/png.py",
        "datasets/meta.py",
        "evaluation/metrics.py",
        "evaluation/_kernel.abi3.so",
    ],
)
def test_another_file_of_the_evaluator_is_another_evaluator(
    package: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scored_content, "LOADED_AT", (package / name).stat().st_ctime + 1000)
    before = digest_evaluator(package)
    assert len(before) == 64
    content = (package / name).read_bytes()
    (package / name).write_bytes(content[:-1] + b" ")
    assert digest_evaluator(package) != before
    (package / name).write_bytes(content)
    assert digest_evaluator(package) == before


@pytest.mark.parametrize("name", ["numpy.__version__", "PIL.__version__", "platform.python_version"])
def test_another_version_is_another_evaluator(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scored_content, "LOADED_AT", 2.0**40)
    before = digest_evaluator()
    monkeypatch.setattr(name, (lambda: "1.0") if name.endswith("python_version") else "1.0")
    assert len({before, digest_evaluator()}) == 2


def test_numpy_in_place_of_the_kernel_is_another_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scored_content, "LOADED_AT", 2.0**40)
    found = set()
    for kernel in (None, len):
        monkeypatch.setattr(scored_content, "find_kernel", lambda kernel=kernel: kernel)
        found.add(digest_evaluator())
    assert len(found) == 2


def test_code_that_was_changed_after_it_was_loaded_has_no_digest(
    package: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    latest = max(path.stat().st_ctime for path in package.rglob("*.*"))
    monkeypatch.setattr(scored_content, "LOADED_AT", latest + 1000)
    assert digest_evaluator(package)
    os.utime(package / "masks/png.py", (latest + 2000, latest + 2000))
    assert digest_evaluator(package) == ""
