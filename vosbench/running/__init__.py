"""Runs: trackers over splits, on processes and nodes, with their records."""
