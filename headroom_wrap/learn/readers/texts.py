"""What the readers share about texts: cut ones, times, and command lines without their wrappers."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import PurePath
from typing import Any

from headroom_wrap.learn.events import MAX_RESULT_CHARS, Outcome

MAX_INPUT_CHARS = 4000
_MAX_ITEMS = 50
_MAX_DEPTH = 6
_MILLISECONDS = 1e11
"""Above it, a number of seconds would lie in the year 5138: such numbers count milliseconds."""
_SHELLS = frozenset({"bash", "sh", "zsh", "dash", "ksh"})
_SHELL_FLAGS = frozenset({"-c", "-lc", "-l", "-ic", "-lic", "--login", "-i", "-e", "-ec"})
TIMEOUT_EXIT = 124
"""What timeout(1) gives, and Codex where it ends a command."""


def cut(text: str, limit: int = MAX_RESULT_CHARS) -> str:
    """The text, or its first and last halves of `limit` with a line between them; what SQLite cannot hold replaced."""
    if len(text) > limit:
        half = limit // 2
        text = f"{text[:half]}\n[{len(text) - 2 * half} characters left out]\n{text[-half:]}"
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def cut_input(value: Any, depth: int = 0) -> Any:
    """The arguments of a call with long texts cut and long lists ended."""
    if isinstance(value, str):
        return cut(value, MAX_INPUT_CHARS)
    if depth == _MAX_DEPTH:
        return None
    if isinstance(value, Mapping):
        items = list(value.items())[:_MAX_ITEMS]
        return {cut(str(key), MAX_INPUT_CHARS): cut_input(item, depth + 1) for key, item in items}
    if isinstance(value, list):
        return [cut_input(item, depth + 1) for item in value[:_MAX_ITEMS]]
    return value


def seconds(value: object) -> float:
    """Unix seconds of an ISO 8601 text, or of a number of seconds or milliseconds; 0 for anything else."""
    if isinstance(value, bool):
        return 0.0
    if isinstance(value, (int, float)):
        return value / 1000 if value > _MILLISECONDS else float(value)
    if not isinstance(value, str):
        return 0.0
    try:
        at = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, OverflowError):
        return 0.0


def command_line(command: object) -> str:
    """A command as a person would type it: `["bash", "-lc", "make"]` and `bash -lc "make"` are `make`."""
    if isinstance(command, str):
        return _unwrapped_line(command)
    if not isinstance(command, Sequence) or not all(isinstance(word, str) for word in command):
        return ""
    inner = _inner(command)
    return cut(inner if inner is not None else shlex.join(command))


def _unwrapped_line(line: str) -> str:
    line = line.strip()
    if PurePath(line.partition(" ")[0]).name in _SHELLS and len(line) < MAX_RESULT_CHARS:
        try:
            inner = _inner(shlex.split(line))
        except ValueError:
            inner = None
        line = line if inner is None else inner
    return cut(line)


def _inner(words: Sequence[str]) -> str | None:
    """The one command that a shell is given; None where the words are something else."""
    if not words or PurePath(words[0]).name not in _SHELLS or not set(words[1:-1]) <= _SHELL_FLAGS:
        return None
    is_command = any(word.startswith("-") and not word.startswith("--") and "c" in word for word in words[1:-1])
    return words[-1].strip() if is_command else None


def outcome_of(exit_code: int | None, *, failed: bool = False, timed_out: bool = False) -> Outcome:
    """What came of a call, by its exit code where there is one."""
    if timed_out or exit_code == TIMEOUT_EXIT:
        return Outcome.TIMEOUT
    if exit_code is not None:
        return Outcome.OK if exit_code == 0 else Outcome.FAILED
    return Outcome.FAILED if failed else Outcome.OK


def as_dict(value: object) -> dict[str, Any]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Any]:
    """The value if it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: object) -> str:
    """The value if it is a text, else an empty one."""
    return value if isinstance(value, str) else ""
