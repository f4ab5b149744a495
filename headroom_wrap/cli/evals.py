"""`headroom evals suite`: what is saved and what stays visible, measured on this machine."""

from __future__ import annotations

from headroom_wrap.evals.__main__ import main


def command(words: list[str]) -> int:
    """Run the evaluations as the words say."""
    return main(words, "headroom evals")
