"""Readers of publishers' files, by the short name that a card gives."""
