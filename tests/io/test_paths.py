"""The names of files and folders."""

from __future__ import annotations

from pathlib import Path

from vosbench.io import paths


def test_names_are_in_natural_order_also_where_one_begins_another(tmp_path: Path) -> None:
    names = ["10", "2", "002", "good2", "good", "good10", "good-2", "a1b", "a1"]
    assert [path.name for path in sorted((tmp_path / name for name in names), key=paths.natural_sort_key)] == [
        *("002", "2", "10"),
        *("a1", "a1b", "good", "good2", "good10", "good-2"),
    ]


def test_a_list_of_images_leaves_out_hidden_files_and_other_kinds(tmp_path: Path) -> None:
    for name in ("10.png", "2.PNG", ".3.png", "4.jpg", "Thumbs.db"):
        (tmp_path / name).touch()
    assert [path.name for path in paths.list_images(tmp_path)] == ["2.PNG", "10.png"]
    assert [path.name for path in paths.list_images(tmp_path, paths.FRAME_SUFFIXES)] == ["2.PNG", "4.jpg", "10.png"]
    assert paths.list_images(tmp_path / "none") == paths.list_folders(tmp_path / "none") == []


def test_masks_lie_below_a_run_and_directly_in_another_folder(tmp_path: Path) -> None:
    assert paths.masks_folder(tmp_path) == tmp_path
    (tmp_path / "run.json").touch()
    assert paths.masks_folder(tmp_path) == tmp_path / "masks"
