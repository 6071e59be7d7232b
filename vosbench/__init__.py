"""vosbench: fetch datasets, run trackers and score masks for semi-supervised video object segmentation."""

__version__ = "0.1.0"
