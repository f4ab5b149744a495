"""Logs of services, builds and installations: what is new or wrong stays, what repeats becomes counts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from headroom_wrap.compression import chatter, diagnostics, outliers, timestamps
from headroom_wrap.compression.lines import Sheet, is_alarming, may_say, may_try
from headroom_wrap.compression.model import Compressed, Hints
from headroom_wrap.compression.relevance import relevant, terms_of
from headroom_wrap.compression.templates import Templates, mine
from headroom_wrap.compression.tracebacks import drop_foreign_frames, wanted_frames

MAX_CHARS = 12_000_000

STRONG = re.compile(
    r"\b(?:ERROR|FATAL|CRITICAL|SEVERE|ALERT|EMERG|PANIC|FAIL|FAILED|FAILURE|UNEXPECTED|Traceback|Exception|panic)"
    r"|[\[:](?:error|fatal|crit|alert|emerg)[\]:]|\b(?:error|fatal|panic)(?:\[\w+\])?:|Error\b|Exception\b"
    r"|\b(?:EACCES|EPERM|EEXIST|ENO[A-Z]+|ECONN[A-Z]+|E[A-Z]*TIMEDOUT|EPIPE|EADDR[A-Z]+|EHOST[A-Z]+|ENET[A-Z]+"
    r"|EAI_[A-Z]+|EMFILE|ERESOLVE|EINTEGRITY|ELIFECYCLE|EINVAL|EISDIR|EBUSY|EIO|EBADENGINE|E40[134])\b"
    r"|level\"?[=:] ?\"?(?:error|fatal|crit|50|60)|exit (?:code|status)|[Ss]egmentation|[Oo]ut of memory"
    r"|^[EF]\d{4} \d\d:|^\W?[EF]/\w|\d +[EF][ /][\w.$-]+ *[:(]"  # klog, logcat
)
"""What nobody may miss: an error's level or name, however a system spells it."""
_SIGNS = (
    *"rror ERROR FATAL CRITICAL SEVERE ALERT EMERG PANIC FAIL UNEXPECTED Traceback xception panic fatal".split(),
    *"crit alert emerg level egmentation".split(),
    *("exit ", "ut of memory", " E ", " E/", " F ", " F/"),
)
_SIGNS_OF_ERRNO = (
    "EACCES EPERM EEXIST ENO ECONN TIMEDOUT EPIPE EADDR EHOST ENET EAI_ EMFILE ERESOLVE EINTEGRITY ELIFECYCLE EINVAL "
    "EISDIR EBUSY EIO EBADENGINE E40"
).split()
"""A line that has none of these, and no capital at its beginning, does not match `STRONG`, which takes much longer."""
_DIAGNOSTIC = re.compile(r"(?:error|warning|note)(?:\[\w+\]| [A-Z]{1,3}\d+)?:|\(\d+,\d+\): (?:error|warning)")
_CODE_FRAME = re.compile(r"\s*(?:-->|\d{0,6} *\||[~^]+|= (?:note|help):)")
_CODE_FRAME_LINES = 8
_COMPILING = re.compile(
    r"\S*(?:gcc|g\+\+|clang|clang\+\+|cc|c\+\+|cl\.exe|nvcc|ld|ar|rustc|javac|libtool)(?:-[\d.]+)?[: ]|\[\d+/\d+\] \S+ "
)
_COMMAND_CHARS = 120
"""A compiler's command line longer than this says little, unless it failed."""
_ADVICE = re.compile(r"\b(?:refus|reject|forbid|prohibit|must|should|please|rebase|retry|lint)|>>>", re.IGNORECASE)
_ADVISES = "refus reject forbid prohibit must should please rebase retry lint >>>".split()
_FIRST_LINES, _LAST_LINES = 4, 8
_STRONG_SHOWN, _LONG_STRONG_SHOWN = 5, 2
"""Of errors that are equal but for numbers, as many stay; of errors of one template, `_STRONG_ALIKE`."""
_LONG_STRONG_CHARS = 240
_STRONG_ALIKE = 40
_WEAK_ALIKE = 2
_PLAIN_SHOWN = 1
_RARE = 2
_CONTEXT = 2
_WITH_CONTEXT = 3
_RELEVANT = 20
_LONG_LINE_CHARS = 4000
_LONG_LINE_HEAD, _LONG_LINE_SAMPLE = 1000, 60
_DESCRIBED_GAP = 6
_TIMED_GAP = 30
"""Of a gap of so many lines the times of its first and last line are named."""


def compress(text: str, hints: Hints) -> Compressed | None:
    """Drop lines of templates that have been shown; every distinct error stays, with the lines around it."""
    if not may_try(text, MAX_CHARS):
        return None
    sheet = Sheet.of_terminal(text)
    if hints.marker is not None:
        _choose(sheet, hints)
    rendered, elided = sheet.render(hints.marker, hints.offset)
    rendered = timestamps.lift(rendered, _stays)
    if len(rendered) >= len(text):
        return None
    reason = "log: repeated templates elided" if elided else "log: colours, progress and repeated lines folded"
    return Compressed(rendered, reason, elided, sheet.total)


def tidy(text: str, hints: Hints) -> Compressed | None:
    """Only what loses nothing: colours and overwritten progress out, runs of equal lines folded."""
    return compress(text, replace(hints, marker=None))


def is_strong(line: str) -> bool:
    """Whether `STRONG` is found in `line`, which has no line break."""
    return _may_be_strong(line) and STRONG.search(line) is not None


def _may_be_strong(line: str) -> bool:
    for sign in _SIGNS:
        if sign in line:
            return True
    if "E" in line:
        for sign in _SIGNS_OF_ERRNO:
            if sign in line:
                return True
    head = line[:2]
    return "E" in head or "F" in head


def _stays(line: str) -> bool:
    """Whether somebody may quote or search for the whole line: it tells of trouble, or of what to do about it."""
    return is_alarming(line) or is_strong(line) or _advises(line)


def _advises(line: str) -> bool:
    return may_say(line, _ADVISES) and _ADVICE.search(line) is not None


def _choose(sheet: Sheet, hints: Hints) -> None:
    templates = mine(sheet.shown)
    diagnosed = diagnostics.fold(sheet)
    keep = _telling_lines(sheet, templates)
    keep.difference_update(index for index in chatter.lines_of(sheet.shown) if not _stays(sheet.shown[index]))
    keep.update(diagnosed)
    keep.update(outliers.find(sheet.shown, templates.cluster, hints.query))
    keep.update(range(_FIRST_LINES))
    keep.update(range(sheet.total - _LAST_LINES, sheet.total))
    keep.update(wanted_frames(sheet.shown))
    keep.update(relevant(sheet.shown, terms_of(hints), _RELEVANT))
    long_lines = [index for index in range(sheet.total) if len(sheet.shown[index]) > _LONG_LINE_CHARS]
    keep.difference_update(index for index in long_lines if not is_strong(sheet.shown[index][:_LONG_LINE_HEAD]))
    for first, last in _gaps(len(sheet.lines), keep):
        described = last - first >= _DESCRIBED_GAP
        if last - first >= _TIMED_GAP:
            sheet.remark(first, _times(sheet.shown, first, last))
        for index in range(first, last + 1):
            if sheet.shown[index].strip() and sheet.labels[index] is None:
                cluster = templates.clusters[templates.cluster[index]]
                sheet.drop(index, index, f'× "{cluster.sample()}"' if described else "")
    for index in long_lines:
        if index not in keep:
            line = sheet.shown[index]
            sheet.drop(index, index, f'line of {len(line)} characters: "{line[:_LONG_LINE_SAMPLE]}…"')
    drop_foreign_frames(sheet)


def _times(shown: Sequence[str], first: int, last: int) -> str:
    """The times of the first and the last line of a gap that have one."""
    start = next((stamp for at in range(first, last + 1) if (stamp := timestamps.read(shown[at]))), None)
    end = next((stamp for at in range(last, first - 1, -1) if (stamp := timestamps.read(shown[at]))), None)
    if start is None or end is None:
        return ""
    if start.date == end.date:
        return f"first {start.time}, last {end.time}"
    return f"first {start.date.strip()}{start.time}, last {end.date.strip()}{end.time}"


def _telling_lines(sheet: Sheet, templates: Templates) -> set[int]:
    """The first lines of each template, and what stands around the first of each distinct error."""
    keep: set[int] = set()
    shown = [0] * len(templates.clusters)
    times: dict[int, int] = {}
    strong: dict[int, bool] = {}
    for index, (exact, cluster) in enumerate(zip(templates.exact, templates.cluster, strict=True)):
        if sheet.labels[index] is not None:
            continue
        nth = times[exact] = times.get(exact, 0) + 1
        if nth == 1:
            strong[exact] = is_strong(sheet.shown[index])
        if strong[exact]:
            most = _STRONG_SHOWN if len(sheet.shown[index]) <= _LONG_STRONG_CHARS else _LONG_STRONG_SHOWN
            wanted = nth <= most and shown[cluster] < _STRONG_ALIKE
            if wanted and shown[cluster] < _WITH_CONTEXT:
                keep.update(range(max(0, index - _CONTEXT), index + _CONTEXT + 1))
        elif nth == 1 and is_alarming(sheet.shown[index]):
            wanted = shown[cluster] < _WEAK_ALIKE
        else:
            wanted = shown[cluster] < _PLAIN_SHOWN or templates.clusters[cluster].n_lines <= _RARE
            wanted = wanted and not _is_command(sheet.shown[index])
        if wanted:
            keep.add(index)
            shown[cluster] += 1
            if _DIAGNOSTIC.search(sheet.shown[index]):
                keep.update(_code_frame(sheet.shown, index))
    return keep


def _code_frame(shown: Sequence[str], index: int) -> range:
    """The source and carets below a compiler's message."""
    last = index
    while last + 1 < len(shown) and last - index < _CODE_FRAME_LINES and _CODE_FRAME.match(shown[last + 1]):
        last += 1
    return range(index + 1, last + 1)


def _is_command(line: str) -> bool:
    return len(line) > _COMMAND_CHARS and _COMPILING.match(line) is not None


def _gaps(n_lines: int, keep: set[int]) -> list[tuple[int, int]]:
    """The stretches of lines that are not kept."""
    gaps = []
    first = -1
    for index in range(n_lines + 1):
        kept = index == n_lines or index in keep
        if not kept and first < 0:
            first = index
        elif kept and first >= 0:
            gaps.append((first, index - 1))
            first = -1
    return gaps
