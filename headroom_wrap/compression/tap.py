"""Lines beside passed tests that tell no outcome: TAP's comments, plans and details, headings of suites."""

from __future__ import annotations

import re
from collections.abc import Sequence

_HEADING = re.compile(r"( *)▶ (.*\S)")
_CLOSING = re.compile(r"( *)([✔✖]) (.*?)(?: \(\d[\d.]*ms\))?\Z")
_PLAIN = re.compile(
    r"\s*(?:TAP version \d+|\d+\.\.\d+|# (?:tests|pass|suites) +\d+|# (?:fail|skipped|todo|cancelled) +0|# ok)\Z"
)
_COMMENT = re.compile(r"\s*# \S")
_OUTCOME = re.compile(r"\s*(not )?ok \d+\b")
_SUM = re.compile(r"\s*# (?:tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ")
_BAIL = "Bail out!"
_DETAIL_LINES = 12


def of_passed(lines: Sequence[str]) -> set[int]:
    """The lines that say nothing but that tests passed, beside those with their outcomes."""
    return _tap(lines) | _suites(lines)


def _tap(lines: Sequence[str]) -> set[int]:
    found: set[int] = set()
    if not any(map(_OUTCOME.match, lines)):
        return found
    fails_next = False
    for index in range(len(lines) - 1, -1, -1):
        line = lines[index]
        outcome = _OUTCOME.match(line)
        if outcome is not None:
            fails_next = outcome[1] is not None
            if not fails_next:
                found.update(_details(lines, index))
        elif line.startswith(_BAIL):
            fails_next = True
        elif _PLAIN.match(line) or (_COMMENT.match(line) and not _SUM.match(line) and not fails_next):
            found.add(index)
    # The sums at the end of all are what a reader wants.
    last = len(lines)
    while last > 0 and (not lines[last - 1].strip() or _SUM.match(lines[last - 1]) or _PLAIN.match(lines[last - 1])):
        last -= 1
    return {index for index in found if index < last}


def _details(lines: Sequence[str], outcome: int) -> range:
    """The YAML below an outcome."""
    if outcome + 1 < len(lines) and lines[outcome + 1].strip() == "---":
        for last in range(outcome + 2, min(len(lines), outcome + _DETAIL_LINES)):
            if lines[last].strip() == "...":
                return range(outcome + 1, last + 1)
    return range(0)


def _suites(lines: Sequence[str]) -> set[int]:
    """Headings of suites that closed well, and did so wherever their name stands."""
    closings: dict[tuple[str, str], bool] = {}
    headings: list[tuple[int, tuple[str, str]]] = []
    for index, line in enumerate(lines):
        if "▶" in line and (heading := _HEADING.fullmatch(line)):
            headings.append((index, (heading[1], heading[2])))
        elif ("✔" in line or "✖" in line) and (closing := _CLOSING.fullmatch(line)):
            name = (closing[1], closing[3])
            closings[name] = closings.get(name, True) and closing[2] == "✔"
    return {index for index, name in headings if closings.get(name, False)}
