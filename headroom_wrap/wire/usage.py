"""What a provider says a call cost, and which tools the model calls, read from a copy of its answer as that passes.

Sources: https://docs.anthropic.com/en/docs/build-with-claude/streaming (usage in `message_start` and, cumulative,
in `message_delta`) and https://platform.openai.com/docs/api-reference (last chat chunk; `response.completed`;
`response.output_item.done` for a call).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headroom_wrap.wire.codings import GARBAGE, decoder
from headroom_wrap.wire.openai_responses import calls_of
from headroom_wrap.wire.request import Call

MAX_LINE_BYTES = 8 * 1024 * 1024
MAX_JSON_BYTES = 16 * 1024 * 1024
MAX_DECODED_BYTES = 256 * 1024 * 1024
"""Beyond these an answer is no longer read, only relayed."""

_USAGE_KEY = b'"usage"'
_ITEM_DONE = b"response.output_item.done"
_CALL_ID_KEY = b'"call_id"'
_MAX_CALLS = 256
_LAST_EVENT = re.compile(
    rb"^(?:data: ?\[DONE\]|event: ?(?:message_stop|response\.(?:completed|failed|incomplete)))", re.MULTILINE
)
_USAGE_OBJECT = re.compile(rb'"usage"\s*:\s*\{')


@dataclass(frozen=True, slots=True)
class Usage:
    """Token counts of one call; None where the provider reported none.

    `input` counts what was neither read from nor written to the provider's cache: Anthropic reports it so, OpenAI's
    totals are reduced by what they say was cached.
    """

    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None

    def latest(self, other: Usage) -> Usage:
        """Both reports of one stream in one: counts grow, and some reports leave out or zero what others told."""
        return Usage(
            _larger(self.input, other.input),
            _larger(self.cache_read, other.cache_read),
            _larger(self.cache_write, other.cache_write),
            _larger(self.output, other.output),
        )


class _TooLargeError(Exception):
    """The answer is larger than what we read of one."""


class UsageTap:
    """Reads `usage` from an answer fed to it chunk by chunk, encoded as the provider sent it.

    Args:
        content_encoding: the answer's `Content-Encoding`, empty where it has none.
        content_type: the answer's `Content-Type`; where it says neither SSE nor JSON, the first byte decides.
        on_call: is told each tool call of an answer in the Responses format, once, with its id; must not raise.

    `feed` never raises: an answer that cannot be read simply has no usage.

    Attributes:
        usage: what was read so far.
        is_whole: whether the event was there that ends a stream of this kind; many clients hang up behind it.
    """

    def __init__(
        self, content_encoding: str, content_type: str, on_call: Callable[[str, Call], None] | None = None
    ) -> None:
        self._decoder = decoder(content_encoding)
        self._is_sse = True if "event-stream" in content_type else False if "json" in content_type else None
        self._pending = bytearray()
        self._n_decoded = 0
        self._on_call = on_call
        self._told: set[str] = set()
        self.usage = Usage()
        self.is_whole = False

    def feed(self, chunk: bytes) -> None:
        """Read one chunk of the answer."""
        if self._decoder is None:
            return
        try:
            self._decoder.feed(chunk, self._read)
        except (*GARBAGE, _TooLargeError):
            self._stop()

    def close(self) -> None:
        """Say that the answer has ended (or broken off); `usage` is final from here on."""
        if self._is_sse is False and (_USAGE_KEY in self._pending or self._has_call(self._pending)):
            self._parse(bytes(self._pending))
        elif self._is_sse and self._pending:
            self._scan(bytes(self._pending))
        self._stop()

    def _stop(self) -> None:
        self._decoder = None
        self._pending = bytearray()

    def _read(self, text: bytes) -> None:
        self._n_decoded += len(text)
        if self._n_decoded > MAX_DECODED_BYTES:
            raise _TooLargeError
        if self._is_sse is None:
            start = text.lstrip()[:1]
            if not start:
                return
            self._is_sse = start not in b"{["
        if self._is_sse:
            self._read_lines(text)
        else:
            self._pending += text
            if len(self._pending) > MAX_JSON_BYTES:
                raise _TooLargeError

    def _read_lines(self, text: bytes) -> None:
        end = text.rfind(b"\n")
        if end >= 0:
            self._pending += text[:end]
            self._scan(bytes(self._pending))
            self._pending = bytearray(text[end + 1 :])
        else:
            self._pending += text
        if len(self._pending) > MAX_LINE_BYTES:
            self._pending.clear()  # what follows of this line is no line that we read

    def _scan(self, lines: bytes) -> None:
        if _LAST_EVENT.search(lines):
            self.is_whole = True
        if _USAGE_KEY not in lines and not self._has_call(lines):
            return
        for line in lines.split(b"\n"):
            if line.startswith(b"data:") and (
                _USAGE_OBJECT.search(line) or (_ITEM_DONE in line and self._has_call(line))
            ):
                self._parse(line[5:])

    def _has_call(self, text: bytes | bytearray) -> bool:
        return self._on_call is not None and _CALL_ID_KEY in text

    def _parse(self, text: bytes) -> None:
        try:
            event = json.loads(text)
        except (ValueError, RecursionError):
            return
        if not isinstance(event, dict):
            return
        for holder in (event, event.get("message"), event.get("response")):
            if isinstance(holder, dict) and isinstance(holder.get("usage"), dict):
                self.usage = self.usage.latest(_normalise(holder["usage"]))
        if self._on_call is not None:
            self._tell_calls(event, self._on_call)

    def _tell_calls(self, event: Mapping[str, Any], on_call: Callable[[str, Call], None]) -> None:
        response = event.get("response")
        whole = response if isinstance(response, dict) else event
        output = whole.get("output")
        for item in (event.get("item"), *(output if isinstance(output, list) else ())):
            for call_id, call in calls_of(item) if isinstance(item, dict) else ():
                if call_id not in self._told and len(self._told) < _MAX_CALLS:
                    self._told.add(call_id)
                    on_call(call_id, call)


def _normalise(raw: Mapping[str, Any]) -> Usage:
    details = raw.get("prompt_tokens_details", raw.get("input_tokens_details"))
    if "prompt_tokens" not in raw and not isinstance(details, dict):
        return Usage(
            _count(raw.get("input_tokens")),
            _count(raw.get("cache_read_input_tokens")),
            _count(raw.get("cache_creation_input_tokens")),
            _count(raw.get("output_tokens")),
        )
    total = _count(raw.get("prompt_tokens", raw.get("input_tokens")))
    cached = _count(details.get("cached_tokens")) if isinstance(details, dict) else None
    fresh = None if total is None else max(0, total - (cached or 0))
    return Usage(fresh, cached, None, _count(raw.get("completion_tokens", raw.get("output_tokens"))))


def _count(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _larger(one: int | None, other: int | None) -> int | None:
    return max((count for count in (one, other) if count is not None), default=None)
