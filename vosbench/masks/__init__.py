"""Masks of videos: read them in every supported form, and write them as PNG."""
