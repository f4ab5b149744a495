"""Dates and times of log lines: what a line's beginning shares with the line above is written once."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from headroom_wrap.compression.markers import PREFIX

NOTICE = f'{PREFIX}: "~" stands for the date, "~ " for date and time, of the nearest line above that has them]'
"""Stands above a text in which they were lifted."""
NOTICE_WITH_HOST = (
    f'{PREFIX}: "~" stands for the date (after a time, for the host), "~ " for all three, of the nearest line above]'
)

_DITTO = "~"
_TIME = r"\d\d:\d\d:\d\d(?:[.,:]\d{1,9})?(?:Z|[+-]\d\d:?\d\d)?"
_DATE = (
    r"\d{4}[-/.]\d\d[-/.]\d\d[T _-]|\d\d[-/.]\d\d(?:[-/.](?:\d{4}|\d\d))? |\d\d/[A-Z][a-z]{2}/\d{4}:|\d{8}-"
    r"|(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]?\d "
)
_LEAD = r"[\[(<]?\w{1,14} |[\[(<\"]|[^\s:]{1,60} "
_STAMP = re.compile(rf"((?:{_LEAD})?(?:{_DATE})|[\[(<]?)({_TIME})([\])>|,]{{0,2}} ?)()")
_SYSLOG = re.compile(r"([A-Z][a-z]{2} [ \d]?\d )(\d\d:\d\d:\d\d)( )([\w.-]{1,64} )")
_TIME_ALONE = re.compile(_TIME)
_MUST_GAIN_CHARS = 120


class Stamp(NamedTuple):
    """The beginning of a log line: `date` with what stands before it, `time`, what closes it, and a syslog's host.

    There is one for each line, read twice: a tuple is made and compared four times as fast as a dataclass.
    """

    date: str
    time: str
    tail: str
    host: str

    def whole(self) -> str:
        """The beginning as it stood."""
        return self.date + self.time + self.tail + self.host


def read(line: str) -> Stamp | None:
    """The stamp with which a line begins, or None."""
    match = _SYSLOG.match(line) or _STAMP.match(line)
    return Stamp(*match.groups()) if match is not None else None


def lift(text: str, stays: Callable[[str], bool]) -> str:
    """`text` with shared dates and times lifted below a notice, if that is shorter and can be undone.

    Lines of which `stays` is true keep every character: what is quoted and searched for are errors.
    """
    lines = text.split("\n")
    out = []
    above: Stamp | None = None
    for line in lines:
        stamp = read(line)
        out.append(line if stamp is None or above is None else _spell(line, stamp, above))
        above = stamp or above
    notice = NOTICE_WITH_HOST if above is not None and above.host else NOTICE
    must_gain = len(notice) + 1 + _MUST_GAIN_CHARS
    if len(text) - len("\n".join(out)) < must_gain:
        return text
    # What stays takes longer to tell.
    out = [line if spelled is not line and stays(line) else spelled for line, spelled in zip(lines, out, strict=True)]
    lifted = "\n".join([notice, *out])
    return lifted if len(lifted) + _MUST_GAIN_CHARS <= len(text) and expand(lifted) == text else text


def _spell(line: str, stamp: Stamp, above: Stamp) -> str:
    whole = stamp.whole()
    if stamp == above:
        return f"{_DITTO} {line[len(whole) :]}" if len(whole) > len(_DITTO) + 1 else line
    if not stamp.date or stamp.date != above.date:
        return line
    closed = stamp.tail + stamp.host
    same_host = stamp.host and closed == above.tail + above.host
    return f"{_DITTO}{stamp.time}{_DITTO if same_host else closed}{line[len(whole) :]}"


def expand(text: str) -> str:
    """The inverse of `lift`; a text without the notice stays as it is."""
    notice, _, rest = text.partition("\n")
    if notice not in (NOTICE, NOTICE_WITH_HOST):
        return text
    out = []
    above: Stamp | None = None
    for line in rest.split("\n"):
        whole = line if above is None else _unspell(line, above)
        out.append(whole)
        above = read(whole) or above
    return "\n".join(out)


def _unspell(line: str, above: Stamp) -> str:
    if line.startswith(_DITTO + " "):
        return above.whole() + line[len(_DITTO) + 1 :]
    time = _TIME_ALONE.match(line, len(_DITTO)) if line.startswith(_DITTO) else None
    if time is None:
        return line
    rest = line[time.end() :]
    if rest.startswith(_DITTO):
        rest = above.tail + above.host + rest[len(_DITTO) :]
    return above.date + time[0] + rest
