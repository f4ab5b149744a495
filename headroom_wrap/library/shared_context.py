"""Texts that the agents of one program hand to each other: short to read, whole on request."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from headroom_wrap.compression.model import Level
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.library.client import Headroom

if TYPE_CHECKING:
    from typing_extensions import Self


@dataclass(frozen=True, slots=True)
class SharedText:
    """What `put` made of a text.

    Attributes:
        key: under which it was put.
        text: what `get` gives.
        original_id: for `retrieve`.
        agent: who put it.
        tokens_before: of the original.
        tokens_after: of `text`.
    """

    key: str
    text: str
    original_id: str
    agent: str
    tokens_before: int
    tokens_after: int


class SharedContext:
    """Put a text under a key, get it shortened under that key, or whole. Safe for several threads.

    Originals live in the store; the keys live as long as this object. Use it in a `with` block, or close it.

    Args:
        level: how much may go.
        store: the database file; default: the user's own.
    """

    def __init__(self, *, level: Level | str = Level.BALANCED, store: str | os.PathLike[str] | None = None) -> None:
        self._headroom = Headroom(store)
        self._level = level
        self._texts: dict[str, SharedText] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store."""
        self._headroom.close()

    def put(self, key: str, text: str, *, agent: str = "", query: str | None = None) -> SharedText:
        """Keep `text` under `key`, in place of what stood there.

        Args:
            key: any name.
            text: what one agent found.
            agent: who found it, for the readers.
            query: what matters in it.
        """
        message = {"role": "tool", "tool_call_id": "shared", "content": text}
        result = self._headroom.compress([message], query=query, level=self._level)
        original_id = self._headroom.store.put_original(text, agent)
        shared = SharedText(
            key, result.messages[0]["content"], original_id, agent, result.tokens_before, result.tokens_after
        )
        with self._lock:
            self._texts[key] = shared
        return shared

    def get(self, key: str, *, full: bool = False) -> str:
        """The text under `key`, shortened with markers where that paid, or `full`.

        Raises:
            HeadroomError: `ORIGINAL_NOT_FOUND` where nothing was put.
        """
        with self._lock:
            shared = self._texts.get(key)
        if shared is None:
            hint = f"Keys so far: {', '.join(self.keys()) or 'none'}."
            raise HeadroomError(Code.ORIGINAL_NOT_FOUND, f"Nothing was put under {key!r}.", hint)
        if not full:
            return shared.text
        original = self._headroom.store.original(shared.original_id)
        if original is None:
            hint = "Put it again; `headroom store stats` tells how long originals are kept."
            raise HeadroomError(Code.ORIGINAL_NOT_FOUND, f"The original under {key!r} was purged.", hint)
        return original.text

    def keys(self) -> list[str]:
        """All keys, in the order in which they were first put."""
        with self._lock:
            return list(self._texts)
