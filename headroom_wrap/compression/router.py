"""Which compressors may try a text, by cheap rules: the tool, its command, and how the text looks."""

from __future__ import annotations

import re

from headroom_wrap import tokens
from headroom_wrap.compression import code, json_rows, listings, logs, markers, numbered, search, test_runs
from headroom_wrap.compression.commands import Prints, command_of, prints
from headroom_wrap.compression.model import Compressed, Compressor, Hints

Candidate = tuple[str, Compressor]

HEADER_TOKENS = 58
"""What the line costs that names the original above a text with elisions."""
MIN_SAVED_TOKENS = 60
MIN_SAVED_SHARE = 0.15

_JSON: Candidate = ("json_rows", json_rows.compress)
_SEARCH: Candidate = ("search", search.compress)
_LISTING: Candidate = ("listings", listings.compress)
_TESTS: Candidate = ("test_runs", test_runs.compress)
_LOGS: Candidate = ("logs", logs.compress)
_TIDY: Candidate = ("terminal", logs.tidy)
_CODE: Candidate = ("code", code.compress)
_NUMBERED: Candidate = ("numbered", numbered.compress)

_READERS = re.compile(
    r"(?:^|_)(?:notebook_?)?(?:read|view|open|cat|edit|write|update|create|multi_?edit|str_replace\w*|apply_patch)"
    r"(?:_?(?:text|multiple|many|media|notebook))?(?:_?files?)?$",
    re.IGNORECASE,
)
_SEARCHERS = re.compile(r"(?:^|_)(?:grep|glob|rg|ripgrep|search|find|list|ls)(?:_|$)", re.IGNORECASE)

_SAMPLE_LINES = 400
_SAMPLE_CHARS = 60_000
_SAMPLE_LINE_CHARS = 300
_NUMBERED_LINE = re.compile(r" *\d+(?:→|\t)")
_DIFF = re.compile(r"diff --git |--- (?:a/|/dev/null)|@@ -\d|Index: |\+\+\+ b/")
_TEST_MARK = re.compile(
    r"={3,} (?:test session starts|FAILURES|ERRORS|short test summary|warnings summary|\d+ (?:passed|failed))"
    r"|(?:PASSED|FAILED|ERROR) \S+(?:::| > )|\S+::\S+ (?:PASSED|FAILED|ERROR|SKIPPED)"
    r"|.*\.\.\. (?:ok|FAIL|ERROR|skipped)\b"
    r"|Ran \d+ tests? in |--- (?:PASS|FAIL|SKIP): |=== RUN |test result: |Tests?(?: Suites)?: +\d+ |\s*[✓✔✕✗×√] "
    r"|TAP version|ok \d+ |not ok \d+ |Tests run: \d+|E   "
)
_TRACE = re.compile(r"Traceback \(most recent call last\)|\s+at \S+ ?\(|  File \"[^\"]+\", line \d+|goroutine \d+ \[")
_LOG_LINE = re.compile(
    r"\W{0,2}(?:\w{1,14} )?\d{4}[-/]\d\d[-/]\d\d[T ]|\W?\d\d:\d\d:\d\d|\W?[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d"
    r"|\W?\d\d/\w{2,3}/\d{2,4}[ :]|\W?(?:[A-Z][a-z]{2} ){2}|\[?(?:INFO|DEBUG|WARN|WARNING|ERROR|TRACE|FATAL)\b"
    r"|\d{10,13}\b|\{\"(?:level|time|ts|timestamp|severity)\"|time="
)
_TEST_LINES_MIN = 2
_LOG_SHARE = 0.4


def compress(text: str, hints: Hints) -> tuple[str, Compressed] | None:
    """The shortest acceptable result of the compressors that may try: their name and what they made of the text."""
    best: tuple[int, str, Compressed] | None = None
    before = 0
    for name, compressor in route(text, hints):
        result = compressor(text, hints)
        if result is None:
            continue
        before = before or tokens.count(text)
        after = tokens.count(result.text) + (HEADER_TOKENS if result.elided else 0)
        saved = before - after
        if saved >= MIN_SAVED_TOKENS and saved >= MIN_SAVED_SHARE * before and (best is None or after < best[0]):
            best = (after, name, result)
    return None if best is None else (best[1], best[2])


def route(text: str, hints: Hints) -> list[Candidate]:
    """The compressors that may try, in order; none for what must stay exact or is not known."""
    if markers.carries_marker(text):
        return []
    if _READERS.search(hints.tool_name):
        return [_CODE, _NUMBERED]
    command = command_of(hints.tool_input)
    kinds = prints(command)
    sample = [line[:_SAMPLE_LINE_CHARS] for line in text[:_SAMPLE_CHARS].split("\n")[:_SAMPLE_LINES]]
    if _is_exact(sample, kinds):
        return [_CODE, _NUMBERED] if kinds & Prints.FILES else []
    looks = _looks(text, sample)
    if kinds & (Prints.FILES | Prints.HISTORY) and not kinds & (Prints.TESTS | Prints.MATCHES | Prints.LOGS):
        if kinds is not Prints.FILES:
            return []
        return [_CODE, *(candidate for candidate in looks if candidate in (_TESTS, _LOGS))]
    wanted = list(looks)
    if kinds & Prints.TESTS:
        wanted.append(_TESTS)
    if kinds & Prints.MATCHES or _SEARCHERS.search(hints.tool_name):
        wanted += [_SEARCH, _LISTING]
    if kinds & Prints.LOGS:
        wanted.append(_LOGS)
    if command and not kinds & (Prints.FILES | Prints.HISTORY):
        # `find … | xargs cat` prints sources, too.
        wanted += [_TIDY, _CODE]
    return list(dict.fromkeys(wanted))


def _is_exact(sample: list[str], kinds: Prints) -> bool:
    """Whether the text is a file with line numbers or a diff: something that an edit may be made from."""
    head = [line for line in sample if line.strip()][:40]
    if not head:
        return True
    if sum(1 for line in head if _NUMBERED_LINE.match(line)) * 2 > len(head):
        return True
    return not kinds & Prints.TESTS and any(_DIFF.match(line) for line in head)


def _looks(text: str, sample: list[str]) -> list[Candidate]:
    found: list[Candidate] = []
    if text.lstrip()[:1] in ("{", "["):
        found.append(_JSON)
    if sum(1 for line in sample if _TEST_MARK.match(line)) >= _TEST_LINES_MIN or any(map(_TRACE.match, sample)):
        found.append(_TESTS)
    lines = [line for line in sample if line.strip()]
    if sum(1 for line in lines if _LOG_LINE.match(line)) >= _LOG_SHARE * len(lines):
        found.append(_LOGS)
    return found
