"""Trackers, a module or folder each. Only these import torch and OpenCV's optical flow."""
