"""A provider on loopback with a prompt cache, and a scripted agent: demo, self-test, tests and benchmarks share them.

This module stays light, since the scripted agent starts through it; the provider is `emulator.server.EmulatedProvider`.
"""

from headroom_wrap.emulator.prefix import Block, canonical_blocks, first_prefix_break

__all__ = ["Block", "canonical_blocks", "first_prefix_break"]
