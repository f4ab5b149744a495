"""From the bytes of a request to the bytes that go out: wire format, engine, wire format."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from headroom_wrap.compression import markers
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import RETRIEVE_COMMAND, Level, Profile, Slot, Verdict, WayBack
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.aligner import CacheAligner
from headroom_wrap.proxy.calibration import Calibrator
from headroom_wrap.proxy.ports import Prepared
from headroom_wrap.store import LedgerRow, Store
from headroom_wrap.store.store import CHARS_PER_TOKEN
from headroom_wrap.wire.anthropic import anthropic
from headroom_wrap.wire.breakpoints import breakpoints
from headroom_wrap.wire.openai_chat import openai_chat
from headroom_wrap.wire.openai_responses import openai_responses
from headroom_wrap.wire.request import Call, ParsedRequest, WireFormat

_HEAD_CHARS = 200
_ALSO = {"openai_chat": "openai_responses"}
"""Formats of bodies that come to the path of another: Cursor posts Responses bodies to `/chat/completions`."""


def _formats() -> dict[str, WireFormat]:
    return {"anthropic": anthropic(), "openai_chat": openai_chat(), "openai_responses": openai_responses()}


@dataclass(frozen=True, slots=True)
class EnginePipeline:
    """The `Pipeline` that the proxy runs requests through.

    Attributes:
        level: for conversations that begin now.
        excluded_tools: tools whose results are never touched, likewise.
        command: how the client's shell tool fetches an original; None where it cannot.
        cache_breakpoints: mark prefixes of Anthropic clients that set no mark of their own.
        aligner: watches how prefixes change.
        formats: the wire formats by name.
        calibrator: compares the provider's counts with ours.
    """

    engine: Engine
    store: Store
    level: Level = Level.BALANCED
    excluded_tools: tuple[str, ...] = ()
    command: str | None = None
    cache_breakpoints: bool = False
    aligner: CacheAligner = field(default_factory=CacheAligner)
    formats: Mapping[str, WireFormat] = field(default_factory=_formats)
    calibrator: Calibrator | None = None

    def prepare(self, wire: str, body: bytes, *, counts_only: bool = False) -> Prepared:
        """The body to send. A count sees what a call would, but for cache marks, which count for nothing.

        Raises:
            HeadroomError: `STORE_FAILED`.
        """
        if self.level is Level.OFF:
            return Prepared(body)
        wire, request = self._parsed(wire, body)
        if request is None:
            return Prepared(body)
        slots = self._named(request) if request.is_linked else request.slots
        way_back = request.way_back(shell_is_here=self.command is not None)
        profile = Profile(self.level, self.excluded_tools, way_back, self.command or RETRIEVE_COMMAND)
        verdicts = self.engine.process(slots, wire, profile)
        replaced = [verdict for verdict in verdicts if verdict.replacement is not None]
        new = [verdict for verdict in replaced if verdict.is_new]
        marks: dict[int, str] = {}
        if not counts_only:
            self.aligner.observe(wire, request, replaced)
            marks = breakpoints(request) if self.cache_breakpoints and wire == "anthropic" else marks
        return Prepared(
            request.render({verdict.slot.place: verdict.replacement or "" for verdict in replaced}, marks)
            if replaced or marks
            else body,
            model=request.model,
            tokens_before=sum(verdict.tokens_before for verdict in replaced),
            tokens_after=sum(verdict.tokens_after for verdict in replaced) + _retrieved_tokens(request.slots),
            new_tokens_before=sum(verdict.tokens_before for verdict in new),
            new_tokens_after=sum(verdict.tokens_after for verdict in new),
            blocks_replaced=len(replaced),
            blocks_new=len(new),
            is_linked=request.is_linked,
        )

    def compress(self, wire: str, body: bytes, level: Level | None) -> tuple[bytes, list[Verdict]]:
        """What becomes of a body whose sender fetches originals by itself, and the verdict on each of its slots.

        Its markers name our tool, which the sender may offer to the reader (see `control_api`).

        Args:
            wire: name of the wire format.
            body: decoded.
            level: for a conversation that begins now; None: the pipeline's own.

        Raises:
            HeadroomError: `STORE_FAILED`; `BAD_REQUEST` for a body that is not of this format.
        """
        request = self.formats[wire](body)
        if request is None:
            raise HeadroomError(Code.BAD_REQUEST, f"These messages are not of the format {wire}.")
        profile = Profile(level or self.level, self.excluded_tools, WayBack.MCP)
        verdicts = self.engine.process(request.slots, wire, profile)
        replacements = {
            verdict.slot.place: verdict.replacement for verdict in verdicts if verdict.replacement is not None
        }
        return request.render(replacements), verdicts

    def _parsed(self, wire: str, body: bytes) -> tuple[str, ParsedRequest | None]:
        """The request, and the format that it turned out to have."""
        request = self.formats[wire](body)
        if wire in _ALSO and request is not None and not request.entries:
            other = self.formats[_ALSO[wire]](body)
            if other is not None and other.entries:
                return _ALSO[wire], other
        return wire, request

    def keep_call(self, call_id: str, call: Call) -> None:
        """Queue a call for the store."""
        with contextlib.suppress(HeadroomError):
            self.store.keep_call(call_id, *call)

    def _named(self, request: ParsedRequest) -> tuple[Slot, ...]:
        """The slots, those of calls made earlier in the chain with the tool's name and arguments."""
        for call_id, call in request.open_calls.items():
            self.keep_call(call_id, call)
        unknown = [slot.call_id for slot in request.slots if slot.call_id and not slot.tool_name]
        known = self.store.calls(unknown) if unknown else {}
        return tuple(
            replace(slot, tool_name=known[slot.call_id][0], tool_input=known[slot.call_id][1])
            if slot.call_id in known and not slot.tool_name
            else slot
            for slot in request.slots
        )

    def record(self, row: LedgerRow, sent: bytes = b"") -> None:
        """Queue a ledger row, and learn from what the provider counted."""
        self.store.record(row)
        if self.calibrator is not None:
            self.calibrator.observe(row, sent)


@dataclass(frozen=True, slots=True)
class PassThrough:
    """The pipeline of a session that has no store: bytes pass, nothing is counted."""

    def prepare(self, wire: str, body: bytes, *, counts_only: bool = False) -> Prepared:  # noqa: ARG002
        """The body as it came."""
        return Prepared(body)

    def keep_call(self, call_id: str, call: Call) -> None:
        """Forget it."""

    def record(self, row: LedgerRow, sent: bytes = b"") -> None:
        """Forget it."""


def _retrieved_tokens(slots: Sequence[Slot]) -> int:
    """About how many tokens retrieved texts take in this request: savings are net of them."""
    return sum(len(slot.text) for slot in slots if markers.SENTINEL in slot.text[:_HEAD_CHARS]) // CHARS_PER_TOKEN
