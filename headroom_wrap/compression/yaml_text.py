"""YAML that a program printed: bookkeeping and repeated blocks go, of many alike entries the telling ones stay."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headroom_wrap.compression.json_strings import Clipper
from headroom_wrap.compression.lines import Marker, may_try
from headroom_wrap.compression.model import Compressed, Hints
from headroom_wrap.compression.row_choice import gaps, in_common, telling_rows, varies

PRINTERS = re.compile(
    r"\b(?:kubectl|oc)\b.*(?:-o ?|--output[= ])yaml|\bhelm\s+(?:template|get|show)\b|\bdocker[ -]compose\b.*\bconfig\b"
    r"|\bkustomize\b|\bargocd\b.*yaml"
)
"""Commands that print YAML which nobody edits in place."""

_KEY = re.compile(r"(\s*(?:- +)*)(\"[^\"]{1,200}\"|'[^']{1,200}'|[^\s#\"'{\[-][^#]{0,200}?):(?:\s+(.*))?\Z")
_ENDS_KEY = re.compile(r":(?:\s|\Z)")
_NOISE = ("managedFields", "kubectl.kubernetes.io/last-applied-configuration")
_KEY_SHARE = 0.8
_MIN_ENTRIES, _MIN_ENTRIES_CHARS = 8, 1500
_MIN_REPEATED_LINES, _MIN_REPEATED_CHARS = 4, 120
_MIN_GAIN_CHARS = 60
_ALIKE = 0.4
_MAX_LINES = 50_000
_SAMPLE_LINES = 400


@dataclass(slots=True)
class _Node:
    """A line and the lines below it that belong to it; lines are numbered from 0 on."""

    first: int
    level: int
    last: int = 0
    children: list[_Node] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Gap:
    first: int
    last: int
    what: str


def looks_like_yaml(lines: Sequence[str]) -> bool:
    """Whether most lines are keys with values, or entries of lists."""
    inked = [line for line in lines[:_SAMPLE_LINES] if line.strip()]
    fit = sum(1 for line in inked if _key(line) or line.lstrip().startswith(("- ", "#", "---")))
    nested = sum(1 for line in inked if line.startswith((" ", "-")))
    return bool(inked) and fit >= _KEY_SHARE * len(inked) and nested * 2 >= len(inked)


def _key(line: str) -> re.Match[str] | None:
    """The key of a line, with what stands before it and its value; a search for its end costs less than for all."""
    return _KEY.match(line) if _ENDS_KEY.search(line) else None


def compress(text: str, hints: Hints) -> Compressed | None:
    """Elide what tells nothing; YAML has no shorter spelling that is as plain, so nothing is done without a marker."""
    marker = hints.marker
    if marker is None or not may_try(text) or "\t" in text[:1000]:
        return None
    lines = text.split("\n")
    if len(lines) > _MAX_LINES or not looks_like_yaml(lines):
        return None
    root = _tree(lines)
    found = _Finder(lines, hints)
    found.search(root)
    spelled, elided = _rendered(lines, found.gaps, Clipper(text, hints), marker)
    if not elided or len(spelled) >= len(text):
        return None
    return Compressed(spelled, "YAML: bookkeeping, repeats, unremarkable entries elided", elided, _total(lines))


def _total(lines: Sequence[str]) -> int:
    return len(lines) - (lines[-1] == "")


def _tree(lines: Sequence[str]) -> _Node:
    """All lines by their indentation; entries of a list stand below the key that is indented as they are."""
    root = _Node(-1, -1, len(lines) - 1)
    stack = [root]
    last_inked = -1
    for index, line in enumerate(lines):
        stripped = line.lstrip(" ")
        if not stripped:
            continue
        is_entry = stripped.startswith("- ") or stripped == "-"
        level = 0 if stripped.startswith("---") else 2 * (len(line) - len(stripped)) + 1 + is_entry
        while stack[-1].level >= level:
            stack.pop().last = last_inked
        node = _Node(index, level)
        stack[-1].children.append(node)
        stack.append(node)
        last_inked = index
    for node in stack[1:]:
        node.last = last_inked
    return root


class _Finder:
    """Walks a tree from above and collects what may go."""

    def __init__(self, lines: Sequence[str], hints: Hints) -> None:
        self._lines = lines
        self._hints = hints
        self._seen: dict[tuple[str, ...], _Node] = {}
        self.gaps: list[_Gap] = []

    def search(self, root: _Node) -> None:
        """Find the gaps below a node, without recursion: indentation may be deep."""
        todo = [root]
        while todo:
            node = todo.pop()
            left = self._telling(node.children)
            todo += [child for child in reversed(left) if child.last > child.first and not self._goes(child)]

    def _goes(self, node: _Node) -> bool:
        """Whether what stands below a line goes: bookkeeping, or what stands further up already."""
        found = _key(self._lines[node.first])
        if found is not None and found[2].strip("\"'") in _NOISE:
            self.gaps.append(_Gap(node.first, node.last, found[2]))
            return True
        if node.last - node.first < _MIN_REPEATED_LINES:
            return False
        body = self._lines[node.first + 1 : node.last + 1]
        margin = len(body[0]) - len(body[0].lstrip(" "))
        dedented = tuple(line[margin:] for line in body)
        if sum(map(len, dedented)) < _MIN_REPEATED_CHARS:
            return False
        earlier = self._seen.setdefault(dedented, node)
        if earlier is node or earlier.first > node.first:
            # Nodes are not met in the order of their lines; what is read later is no ground to leave this out.
            return False
        start = self._hints.offset + 1
        what = f"the same as lines {start + earlier.first + 1}-{start + earlier.last}"
        self.gaps.append(_Gap(node.first + 1, node.last, what))
        return True

    def _telling(self, entries: Sequence[_Node]) -> Sequence[_Node]:
        """Of many alike entries those that stay; the others become gaps."""
        texts = ["\n".join(self._lines[node.first : node.last + 1]) for node in entries]
        if len(entries) < _MIN_ENTRIES or sum(map(len, texts)) < _MIN_ENTRIES_CHARS:
            return entries
        if sum(1 for node in entries if node.last > node.first) * 2 < len(entries):
            return entries
        columns = _columns(self._lines, entries)
        if not _are_alike(self._lines, entries):
            return entries
        keep = telling_rows(columns, texts, self._hints)
        gone: set[int] = set()
        differing = {key: cells for key, cells in columns.items() if varies(cells)}
        for first, last in gaps(keep, texts):
            said = in_common(differing, first, last)
            what = f"{last - first + 1} entries" + (f", {said}" if said else "")
            self.gaps.append(_Gap(entries[first].first, entries[last].last, what))
            gone.update(range(first, last + 1))
        return [node for index, node in enumerate(entries) if index not in gone]


def _are_alike(lines: Sequence[str], entries: Sequence[_Node]) -> bool:
    """Whether entries have mostly the keys of each other, as entries of a list have, and parts of a whole have not."""
    keys = []
    for node in entries:
        below = {lines[child.first].strip().lstrip("- ").partition(":")[0] for child in node.children}
        keys.append(below)
    everything = set().union(*keys)
    return bool(everything) and sum(map(len, keys)) >= _ALIKE * len(keys) * len(everything)


def _columns(lines: Sequence[str], entries: Sequence[_Node]) -> Mapping[str, list[tuple[int, str]]]:
    columns: dict[str, list[tuple[int, str]]] = {}
    for number, node in enumerate(entries):
        values: dict[str, str] = {}
        for line in lines[node.first : node.last + 1]:
            found = _key(line)
            if found is not None and found[3]:
                values.setdefault(found[2], found[3])
        for key, value in values.items():
            columns.setdefault(key, []).append((number, value))
    return columns


def _rendered(lines: Sequence[str], found: Sequence[_Gap], clipper: Clipper, marker: Marker) -> tuple[str, int]:
    out: list[str] = []
    at = elided = 0
    for gap in sorted(found, key=lambda gap: gap.first):
        stand_in = marker(gap.first + 1, gap.last + 1, gap.what)
        gone = sum(len(line) + 1 for line in lines[gap.first : gap.last + 1])
        if gap.first < at or gone < len(stand_in) + _MIN_GAIN_CHARS:
            continue
        out += [clipper.clip_cell(line) for line in lines[at : gap.first]]
        out.append(stand_in)
        elided += gap.last - gap.first + 1
        at = gap.last + 1
    out += [clipper.clip_cell(line) for line in lines[at:]]
    return "\n".join(out), elided
