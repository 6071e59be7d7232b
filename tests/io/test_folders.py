"""Folders are replaced when their content is complete, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from vosbench.io import folders


def written(folder: Path, content: dict[str, str]) -> Path:
    for name, text in content.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def content_of(folder: Path) -> dict[str, str]:
    return {p.relative_to(folder).as_posix(): p.read_text() for p in folder.rglob("*") if p.is_file()}


VAL = {"Annotations/bear/0.png": "old", "ImageSets/val.txt": "bear", "meta.json": "old", "dataset.json": "old"}


def test_a_folder_that_is_assembled_takes_the_place_of_another(tmp_path: Path) -> None:
    written(tmp_path / "masks" / "bear", {"0.png": "old", "1.png": "old"})
    with folders.assembling(tmp_path / "masks" / "bear") as partial:
        written(partial, {"0.png": "new"})
    assert content_of(tmp_path) == {"masks/bear/0.png": "new"}


def test_a_split_is_merged_into_what_is_there_with_its_list_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = written(tmp_path / "bears", VAL)
    (home / "Annotations/bear/1.png").write_text("old")
    moved: list[str] = []
    replace = Path.replace
    monkeypatch.setattr(Path, "replace", lambda path, to: moved.append(path.name) or replace(path, to))
    with folders.merging(home) as partial:
        written(partial, {**dict.fromkeys(VAL, "new"), "Annotations/cub/0.png": "new"})
    assert content_of(home) == {**dict.fromkeys(VAL, "new"), "Annotations/cub/0.png": "new"}
    assert sorted(moved[:3]) == ["bear", "cub", "meta.json"]
    assert moved[3:] == ["val.txt", "dataset.json"]


def test_a_split_that_fails_leaves_what_is_there(tmp_path: Path) -> None:
    home = written(tmp_path / "bears", VAL)
    with pytest.raises(ZeroDivisionError), folders.merging(home) as partial:
        1 / len(content_of(written(partial, {})))
    assert content_of(tmp_path) == {f"bears/{name}": text for name, text in VAL.items()}
