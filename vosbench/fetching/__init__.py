"""Downloads of datasets and checkpoints, unpacked into the normal layout."""
