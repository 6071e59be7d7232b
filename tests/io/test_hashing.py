"""Files are hashed, and again only if they have changed."""

from __future__ import annotations

import os
from pathlib import Path

from vosbench.io.hashing import hash_file_sha256, hash_unless_unchanged


def test_the_known_answer_of_sha256(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert hash_file_sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_a_file_is_hashed_again_once_it_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "abc"
    for content in (b"abc", b"abcd", b"dcba"):
        path.write_bytes(content)
        os.utime(path, ns=(0, content[0]))
        assert hash_unless_unchanged(path) == hash_file_sha256(path)
