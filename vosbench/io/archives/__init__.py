"""Zip, tar and 7z archives behind one interface."""
