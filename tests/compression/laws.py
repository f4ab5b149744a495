"""What must hold of any text and what the router makes of it, whatever compressor did it."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise

from headroom_wrap import tokens
from headroom_wrap.compression import blame, listings, markers, mixed, numbered, router
from headroom_wrap.compression.json_rows import rows_of
from headroom_wrap.compression.model import Compressed, Hints, Level, Profile, WayBack
from tests.compression.following import follow
from tests.compression.outputs import Output
from tests.compression.tracing import (
    as_it_is,
    trace,
    trace_code,
    trace_json,
    trace_search,
    with_what_was_elided,
)

QUERY = "why does order 17 fail with no price?"
HINTS = {
    "safe": Hints(query=QUERY),
    "balanced": Hints(query=QUERY, marker=markers.elision),
    "aggressive": Hints(query=QUERY, marker=markers.elision, level=Level.AGGRESSIVE),
}
_PROFILE = Profile(way_back=WayBack.MCP)
_WORD = re.compile(r"\w+")
_OURS = re.compile(r"^\[headroom\b", re.MULTILINE)


def hints_for(output: Output, level: str) -> Hints:
    """What a compressor is told of an output."""
    return replace(HINTS[level], tool_name=output.tool_name, tool_input=output.tool_input)


def check_laws(text: str, hints: Hints) -> str:
    """Compress, and hold the result against the laws; gives the compressor's name, or "" where the text is left."""
    outcome = router.compress(text, hints)
    assert outcome == router.compress(text, hints)
    if outcome is None:
        return ""
    name, result = outcome
    check_size(text, result)
    check_elisions(text, result, hints)
    if name == "mixed":
        check_parts(text, result, hints)
    else:
        FOLLOWERS[name](text, result)
    if result.elided or _OURS.search(result.text):
        assert router.compress(result.text, hints) is None
    return name


def check_size(text: str, result: Compressed) -> None:
    """Shorter in characters and in tokens, with the line that names the original."""
    head = markers.header("h" + "0" * 16, result.elided, result.total, result.unit, _PROFILE) + "\n"
    rendered = (head if result.elided else "") + result.text
    assert len(rendered) < len(text)
    assert tokens.count(rendered) < tokens.count(text)


def check_elisions(text: str, result: Compressed, hints: Hints) -> None:
    """Ranges lie in the text, ascend, do not overlap, and make up what is said to be elided."""
    found = [each for each in markers.elisions(result.text) if each.unit == result.unit]
    if hints.marker is None:
        assert result.elided == 0
        assert "elided" not in result.text or "elided" in text
        return
    n_lines = text.count("\n") + (not text.endswith("\n"))
    total = {"lines": n_lines, "chars": len(text), "rows": len(rows_of(text) or ()) if result.unit == "rows" else 0}
    assert 0 <= result.elided <= result.total
    if result.elided:
        assert result.total == total[result.unit], (result.total, total, result.unit)
    if result.unit == "chars":
        return
    assert sum(each.last - each.first + 1 for each in found) == result.elided
    spans = sorted((each.first, each.last) for each in found)
    assert all(1 <= first <= last <= result.total + (result.unit == "lines") for first, last in spans)
    assert all(last < first for (_, last), (first, _) in pairwise(spans)), spans
    starts = [found[0].first for found in _by_marker(found)]
    assert starts == sorted(starts)


def _by_marker(found: list[markers.Elision]) -> list[list[markers.Elision]]:
    by_index: dict[int, list[markers.Elision]] = {}
    for each in found:
        by_index.setdefault(each.index, []).append(each)
    return list(by_index.values())


def check_parts(text: str, whole: Compressed, hints: Hints) -> None:
    """Each part keeps the laws on its own; the whole is its parts."""
    lines = text.split("\n")
    elided = 0
    for part in mixed.parts(lines):
        piece = "\n".join(lines[part.first : part.last + 1])
        made = router._named_best(piece, hints) if len(piece) >= mixed.MIN_PART_CHARS else None  # noqa: SLF001
        if made is None or made[1].unit != "lines":
            assert piece in whole.text
        else:
            check_elisions(piece, made[1], hints)
            FOLLOWERS[made[0]](piece, made[1])
            elided += made[1].elided
    assert elided == whole.elided


def check_words(text: str, result: Compressed) -> None:
    """Every word of a line that no marker names is shown, and every shown word is one of the text."""
    lines = text.split("\n")
    hidden = {at for each in markers.elisions(result.text) for at in range(each.first, each.last + 1)}
    shown = set(_WORD.findall(with_what_was_elided(result.text, text)))
    for number, line in enumerate(lines, 1):
        missing = set(_WORD.findall(line)) - shown
        assert not missing or number in hidden, (missing, line)
    words = set(_WORD.findall(text))
    for line in result.text.split("\n"):
        if not line.startswith(markers.PREFIX):
            assert set(_WORD.findall(with_what_was_elided(line, text))) <= words, line


def check_yaml(text: str, result: Compressed) -> None:
    trace(text, replace(result, text=with_what_was_elided(result.text, text)), as_it_is)


def _expands_by(expand: Callable[[str], str]) -> Callable[[str, Compressed], None]:
    def check(text: str, result: Compressed) -> None:
        assert result.elided == 0
        assert expand(result.text) == text

    return check


FOLLOWERS: Mapping[str, Callable[[str, Compressed], object]] = {
    "blame": _expands_by(blame.expand),
    "code": trace_code,
    "diffs": follow,
    "history": follow,
    "json_rows": trace_json,
    "listings": _expands_by(listings.expand),
    "logs": trace,
    "numbered": _expands_by(numbered.expand),
    "search": trace_search,
    "tables": check_words,
    "terminal": trace,
    "test_runs": trace,
    "yaml_text": check_yaml,
}
"""How each compressor's output is followed back to its original."""
