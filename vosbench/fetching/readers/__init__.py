"""Readers of publishers' trees, by the short name that a card gives."""
