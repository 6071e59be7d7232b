"""Trackers, one module or folder each; torch is imported only here."""
