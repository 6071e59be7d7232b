"""Settings of SAM 2, and those that SAM2Long shares with it."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass

from vosbench.trackers.settings import TrackerSettings, setting

DEFAULT_CHECKPOINT = "sam2.1_hiera_base_plus"
DTYPES = ("bfloat16", "float16", "float32")
MEMORY_EXTENSIONS = ("repeat", "interpolate")
FEATURE_STRIDE = 32  # pixels between the image encoder's coarsest features; image_size must be a multiple of it
ABSENT_LOGIT = -1024.0  # SAM 2's logit, in every pixel, of an object that is not in the frame


@dataclass(frozen=True)
class ModelSettings(TrackerSettings):
    """Settings of the model that SAM 2 and SAM2Long share.

    The settings for speed are keyword-only, which puts them behind the settings that a subclass adds.
    """

    memory_size: int = setting(
        7, "frames in the memory bank, the prompted frame included; the released models were trained with 7", least=1
    )
    image_size: int = setting(
        1024,
        "side in pixels of the square to which every frame is resized; a multiple of 32",
        least=FEATURE_STRIDE,
        multiple_of=FEATURE_STRIDE,
    )
    dtype: str = setting(
        "bfloat16", "number type of the arithmetic: bfloat16 or float16 (by autocast), or float32", choices=DTYPES
    )
    score_threshold: float = setting(
        0.0, "a pixel belongs to an object if the object's logit there is above this value", least=ABSENT_LOGIT
    )
    memory_extension: str = setting(
        "repeat",
        "how a memory bank of more than 7 frames dates the additional ones: repeat the oldest date, or interpolate",
        choices=MEMORY_EXTENSIONS,
    )
    max_object_pointers: int = setting(
        16, "frames whose object pointers the model sees, the prompted frame included", least=2
    )
    _: KW_ONLY
    fast: bool = setting(
        False,
        "take all objects (of sam2long: all their pathways) through the model in batches, and on a GPU encode the next "
        "frame meanwhile; the masks are the same up to rounding",
    )
    compile: bool = setting(
        False, "compile the image encoder and the memory attention with torch.compile; takes each worker minutes"
    )
    tf32: bool = setting(
        False, "multiply float32 matrices in TF32 on a GPU that supports it, as torch's convolutions do anyway"
    )


@dataclass(frozen=True)
class Sam2Settings(ModelSettings):
    """Settings of the tracker `sam2`."""

    temporal_stride: int = setting(
        1, "beside the prompted and the latest frame, the memory bank holds every N-th frame", least=1
    )
    fill_hole_area: int = setting(
        0, "fill holes of at most this many pixels, counted at a quarter of image_size; 0 fills none", least=0
    )
