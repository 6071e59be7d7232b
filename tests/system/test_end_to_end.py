"""Real frames go through fetch, infer and eval, and the numbers are right."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from tests.support import official
from tests.support.cli import Cli
from tests.support.golden import make_tree
from tests.support.server import serve
from vosbench.masks.labels import read_labels, to_labels

SEQUENCES = ("car-shadow", "scooter-black")


@pytest.fixture(scope="module")
def archive(data: Path) -> bytes:
    """The first frames of two sequences of DAVIS 2016, packed as the publisher packs them."""
    root = data / "davis2016-real"
    files = [path for video in SEQUENCES for path in sorted(root.glob(f"DAVIS/*/480p/{video}/000[01]?.*"))]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as packed:
        for path in files:
            packed.write(path, path.relative_to(root))
        lines = [f"/JPEGImages/480p/{p.parent.name}/{p.stem}.jpg x \n" for p in files if p.suffix == ".jpg"]
        packed.writestr("DAVIS/ImageSets/480p/val.txt", "".join(lines))
    return buffer.getvalue()


@pytest.mark.slow
def test_real_video_goes_all_the_way_and_flow_beats_static_by_far(cli: Cli, archive: bytes) -> None:
    with serve({"DAVIS-data.zip": archive}) as server:
        cli("fetch", "davis2016", "--mirror", server.url(""))
    score = {}
    for tracker in ("static", "flow"):
        cli("infer", "--dataset", "davis2016", "--tracker", tracker, "--gpus", "cpu")
        cli("eval", "--results", f"results/davis2016-val/{tracker}", "--json", "scores.json")
        score[tracker] = json.loads((cli.folder / "scores.json").read_text())["global"]["J&F-Mean"]
    assert score["flow"] > score["static"] + 0.15


@pytest.fixture(scope="module")
def clip(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rendered clip as a dataset with two videos: in `late`, object 2 appears in frame 4."""
    labels = [read_labels(path) for path in sorted((data / "sam2" / "masks").iterdir())]
    hidden = [np.where(one == 2, 0, one).astype(np.uint8) if index < 4 else one for index, one in enumerate(labels)]
    root = make_tree(tmp_path_factory.mktemp("clip") / "clip", {"first_frame": labels, "late_object": hidden})
    for frame in (data / "sam2" / "frames").iterdir():
        for video in ("first_frame", "late_object"):
            (root / "JPEGImages" / video / frame.name).write_bytes(frame.read_bytes())
    return root


def infer(cli: Cli, clip: Path, checkpoint: str, side: int) -> Path:
    """Run sam2 over the clip with one thread, which gives one order of summation."""
    cli.environment["OMP_NUM_THREADS"] = "1"
    settings = ("--set", f"image_size={side}", "--set", "dtype=float32")
    cli("infer", "--dataset", clip, "--tracker", "sam2", "--checkpoint", checkpoint, *settings, "--gpus", "cpu")
    return cli.folder / f"results/clip-val/sam2-seeded+dtype=float32+image_size={side}"


def masks_of(run: Path, video: str) -> np.ndarray:
    return np.stack([np.asarray(Image.open(path)) for path in sorted((run / "masks" / video).iterdir())])


@pytest.mark.exhaustive
@pytest.mark.slow
def test_sam2_writes_the_recorded_masks_of_the_official_script(
    cli: Cli, clip: Path, checkpoint: str, data: Path
) -> None:
    run = infer(cli, clip, checkpoint, side=256)
    with np.load(data / "sam2" / "reference_sam2.npz") as recorded:
        for video in ("first_frame", "late_object"):
            expected = np.stack([recorded[f"{video}/{index:05}.png"] for index in range(12)])
            assert (masks_of(run, video) != expected).mean() < 0.001  # 0 on the machine they were recorded on
    facts = json.loads((run / "run.json").read_text())
    assert facts["settings"] == {"dtype": "float32", "image_size": 256}
    assert len(facts["checkpoint_sha256"]) == 64


@pytest.mark.slow
def test_sam2_writes_the_stock_predictors_masks_bit_for_bit(
    cli: Cli, clip: Path, checkpoint: str, data: Path, seeded: SimpleNamespace, one_thread: None
) -> None:
    run = infer(cli, clip, checkpoint, side=64)
    stock = official.build(seeded, 64)
    first, fifth = (read_labels(data / "sam2" / "masks" / f"{index:05}.png") for index in (0, 4))
    together = official.together(stock, data / "sam2" / "frames", {1: first == 1, 2: first == 2})
    late = official.separate(stock, data / "sam2" / "frames", {0: {1: first == 1}, 4: {2: fifth == 2}})
    assert np.array_equal(masks_of(run, "first_frame"), np.stack([to_labels(m, (240, 320)) for m in together]))
    assert np.array_equal(masks_of(run, "late_object"), official.labels(stock, late))
