"""Masks in every form that is read or written."""
