"""Give back what was elided: whole, by lines, rows or characters, by a pattern, a JSON path or a question."""

from __future__ import annotations

import contextlib
import re
import signal
import threading
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import FrameType

from headroom_wrap.compression import markers, passages
from headroom_wrap.compression.json_paths import nodes
from headroom_wrap.compression.json_rows import rows_of
from headroom_wrap.compression.json_text import NotPlainJsonError
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.store import Store

MAX_CHARS = 40_000
"""About what agents take from one tool call before they cut it themselves."""
GREP_CPU_S = 2.0
_LONG_LINE_CHARS = 2000
_MATCHES_SHOWN = 5
_AROUND_CHARS = 200
_MAX_CONTEXT = 100
_SPAN = re.compile(r"(\d{0,12})(?:(-)(\d{0,12}))?", re.ASCII)

_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class _Part:
    """Some items of an original.

    Attributes:
        unit: "lines" or "rows".
        items: all lines or rows.
        numbers: which of them are asked for, from 1 on.
        starts: where each line begins in the original, from 0 on; rows have no such place.
    """

    unit: str
    items: Sequence[str]
    numbers: Sequence[int]
    starts: Sequence[int] = ()

    def item(self, number: int) -> str:
        return self.items[number - 1]


def retrieve(  # noqa: PLR0913 - these are the arguments of the tool
    store: Store,
    id_: str,
    *,
    lines: str | None = None,
    rows: str | None = None,
    chars: str | None = None,
    grep: str | None = None,
    context: int = 0,
    path: str | None = None,
    query: str | None = None,
    max_chars: int = MAX_CHARS,
) -> str:
    """The original, or a part of it, under a line that says what follows. Call it on the main thread (see `grep`).

    Args:
        store: may be read-only.
        id_: as the marker gives it.
        lines: 1-based and inclusive: `40-90`, `40`, `40-`, `-90`, or several with commas.
        rows: the same for the objects of a JSON array, each given as JSON on a line of its own.
        chars: the same for characters, for lines that are too long for one answer.
        grep: a regular expression (or plain text, if it is not one): what matches, as `NN: text`. It may use
            `GREP_CPU_S` of processor time, which only the main thread can enforce.
        context: how many items before and after a match to show, as `NN- text`.
        path: a JSON path (RFC 9535): each value that it names, without white space, on a line of its own.
        query: what is to be known: the passages that speak of it, best by BM25, in the order of the text. It goes with
            lines or rows.
        max_chars: about how long the answer may be; what is cut is said, with what to ask for next.

    Raises:
        HeadroomError: `ORIGINAL_NOT_FOUND`; `BAD_REQUEST` for a range or a path that is none, or a pattern that takes
            too long.
    """
    original = store.original(id_.strip())
    if original is None:
        message = f"There is no original {id_!r} in this store."
        hint = "Take the id from a marker; it begins with h. If it was removed with age, run the tool again."
        raise HeadroomError(Code.ORIGINAL_NOT_FOUND, message, hint)
    _refuse_two(lines=lines, rows=rows, chars=chars, path=path)
    _refuse_two(chars=chars, path=path, grep=grep, query=query)
    body: Iterable[str]
    if chars is not None:
        said, body = _characters(original.text, chars, max_chars)
    elif path is not None:
        said, body = _values(original.text, path, max_chars)
    else:
        part = _lines(original.text, lines) if rows is None else _rows(original.text, rows)
        said = f"{part.unit} {_ranges(part.numbers)} of {len(part.items)}"
        if grep is not None:
            matches = _matches(part, grep)
            said += f", {len(matches)} match {grep!r}"
            body = _found(part, matches, context, max_chars)
        elif query is not None:
            spans = passages.best(part.items, part.numbers, query)
            said += f", {len(spans)} passages nearest to {query!r}"
            body = _nearest(part, spans, query, max_chars)
        else:
            body = _whole(part, len(original.text), max_chars)
    return "\n".join([f"{markers.SENTINEL}{original.id}: {said}]", *body])


def _refuse_two(**parts: str | None) -> None:
    given = [name for name, part in parts.items() if part is not None]
    if len(given) > 1:
        message = f"One original cannot be cut in two ways at once: {' and '.join(given)}."
        hint = "Give one of lines, rows, chars and path; grep or query goes with lines or rows."
        raise HeadroomError(Code.BAD_REQUEST, message, hint)


def _lines(text: str, spans: str | None) -> _Part:
    items = text.split("\n")
    if len(items) > 1 and items[-1] == "":
        items.pop()  # a text that ends with a line break has no further, empty line
    starts = [0]
    for item in items[:-1]:
        starts.append(starts[-1] + len(item) + 1)
    return _Part("lines", items, _numbers(spans, len(items)), starts)


def _rows(text: str, spans: str) -> _Part:
    try:
        items = rows_of(text)
    except NotPlainJsonError:
        items = None
    if items is None:
        raise HeadroomError(Code.BAD_REQUEST, "This original has no rows.", "Ask for lines instead.")
    return _Part("rows", items, _numbers(spans, len(items)))


def _spans(text: str, total: int) -> list[_Span]:
    found: list[_Span] = []
    for span in text.replace(" ", "").split(","):
        match = _SPAN.fullmatch(span)
        if match is None or span in ("", "-"):
            raise HeadroomError(Code.BAD_REQUEST, f"{text!r} is no range.", "Write it as 40-90, 40, 40- or 1-5,40-90.")
        first, dash, last = match.groups()
        start = max(int(first or 1), 1)
        end = min(int(last or total) if dash else int(first), total)
        if start <= end:
            found.append((start, end))
    if not found:
        raise HeadroomError(
            Code.BAD_REQUEST, f"{text} is outside the original, which has {total}.", f"Ask for 1-{total}."
        )
    return found


def _numbers(spans: str | None, total: int) -> list[int]:
    if spans is None or not spans.strip():
        return list(range(1, total + 1))
    return sorted({number for first, last in _spans(spans, total) for number in range(first, last + 1)})


def _characters(text: str, spans: str, max_chars: int) -> tuple[str, list[str]]:
    asked = _spans(spans, len(text))
    if len(asked) > 1:
        raise HeadroomError(
            Code.BAD_REQUEST, f"{spans!r} is more than one range.", "Ask for one range of chars at a time."
        )
    ((first, last),) = asked
    end = min(last, first - 1 + max_chars)
    rest = [] if end == last else [_cut(f"chars={end + 1}-{last}")]
    return f"chars {first}-{end} of {len(text)}", [text[first - 1 : end], *rest]


def _values(text: str, path: str, max_chars: int) -> tuple[str, Iterator[str]]:
    """What to say of the values that a JSON path names, and they themselves: of several, each behind its place."""
    try:
        with _cpu_limit(GREP_CPU_S):
            found = nodes(text, path)
    except NotPlainJsonError as error:
        message = "This original is no JSON document that can be taken apart."
        raise HeadroomError(Code.BAD_REQUEST, message, "Ask for lines or a grep instead.") from error
    except TimeoutError:
        message = f"The path {path!r} takes too long on this original."
        raise HeadroomError(Code.BAD_REQUEST, message, "Use a simpler one, without .. and patterns.") from None
    pieces = [value if len(found) == 1 else f"{place}: {value}" for place, value in found]
    return f"path {path}, {len(found)} {'value' if len(found) == 1 else 'values'}", _fitting(pieces, max_chars)


def _fitting(pieces: Sequence[str], max_chars: int) -> Iterator[str]:
    left = max_chars + 1
    for index, piece in enumerate(pieces):
        left -= len(piece) + 1
        if left < 0:
            if not index:
                yield piece[:max_chars]
            yield _cut("a path that names less, or lines of the original")
            return
        yield piece


def _nearest(part: _Part, spans: Sequence[_Span], query: str, max_chars: int) -> Iterator[str]:
    """The items of some passages, numbered, those that hold a word of the query as matches are."""
    hits = passages.hits(query)
    left = max_chars + 1
    for place, (first, last) in enumerate(spans):
        for number in range(first, last + 1):
            piece = _match(part, number, hits(part.item(number))[: _MATCHES_SHOWN + 1] or None)
            left -= len(piece) + 1
            if left < 0 and (place or number > first):
                yield _cut(f"{part.unit}={number}-{last}")
                return
            yield piece


def _whole(part: _Part, n_chars: int, max_chars: int) -> Iterator[str]:
    left = max_chars + 1  # the last line break is not part of the answer
    for index, number in enumerate(part.numbers):
        text = part.item(number)
        left -= len(text) + 1
        if left >= 0:
            yield text
        elif index:
            yield _cut(f"{part.unit}={_ranges(part.numbers[index:])}")
            return
        else:
            yield text[:max_chars]
            after = f", then {part.unit}={_ranges(part.numbers[1:])}" if len(part.numbers) > 1 else ""
            start = part.starts[number - 1] if part.starts else None
            asked = (
                f"chars=A-B of 1-{n_chars}" if start is None else f"chars={start + max_chars + 1}-{start + len(text)}"
            )
            yield _cut(asked + after)
            return


def _found(part: _Part, matches: Mapping[int, Sequence[_Span]], context: int, max_chars: int) -> Iterator[str]:
    context = max(0, min(context, _MAX_CONTEXT))
    near = {number + step for number in matches for step in range(-context, context + 1)}.intersection(part.numbers)
    left = max_chars + 1
    for index, number in enumerate(sorted(near)):
        piece = _match(part, number, matches.get(number))
        left -= len(piece) + 1
        if left < 0 and index:
            yield _cut(f"the same grep with {part.unit}={number}-{part.numbers[-1]}")
            return
        yield piece


def _match(part: _Part, number: int, spans: Sequence[_Span] | None) -> str:
    text = part.item(number)
    if len(text) <= _LONG_LINE_CHARS or not part.starts:
        return f"{number}{'-' if spans is None else ':'} {text}"
    if spans is None:
        return f"{markers.PREFIX}: line {number} has {len(text)} characters and does not match]"
    start = part.starts[number - 1]
    shown = [
        f"{number} (chars {start + first + 1}-{start + last}): {text[first:last]}"
        for first, last in _windows(spans[:_MATCHES_SHOWN], len(text))
    ]
    if len(spans) > _MATCHES_SHOWN:
        shown.append(
            f"{markers.PREFIX}: line {number} has more matches, from chars={start + spans[_MATCHES_SHOWN][0] + 1} on]"
        )
    return "\n".join(shown)


def _windows(spans: Sequence[_Span], total: int) -> list[_Span]:
    """What to show around some matches; windows that touch are one."""
    windows: list[_Span] = []
    for first, last in spans:
        begin, end = max(first - _AROUND_CHARS, 0), min(min(last, first + _LONG_LINE_CHARS) + _AROUND_CHARS, total)
        if windows and begin <= windows[-1][1]:
            windows[-1] = (windows[-1][0], max(end, windows[-1][1]))
        else:
            windows.append((begin, end))
    return windows


def _matches(part: _Part, grep: str) -> dict[int, list[_Span]]:
    """Number of each matching item -> its first matches, where they are needed to show it."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the pattern is the reader's, and so is its style
            pattern = re.compile(grep)
    except (re.error, RecursionError, OverflowError):
        pattern = re.compile(re.escape(grep))
    found: dict[int, list[_Span]] = {}
    try:
        with _cpu_limit(GREP_CPU_S):
            for number in part.numbers:
                spans = [match.span() for match in islice(pattern.finditer(part.item(number)), _MATCHES_SHOWN + 1)]
                if spans:
                    found[number] = spans
    except TimeoutError:
        message = f"The pattern {grep!r} takes too long on this original."
        raise HeadroomError(Code.BAD_REQUEST, message, "Use a simpler one, without nested repeats.") from None
    return found


@contextlib.contextmanager
def _cpu_limit(seconds: float) -> Iterator[None]:
    """Interrupt the block with TimeoutError; on the main thread, Python's matcher looks for signals as it goes."""
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(_number: int, _frame: FrameType | None) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _cut(rest: str) -> str:
    return f"{markers.PREFIX}: cut here, the answer would be too long; the rest: {rest}]"


def _ranges(numbers: Sequence[int]) -> str:
    """Numbers as ranges: `1-3,7`."""
    spans: list[_Span] = []
    for number in numbers:
        if spans and spans[-1][1] == number - 1:
            spans[-1] = (spans[-1][0], number)
        else:
            spans.append((number, number))
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in spans)
