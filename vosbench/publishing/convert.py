"""Convert masks from one form to another, without loss, or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from vosbench.datasets.split import DatasetSplit, open_split
from vosbench.errors import VosbenchError
from vosbench.io import paths
from vosbench.io.archives.members import translate_write_errors
from vosbench.io.files import replacing
from vosbench.io.folders import assembling
from vosbench.io.plugins import make_unknown_name_error
from vosbench.io.wording import count_of
from vosbench.masks import write_folder, write_json, write_npz
from vosbench.masks.flattened import FlattenedMasks
from vosbench.masks.open import Predictions, open_predictions
from vosbench.masks.open_anywhere import open_all_masks, open_video_masks
from vosbench.masks.source import MaskFrames, MaskSource, NamelessMasksError
from vosbench.masks.write_folder import MaskWriter
from vosbench.running.run import Run

FileWriter = Callable[[Path], AbstractContextManager[MaskWriter]]
FolderWriter = Callable[[Path, Mapping[str, int]], MaskWriter]


@dataclass(frozen=True)
class MaskForm:
    """A form in which masks can be written.

    meaning: in a few words. folder: makes the writer of a folder, given the number of frames of each video as far as it
    is known; None if the form is always a file. file: makes the writer of a file; None if the form is always a folder.
    suffix: of a file.
    """

    meaning: str
    folder: FolderWriter | None = None
    file: FileWriter | None = None
    suffix: str = ""


MASK_FORMS: Mapping[str, MaskForm] = {
    "png": MaskForm("<video>/<frame>.png, indexed", lambda path, _: write_folder.label_map_writer(path)),
    "objects": MaskForm(
        "<video>/<object>/<frame>.png, 1-bit, as SA-V", lambda path, _: write_folder.object_folder_writer(path)
    ),
    "rle": MaskForm(
        "COCO RLE by frame and object, <video>.json or one .json",
        lambda path, _: write_json.rle_folder_writer(path),
        write_json.writing_rle_file,
        ".json",
    ),
    "youtube-vis": MaskForm("one .json", file=write_json.writing_youtube_vis, suffix=".json"),
    "burst": MaskForm("one .json", file=write_json.writing_burst, suffix=".json"),
    "masklets": MaskForm("<video>_manual.json, as SA-V's training set", write_json.sav_folder_writer),
    "npz": MaskForm(
        "<video>.npz or one .npz",
        lambda path, _: write_npz.npz_folder_writer(path),
        write_npz.writing_npz_file,
        ".npz",
    ),
}
"""The forms by their names on the command line."""


@dataclass(frozen=True)
class Conversion:
    """What was converted. path: of the new masks. form: one of MASK_FORMS. notes: what else is to be said."""

    path: Path
    form: str
    videos: int
    frames: int
    notes: tuple[str, ...] = field(default=())


def convert(
    masks: str | Path | Run,
    out: str | Path,
    to: str,
    dataset: str | Path | DatasetSplit | None = None,
    split: str | None = None,
    *,
    flatten: bool = False,
    overwrite: bool = False,
    datasets: str | Path = "datasets",
    on_video: Callable[[int, int], None] = lambda done, total: None,
) -> Conversion:
    """Write masks in another form, as `vosbench convert` does.

    masks: a run or its path, or masks in another form that docs/convert.md lists. out: the folder or the file to write.
    to: a name of MASK_FORMS. dataset, split: what the masks are of: only the videos of this split are converted, masks
    without frame names get those of its frames, and SA-V's form states the number of its frames. flatten: whether a
    pixel that objects share goes to the smallest id. overwrite: whether what is at `out` is replaced. on_video: called
    after each video with the number of videos done and of all.

    Frame names, object ids and pixels stay as they are. Raises VosbenchError, and writes nothing, for masks that the
    form cannot hold, and for whatever else the user can put right.
    """
    path, out = masks.path if isinstance(masks, Run) else Path(masks), Path(out)
    form = _find_mask_form(to)
    writes_file = _is_file_asked(form, to, out)
    _require_new_place(path, out, overwrite)
    opened = _open_given_split(dataset, split, Path(datasets))
    predictions = open_predictions(path, opened.videos) if opened else open_all_masks(path)
    videos = [video for video in predictions.videos() if not opened or video in opened.videos]
    if not videos:
        wanted = f" of {opened.title}" if opened else ""
        raise VosbenchError(path, f"no masks of a video{wanted} are found", "give the folder of the videos' folders")
    counts = _count_video_frames(opened, videos) if opened else {}
    frames = 0
    with translate_write_errors(out), _writing(form, out, writes_file, counts) as write:
        for index, video in enumerate(videos, 1):
            source = _open_converted(predictions, video, opened)
            write(video, FlattenedMasks(source) if flatten else source)
            frames += len(source.frame_names)
            on_video(index, len(videos))
    notes = [*_note_unfinished(path), *_note_left_out(predictions, videos)]
    return Conversion(out, to, len(videos), frames, tuple(notes))


def _find_mask_form(to: str) -> MaskForm:
    if to not in MASK_FORMS:
        raise make_unknown_name_error("form of masks", to, MASK_FORMS)
    return MASK_FORMS[to]


def _is_file_asked(form: MaskForm, to: str, out: Path) -> bool:
    """Whether a file is written, and not a folder. Raises VosbenchError for a name that does not fit the form."""
    if form.file and (not form.folder or out.suffix.lower() == form.suffix):
        if out.suffix.lower() != form.suffix:
            raise VosbenchError(out, f"--to {to} writes one file, whose name ends in {form.suffix}", "name such a file")
        return True
    if out.suffix.lower() in (".json", ".npz", ".zip", ".png"):
        raise VosbenchError(out, f"--to {to} writes a folder, not a {out.suffix}", "name a folder")
    return False


def _require_new_place(path: Path, out: Path, overwrite: bool) -> None:
    """Raise VosbenchError if something is at `out` that is not to be replaced, or if it would replace the masks."""
    here, there = path.resolve(), out.resolve()
    if here == there:
        raise VosbenchError(out, "holds the masks that are converted", "write the new masks elsewhere")
    if here.is_relative_to(there) or (path.is_dir() and there.is_relative_to(here)):
        raise VosbenchError(out, f"lies in {path}, or around it", "write the new masks elsewhere")
    is_empty_folder = out.is_dir() and not any(out.iterdir())
    if out.exists() and not is_empty_folder and not overwrite:
        raise VosbenchError(out, "is there already", "name another place with --out, or give --overwrite")


def _open_given_split(
    dataset: str | Path | DatasetSplit | None, split: str | None, datasets: Path
) -> DatasetSplit | None:
    if dataset is None and split is not None:
        raise VosbenchError(f"--split {split}", "is a split of no dataset", "name it with --dataset")
    return open_split(dataset, split, datasets) if isinstance(dataset, str | Path) else dataset


@contextmanager
def _writing(form: MaskForm, out: Path, writes_file: bool, counts: Mapping[str, int]) -> Iterator[MaskWriter]:
    """The function that writes the masks of a video. What it wrote appears at `out` when the block ends well."""
    if writes_file and form.file:
        with replacing(out) as partial_file, form.file(partial_file) as write:
            yield write
    elif form.folder:
        with assembling(out) as folder, nullcontext(form.folder(folder, counts)) as write:
            yield write


def _open_converted(predictions: Predictions, video: str, opened: DatasetSplit | None) -> MaskSource:
    """Open the masks of a video. Raises VosbenchError if there are none, or if names or ids are not clear."""
    _require_plain_name("video", video, predictions.path)
    try:
        source = open_video_masks(predictions.openers[video], _list_candidates(opened, video))
    except NamelessMasksError as error:
        hint = "" if opened else ", or name their dataset with --dataset, whose frame names they get"
        raise VosbenchError(error.subject, error.found, f"{error.remedy}{hint}") from None
    if not source.frame_names:
        remedy = "remove its folder, or name the dataset with --dataset, whose videos are converted"
        raise VosbenchError(predictions.path, f"video {video} has no masks", remedy)
    if isinstance(source, MaskFrames) and source.numbered > 1:
        where = source.prefix.removesuffix(", frame ")
        raise VosbenchError(where, "has annotations without an object id", "add the object_id to each annotation")
    for frame_name in source.frame_names:
        _require_plain_name("frame", frame_name, predictions.path)
    return source


def _list_candidates(opened: DatasetSplit | None, video: str) -> Iterator[Sequence[str]]:
    """Yield the lists of frame names that masks without names may get."""
    yield opened.ground_truth(video).frame_names if opened else []
    if opened:
        yield _list_frame_names(opened, video)


def _require_plain_name(kind: str, name: str, where: Path) -> None:
    """Raise VosbenchError for a name that cannot be a file's: what is written would lie elsewhere, or not be read."""
    if not name or PurePosixPath(name).name != name or "\\" in name or "\0" in name or paths.is_litter(name):
        raise VosbenchError(where, f"{name!r} cannot be the name of a {kind}", f"give the {kind} another name")


def _list_frame_names(opened: DatasetSplit, video: str) -> list[str]:
    return [path.stem for path in paths.list_images(opened.frames_folder / video, paths.FRAME_SUFFIXES)]


def _count_video_frames(opened: DatasetSplit, videos: list[str]) -> dict[str, int]:
    """The number of frames of each video whose frames are on disk."""
    counts = {video: len(_list_frame_names(opened, video)) for video in videos}
    return {video: count for video, count in counts.items() if count}


def _note_unfinished(path: Path) -> Iterator[str]:
    """Say that a run has videos without masks, which therefore the new masks lack as well."""
    if paths.is_run(path):
        states = [video["state"] for video in Run(path).read_facts()["videos"].values()]
        if unfinished := sum(state != "done" for state in states):
            yield f"{count_of(unfinished, 'video')} of {path} not done, and without masks here too"


def _note_left_out(predictions: Predictions, videos: list[str]) -> Iterator[str]:
    if others := len(predictions.videos()) - len(videos):
        yield f"{count_of(others, 'video')} of {predictions.path} not of this split, and left out"
