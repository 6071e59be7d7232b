"""The version of vosbench."""

__version__ = "0.1.0"
