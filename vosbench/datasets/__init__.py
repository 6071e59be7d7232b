"""Datasets: their cards, their splits on disk, and checks of both."""
