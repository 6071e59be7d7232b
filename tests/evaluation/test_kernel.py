"""The compiled kernel and NumPy find the same in every frame, by every benchmark's rules."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.golden import unhurried
from tests.support.kernel import COMPILER, load_kernel, run_under_sanitizers
from vosbench.datasets.card import Rules
from vosbench.datasets.registry import known_datasets
from vosbench.evaluation import kernel
from vosbench.evaluation.compare_frame import FrameMasks, compare_frame
from vosbench.evaluation.matching import PredictedIds
from vosbench.io.compiled import COMPARING, DECODING, KERNEL_VARIABLE, find_compiled
from vosbench.io.paths import Roots
from vosbench.masks.label_map import LabelMap
from vosbench.studies.doctor import examine_machine
from vosbench.types import Labels

CARDS = known_datasets()
RULES = {name: CARDS[name].rules for name in ("davis2017", "davis2016", "mosev2", "sav", "lvosv2", "ytvos2019")}
ROOT = Path(__file__).parents[2]


def draw_labels(generator: np.random.Generator, shape: tuple[int, int], wide: bool) -> Labels:
    """A random label map: empty, full, noise, or rectangles; with ids above 255 if `wide`."""
    ids = [1, 2, 3, 7, 254, 255, *([256, 300, 65535] if wide else [])]
    labels = np.zeros(shape, np.uint16 if wide else np.uint8)
    kind = generator.integers(5)
    if kind == 1:
        labels[:] = generator.choice(ids)
    elif kind == 2:
        labels[:] = generator.choice([0, 0, 0, *ids], shape)
    elif kind > 2:
        for _ in range(generator.integers(1, 60 if kind == 4 else 6)):
            (top, bottom), (left, right) = (np.sort(generator.integers(0, side + 1, 2)) for side in shape)
            labels[top:bottom, left:right] = generator.choice([0, *ids])
    return labels


def compare_both(generator: np.random.Generator, rules: Rules, compare: kernel.CompareFunction) -> None:
    """Compare random label maps with the kernel, as maps and as masks, and with NumPy."""
    shape = (int(generator.integers(1, 90)), int(generator.integers(1, 150)))
    truth, guess = (draw_labels(generator, shape, bool(generator.integers(2))) for _ in range(2))
    if generator.integers(4) == 0:
        guess = np.where(guess > 0, 255, 0).astype(guess.dtype)
    strided = np.zeros((shape[0], shape[1] + 3), truth.dtype)
    strided[:, 3:] = truth
    maps = LabelMap(strided[:, 3:], rules.void, rules.merge), LabelMap(guess, (), rules.merge)
    object_ids = (1,) if rules.merge or generator.integers(3) == 0 else (1, 2, 7, 300)
    found = []
    for twin in (compare, None):
        for split in (False, True):
            seen = PredictedIds(object_ids)
            sides = [FrameMasks(each.size, masks=each.split()) if split else FrameMasks(shape, each) for each in maps]
            given_guess = None if generator.bit_generator.state["state"]["state"] % 16 == 0 else sides[1]
            compared = compare_frame(twin, "00001", sides[0], given_guess, object_ids, seen, rules)
            found.append((compared, seen.first_seen, list(seen.first_seen), seen.first_white))
    assert all(each == found[-1] for each in found)


@pytest.mark.slow
@pytest.mark.parametrize("name", RULES)
@unhurried
@given(seed=st.integers(0, 2**32))
def test_both_find_the_same_by_the_rules_of(name: str, seed: int) -> None:
    compare_both(np.random.default_rng(seed), RULES[name], load_kernel())


@pytest.mark.parametrize("tolerance", [0.0, 0.3, 0.6, 2.0])
def test_both_find_the_same_at_any_distance(tolerance: float) -> None:
    for seed in range(12):
        rules = replace(RULES["davis2017"], tolerance=tolerance)
        compare_both(np.random.default_rng(seed), rules, load_kernel())


def test_a_large_frame_is_compared_as_numpy_does() -> None:
    generator = np.random.default_rng(0)
    for name in ("davis2017", "mosev2"):
        truth, guess = (draw_labels(generator, (541, 1921), False) for _ in range(2))
        truth[100:300, 500:1921] = guess[110:310, 520:1921] = 2
        maps = [FrameMasks(truth.shape, LabelMap(each, (255,))) for each in (truth, guess)]
        found = [
            compare_frame(twin, "0", *maps, (1, 2, 3), PredictedIds((1, 2, 3)), RULES[name])
            for twin in (load_kernel(), None)
        ]
        assert found[0] == found[1]


def numbers(count: int = 256, highest: int = 0) -> np.ndarray[tuple[int], np.dtype[np.uint16]]:
    return np.full(count, highest, np.uint16)


@pytest.mark.parametrize(
    "arguments",
    [
        (np.zeros((2, 3), np.float32), None, numbers(), numbers(), 0, ()),
        (np.zeros((2, 3, 4), np.uint8), None, numbers(), numbers(), 0, ()),
        (np.zeros((4, 6), np.uint8)[:, ::2], None, numbers(), numbers(), 0, ()),
        (np.zeros((2, 3), np.uint16), None, numbers(), numbers(), 0, ()),
        (np.zeros((2, 3), np.uint8), None, numbers(255), numbers(), 0, ()),
        (np.zeros((2, 3), np.uint8), None, numbers(256, 2), numbers(), 1, ()),
        (np.zeros((2, 3), np.uint8), np.zeros((3, 2), np.uint8), numbers(), numbers(), 0, ()),
        (np.zeros((2, 3), np.uint8), None, numbers(), numbers(), -1, ()),
        (np.zeros((2, 3), np.uint8), None, numbers(), numbers(), 65536, ()),
        (np.zeros((2, 3), np.uint8), None, numbers(), numbers(), 0, (np.array([[0, 1, 0]], np.int32),)),
        (np.zeros((2, 3), np.uint8), None, numbers(), numbers(), 0, (np.array([[0, 0, 1], [1, 0, 0]], np.int32),)),
        (np.zeros((2, 3), np.uint8), None, numbers(), numbers(), 0, tuple([np.zeros((1, 3), np.int32)] * 9)),
    ],
)
def test_what_is_no_pair_of_label_maps_is_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        load_kernel()(*arguments)


def test_an_empty_array_has_no_object() -> None:
    for shape in ((0, 5), (5, 0), (0, 0)):
        empty = np.zeros(shape, np.uint8)
        assert load_kernel()(empty, empty, numbers(), numbers(), 1, ()) == ([], [], [(0, 0, 0, 0, 0)])


def test_numpy_is_used_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KERNEL_VARIABLE, "numpy")
    assert kernel.find_kernel() is None
    assert find_compiled(DECODING) is None
    facts = {fact.subject: fact for fact in examine_machine(Roots(*[Path()] * 3))}
    assert facts["evaluator"].found == "NumPy"
    assert "the scores are the same" in facts["evaluator"].warning


@pytest.mark.slow
def test_the_kernel_is_clean_under_the_sanitizers(tmp_path: Path) -> None:
    code = (
        "import numpy as np\n"
        "from tests.evaluation.test_kernel import RULES, compare_both\n"
        "for seed in range(40):\n"
        "    for rules in RULES.values(): compare_both(np.random.default_rng(seed), rules, built.compare)\n"
    )
    run_under_sanitizers(COMPARING, tmp_path, code)


@pytest.mark.slow
def test_the_wheel_holds_the_kernel_for_every_python_of_a_platform(tmp_path: Path) -> None:
    if COMPILER is None:
        pytest.skip("needs a C compiler")
    source = tmp_path / "source"
    ignored = shutil.ignore_patterns("*.so", "__pycache__")
    for folder in ("vosbench", "adapters", "checkpoints", "results"):
        shutil.copytree(ROOT / folder, source / folder, ignore=ignored)
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    build = "from setuptools import build_meta; print(build_meta.build_wheel(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {build}", str(tmp_path)], cwd=source, capture_output=True, text=True
    )
    wheel = tmp_path / done.stdout.splitlines()[-1]
    assert "-cp311-abi3-" in wheel.name
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")
    code = "from vosbench.evaluation.kernel import find_kernel; from tests.evaluation import test_kernel as tests\n" + (
        "import numpy as np\n"
        "for rules in tests.RULES.values(): tests.compare_both(np.random.default_rng(1), rules, find_kernel())\n"
        "import vosbench.masks._decoding; print(vosbench.__file__)"
    )
    variables = {"PYTHONPATH": os.pathsep.join((str(tmp_path / "installed"), str(ROOT)))}
    command = [sys.executable, "-c", code]
    tested = subprocess.run(command, cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True)
    assert tested.stdout.startswith(str(tmp_path / "installed")), tested.stderr


@pytest.mark.slow
def test_without_a_compiler_the_package_is_built_without_the_kernel(tmp_path: Path) -> None:
    for name in ("vosbench", "adapters", "checkpoints", "results"):
        (tmp_path / name).symlink_to(ROOT / name)
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    build = (
        "from setuptools import setup; setup(script_args=['build_ext', '--build-lib', 'built', '--build-temp', 'temp'])"
    )
    variables = {"CC": "/no/compiler"}
    command = [sys.executable, "-c", build]
    done = subprocess.run(command, cwd=tmp_path, env={**os.environ, **variables}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert not list(tmp_path.glob("built/**/*.so"))
