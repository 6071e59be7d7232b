"""Download datasets and checkpoints, and put them into the normal layout."""
