"""`headroom evals suite`: what is saved and what stays visible, measured on this machine."""

from __future__ import annotations

from headroom_wrap.evals.__main__ import main


def command(words: list[str]) -> int:
    """Run the evaluations as the words say; gives the exit code."""
    try:
        return main(words, "headroom evals")
    except SystemExit as end:  # argparse's way to end after --help or a wrong word
        return int(end.code or 0)
