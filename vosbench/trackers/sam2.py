"""SAM 2 (Ravi et al. 2024) as a tracker: one pass over a video of any length with any number of objects.

The masks are those of facebookresearch/sam2's tools/vos_inference.py, objects that appear late included, bit for bit on
the same machine. The work is less: a frame is decoded and encoded once for all objects, none before the first prompt,
and memory does not grow with the video.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vosbench.types import Mask, Masks, Video, VosbenchError

if TYPE_CHECKING:
    import torch

    from vosbench.trackers.sam2_model import Images

DTYPES = ("bfloat16", "float16", "float32")
PROMPTED, TRACKED = "cond_frame_outputs", "non_cond_frame_outputs"  # the predictor's names

Output = dict[str, Any]
"""What the predictor keeps of one object in one frame: memory features, object pointer, logits."""

Memory = dict[str, dict[int, Output]]
"""One object's past in the predictor's layout: PROMPTED or TRACKED -> frame index -> output."""


class Sam2:
    """SAM 2 or 2.1 of any size, with the weights of a checkpoint."""

    def __init__(
        self,
        device: str,
        checkpoint: str = "sam2.1_hiera_base_plus",
        memory_size: int = 7,
        image_size: int = 1024,
        dtype: str = "bfloat16",
        score_threshold: float = 0.0,
    ) -> None:
        """Load the model onto the device: "cpu", "cuda" or "cuda:N".

        checkpoint: path of a `.pt` file as facebookresearch/sam2 publishes them; the command line takes a name of the
            catalogue as well, such as the default, and gives the path of its file.
        memory_size: frames in the memory bank, the prompted one included; the released models were trained with 7.
        image_size: side of the square to which frames are resized, a multiple of 32.
        dtype: of the arithmetic: "bfloat16" or "float16" (autocast), or "float32".
        score_threshold: an object's pixels are those whose logit lies above it.

        Raises VosbenchError for a setting out of range, and for a checkpoint that is damaged or of another model.
        """
        import torch

        from vosbench.trackers import sam2_model

        if dtype not in DTYPES:
            raise VosbenchError(f"dtype {dtype!r}: choose one of {', '.join(DTYPES)}")
        self.device = torch.device(device)
        self.dtype: torch.dtype = getattr(torch, dtype)
        self.autocast: AbstractContextManager[object] = nullcontext()
        if dtype != "float32":
            self.autocast = torch.autocast(self.device.type, self.dtype)
        self.score_threshold = score_threshold
        self.predictor = sam2_model.build(Path(checkpoint), self.device, image_size, memory_size, self.dtype)

    def track(self, video: Video) -> Iterator[Masks]:
        """Yield, for every frame, the masks of the objects that have been prompted so far.

        A prompted frame returns its prompt, a little smoothed. Unless `video.overlap`, a pixel belongs to the object
        with the highest logit, among equals to the smallest id.
        """
        import torch

        from vosbench.trackers.sam2_model import Images, decide

        images = Images(video.frames, self.predictor.image_size, self.device)
        session = Session(self.predictor, images, video.prompts, self.dtype)
        for index in range(len(video.frames)):
            with torch.inference_mode(), self.autocast:
                logits = session.step(index)
                masks = decide(logits, self.score_threshold, video.overlap) if logits else {}
            yield masks


class Session:
    """The objects of one video, followed frame by frame; `step` must be called with 0, 1, 2, ..."""

    def __init__(self, predictor: Any, images: Images, prompts: Mapping[int, Masks], dtype: torch.dtype) -> None:
        self.predictor, self.images, self.prompts, self.dtype = predictor, images, prompts, dtype
        self.memories: dict[int, Memory] = {}
        self.state = {
            "images": images,
            "num_frames": len(images),
            "device": images.device,
            "storage_device": images.device,
            "cached_features": {},
            "constants": {},
        }

    def step(self, index: int) -> dict[int, torch.Tensor]:
        """The logits float32[H, W] in the next frame of each object prompted so far, by ascending id."""
        import torch
        from torch.nn.functional import interpolate

        for memory in self.memories.values():
            if index not in memory[PROMPTED]:
                self._remember(memory[TRACKED], index, self._infer(memory, index))
        self._start(index)
        if not self.memories:
            return {}
        labels = sorted(self.memories)
        low = torch.cat([self._harvest(self.memories[label], index) for label in labels])
        logits = interpolate(low, self.images.size, mode="bilinear")
        return dict(zip(labels, logits[:, 0], strict=True))

    def _start(self, index: int) -> None:
        """Give the objects that begin in this frame their prompts, the later ones too.

        A later prompt of the same object works backwards as well, as in the official script with `--use_all_masks`; the
        price is that its frame is encoded twice.
        """
        new = self.prompts.get(index, {}).keys() - self.memories.keys()
        if not new:
            return
        self.memories |= {label: {PROMPTED: {}, TRACKED: {}} for label in new}
        for later in sorted(frame for frame in self.prompts if frame >= index):
            for label, mask in self.prompts[later].items():
                if label in new:
                    self._prompt(self.memories[label], later, mask)

    def _prompt(self, memory: Memory, index: int, mask: Mask) -> None:
        """Remember an object by its mask, bool[H, W]."""
        import torch
        from torch.nn.functional import interpolate

        side = self.predictor.image_size
        prompt = torch.tensor(mask, device=self.images.device).float()[None, None]
        if mask.shape != (side, side):
            prompt = interpolate(prompt, (side, side), mode="bilinear", antialias=True) >= 0.5
        output = self._infer(memory, index, prompt.float())
        output["maskmem_features"], output["maskmem_pos_enc"] = self.predictor._run_memory_encoder(
            self.state,
            index,
            batch_size=1,
            high_res_masks=interpolate(output["pred_masks"], (side, side), mode="bilinear"),
            object_score_logits=output["object_score_logits"],
            is_mask_from_pts=True,
        )
        self._remember(memory[PROMPTED], index, output)

    def _infer(self, memory: Memory, index: int, prompt: torch.Tensor | None = None) -> Output:
        """What the model finds of one object in one frame: from its prompt there, else from its memory."""
        output: Output = self.predictor._run_single_frame_inference(
            self.state,
            memory,
            index,
            batch_size=1,
            is_init_cond_frame=prompt is not None,
            point_inputs=None,
            mask_inputs=prompt,
            reverse=False,
            run_mem_encoder=prompt is None,
        )[0]
        return output

    def _remember(self, past: dict[int, Output], index: int, output: Output) -> None:
        """Keep an output. Its features are bfloat16 whatever the arithmetic, which autocast to float16 refuses."""
        import torch

        past[index] = output
        if self.dtype == torch.float16:
            output["maskmem_features"] = output["maskmem_features"].half()

    def _harvest(self, memory: Memory, index: int) -> torch.Tensor:
        """Take an object's logits [1, 1, h, w] out of its memory, and drop there what no later frame will read.

        Read are all prompted frames, and of the others the latest `num_maskmem - 1` features and the latest
        `max_obj_ptrs_in_encoder - 1` pointers.
        """
        features, pointers = self.predictor.num_maskmem - 1, self.predictor.max_obj_ptrs_in_encoder - 1
        tracked = memory[TRACKED]
        output = memory[PROMPTED].get(index) or tracked[index]
        if index - features in tracked:
            tracked[index - features]["maskmem_features"] = None
        tracked.pop(index - max(features, pointers), None)
        logits: torch.Tensor = output.pop("pred_masks")
        return logits
