"""What is left of a file when our edit is taken out of it and the user's later ones stay."""

from __future__ import annotations

from headroom_wrap.edits import lines


def merge(name: str, base: bytes, theirs: bytes, ours: bytes | None) -> bytes | None:  # noqa: ARG001 - by its suffix, soon
    """Merge three ways.

    Args:
        name: the file's name.
        base: what we wrote.
        theirs: the file now.
        ours: what stood there before our edit; None where there was no file.

    Returns:
        The file as it should be now; None where the user's edits and ours cannot be told apart.
    """
    if ours is None:
        return None
    try:
        merged = lines.merge(base.decode(), theirs.decode(), ours.decode())
    except UnicodeDecodeError:
        return None
    return None if merged is None else merged.encode()
