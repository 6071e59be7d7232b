"""Scores of masks against the ground truth, by each benchmark's rules."""
