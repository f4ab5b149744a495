"""Tests of `headroom_wrap.learn`."""
