"""What each built-in tracker is, which packages it needs, and the papers that describe it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SAM2_PAPER = """\
@article{ravi2024sam2,
  title   = {{SAM} 2: Segment Anything in Images and Videos},
  author  = {Nikhila Ravi and Valentin Gabeur and Yuan-Ting Hu and Ronghang Hu and Chaitanya Ryali and Tengyu Ma and others},
  journal = {arXiv:2408.00714},
  year    = {2024},
}"""  # noqa: E501
SAM2LONG_PAPER = """\
@article{ding2024sam2long,
  title   = {{SAM2Long}: Enhancing {SAM} 2 for Long Video Segmentation with a Training-Free Memory Tree},
  author  = {Shuangrui Ding and Rui Qian and Xiaoyi Dong and Pan Zhang and Yuhang Zang and Yuhang Cao and Yuwei Guo and Dahua Lin and Jiaqi Wang},
  journal = {arXiv:2410.16268},
  year    = {2024},
}"""  # noqa: E501
CUTIE_PAPER = """\
@inproceedings{cheng2024cutie,
  title     = {Putting the Object Back into Video Object Segmentation},
  author    = {Ho Kei Cheng and Seoung Wug Oh and Brian Price and Joon-Young Lee and Alexander Schwing},
  booktitle = {CVPR},
  year      = {2024},
}"""
MIVOS_PAPER = """\
@inproceedings{cheng2021mivos,
  title     = {Modular Interactive Video Object Segmentation: Interaction-to-Mask, Propagation and Difference-Aware Fusion},
  author    = {Ho Kei Cheng and Yu-Wing Tai and Chi-Keung Tang},
  booktitle = {CVPR},
  year      = {2021},
}"""  # noqa: E501
SIMVOS_PAPER = """\
@inproceedings{wu2023simvos,
  title     = {Scalable Video Object Segmentation with Simplified Framework},
  author    = {Qiangqiang Wu and Tianyu Yang and Wei Wu and Antoni B. Chan},
  booktitle = {ICCV},
  year      = {2023},
}"""
DIS_PAPER = """\
@inproceedings{kroeger2016dis,
  title     = {Fast Optical Flow using Dense Inverse Search},
  author    = {Till Kroeger and Radu Timofte and Dengxin Dai and Luc {Van Gool}},
  booktitle = {ECCV},
  year      = {2016},
}"""


@dataclass(frozen=True)
class AboutTracker:
    """What a tracker is, in a few words; the modules that it imports from other packages; the papers, as BibTeX.

    install: the command that installs the packages of these modules. source: of the method, in one line.
    """

    meaning: str
    modules: tuple[str, ...] = ()
    install: str = "pip install vosbench"
    source: str = ""
    papers: tuple[str, ...] = ()


ABOUT_TRACKERS: Mapping[str, AboutTracker] = MappingProxyType(
    {
        "cutie": AboutTracker(
            "Cutie base and small, with weights of your own",
            ("torch", "cutie"),
            'pip install "vosbench[cutie]"',
            "Cutie, MIT, see https://github.com/hkchengrex/Cutie",
            (CUTIE_PAPER,),
        ),
        "flow": AboutTracker(
            "dense optical flow and a colour model, without weights, made for CPUs",
            ("cv2",),
            source="optical flow by dense inverse search (DIS)",
            papers=(DIS_PAPER,),
        ),
        "mask-propagation": AboutTracker(
            "Mask-Propagation of MiVOS, with top-k and kernelized memory reading",
            ("torch",),
            source="Mask-Propagation (MiVOS), weights MIT, see https://github.com/hkchengrex/Mask-Propagation",
            papers=(MIVOS_PAPER,),
        ),
        "sam2": AboutTracker(
            "SAM 2 and 2.1, tiny to large, in one pass and in bounded memory",
            ("torch", "sam2"),
            source="SAM 2, code and weights Apache-2.0, see https://github.com/facebookresearch/sam2",
            papers=(SAM2_PAPER,),
        ),
        "sam2long": AboutTracker(
            "SAM2Long's tree of memories, with the networks of SAM 2",
            ("torch", "sam2"),
            source="SAM2Long, the method, see https://github.com/Mark12Ding/SAM2Long; with the networks of SAM 2",
            papers=(SAM2LONG_PAPER, SAM2_PAPER),
        ),
        "simvos": AboutTracker(
            "SimVOS B, BS and L: one vision transformer for memory and frame",
            ("torch",),
            source="SimVOS, weights begun from MAE's (CC BY-NC 4.0), see https://github.com/jimmy-dq/SimVOS",
            papers=(SIMVOS_PAPER,),
        ),
        "static": AboutTracker("repeats the prompt: the lower bound"),
    }
)
"""The built-in trackers by name."""
