"""What a provider counts for a token of ours, learnt from what it says of requests that we have counted, too.

Once per session and model, on a thread that nobody waits for.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from typing import Any

from headroom_wrap import tokens
from headroom_wrap.errors import HeadroomError
from headroom_wrap.store import LedgerRow, Store

MAX_BODY_BYTES = 2_000_000
MIN_TOKENS = 2000
"""Of a smaller request, what the provider adds by itself is too large a part."""
PATIENCE_S = 0.3
_PIECE_CHARS = 32_000
_LINKED = "previous_response_id"
_TEXTS = ("system", "instructions", "messages", "input")
_UNREAD = frozenset({
    "type", "role", "id", "call_id", "tool_use_id", "tool_call_id", "cache_control", "signature", "thinking", "status",
    "media_type", "phase",
})  # fmt: skip
"""Of a message: what is no text, or what the provider takes out again."""
_OPAQUE = frozenset({
    "image", "image_url", "input_image", "document", "input_file", "file", "input_audio", "reasoning",
    "redacted_thinking", "compaction", "item_reference", "container_upload",
})  # fmt: skip
"""Parts that the provider counts in a way of its own: a request with one of them tells nothing."""


class _OpaqueError(Exception):
    """The request has a part of which we cannot tell how it is counted."""


class Calibrator:
    """Compares the provider's counts with ours; `store` keeps the factors."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._seen: set[tuple[str, str]] = set()
        self._threads: list[threading.Thread] = []
        self._is_closing = threading.Event()

    def observe(self, row: LedgerRow, sent: bytes) -> None:
        """Look at a call that has ended; returns at once.

        Args:
            row: what the provider said.
            sent: the body as the provider read it, decoded.
        """
        counts = (row.input_tokens, row.cache_read_tokens, row.cache_write_tokens)
        total = sum(count or 0 for count in counts)
        key = (row.session, row.model)
        is_whole = row.status == 200 and not row.error and row.input_tokens is not None  # noqa: PLR2004 - "OK" in HTTP
        if not is_whole or not row.model or total < MIN_TOKENS or not 0 < len(sent) <= MAX_BODY_BYTES:
            return
        if key in self._seen or tokens.encoding_of(row.model) == tokens.DEFAULT_ENCODING:
            return
        self._seen.add(key)
        args = (row.model, total, sent)
        thread = threading.Thread(target=self._compare, args=args, name="headroom-calibration", daemon=True)
        self._threads.append(thread)
        thread.start()

    def close(self, patience_s: float = PATIENCE_S) -> None:
        """Let what has begun end, or stop it; no thread is left in native code when the interpreter ends."""
        for thread in self._threads:
            thread.join(patience_s)
        self._is_closing.set()
        for thread in self._threads:
            thread.join(patience_s)

    def _compare(self, model: str, total: int, sent: bytes) -> None:
        try:
            ours = count_body(sent, self._is_closing.is_set)
            if ours is not None and ours >= MIN_TOKENS // 2:
                self._store.calibrate(model, total / ours)
        except HeadroomError:
            return  # the session has ended meanwhile


def count_body(body: bytes, is_cancelled: Callable[[], bool] = lambda: False) -> int | None:
    """About how many o200k_base tokens a provider reads in a request; None where that cannot be told."""
    try:
        document = json.loads(body)
        if not isinstance(document, dict) or document.get(_LINKED):
            return None
        pieces = [piece for name in _TEXTS for piece in _texts(document.get(name))]
        pieces += [_compact(document[name]) for name in ("tools", "functions") if document.get(name)]
    except (ValueError, RecursionError, _OpaqueError):
        return None
    n_tokens = 0
    for piece in pieces:
        for start in range(0, len(piece), _PIECE_CHARS):
            if is_cancelled():
                return None
            n_tokens += tokens.count(piece[start : start + _PIECE_CHARS])
    return n_tokens


def _texts(value: Any) -> Iterator[str]:
    """Every text of a message, a tool's input as JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        if value.get("type") in _OPAQUE:
            raise _OpaqueError
        for name, item in value.items():
            if name == "input" and isinstance(item, dict):
                yield _compact(item)
            elif name not in _UNREAD:
                yield from _texts(item)


def _compact(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
