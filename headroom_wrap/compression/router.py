"""Which compressors may try a text, by cheap rules: the tool, its command, and how the text looks."""

from __future__ import annotations

import re

from headroom_wrap import tokens
from headroom_wrap.compression import json_rows, listings, logs, markers, search, tables, test_runs, yaml_text
from headroom_wrap.compression.commands import Prints, command_of, prints
from headroom_wrap.compression.model import Compressed, Compressor, Hints

Candidate = tuple[str, Compressor]

HEADER_TOKENS = 58
"""What the line costs that names the original above a text with elisions."""
MIN_SAVED_TOKENS = 60
MIN_SAVED_SHARE = 0.15

_JSON: Candidate = ("json_rows", json_rows.compress)
_TABLES: Candidate = ("tables", tables.compress)
_YAML: Candidate = ("yaml_text", yaml_text.compress)
_SEARCH: Candidate = ("search", search.compress)
_LISTING: Candidate = ("listings", listings.compress)
_TESTS: Candidate = ("test_runs", test_runs.compress)
_LOGS: Candidate = ("logs", logs.compress)
_TIDY: Candidate = ("terminal", logs.tidy)

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
_TABLE_HEAD = re.compile(
    r"^ *[A-Z%#][\w%()#/-]*(?: [A-Z][\w()/-]*)?(?: {2,}[A-Z%#][\w%()#/:-]*(?: [A-Z][\w()/-]*)?){2,} *$"
    r"|^ *[|+]?[-=]{2,}(?:[ |+]+[-=:]{2,}){1,}[|+]? *$|^[+╭┌][-─]{2}|^[^|\n]{1,80}(?: \| [^|\n]{1,80}){2,}$",
    re.MULTILINE,
)
_TRACE = re.compile(r"Traceback \(most recent call last\)|\s+at \S+ ?\(|  File \"[^\"]+\", line \d+|goroutine \d+ \[")
_LOG_LINE = re.compile(
    r"\W{0,2}(?:\w{1,14} )?\d{4}[-/]\d\d[-/]\d\d[T ]|\W?\d\d:\d\d:\d\d|\W?[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d"
    r"|\W?\d\d/\w{2,3}/\d{2,4}[ :]|\W?(?:[A-Z][a-z]{2} ){2}|\[?(?:INFO|DEBUG|WARN|WARNING|ERROR|TRACE|FATAL)\b"
    r"|\d{10,13}\b|\{\"(?:level|time|ts|timestamp|severity)\"|time="
)
_JSON_STARTS = ("{", "[")
_BANNER_LINES = 12
_MIN_CSV_LINES = 3
_LONG_DATA_CHARS = 8000
_CONFIG_FILE = re.compile(
    r"\b(?:package|composer|angular|manifest|deno|turbo|nx|launch|tasks)\.json|\b[ts]sconfig|config[\w.-]*\.json|settings"
    r"[\w.-]*\.json|rc(?:\.json)?\b|\.jsonc\b"
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
    if markers.carries_marker(text) or _READERS.search(hints.tool_name):
        return []
    command = command_of(hints.tool_input)
    kinds = prints(command)
    sample = [line[:_SAMPLE_LINE_CHARS] for line in text[:_SAMPLE_CHARS].split("\n")[:_SAMPLE_LINES]]
    if _is_exact(sample, kinds):
        return []
    looks = _looks(sample)
    if kinds & (Prints.FILES | Prints.HISTORY) and not kinds & (Prints.TESTS | Prints.MATCHES | Prints.LOGS):
        fit = (_TESTS, _LOGS, _JSON, _TABLES) if _is_data(command, text, sample) else (_TESTS, _LOGS)
        return [candidate for candidate in looks if candidate in fit] if kinds is Prints.FILES else []
    wanted = list(looks)
    if kinds & Prints.TESTS:
        wanted.append(_TESTS)
    if kinds & Prints.MATCHES or _SEARCHERS.search(hints.tool_name):
        wanted += [_SEARCH, _LISTING]
    wanted += _structured(command, sample)
    if _JSON in looks and _is_one_value(text):
        return [candidate for candidate in wanted if candidate is not _LOGS]
    if kinds & Prints.LOGS:
        wanted.append(_LOGS)
    if command and not kinds & (Prints.FILES | Prints.HISTORY):
        wanted.append(_TIDY)
    return list(dict.fromkeys(wanted))


def _structured(command: str, sample: list[str]) -> list[Candidate]:
    """The compressors of what a command is known to print, or what no command is known for."""
    found: list[Candidate] = []
    if yaml_text.PRINTERS.search(command) or (not command and yaml_text.looks_like_yaml(sample)):
        found.append(_YAML)
    if tables.PRINTERS.search(command):
        found.append(_TABLES)
    return found


def _is_separated(sample: list[str]) -> bool:
    """Whether the first lines have equally many commas or the like, and some."""
    head = [line for line in sample[:6] if line]
    return len(head) > _MIN_CSV_LINES and any(
        head[0].count(char) > 1 and all(line.count(char) >= head[0].count(char) for line in head) for char in ",\t;"
    )


def _is_one_value(text: str) -> bool:
    """Whether a text looks like one JSON value over several lines: no log has such lines."""
    whole = text.strip()
    return whole[:1] in _JSON_STARTS and whole[-1:] in ("}", "]") and not re.match(r".*\n *[{\[].*\n", whole)


def _is_data(command: str, text: str, sample: list[str]) -> bool:
    """Whether what a command prints of files is data, and so long that nobody edits it line by line."""
    if re.search(r"\bj?yq\b|\bjq\b", command):
        return True
    return len(text) > _LONG_DATA_CHARS and not _CONFIG_FILE.search(command) and bool(sample)


def _is_exact(sample: list[str], kinds: Prints) -> bool:
    """Whether the text is a file with line numbers or a diff: something that an edit may be made from."""
    head = [line for line in sample if line.strip()][:40]
    if not head:
        return True
    if sum(1 for line in head if _NUMBERED_LINE.match(line)) * 2 > len(head):
        # Tab-separated data may begin with numbers, but not its head.
        return bool(_NUMBERED_LINE.match(head[0])) or not _is_separated(sample)
    return not kinds & Prints.TESTS and any(_DIFF.match(line) for line in head)


def _looks(sample: list[str]) -> list[Candidate]:
    found: list[Candidate] = []
    if any(line.lstrip()[:1] in _JSON_STARTS for line in sample[:_BANNER_LINES]):
        found.append(_JSON)
    if _TABLE_HEAD.search("\n".join(sample)) or _is_separated(sample):
        found.append(_TABLES)
    if sum(1 for line in sample if _TEST_MARK.match(line)) >= _TEST_LINES_MIN or any(map(_TRACE.match, sample)):
        found.append(_TESTS)
    lines = [line for line in sample if line.strip()]
    if sum(1 for line in lines if _LOG_LINE.match(line)) >= _LOG_SHARE * len(lines):
        found.append(_LOGS)
    return found
