"""What every wire format gives: a request with slots in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from headroom_wrap.compression.markers import RETRIEVE_TOOL
from headroom_wrap.compression.model import Slot, WayBack
from headroom_wrap.wire.spans import Span, splice

Call = tuple[str, Mapping[str, Any]]
"""A tool call: the tool's name and its arguments."""

SHELL_TOOLS = frozenset({"Bash", "bash", "shell", "exec_command", "exec", "local_shell", "run_terminal_cmd"})
"""Names under which agents offer a shell to the model; `exec` runs Codex's scripts, which have one."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one entry of a conversation contributes, and where it stands.

    Attributes:
        slots: its texts that may be replaced.
        calls: the tool calls in it, by their ids.
        words: what the user says in it.
        tools: tools that it makes callable.
    """

    span: Span
    slots: tuple[Slot, ...] = ()
    calls: tuple[tuple[str, Call], ...] = ()
    words: str = ""
    tools: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ParsedRequest:
    """One request: its slots, and how to put texts back.

    Attributes:
        text: the whole body, decoded.
        slots: in the order of the request; `slot.place` is the span of the slot's JSON string in `text`.
        model: as the client names it.
        tools: names of the tools that the model can call now (deferred ones are not among them).
        is_linked: the provider keeps this conversation, and requests of it need not carry what came before.
        open_calls: the tool calls whose results are not in this request, by their ids.
        head: where tools and system prompt stand, by their keys.
        entries: the conversation. One that stands as it stood in an earlier request may be the very same object.
        cache_key: by which the provider is to find the conversation's cache, if the client names one.
    """

    text: str
    slots: tuple[Slot, ...]
    model: str = ""
    tools: frozenset[str] = frozenset()
    is_linked: bool = False
    open_calls: Mapping[str, Call] = field(default_factory=dict)
    head: Mapping[str, Span] = field(default_factory=dict)
    entries: Sequence[Entry] = ()
    cache_key: str = ""

    def way_back(self, *, shell_is_here: bool) -> WayBack:
        """How the reader of this request can fetch an original.

        Args:
            shell_is_here: a shell tool of this client runs on this machine, with `headroom` on its PATH.
        """
        if any(name.endswith(RETRIEVE_TOOL) for name in self.tools):
            return WayBack.MCP
        return WayBack.SHELL if shell_is_here and self.tools & SHELL_TOOLS else WayBack.NONE

    def render(self, replacements: Mapping[Any, str], insertions: Mapping[int, str] | None = None) -> bytes:
        """The body with these texts (place -> text) in it, and JSON put in (position -> as it shall stand there)."""
        return splice(self.text, replacements, insertions or {})


class WireFormat(Protocol):
    """A way of finding slots."""

    def __call__(self, body: bytes) -> ParsedRequest | None:
        """Parse a decoded body; None where it is not understood, and must pass as it is."""
