"""What stands already in the files that an agent reads by itself: CLAUDE.md, AGENTS.md, its own notes. Read only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from headroom_wrap.compression.sentences import split
from headroom_wrap.memory import compare

MAX_BYTES = 256 * 1024
"""Of one file: an agent reads no more of such a file either."""
_BULLET = re.compile(r"^\s*(?:[-*+•]|\d+[.)])\s+")
_LEARNED = re.compile(r"\s+\(seen in [\d,]+ sessions?\b[^()]*\)\s*(?:<!--.*-->)?\s*$")
"""How a line of `headroom learn` ends: what it says before that is a fact of the memory, too."""


def said_in(files: Iterable[Path]) -> frozenset[str]:
    """The lines and sentences of these files in the form in which facts are compared; files need not exist."""
    return frozenset(normal for file in files for said in _said(_text(file)) if (normal := compare.normal(said)))


def _said(text: str) -> Iterator[str]:
    for line in text.splitlines():
        bare = _LEARNED.sub("", _BULLET.sub("", line))
        yield bare
        yield from (bare[part.start : part.end] for part in split(bare))


def _text(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return opened.read(MAX_BYTES).decode("utf-8", "replace")
    except OSError:
        return ""
