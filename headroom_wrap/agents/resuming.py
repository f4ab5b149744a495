"""When a conversation began, by its transcript; and words of a command line that name one."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from pathlib import Path

_HEAD_BYTES = 256 * 1024
_TIME = re.compile(rb'"timestamp"\s*:\s*"([^"]{10,40})"')
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""A UUID, by which several agents call their conversations."""
PICKED = ""
"""What stands for a conversation that the user has yet to pick."""


def first_time(file: Path) -> float | None:
    """The first `timestamp` of a transcript in JSON lines, as unix seconds; None where there is none."""
    found = _TIME.search(head(file))
    return None if found is None else seconds(found[1].decode("ascii", "replace"))


def head(file: Path) -> bytes:
    """The beginning of a file; empty where it cannot be read."""
    try:
        with file.open("rb") as opened:
            return opened.read(_HEAD_BYTES)
    except OSError:
        return b""


def seconds(text: str) -> float | None:
    """An ISO 8601 time as unix seconds."""
    try:
        return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text).replace("Z", "+00:00")).timestamp()
    except ValueError:
        return None


def newest(files: Iterable[Path], fits: Callable[[Path], bool] = lambda _file: True) -> Path | None:
    """The file that was written last among those that fit."""
    return next((file for _, file in sorted(_dated(files), reverse=True) if fits(file)), None)


def option(args: Sequence[str], names: Sequence[str], *, may_stand_alone: bool = False) -> str | None:
    """The value of an option, the last one given; None where it is not there.

    Args:
        args: a command line; what follows a `--` does not count.
        names: how the option is spelt.
        may_stand_alone: its value may be missing: then it is `PICKED`.
    """
    found: str | None = None
    words = list(args[: args.index("--")] if "--" in args else args)
    for word, following in zip(words, [*words[1:], None], strict=False):
        name, has_value, value = word.partition("=")
        if name in names and has_value and name.startswith("--"):
            found = value
        elif word in names:
            is_value = following is not None and not (may_stand_alone and following.startswith("-"))
            found = following if is_value else PICKED
    return found


def _dated(files: Iterable[Path]) -> Iterator[tuple[float, Path]]:
    for file in files:
        with contextlib.suppress(OSError):
            yield file.stat().st_mtime, file
