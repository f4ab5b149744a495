"""The engine's vocabulary: slots go in, verdicts come out."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

RENDERER_VERSION = 2
"""Raised when rendering changes; conversations that have begun keep the old decisions."""


RETRIEVE_COMMAND = "headroom retrieve"
"""How an original is fetched with a shell, where nothing else is said."""


class Level(str, Enum):
    """How much may go: nothing, lossless steps only, elision of outputs, prose too."""

    OFF = "off"
    SAFE = "safe"
    BALANCED = "balanced"
    AGGRESSIVE = "aggressive"

    @property
    def may_elide(self) -> bool:
        """Whether content may leave the model's sight (always with a marker)."""
        return self in (Level.BALANCED, Level.AGGRESSIVE)


class WayBack(str, Enum):
    """How the reader of a request can fetch an original."""

    NONE = "none"
    MCP = "mcp"
    SHELL = "shell"
    CALLER = "caller"
    """The program that called the library, which has `retrieve`."""


class SlotKind(str, Enum):
    """What role a text has in its request."""

    TOOL_RESULT = "tool_result"
    USER_TEXT = "user_text"
    DOCUMENT = "document"


@dataclass(frozen=True, slots=True)
class Slot:
    """One text of a request that may be replaced.

    `place` belongs to the wire format that found the slot and means nothing elsewhere.
    """

    kind: SlotKind
    text: str
    place: Hashable
    call_id: str | None = None
    tool_name: str = ""
    tool_input: Mapping[str, Any] = field(default_factory=dict)
    is_error: bool = False
    query: str = ""
    """The user's last words that stand before it in the request."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What, besides the block itself, decides how a block is rendered.

    A conversation keeps the profile that its first decided block had (law 1). `command` is what a reader with a
    shell types before an original's id.
    """

    level: Level = Level.BALANCED
    excluded_tools: tuple[str, ...] = ()
    way_back: WayBack = WayBack.NONE
    command: str = RETRIEVE_COMMAND
    renderer: int = RENDERER_VERSION

    @property
    def may_elide(self) -> bool:
        """Whether content may leave the model's sight: the level allows it and there is a way back."""
        return self.level.may_elide and self.way_back is not WayBack.NONE


@dataclass(frozen=True, slots=True)
class Hints:
    """What a compressor may know besides the text.

    `marker` renders an elision: `marker(first, last, what)` for lines or rows `first`..`last`, 1-based and
    inclusive, of the original; `what` names what was elided in a few true words. A compressor that must stay
    lossless (no way back, level safe) gets `marker=None`. `level` tells balanced from aggressive, where prose
    may be elided too. `offset` and `offset_chars` are how many lines and characters of the original stand before the
    text, where it is a part: `marker` counts with them already, whoever else names a place must add them.
    """

    tool_name: str = ""
    tool_input: Mapping[str, Any] = field(default_factory=dict)
    query: str = ""
    is_error: bool = False
    marker: Callable[[int, int, str], str] | None = None
    level: Level = Level.BALANCED
    offset: int = 0
    offset_chars: int = 0


@dataclass(frozen=True, slots=True)
class Compressed:
    """A compressor's result.

    Attributes:
        text: what the model will read, without the header that names the original.
        reason: what was done, in a few words for people (`headroom explain`).
        elided: how many lines (or rows) of the original are not visible; 0 means a lossless re-spelling.
        total: how many lines (or rows) the original has.
        unit: "lines" or "rows".
    """

    text: str
    reason: str
    elided: int = 0
    total: int = 0
    unit: str = "lines"


Compressor = Callable[[str, Hints], "Compressed | None"]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The outcome for one slot; `replacement` is None where the block is left as it is."""

    slot: Slot
    replacement: str | None
    reason: str
    compressor: str = ""
    tokens_before: int = 0
    tokens_after: int = 0
    original_id: str | None = None
    is_new: bool = False
