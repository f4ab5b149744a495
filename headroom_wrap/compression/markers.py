"""The words with which we tell a model that something was elided, and how it gets it back.

Every line of ours begins with `[headroom`. Nothing else in the project writes such lines, and a text that
already carries one is never compressed again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from headroom_wrap.compression.model import Profile, WayBack

PREFIX = "[headroom"
RETRIEVE_TOOL = "headroom_retrieve"
SENTINEL = f"{PREFIX} original "
"""First words of every retrieved text: it is what the model asked for, and so never a slot."""

NOTES = "[Headroom memory: "
"""First words of notes from the memory: their frame and their escapes stay as they are."""

_HEAD_CHARS = 300
_MARKER_LINE = re.compile(r'(?:^|"|\\n)\[headroom[ :]|\[headroom: chars \d', re.MULTILINE)
"""At the start of a line, also of one inside a JSON string: scripts print retrieved texts so. What is elided inside a
line says chars."""

_ELISION = re.compile(r"\[headroom: (\w+?)s? (\d+(?:-\d+)?(?:, \d+(?:-\d+)?)*) elided(?:: (.*))?\]")


def elision(first: int, last: int, what: str, unit: str = "lines") -> str:
    """The marker that stands where lines or rows `first`..`last` (1-based, inclusive) stood."""
    span = f"{unit[:-1]} {first}" if first == last else f"{unit} {first}-{last}"
    return f"{PREFIX}: {span} elided: {what}]" if what else f"{PREFIX}: {span} elided]"


def gathered(marker: Callable[[int, int, str], str], spans: Sequence[tuple[int, int]], what: str) -> str:
    """One marker for what stood in several places (`spans`, 1-based, inclusive); it stands where the first stood.

    `marker` says what their numbers are, and of what: those of a part of a text are shifted.
    """
    if len(spans) == 1:
        return marker(*spans[0], what)
    told = [match for first, last in spans if (match := _ELISION.fullmatch(marker(first, last, "")))]
    places = ", ".join(match[2] for match in told)
    return f"{PREFIX}: {told[0][1]}s {places} elided: {what}]" if what else f"{PREFIX}: {told[0][1]}s {places} elided]"


@dataclass(frozen=True, slots=True)
class Elision:
    """A marker, read back: lines or rows `first`..`last` are not shown; `index` is its own line, from 0 on."""

    index: int
    first: int
    last: int
    what: str
    unit: str


def elisions(text: str) -> list[Elision]:
    """The elisions of a text that we have rendered, in order."""
    found = []
    for index, line in enumerate(text.split("\n") if PREFIX in text else ()):
        match = _ELISION.fullmatch(line.strip())
        if match:
            unit, spans, what = match.groups()
            for span in spans.split(", "):
                first, _, last = span.partition("-")
                found.append(Elision(index, int(first), int(last or first), what or "", f"{unit}s"))
    return found


def header(original_id: str, elided: int, total: int, unit: str, profile: Profile) -> str:
    """The line above a text with elisions: what is missing, that it is intact, and the call that returns it."""
    call = _call(original_id, unit, profile)
    return f"{PREFIX} {original_id}: {elided} of {total} {unit} elided where marked; original intact, to read: {call}]"


def reference(original_id: str, earlier: str, n_lines: int, profile: Profile) -> str:
    """The line that stands for a result whose exact text stands earlier in the request, as that of `earlier`."""
    call = _call(original_id, "lines", profile)
    size = "1 line" if n_lines == 1 else f"{n_lines} lines"
    return (
        f"{PREFIX} {original_id}: the same {size} as the earlier result of {earlier}; original intact, to read: {call}]"
    )


def difference(original_id: str, earlier: str, n_same: int, total: int, profile: Profile) -> str:
    """The line above what tells a result from the earlier result of `earlier`."""
    call = _call(original_id, "lines", profile)
    return (
        f"{PREFIX} {original_id}: {n_same} of {total} lines stand in the earlier result of {earlier}, the others below;"
        f" original intact, to read: {call}]"
    )


def tells_of_another(rendered: str) -> bool:
    """Whether a replacement is a reference to an earlier result, or its difference from one."""
    return rendered.startswith(f"{PREFIX} h") and " the earlier result of " in rendered[:_HEAD_CHARS].split("\n", 1)[0]


def carries_marker(text: str) -> bool:
    """Whether a line of ours stands in `text` already."""
    # The plain search costs next to nothing, and this is asked of every block of every request.
    return PREFIX in text and _MARKER_LINE.search(text) is not None


def is_notes(text: str) -> bool:
    """Whether `text` is what a tool of the memory answered."""
    return NOTES in text[:_HEAD_CHARS]


def _call(original_id: str, unit: str, profile: Profile) -> str:
    if profile.way_back is WayBack.MCP:
        return f'{RETRIEVE_TOOL}(id="{original_id}", {unit}="A-B")'
    if profile.way_back is WayBack.CALLER:
        return f'retrieve("{original_id}", {unit}="A-B")'
    return f"{profile.command} {original_id} --{unit} A-B"
