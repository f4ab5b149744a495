"""Give back what was elided: whole, by lines, by rows, or by a pattern."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from types import FrameType

from headroom_wrap.compression import markers
from headroom_wrap.compression.json_rows import read_table
from headroom_wrap.compression.json_text import NotPlainJson
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.store import Store

MAX_CHARS = 40_000
GREP_TIMEOUT_S = 2.0
_SPAN = re.compile(r"(\d*)(?:(-)(\d*))?")


def retrieve(
    store: Store,
    id_: str,
    *,
    lines: str | None = None,
    rows: str | None = None,
    grep: str | None = None,
    max_chars: int = MAX_CHARS,
) -> str:
    """The original, or a part of it, under a line that says what follows.

    Args:
        store: may be read-only.
        id_: as the marker gives it.
        lines: 1-based and inclusive: `40-90`, `40`, `40-`, `-90`, or several with commas.
        rows: the same for the objects of a JSON array, each given as JSON on a line of its own.
        grep: a regular expression (or plain text, if it is not one): matching lines with their numbers.
        max_chars: about how long the answer may be; what is cut is said, with the call that returns it.

    Raises:
        HeadroomError: `ORIGINAL_NOT_FOUND`; `BAD_REQUEST` for ranges that are none.
    """
    original = store.original(id_.strip())
    if original is None:
        message = f"There is no original {id_!r} in this store."
        raise HeadroomError(Code.ORIGINAL_NOT_FOUND, message, "Take the id from a marker; it begins with h.")
    unit = "lines" if rows is None else "rows"
    items = original.text.split("\n") if rows is None else _rows(original.text)
    if rows is None and len(items) > 1 and items[-1] == "":
        items.pop()  # a text that ends with a line break has no further, empty line
    numbers = _numbers(rows if rows is not None else lines, len(items))
    what = f"{_spell(numbers, unit)} of {len(items)}"
    show: Callable[[int], str] = lambda number: items[number - 1]  # noqa: E731 - one of two ways to show an item
    if grep is not None:
        numbers = _matching(items, numbers, grep)
        what += f", {len(numbers)} match {grep!r}"
        show = lambda number: f"{number}: {items[number - 1]}"  # noqa: E731
    head = f"{markers.SENTINEL}{original.id}: {what}]"
    return "\n".join([head, *_capped(numbers, show, unit, max_chars)])


def _rows(text: str) -> list[str]:
    try:
        table = read_table(text)
    except NotPlainJson:
        table = None
    if table is None:
        raise HeadroomError(Code.BAD_REQUEST, "This original has no rows.", "Ask for lines instead.")
    return ["{" + ",".join(f"{key}:{value}" for key, value in row) + "}" for row in table.rows]


def _numbers(spans: str | None, total: int) -> list[int]:
    if spans is None or not spans.strip():
        return list(range(1, total + 1))
    wanted: set[int] = set()
    for span in spans.replace(" ", "").split(","):
        match = _SPAN.fullmatch(span)
        if match is None or span in ("", "-"):
            raise HeadroomError(Code.BAD_REQUEST, f"{spans!r} is no range.", "Write it as 40-90, 40, 40- or 1-5,40-90.")
        first, dash, last = match.groups()
        start = int(first or 1)
        end = int(last or total) if dash else start
        wanted.update(range(max(start, 1), min(end, total) + 1))
    if not wanted:
        raise HeadroomError(Code.BAD_REQUEST, f"{spans} is outside the original, which has {total}.", f"Ask for 1-{total}.")
    return sorted(wanted)


def _matching(items: Sequence[str], numbers: Sequence[int], grep: str) -> list[int]:
    try:
        pattern = re.compile(grep)
    except re.error:
        pattern = re.compile(re.escape(grep))
    try:
        with _time_limit(GREP_TIMEOUT_S):
            return [number for number in numbers if pattern.search(items[number - 1])]
    except TimeoutError:
        message = f"The pattern {grep!r} takes too long on this original."
        raise HeadroomError(Code.BAD_REQUEST, message, "Use a simpler one, without nested repeats.") from None


@contextlib.contextmanager
def _time_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block with TimeoutError. Python's matcher looks for signals as it backtracks, on the main thread."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _capped(numbers: Sequence[int], show: Callable[[int], str], unit: str, max_chars: int) -> Iterator[str]:
    left = max_chars
    for index, number in enumerate(numbers):
        text = show(number)
        left -= len(text) + 1
        if left < 0 and index:
            rest = _spell(numbers[index:], "").strip()
            yield f"{markers.PREFIX}: cut here, the answer would be too long; the rest: {unit}={rest}]"
            return
        yield text


def _spell(numbers: Sequence[int], unit: str) -> str:
    """Numbers as ranges: `lines 1-3,7`."""
    spans: list[tuple[int, int]] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return f"{unit} " + ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
