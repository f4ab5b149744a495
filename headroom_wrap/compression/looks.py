"""How a text looks, by cheap rules on a sample of its first lines."""

from __future__ import annotations

import re
from enum import Flag, auto

from headroom_wrap.compression.yaml_text import looks_like_yaml

_SAMPLE_LINES = 400
_SAMPLE_CHARS = 60_000
_SAMPLE_LINE_CHARS = 300
_HEAD_LINES = 40
_BANNER_LINES = 12
_SEPARATED_LINES = (3, 6)
_TEST_LINES_MIN = 2
_LOG_SHARE = 0.4

_NUMBERED_LINE = re.compile(r" *\d+(?:→|\t)")
_DIFF = re.compile(r"diff --git |--- (?:a/|/dev/null)|@@ -\d|Index: |\+\+\+ b/")
_TEST_MARK = re.compile(
    r"={3,} (?:test session starts|FAILURES|ERRORS|short test summary|warnings summary|\d+ (?:passed|failed))"
    r"|(?:PASSED|FAILED|ERROR) \S+(?:::| > )"
    r"|Ran \d+ tests? in |--- (?:PASS|FAIL|SKIP): |=== RUN |test result: |Tests?(?: Suites)?: +\d+ |\s*[✓✔✕✗×√] "
    r"|TAP version|ok \d+ |not ok \d+ |Tests run: \d+|E   "
)
_TEST_LINE = re.compile(r"\S+::\S+ (?:PASSED|FAILED|ERROR|SKIPPED)|.*\.\.\. (?:ok|FAIL|ERROR|skipped)\b")
_TABLE_HEAD = re.compile(
    r"^ *[A-Z%#][\w%()#/-]*(?: [A-Z][\w()/-]*)?(?: {2,}[A-Z%#][\w%()#/:-]*(?: [A-Z][\w()/-]*)?){2,} *$"
    r"|^ *[|+]?[-=]{2,}(?:[ |+]+[-=:]{2,}){1,}[|+]? *$|^[+╭┌][-─]{2}"
)
_TABLE_BARS = re.compile(r"[^|\n]{1,80}(?: \| [^|\n]{1,80}){2,}$")
_TRACE = re.compile(r"Traceback \(most recent call last\)|\s+at \S+ ?\(|  File \"[^\"]+\", line \d+|goroutine \d+ \[")
_LOG_LINE = re.compile(
    r"\W{0,2}(?:\w{1,14} )?\d{4}[-/]\d\d[-/]\d\d[T ]|\W?\d\d:\d\d:\d\d|\W?[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d"
    r"|\W?\d\d/\w{2,3}/\d{2,4}[ :]|\W?(?:[A-Z][a-z]{2} ){2}|\[?(?:INFO|DEBUG|WARN|WARNING|ERROR|TRACE|FATAL)\b"
    r"|\d{10,13}\b|\{\"(?:level|time|ts|timestamp|severity)\"|time="
)
_JSON_STARTS = ("{", "[")
_ROWS_OF_JSON = re.compile(r".*\n *[{\[].*\n")


class Looks(Flag):
    """What a text may be; several at once."""

    NOTHING_KNOWN = 0
    NUMBERED = auto()
    """Lines of a file with their numbers."""
    DIFF = auto()
    JSON = auto()
    ONE_JSON_VALUE = auto()
    TABLE = auto()
    YAML = auto()
    TESTS = auto()
    LOG = auto()


def looks(text: str, *, is_history: bool, is_tests: bool) -> Looks:
    """How `text` looks.

    Args:
        text: the whole; only its first lines are looked at.
        is_history: diffs may stand below other lines.
        is_tests: lines like those of a diff tell what was expected.
    """
    sample = [line[:_SAMPLE_LINE_CHARS] for line in text[:_SAMPLE_CHARS].split("\n")[:_SAMPLE_LINES]]
    lines = [line for line in sample if line.strip()]
    head = lines[:_HEAD_LINES]
    is_json = any(line.lstrip()[:1] in _JSON_STARTS for line in sample[:_BANNER_LINES])
    n_log_lines = sum(1 for line in lines if _LOG_LINE.match(line))
    n_test_lines = sum(1 for line in sample if _is_of_test(line))
    found = {
        Looks.NUMBERED: _is_numbered(head) and (bool(_NUMBERED_LINE.match(head[0])) or not _is_separated(sample)),
        Looks.DIFF: not is_tests and any(_DIFF.match(line) for line in (sample if is_history else head)),
        Looks.JSON: is_json,
        Looks.ONE_JSON_VALUE: is_json and _is_one_value(text),
        Looks.TABLE: any(map(_is_table_head, sample)) or _is_separated(sample),
        Looks.YAML: looks_like_yaml(sample),
        Looks.TESTS: n_test_lines >= _TEST_LINES_MIN or any(map(_TRACE.match, sample)),
        Looks.LOG: bool(lines) and n_log_lines >= _LOG_SHARE * len(lines),
    }
    known = Looks.NOTHING_KNOWN
    for look, is_so in found.items():
        if is_so:
            known |= look
    return known


def _is_table_head(line: str) -> bool:
    return _TABLE_HEAD.match(line) is not None or (" | " in line and _TABLE_BARS.match(line) is not None)


def _is_of_test(line: str) -> bool:
    if _TEST_MARK.match(line):
        return True
    # Plain searches tell most lines that the expression would read to their end.
    return ("... " in line or "::" in line) and _TEST_LINE.match(line) is not None


def _is_numbered(head: list[str]) -> bool:
    """Whether most lines begin with a number; those of data do so, too, but not its head."""
    return sum(1 for line in head if _NUMBERED_LINE.match(line)) * 2 > len(head)


def _is_separated(sample: list[str]) -> bool:
    """Whether the first lines have equally many commas or the like, and some."""
    least, most = _SEPARATED_LINES
    head = [line for line in sample[:most] if line]
    return len(head) > least and any(
        head[0].count(char) > 1 and all(line.count(char) >= head[0].count(char) for line in head) for char in ",\t;"
    )


def _is_one_value(text: str) -> bool:
    """Whether a text looks like one JSON value over several lines: no log has such lines."""
    whole = text.strip()
    return whole[:1] in _JSON_STARTS and whole[-1:] in ("}", "]") and not _ROWS_OF_JSON.match(whole)
