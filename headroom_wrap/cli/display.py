"""How verbs show things to a person: a console, sizes, times, and text that may hold anything."""

from __future__ import annotations

import os
import re
import sys
import time
from typing import TextIO

from rich.console import Console

from headroom_wrap import paths
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.store import Store

PIPE_WIDTH = 120
"""Of what is not a terminal, where COLUMNS says nothing."""
_TAB = 4
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def console(file: TextIO | None = None) -> Console:
    """A console that takes text as it is; for standard output unless told."""
    file = file or sys.stdout
    width = None if file.isatty() or os.environ.get("COLUMNS", "").isdecimal() else PIPE_WIDTH
    return Console(file=file, markup=False, highlight=False, emoji=False, width=width)


def printable(line: str) -> str:
    """One line of foreign text as a terminal may show it: no colours, and nothing that moves the cursor."""
    return _CONTROLS.sub("·", _ESCAPES.sub("", line).expandtabs(_TAB))


def size(n_bytes: int) -> str:
    """`12.3 MB`."""
    value = float(n_bytes)
    for unit in ("B", "kB", "MB"):
        if abs(value) < 1024:  # noqa: PLR2004 - bytes in a kB
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:,.1f} GB"


def when(seconds: float | None) -> str:
    """`2026-03-01 14:05`, in local time."""
    return "" if seconds is None else time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))


def count(number: int, noun: str) -> str:
    """`1 line`, `1,200 lines`."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def fewer(before: int, after: int) -> str:
    """`10,007 -> 2,614 tokens, 74% fewer`."""
    share = f", {(before - after) / before:.0%} fewer" if before else ""
    return f"{before:,} -> {after:,} tokens{share}"


def existing_store() -> Store:
    """This user's store, which must be there already.

    Raises:
        HeadroomError: `STORE_FAILED`.
    """
    file = paths.store_file(paths.home(os.environ))
    if not file.exists():
        hint = "It is made by the first wrapped session; HEADROOM_HOME says where it lives."
        raise HeadroomError(Code.STORE_FAILED, f"There is no store at {file} yet.", hint)
    return Store(file)
