"""HTML pages that were fetched: their text, word for word, without tags, scripts, styles, images and navigation.

What is shown are stretches of the page in order; between them stand breaks where the page has them. A line of ours
says what was taken out. A long text is then reduced to the sections that speak of the query. Pages are cut by a
scanner and not parsed into a tree: whatever comes, it takes linear time.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from headroom_wrap.compression import markers, sections
from headroom_wrap.compression.commands import command_of, is_reader
from headroom_wrap.compression.headings import Unit, units_of
from headroom_wrap.compression.lines import may_try
from headroom_wrap.compression.model import Compressed, Hints

MIN_CHARS = 1500
_LONG_CHARS = 8000
_HEAD_CHARS = 4000
_IS_PAGE = re.compile(r"<!doctype html|<html[\s>]|<body[\s>]", re.IGNORECASE)
_PRINTERS_OF_FILES = re.compile(r"(?:^|[\s;&|(])(?:cat|head|tail|sed|awk|less|more|bat|batcat|nl)\s")
_NOT_EDITED = re.compile(
    r"(?:^|[\s/'\"])(?:usr|share|docs?|javadoc|node_modules|site-packages|dist-packages|htmlcov|coverage|target|build|"
    r"_build|dist|out|site|public|tmp|cache|downloads?|reports?)/",
    re.IGNORECASE,
)
"""Where pages lie that somebody generated or fetched; others may be read in order to be edited."""

_OPENING = re.compile(r"<(?:(!--)|(/?)([a-zA-Z][\w:-]{0,40})|[!?])")
_SHORT_TAG_CHARS = 2000
_RAW = {"script": "script", "style": "style sheet"}
"""Elements that hold no text; one that never ends takes the rest of the page with it."""
_BESIDE = {
    "svg": "drawing", "canvas": "drawing", "nav": "navigation bar", "button": "button", "select": "choice list",
    "noscript": "note for browsers without scripts", "template": "template", "iframe": "frame", "footer": "footer",
    "object": "object", "head": "head",
}  # fmt: skip
"""Elements beside the text."""
_BREAKS = frozenset(
    "address article aside blockquote body br caption dd details dialog div dl dt fieldset figcaption figure form h1 "
    "h2 h3 h4 h5 h6 header hr html legend li main ol option p pre section summary table tbody tfoot thead title tr "
    "ul".split()
)
_CELLS = frozenset(("td", "th"))
_MAX_QUOTED = 4
_HEADINGS = frozenset("h1 h2 h3 h4 h5 h6 dt summary".split())
_TITLE = re.compile(r"<title[^>]{0,200}>([^<]{1,300})</title", re.IGNORECASE)


def looks_like_page(text: str) -> bool:
    """Whether a text is an HTML page, perhaps below the headers of the answer."""
    return _IS_PAGE.search(text[:_HEAD_CHARS]) is not None


def compress(text: str, hints: Hints) -> Compressed | None:
    """The text of a page; None for what is none, or what may be read in order to be edited."""
    if hints.marker is None or len(text) < MIN_CHARS or not may_try(text) or not looks_like_page(text):
        return None
    command = command_of(hints.tool_input)
    if is_reader(hints.tool_name) or (_PRINTERS_OF_FILES.search(command) and not _NOT_EDITED.search(command)):
        return None
    page = _read(text)
    lines = [row.text(text) for row in page.rows]
    n_shown = sum(end - start for row in page.rows for start, end in row.spans)
    if not n_shown:
        return None
    body = "\n".join(lines)
    cuts = sections.plan(_units(page, lines), lines, hints, is_manual=False) if len(body) >= _LONG_CHARS else None
    if cuts is not None:
        body, _ = cuts.render(hints.marker, page.tell)
        n_shown -= sum(end - start for index in cuts.gone for start, end in page.rows[index].spans)
    rendered = f"{_told(page.taken)}\n{body}"
    if len(rendered) >= len(text):
        return None
    return Compressed(rendered, "the text of a web page", len(text) - n_shown, len(text), "chars")


Span = tuple[int, int]


@dataclass(slots=True)
class _Row:
    """A line of text: its stretches of the page, and what stands before each of them (a tab between cells)."""

    spans: list[Span] = field(default_factory=list)
    joints: list[str] = field(default_factory=list)
    is_heading: bool = False
    is_exact: bool = False

    def text(self, page: str) -> str:
        return "".join(joint + page[start:end] for joint, (start, end) in zip(self.joints, self.spans, strict=True))


@dataclass(slots=True)
class _Page:
    """The rows of a page, the last one unfinished, how often what was taken out, and where in the page we are."""

    text: str
    rows: list[_Row] = field(default_factory=lambda: [_Row()])
    taken: Counter[str] = field(default_factory=Counter)
    joint: str = ""
    n_pre: int = 0
    n_heading: int = 0

    def tell(self, spans: Sequence[Span], what: str) -> str:
        """The marker for rows, which names the characters of the page that they stand in."""
        places = [(self.rows[first].spans[0][0] + 1, self.rows[last].spans[-1][1]) for first, last in spans]
        return markers.scattered(places, what, "chars")

    def add(self, start: int, end: int) -> None:
        """Add a stretch of text, line by line; without the white space around lines where that means nothing."""
        at = start
        while True:
            stop = self.text.find("\n", at, end)
            stop = end if stop < 0 else stop
            line = self.text[at:stop]
            row = self.rows[-1]
            left = at if self.n_pre or row.spans else stop - len(line.lstrip())
            if left < stop:
                row.spans.append((left, stop))
                row.joints.append(self.joint if len(row.spans) > 1 else "")
                row.is_heading = row.is_heading or self.n_heading > 0
                row.is_exact = row.is_exact or self.n_pre > 0
                self.joint = ""
            if stop == end:
                return
            self.finish()
            at = stop + 1

    def finish(self) -> None:
        """End the row, if anything stands in it."""
        row = self.rows[-1]
        while row.spans and not row.is_exact:
            start, end = row.spans.pop()
            joint = row.joints.pop()
            if kept := self.text[start:end].rstrip():
                row.spans.append((start, start + len(kept)))
                row.joints.append(joint)
                break
        self.joint = ""
        if row.spans:
            self.rows.append(_Row())

    def enter(self, name: str, *, closes: bool) -> None:
        """Pass a tag."""
        if name in _CELLS:
            self.joint = "\t"
        elif name in _BREAKS:
            self.finish()
        step = -1 if closes else 1
        if name == "pre":
            self.n_pre = max(0, self.n_pre + step)
        elif name in _HEADINGS:
            self.n_heading = max(0, self.n_heading + step)


def _told(taken: Counter[str]) -> str:
    said = ", ".join(f"{count} {what}{'s' if count > 1 else ''}" for what, count in taken.items())
    return f"{markers.PREFIX}: text of a web page, word for word; taken out: {said or 'white space'}]"


def _read(text: str) -> _Page:
    page = _Page(text)
    at = 0
    for start, end, name, closes in _tags(text, page.taken):
        page.add(at, start)
        page.enter(name, closes=closes)
        at = end
    page.add(at, len(text))
    page.finish()
    page.rows.pop()
    return page


def _tags(text: str, taken: Counter[str]) -> Iterator[tuple[int, int, str, bool]]:
    """Stretches that are no text: start, end, name of the element (lower case), and whether the tag closes it.

    Counts them in `taken`.
    """
    unclosed: set[str] = set()
    ends = _Ends(text)
    at = 0
    while (found := _OPENING.search(text, at)) is not None:
        start = found.start()
        name = (found[3] or "").lower()
        if found[1]:
            end = text.find("-->", found.end())
            end = len(text) if end < 0 else end + 3
            what = "comment"
        else:
            end = ends.of_tag(found.end())
            if end < 0:
                return
            what = "tag"
        closes = bool(found[2])
        dropped = None if closes or text[end - 2 : end] == "/>" else _RAW.get(name) or _BESIDE.get(name)
        if dropped is not None and name not in unclosed:
            close = re.compile(f"</{name}\\s*>", re.IGNORECASE).search(text, end)
            if close is not None:
                end, what = close.end(), dropped
            elif name in _RAW:
                end, what = len(text), dropped
            else:
                unclosed.add(name)
        if what == "head" and (title := _TITLE.search(text, start, end)) is not None:
            yield start, title.start(1), "title", False
            yield title.end(1), end, "title", True
        else:
            yield start, end, name, closes
        taken[what] += 1
        at = end


class _Ends:
    """Where tags end; each character of a text is looked at a bounded number of times."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._next = -1

    def of_tag(self, at: int) -> int:
        """The offset after the tag that begins before `at`; -1 if no tag ends from there on."""
        if self._next < at:
            self._next = self._text.find(">", at)
        end = self._next
        if 0 <= end - at <= _SHORT_TAG_CHARS:
            # A `>` in quotes ends no tag.
            for _ in range(_MAX_QUOTED):
                if self._text.count('"', at, end) % 2 == 0:
                    break
                further = self._text.find(">", end + 1, end + _SHORT_TAG_CHARS)
                if further < 0:
                    return self._next + 1
                end = further
            else:
                return self._next + 1
        return end + 1 if end >= 0 else -1


def _units(page: _Page, lines: Sequence[str]) -> list[Unit]:
    heads = [(index, index + 1) for index, row in enumerate(page.rows) if row.is_heading]
    return units_of(lines, heads, bytearray(row.is_exact for row in page.rows))
