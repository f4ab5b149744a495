"""Which compressors may try a text, by cheap rules: the tool, its command, and how the text looks."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headroom_wrap import tokens
from headroom_wrap.compression import (
    blame,
    code,
    diffs,
    history,
    json_rows,
    listings,
    logs,
    markers,
    mixed,
    numbered,
    prose,
    search,
    sections,
    tables,
    test_runs,
    web_pages,
    yaml_text,
)
from headroom_wrap.compression.commands import Prints, command_of, is_reader, prints
from headroom_wrap.compression.looks import Looks, looks
from headroom_wrap.compression.model import Compressed, Compressor, Hints

HEADER_TOKENS = 58
"""What the line costs that names the original above a text with elisions."""
MIN_SAVED_TOKENS = 40
MIN_SAVED_SHARE = 0.08
"""What elision must save beyond its header."""
MIN_SAVED_TOKENS_LOSSLESS = 10
MIN_SAVED_SHARE_LOSSLESS = 0.04
"""What a re-spelling must save, which hides nothing."""

_SEARCHERS = re.compile(r"(?:^|_)(?:grep|glob|rg|ripgrep|search|find|list|ls)(?:_|$)", re.IGNORECASE)
_SHOWS_FILE = re.compile(r"\bgit (?:-C \S{1,200} )?show (?:-\S{1,99} ){0,9}[^\s:]{1,200}:\S")
_CHANGES_TREE = re.compile(r"\bgit (?:-C \S{1,200} )?(?:status|add|commit|merge|pull|rebase|cherry-pick|stash)\b")
"""Commands that list files of a working tree as `git log` lists those of a commit."""
_QUERIES_OF_DATA = re.compile(r"\bj?yq\b|\bjq\b")
_LONG_DATA_CHARS = 8000
_CONFIG_FILE = re.compile(
    r"\b(?:package|composer|angular|manifest|deno|turbo|nx|launch|tasks)\.json|\b[ts]sconfig|config[\w.-]*\.json|settings"
    r"[\w.-]*\.json|rc(?:\.json)?\b|\.jsonc\b"
)


@dataclass(frozen=True, slots=True)
class Survey:
    """What is known of a text before anybody reads it whole.

    Attributes:
        command: of a shell tool, or "".
        prints: what that command prints.
        looks: how the text looks.
        is_searched: a search tool found it.
        is_file: files' own content, which somebody may edit.
        is_data: files' content too, but rows that nobody edits one by one.
    """

    command: str
    prints: Prints
    looks: Looks
    is_searched: bool
    is_file: bool
    is_data: bool

    def is_output(self, kinds: Prints, look: Looks = Looks.NOTHING_KNOWN) -> bool:
        """Whether a program printed it that prints such things, or it looks so."""
        return bool(self.prints & kinds) or bool(self.looks & look)


@dataclass(frozen=True, slots=True)
class Rule:
    """A compressor by its name, and when it may try."""

    name: str
    compress: Compressor
    fits: Callable[[Survey], bool]


_LOOKS_OF_NO_DOCUMENT = Looks.NUMBERED | Looks.DIFF | Looks.ONE_JSON_VALUE | Looks.LOG
_SOURCES = (
    Rule("code", code.compress, lambda at: at.is_file),
    Rule("numbered", numbered.compress, lambda at: at.is_file),
)
_OF_ONE_KIND = frozenset([*(rule.name for rule in _SOURCES), "sections", "web_pages"])
"""What these have made of a text needs no cutting into kinds."""
_CHANGES = (
    Rule("diffs", diffs.compress, lambda at: bool(at.looks & Looks.DIFF)),
    Rule("history", history.compress, lambda at: at.is_output(Prints.HISTORY, Looks.DIFF)),
    Rule("blame", blame.compress, lambda at: at.is_output(Prints.HISTORY)),
    # `git log --help` is a manual.
    Rule("sections", sections.compress, lambda at: sections.MANUAL.search(at.command) is not None),
)
_READ_DOCUMENTS = (Rule("sections", sections.compress, lambda at: not at.looks & Looks.DIFF),)
_OUTPUTS = (
    Rule("json_rows", json_rows.compress, lambda at: bool(at.looks & Looks.JSON) and (at.is_data or not at.is_file)),
    Rule(
        "tables",
        tables.compress,
        lambda at: (
            (bool(at.looks & Looks.TABLE) or tables.PRINTERS.search(at.command) is not None)
            and (at.is_data or not at.is_file)
        ),
    ),
    Rule(
        "yaml_text",
        yaml_text.compress,
        lambda at: (
            yaml_text.PRINTERS.search(at.command) is not None or (not at.command and bool(at.looks & Looks.YAML))
        ),
    ),
    Rule("test_runs", test_runs.compress, lambda at: at.is_output(Prints.TESTS, Looks.TESTS)),
    Rule("search", search.compress, lambda at: at.is_output(Prints.MATCHES) or at.is_searched),
    Rule("listings", listings.compress, lambda at: at.is_output(Prints.MATCHES) or at.is_searched),
    Rule(
        "logs",
        logs.compress,
        lambda at: at.is_output(Prints.LOGS, Looks.LOG) and not at.looks & Looks.ONE_JSON_VALUE,
    ),
    Rule("history", history.compress, lambda at: _CHANGES_TREE.search(at.command) is not None),
    Rule("terminal", logs.tidy, lambda at: bool(at.command) and not at.is_output(Prints.FILES | Prints.HISTORY)),
    # `find … | xargs cat` prints sources, too, and so do tools that nobody knows.
    Rule(
        "code",
        code.compress,
        lambda at: not at.is_file and (bool(at.command) or (not at.looks and not at.is_searched)),
    ),
    Rule("web_pages", web_pages.compress, lambda at: not at.looks & _LOOKS_OF_NO_DOCUMENT and not at.is_searched),
    Rule("sections", sections.compress, lambda at: not at.is_output(~Prints.FILES, _LOOKS_OF_NO_DOCUMENT)),
    Rule("prose", prose.compress, lambda at: not at.is_output(~Prints.FILES, ~Looks.TABLE) and not at.is_searched),
)


def compress(text: str, hints: Hints, last: Sequence[Rule] = ()) -> tuple[str, Compressed] | None:
    """The shortest acceptable result of the compressors that may try: their name and what they made of the text.

    Args:
        text: what the model would read.
        hints: what else is known of it.
        last: what may try where no other compressor could do anything, and nothing must stay exact.
    """
    whole = _best(text, hints)
    if whole is not None and whole.name in _OF_ONE_KIND:
        return whole.name, whole.result
    parts = mixed.compress(text, hints, _named_best)
    made = None if parts is None else _weighed("mixed", parts, tokens.count(text))
    if made is not None and (whole is None or made.cost < whole.cost):
        return made.name, made.result
    best = whole or made or _best(text, hints, last)
    return None if best is None else (best.name, best.result)


def route(text: str, hints: Hints, last: Sequence[Rule] | None = None) -> list[Rule]:
    """The compressors that may try, in order; none for what must stay exact or is not known.

    Args:
        text: what the model would read.
        hints: what else is known of it.
        last: if given, only these are asked, and for no file or change.
    """
    if markers.carries_marker(text):
        return []
    at = survey(text, hints)
    if last is not None:
        is_exact = is_reader(hints.tool_name) or at.looks & (Looks.NUMBERED | Looks.DIFF)
        return [] if is_exact else [rule for rule in last if rule.fits(at)]
    if is_reader(hints.tool_name):
        rules: tuple[Rule, ...] = (*_SOURCES, *_READ_DOCUMENTS)
    elif at.looks & Looks.NUMBERED:
        rules = _SOURCES
    elif at.looks & Looks.DIFF:
        rules = () if at.prints is Prints.FILES else _CHANGES
    elif at.is_file and at.prints & Prints.HISTORY:
        rules = _CHANGES
    else:
        rules = (*_SOURCES, *_OUTPUTS)
    return [rule for rule in rules if rule.fits(at)]


def survey(text: str, hints: Hints) -> Survey:
    """Look at the tool, its arguments and the first lines."""
    command = command_of(hints.tool_input)
    kinds = prints(command)
    if _SHOWS_FILE.search(command):
        kinds = kinds & ~Prints.HISTORY | Prints.FILES
    known = looks(text, is_history=bool(kinds & Prints.HISTORY), is_tests=bool(kinds & Prints.TESTS))
    others = kinds & (Prints.TESTS | Prints.MATCHES | Prints.LOGS)
    is_file = is_reader(hints.tool_name) or (bool(kinds & (Prints.FILES | Prints.HISTORY)) and not others)
    is_data = kinds is Prints.FILES and (
        _QUERIES_OF_DATA.search(command) is not None
        or (len(text) > _LONG_DATA_CHARS and not _CONFIG_FILE.search(command))
    )
    return Survey(command, kinds, known, _SEARCHERS.search(hints.tool_name) is not None, is_file, is_data)


@dataclass(frozen=True, slots=True)
class _Weighed:
    """A result that pays, and the tokens that its reader pays for it, with the line that names its original."""

    name: str
    result: Compressed
    cost: int


def _best(text: str, hints: Hints, last: Sequence[Rule] | None = None) -> _Weighed | None:
    rules = route(text, hints, last)
    if hints.marker is None and any(rule.compress is logs.compress for rule in rules):
        # Without elisions the one does what the other does.
        rules = [rule for rule in rules if rule.compress is not logs.tidy]
    results = [(rule.name, result) for rule in rules if (result := rule.compress(text, hints)) is not None]
    before = tokens.count(text) if results else 0
    weighed = [made for name, result in results if (made := _weighed(name, result, before)) is not None]
    return min(weighed, key=lambda made: made.cost, default=None)


def _named_best(text: str, hints: Hints) -> tuple[str, Compressed] | None:
    best = _best(text, hints)
    return None if best is None else (best.name, best.result)


def _weighed(name: str, result: Compressed, before: int) -> _Weighed | None:
    cost = tokens.count(result.text) + (HEADER_TOKENS if result.elided else 0)
    least, share = (
        (MIN_SAVED_TOKENS, MIN_SAVED_SHARE) if result.elided else (MIN_SAVED_TOKENS_LOSSLESS, MIN_SAVED_SHARE_LOSSLESS)
    )
    return _Weighed(name, result, cost) if before - cost >= max(least, share * before) else None
