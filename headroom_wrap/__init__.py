"""Headroom Wrap: run a coding agent behind a local, compressing, lossless-on-demand proxy."""

__version__ = "0.1.0"
