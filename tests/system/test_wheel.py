"""What would be published: the wheel has the package and its data, nothing else, and works outside of a checkout."""

from __future__ import annotations

import os
import site
import sys
import sysconfig
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest

from tests.support import wheels
from tests.support.cli import REPOSITORY
from vosbench.cli import COMMANDS
from vosbench.version import __version__

pytestmark = pytest.mark.slow
GIVEN = os.environ.get("VOSBENCH_DIST")


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with the source distribution and the wheel that is built from it; VOSBENCH_DIST names one to test."""
    pytest.importorskip("build", reason="needs pip install build")
    if GIVEN:
        return Path(GIVEN)
    folder = tmp_path_factory.mktemp("release")
    source = wheels.copy_checkout(folder / "source")
    wheels.execute(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder / "dist", source, folder=folder)
    return folder / "dist"


@pytest.fixture
def wheel(dist: Path) -> Path:
    (found,) = dist.glob("*.whl")
    return found


def read_metadata(wheel: Path, name: str) -> dict[str, list[str]]:
    """The fields of METADATA or WHEEL."""
    with zipfile.ZipFile(wheel) as archive:
        message = Parser().parsestr(archive.read(f"vosbench-{__version__}.dist-info/{name}").decode())
    return {key: message.get_all(key, []) for key in message}


def test_the_wheel_has_the_whole_package_and_nothing_else(wheel: Path) -> None:
    names = set(wheels.read_wheel(wheel))
    about = {name for name in names if name.startswith(f"vosbench-{__version__}.dist-info/")}
    extensions = {name for name in names - about if name.endswith(wheels.EXTENSIONS)}
    assert names - about - extensions == wheels.list_expected_files()
    for data in ("py.typed", "adapters/davis2017.toml", "checkpoints/catalogue.toml", "ui/page.css", "ui/page.js"):
        assert f"vosbench/{data}" in names
    assert all(name.startswith("vosbench/") and "abi3" in name for name in extensions)
    (tag,) = read_metadata(wheel, "WHEEL")["Tag"]
    assert ("abi3" in tag and "linux" in tag) if extensions else tag == "py3-none-any"


def test_the_metadata_pass_the_check_of_the_index_and_say_what_the_project_says(dist: Path, wheel: Path) -> None:
    pytest.importorskip("twine", reason="needs pip install twine")
    shown = wheels.execute(sys.executable, "-m", "twine", "check", "--strict", *dist.iterdir(), folder=dist)
    assert shown.count("PASSED") == 2
    metadata = read_metadata(wheel, "METADATA")
    assert (metadata["Name"], metadata["Version"]) == (["vosbench"], [__version__])
    assert (metadata["License-Expression"], metadata["Requires-Python"]) == (["Apache-2.0"], [">=3.11"])
    assert "Typing :: Typed" in metadata["Classifier"]
    licences = metadata["License-File"]
    assert "LICENSE" in licences
    assert {f"vosbench-{__version__}.dist-info/licenses/{name}" for name in licences} <= set(wheels.read_wheel(wheel))


def test_the_checkout_builds_the_same_wheel_as_the_source_distribution(wheel: Path, tmp_path: Path) -> None:
    source = wheels.copy_checkout(tmp_path / "source")
    wheels.execute(sys.executable, "-m", "build", "--no-isolation", "-w", "--outdir", tmp_path, source, folder=tmp_path)
    ignored = (*wheels.EXTENSIONS, "RECORD", "WHEEL")  # which differ with the compiler and the version of setuptools
    from_source, from_checkout = (
        {name: digest for name, digest in wheels.read_wheel(each).items() if not name.endswith(ignored)}
        for each in (wheel, tmp_path / wheel.name)
    )
    assert from_source == from_checkout


def test_the_wheel_works_outside_of_a_checkout(wheel: Path, tmp_path: Path) -> None:
    """With the packages of this environment; vosbench itself is that of the wheel."""
    wheels.execute(wheels.require_uv(), "venv", "--python", sys.executable, "fresh", folder=tmp_path)
    python = tmp_path / "fresh/bin/python"
    wheels.execute(wheels.require_uv(), "pip", "install", "--python", python, "--no-deps", wheel, folder=tmp_path)
    home = sysconfig.get_path("purelib", vars={"base": str(tmp_path / "fresh")})
    others = {*site.getsitepackages(), sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (Path(home) / "others.pth").write_text("\n".join(others) + "\n")  # .pth files in there do not count
    where = wheels.execute(python, "-c", "import vosbench; print(vosbench.__file__)", folder=tmp_path).strip()
    assert Path(where).is_relative_to(tmp_path)
    assert not Path(where).is_relative_to(REPOSITORY)

    def run(*words: str) -> str:
        return wheels.execute(tmp_path / "fresh/bin/vosbench", *words, folder=tmp_path)

    assert run("--version") == f"vosbench {__version__}\n"
    assert "(8 videos, 266 frames, 15 objects)" in run("fetch", "synthetic")
    run("infer", "--dataset", "synthetic", "--tracker", "flow", "--gpus", "cpu", "--videos", "solo")
    assert "all objects" in run("eval", "synthetic-val/flow", "--videos", "solo")
    assert "synthetic" in run("list", "datasets")
    assert "sam2.1_hiera_tiny" in run("list", "checkpoints")
    if "published" in COMMANDS:
        assert "davis" in run("published").casefold()
