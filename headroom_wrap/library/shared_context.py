"""Texts that agents hand to each other: short to read, whole on request, in one program or in several."""

from __future__ import annotations

import os
import secrets
from typing import TYPE_CHECKING

from headroom_wrap.compression.model import Level
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.library.client import Headroom
from headroom_wrap.store import SharedText

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SharedContext", "SharedText"]


class SharedContext:
    """Put a text under a key, get it shortened under that key, or whole. Safe for several threads and processes.

    Texts and originals live in the store that sessions, memory and command line use, for as long as it keeps what is
    not used. Use it in a `with` block, or close it.

    Args:
        name: whoever gives the same one, in any program of this user, sees the same keys. Without one they are this
            object's own, and gone when it is closed.
        level: how much may go.
        store: the database file; default: the user's own.
    """

    def __init__(
        self,
        name: str | None = None,
        *,
        level: Level | str = Level.BALANCED,
        store: str | os.PathLike[str] | None = None,
    ) -> None:
        self._headroom = Headroom(store)
        self._level = level
        self._is_private = name is None
        # The two forms differ in their first character, so that no name can be another object's own.
        self._name = f"#{secrets.token_hex(16)}" if name is None else f"={name}"
        self._texts = self._headroom.store.shared_texts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the store; keys without a name go."""
        try:
            if self._is_private:
                self._texts.forget(self._name)
        finally:
            self._headroom.close()

    def put(self, key: str, text: str, *, agent: str = "", query: str | None = None) -> SharedText:
        """Keep `text` under `key`, in place of what stood there; readers see the one or the other whole.

        Args:
            key: any name.
            text: what one agent found.
            agent: who found it, for the readers.
            query: what matters in it.

        Raises:
            HeadroomError: `STORE_FAILED`.
        """
        message = {"role": "tool", "tool_call_id": "shared", "content": text}
        result = self._headroom.compress([message], query=query, level=self._level)
        original_id = self._headroom.store.put_original(text, agent)
        shared = SharedText(
            key, result.messages[0]["content"], original_id, agent, result.tokens_before, result.tokens_after
        )
        self._texts.put(self._name, shared)
        return shared

    def entry(self, key: str) -> SharedText:
        """What stands under `key`, with who put it and what it saves.

        Raises:
            HeadroomError: `ORIGINAL_NOT_FOUND` where nothing was put; `STORE_FAILED`.
        """
        shared = self._texts.get(self._name, key)
        if shared is None:
            hint = f"Keys so far: {', '.join(self.keys()) or 'none'}."
            raise HeadroomError(Code.ORIGINAL_NOT_FOUND, f"Nothing was put under {key!r}.", hint)
        return shared

    def get(self, key: str, *, full: bool = False) -> str:
        """The text under `key`, shortened with markers where that paid, or `full`.

        Raises:
            HeadroomError: as `entry`, and `ORIGINAL_NOT_FOUND` where the whole text was purged.
        """
        shared = self.entry(key)
        if not full:
            return shared.text
        original = self._headroom.store.original(shared.original_id)
        if original is None:
            hint = "Put it again; `headroom store stats` tells how long originals are kept."
            raise HeadroomError(Code.ORIGINAL_NOT_FOUND, f"The original under {key!r} was purged.", hint)
        return original.text

    def keys(self) -> list[str]:
        """All keys, in the order in which they were first put."""
        return self._texts.keys(self._name)
