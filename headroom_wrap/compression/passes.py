"""Tests that passed: many of them fold to one heading and their names, or to a count."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from headroom_wrap.compression import tap
from headroom_wrap.compression.lines import Sheet
from headroom_wrap.compression.relevance import relevant

SLOT = "…"
"""Stands in a heading where each of the names below it stood."""

_LISTED_MAX = 40
"""A stretch of more passed tests than this becomes a count; of fewer, every name stays: agents type node ids back."""
_RELEVANT_MAX = 12
_GROUP_MIN = 3

_PYTEST_OUTCOMES = (" PASSED", " SKIPPED", " XFAIL")
_UNITTEST_OK = " ... ok"
_CASE = re.compile(r"(\w+) \(([\w.<>]+)\)\Z")
_NAME = re.compile(r"[^\s,][^,]*\Z")
_ONE_LINE = re.compile(
    r"--- PASS: \S|=== (?:RUN|PAUSE|CONT|NAME) |ok  \t|\?   \t|PASS\Z"  # go
    r"|[\s│]*[✓✔√] |PASS +\S+\.\w+"  # jest, vitest, mocha
    r"|\s*ok \d+\b"  # TAP
    r"|\[ RUN      \]|\[       OK \]|\[-{10}\]"  # googletest
    r"|\[INFO\] (?:Running |Tests run: \d+, Failures: 0, Errors: 0, .*- in )"  # surefire
    r"|\s*\d+/\d+ Test +#\d+: .* Passed "  # ctest
    r"|\S+\[\d+\] [.sfw ]*\s\[OK\]\Z"  # sympy
)
_DOTS = re.compile(r"(?:\S+\.py )?[.sx]+\s*(?:\[ *\d+%\])?\Z")


@dataclass(frozen=True, slots=True)
class Pass:
    """A passed or skipped test and the lines that say so.

    The lines are `pattern` with `name` in each slot; with a `doc`, they are the part of it before ` ... `, and the doc
    with the rest of the pattern on a second line. `name` is "" where lines do not group.
    """

    first: int
    last: int
    pattern: str
    name: str
    doc: str = ""
    skipped: bool = False


def without_percentage(line: str) -> str:
    """The line without a runner's progress column, ` [ 12%]`, at its end."""
    bare = line.rstrip()
    if not bare.endswith("%]"):
        return bare
    opening = bare.rfind("[")
    return bare[:opening].rstrip() if bare[opening + 1 : -2].strip().isdigit() else bare


def find_passes(lines: Sequence[str]) -> list[Pass]:
    """The passed tests of a run, in order; `lines` without percentages."""
    found = []
    beside = tap.of_passed(lines)
    index = 0
    while index < len(lines):
        if index in beside:
            found.append(Pass(index, index, "", ""))
            index += 1
            continue
        following = lines[index + 1] if index + 1 < len(lines) else ""
        one = _pytest(index, lines[index]) or _unittest(index, lines[index], following) or _other(index, lines[index])
        if one is not None:
            found.append(one)
        index = index + 1 if one is None else one.last + 1
    return found


def _pytest(index: int, line: str) -> Pass | None:
    if "::" not in line:
        return None
    if line.startswith(("PASSED ", "SKIPPED ")):
        outcome, _, name = line.partition(" ")
        return Pass(index, index, f"{outcome} {SLOT}", name, skipped=line.startswith("S"))
    for outcome in _PYTEST_OUTCOMES:
        at = line.rfind(outcome)
        if at > 0 and (at + len(outcome) == len(line) or line[at + len(outcome) :].startswith((" (", " ["))):
            if " " in line[:at].partition("::")[0]:
                return None
            return Pass(index, index, f"{SLOT}{line[at:]}", line[:at], skipped=outcome != " PASSED")
    return None


def _unittest(index: int, line: str, following: str) -> Pass | None:
    if line.startswith("test ") and line.endswith(_UNITTEST_OK):
        return Pass(index, index, f"test {SLOT}{_UNITTEST_OK}", line[5 : -len(_UNITTEST_OK)])
    doc = ""
    case = line
    if line.endswith(_UNITTEST_OK):
        case = line[: -len(_UNITTEST_OK)]
    elif line.endswith(")") and following.endswith(_UNITTEST_OK):
        doc = following[: -len(_UNITTEST_OK)]
        if not doc or _CASE.match(doc):
            return None
    else:
        return None
    named = _CASE.match(case)
    if named is None:
        return None
    name, dotted = named.groups()
    place = dotted[: -len(name)] + SLOT if dotted.endswith("." + name) else dotted
    return Pass(index, index + bool(doc), f"{SLOT} ({place}){_UNITTEST_OK}", name, doc)


def _other(index: int, line: str) -> Pass | None:
    gradle = line.endswith(" PASSED") and " > " in line
    dots = "." in line and _DOTS.match(line) is not None
    return Pass(index, index, "", "") if gradle or dots or _ONE_LINE.match(line) else None


def fold_passes(sheet: Sheet, terms: Sequence[str], *, may_elide: bool) -> None:
    """Re-spell stretches of passed tests by their headings; drop long stretches but for their ends and `terms`."""
    found = find_passes(sheet.shown)
    wanted = {found[at].first for at in relevant([sheet.shown[one.first] for one in found], terms, _RELEVANT_MAX)}
    for stretch in _stretches(sheet, found):
        n_passed = sum(1 for one in stretch if not one.skipped)
        if may_elide and n_passed > _LISTED_MAX:
            for one in stretch[1:-1]:
                if not one.skipped and one.first not in wanted:
                    sheet.drop(one.first, one.last, "passed" if one.name else "lines of passed tests")
        else:
            _respell(sheet, stretch)


def _stretches(sheet: Sheet, found: Sequence[Pass]) -> list[list[Pass]]:
    """Passes with nothing but blank lines between them."""
    stretches: list[list[Pass]] = []
    for one in found:
        if stretches and not any(sheet.shown[index].strip() for index in range(stretches[-1][-1].last + 1, one.first)):
            stretches[-1].append(one)
        else:
            stretches.append([one])
    return stretches


def _respell(sheet: Sheet, stretch: Sequence[Pass]) -> None:
    at = 0
    while at < len(stretch):
        group = [stretch[at]]
        while at + len(group) < len(stretch) and _continues(group[-1], stretch[at + len(group)]):
            group.append(stretch[at + len(group)])
        at += len(group)
        first, last = group[0].first, group[-1].last
        if len(group) >= _GROUP_MIN:
            spelled = spell(group)
            if sum(map(len, spelled)) < sum(map(len, sheet.shown[first : last + 1])):
                sheet.respell(first, last, spelled)


def _continues(one: Pass, following: Pass) -> bool:
    return (
        bool(one.name)
        and following.pattern == one.pattern
        and following.first == one.last + 1
        and _NAME.match(one.name) is not None
        and _NAME.match(following.name) is not None
    )


def spell(group: Sequence[Pass]) -> list[str]:
    """A heading with the number of tests, then names separated by commas; a name with its doc has its own line."""
    out = [f"{len(group)} × {group[0].pattern}:"]
    names: list[str] = []
    for one in group:
        if not one.doc:
            names.append(one.name)
            continue
        if names:
            out.append("  " + ", ".join(names))
            names = []
        out.append(f"  {one.name}: {one.doc}")
    return [*out, "  " + ", ".join(names)] if names else out
