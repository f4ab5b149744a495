"""`git log` and its kin: authors once, stat rows by directory; of very long logs the ends and what is asked for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from headroom_wrap.compression import diffs, path_rows
from headroom_wrap.compression.cuts import Cuts
from headroom_wrap.compression.lines import may_try
from headroom_wrap.compression.markers import PREFIX
from headroom_wrap.compression.model import Compressed, Hints
from headroom_wrap.compression.patches import FilePart, parse
from headroom_wrap.compression.relevance import relevant, terms_of

_GRAPH = r"(?:[*|\\/][*|\\/ ]{0,40})?"
_BELOW = r"[*|\\/ ]{0,40}"
_COMMIT = re.compile(_GRAPH + r"commit [0-9a-f]{7,64}(?: [^\n]{0,400})?\Z")
_FIELD = re.compile(_BELOW + r"(?:Merge|Author|AuthorDate|Commit|CommitDate|Date|Reflog(?: message)?|gpg): ?")
_AUTHOR = re.compile(_BELOW + r"Author: ")
_DATE = re.compile(_BELOW + r"Date: {1,6}\w{3} \w{3} \d{1,2} \d\d:\d\d:\d\d( \d{4} [+-]\d{4})?\Z")
_MERGE = re.compile(_BELOW + r"Merge: ")
_ONE_LINE = re.compile(r"[*|\\/ ._-]{0,60}[0-9a-f]{7,40}\b")
_BLAMED = re.compile(r"\^?[0-9a-f]{7,40} [^\n]{0,300}?\d{1,8}\) ")
_GRAPH_ONLY = re.compile(r"[*|\\/ ._-]{0,80}\Z")
_TRAILER = re.compile(
    r"[*|\\/ ]{4,44}(?:Signed-off-by|Co-authored-by|Co-Authored-By|Reviewed-by|Acked-by|Tested-by|Approved-by"
    r"|Suggested-by|Reported-by|Cc|Change-Id|Reviewed-on|Commit-Queue|Auto-Submit|Cr-Commit-Position|git-svn-id|Helped-by"
    r"|Claude-Session|Generated-by|Assisted-by): "
)
_STAT_COUNT = re.compile(r" *(?:\d+(?: [+-]*)?|Bin(?: \d+ -> \d+ bytes)?)\Z")
_STAT_GROUPED = re.compile(r" (\S.*/)\Z")

_LONG_LOG, _LONG_ONE_LINE_LOG = 100, 200
_COMMITS_FIRST, _COMMITS_LAST, _COMMITS_RELEVANT = 60, 5, 20
_ONE_LINE_SHARE = 0.9
_STAT_LONG, _STAT_FIRST, _STAT_LAST = 40, 25, 3
_STAT_MAX_CHARS = 600
_MIN_TRAILER_CHARS = 400
_MIN_FOLDED = 4


@dataclass(frozen=True, slots=True)
class Head:
    """A commit's first lines: `start` is its `commit` line, `author` its author's."""

    start: int
    author: int


def compress(text: str, hints: Hints) -> Compressed | None:
    """Spell a log shorter, with the diffs in it; elide trailers, long stats and the middle of very long logs."""
    if not may_try(text):
        return None
    lines = text.split("\n")
    parts = parse(lines)
    free = _outside(len(lines), parts)
    heads = _heads(lines, free)
    cuts = Cuts(lines, hints.offset)
    if hints.marker is not None:
        starts = [head.start for head in heads]
        one_line = [] if heads else _one_line(lines, free)
        _cut_middle(cuts, starts or one_line, _LONG_LOG if heads else _LONG_ONE_LINE_LOG, hints)
        if heads:
            _cut_trailers(cuts, free)
    shown = [head for head in heads if not cuts.is_cut(head.start)]
    done = _fold_authors(cuts, shown) + _fold_dates(cuts, shown, free)
    done += _fold_stats(cuts, free, hints)
    done += path_rows.fold(cuts, free)
    if parts:
        done += diffs.plan(cuts, parts, text, hints)
    shorter, elided = cuts.render(hints.marker)
    shorter = "\n".join([*diffs.notes(done), shorter])
    if len(shorter) >= len(text):
        return None
    return Compressed(shorter, "log spelled shorter, its bulk elided" if elided else done[0], elided, cuts.total)


def _outside(n_lines: int, parts: Sequence[FilePart]) -> list[int]:
    """The lines that belong to no file of a diff."""
    free: list[int] = []
    at = 0
    for part in parts:
        free += range(at, part.start)
        at = part.end
    return [*free, *range(at, n_lines)]


def _heads(lines: Sequence[str], free: Sequence[int]) -> list[Head]:
    """The heads of all commits; none where one of them names no author in its place."""
    heads = []
    for index in free:
        if _COMMIT.match(lines[index]):
            author = index + 1
            author += author < len(lines) and _MERGE.match(lines[author]) is not None
            if author >= len(lines) or not _AUTHOR.match(lines[author]):
                return []
            heads.append(Head(index, author))
    return heads


def _one_line(lines: Sequence[str], free: Sequence[int]) -> list[int]:
    """The lines of a log with one commit each; none where the text is something else."""
    found = [index for index in free if _ONE_LINE.match(lines[index]) and not _BLAMED.match(lines[index])]
    others = sum(1 for index in free if not _GRAPH_ONLY.match(lines[index]))
    return found if found and len(found) >= _ONE_LINE_SHARE * others else []


def _cut_middle(cuts: Cuts, starts: Sequence[int], most: int, hints: Hints) -> None:
    """Of more than `most` commits take out those between the first and the last, but for those that are asked for."""
    if len(starts) <= most:
        return
    ends = [*starts[1:], cuts.total]
    wanted = relevant(cuts.lines, terms_of(hints), _COMMITS_RELEVANT)
    middle = range(_COMMITS_FIRST, len(starts) - _COMMITS_LAST)
    gone = [n for n in middle if not any(starts[n] <= index < ends[n] for index in wanted)]
    for _, run in groupby(enumerate(gone), lambda pair: pair[1] - pair[0]):
        members = [n for _, n in run]
        first, last = starts[members[0]], ends[members[-1]] - 1
        cuts.cut(first, last, ("commits", first), f"{len(members)} commit{'s' * (len(members) > 1)}")


def _cut_trailers(cuts: Cuts, free: Sequence[int]) -> None:
    trailers = [index for index in free if not cuts.is_cut(index) and _TRAILER.match(cuts.lines[index])]
    if sum(len(cuts.lines[index]) for index in trailers) >= _MIN_TRAILER_CHARS:
        for index in trailers:
            cuts.cut(index, index, "trailers", "trailers")


def _fold_authors(cuts: Cuts, shown: Sequence[Head]) -> list[str]:
    """Leave out an `Author` line that the commit above has too; `unfold_authors` is the inverse."""
    lines = cuts.lines
    same = []
    before = ""
    for head in shown:
        if lines[head.author] == before:
            same.append(head.author)
        before = lines[head.author]
    if len(same) < _MIN_FOLDED:
        return []
    for index in same:
        cuts.respell(index, ())
    return ["a commit without Author has that of the commit shown above it"]


def unfold_authors(lines: Sequence[str]) -> list[str]:
    """The lines of a log with the `Author` lines that `compress` left out."""
    out: list[str] = []
    before = ""
    for index, line in enumerate(lines):
        out.append(line)
        following = lines[index + 1] if index + 1 < len(lines) else ""
        if _AUTHOR.match(line):
            before = line
        elif before and not _AUTHOR.match(following) and _FIELD.match(following):
            is_head = _COMMIT.match(line) or (index and _MERGE.match(line) and _COMMIT.match(lines[index - 1]))
            if is_head and not _MERGE.match(following):
                out.append(before)
    return out


def _fold_dates(cuts: Cuts, shown: Sequence[Head], free: Sequence[int]) -> list[str]:
    """Leave out a year and zone that the date above has too; `unfold_dates` is the inverse."""
    lines = cuts.lines
    if any((date := _DATE.match(lines[index])) and not date[1] for index in free):
        return []
    short: dict[int, str] = {}
    before = ""
    for head in shown:
        date = _DATE.match(lines[head.author + 1]) if head.author + 1 < len(lines) else None
        if date is None:
            return []
        if date[1] == before:
            short[head.author + 1] = date[0].removesuffix(before)
        before = date[1]
    if len(short) < _MIN_FOLDED:
        return []
    for index, line in short.items():
        cuts.respell(index, (line,))
    return ["a Date without year and zone has those of the Date above it"]


def unfold_dates(lines: Sequence[str]) -> list[str]:
    """The lines of a log with the years and zones that `compress` left out."""
    out: list[str] = []
    before = ""
    for line in lines:
        date = _DATE.match(line)
        if date is not None and date[1]:
            before = date[1]
        out.append(line if date is None or date[1] else line + before)
    return out


def _fold_stats(cuts: Cuts, free: Sequence[int], hints: Hints) -> list[str]:
    """Rows of `--stat` stand below their directory, unaligned; of very long ones the middle goes. Sums stay."""
    lines = cuts.lines
    rows = [index for index in free if not cuts.is_cut(index) and _is_stat_row(lines[index])]
    wanted = frozenset(relevant(lines, terms_of(hints), _COMMITS_RELEVANT)) if hints.marker is not None else frozenset()
    may_spell = not any(_STAT_GROUPED.match(lines[index]) or _is_stat_row(lines[index][1:]) for index in free)
    spelled: dict[int, tuple[str, ...]] = {}
    is_folded = False
    for _, run in groupby(enumerate(rows), lambda pair: pair[1] - pair[0]):
        block = [index for _, index in run]
        if hints.marker is not None and len(block) > _STAT_LONG:
            for index in block[_STAT_FIRST : len(block) - _STAT_LAST]:
                if index not in wanted:
                    cuts.cut(index, index, ("stat", block[0]), "{n} rows of the stat")
        shown = [index for index in block if may_spell and not cuts.is_cut(index)]
        # A group ends where rows are cut: they may stay after all, with their whole paths.
        for _, members in groupby(enumerate(shown), lambda pair: (pair[1] - pair[0], _directory(lines[pair[1]]))):
            group = [index for _, index in members]
            spelled.update(_spelled(lines, group))
            is_folded = is_folded or len(group) < sum(len(spelled[index]) for index in group)
    if not is_folded:
        return []
    for index, rows_below in spelled.items():
        cuts.respell(index, rows_below)
    return ["stat rows stand below their directory, unaligned"]


def _is_stat_row(line: str) -> bool:
    if len(line) > _STAT_MAX_CHARS or line[:1] != " " or line[1:2] in ("", " "):
        return False
    _, bar, count = line.partition(" | ")
    return bool(bar) and _STAT_COUNT.match(count) is not None


def _directory(row: str) -> str:
    path = row[1 : row.index(" | ")]
    return path[: path.rfind("/") + 1]


def _spelled(lines: Sequence[str], rows: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Rows of one directory, below it if that is shorter."""
    directory = _directory(lines[rows[0]])
    is_shorter = (len(rows) - 1) * len(directory) > len(rows) + 2
    spelled: dict[int, tuple[str, ...]] = {}
    for index in rows:
        path, bar, count = lines[index].partition(" | ")
        name = "  " + path[1 + len(directory) :] if is_shorter else path
        row = name.rstrip(" ") + bar + count.lstrip(" ")
        spelled[index] = (" " + directory, row) if is_shorter and index == rows[0] else (row,)
    return spelled


def unfold_stats(lines: Sequence[str]) -> list[str]:
    """The lines of a log with whole paths in the rows of `--stat`; the spaces that aligned them do not come back."""
    out: list[str] = []
    directory = ""
    for line in lines:
        if line.startswith(PREFIX):
            out.append(line)
        elif heading := _STAT_GROUPED.match(line):
            directory = heading[1]
        elif directory and line.startswith("  ") and _is_stat_row(line[1:]):
            out.append(" " + directory + line[2:])
        else:
            directory = ""
            out.append(line)
    return out
