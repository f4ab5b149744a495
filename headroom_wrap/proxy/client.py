"""The client's side of a request: its body, and word of its going away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from headroom_wrap.proxy.ports import Message, Receive


class ClientGoneError(Exception):
    """The client closed its connection before its body was complete."""


class Client:
    """The only reader of a request's ASGI `receive`."""

    def __init__(self, receive: Receive) -> None:
        self._receive = receive
        self._has_ended = asyncio.Event()
        self.is_gone = False
        self.is_complete = False

    async def read(self, max_bytes: int) -> bytes:
        """The body, or its beginning: `is_complete` tells. Reads on until it has more than `max_bytes`.

        Raises:
            ClientGoneError: the client went away.
        """
        pieces: list[bytes] = []
        n_bytes = 0
        while not self.is_complete and n_bytes <= max_bytes:
            pieces.append(await self._next())
            n_bytes += len(pieces[-1])
        return b"".join(pieces)

    async def rest(self, beginning: bytes) -> AsyncIterator[bytes]:
        """`beginning`, then what `read` left, as it arrives; raises `ClientGoneError` as `read` does."""
        yield beginning
        while not self.is_complete:
            yield await self._next()

    async def gone(self) -> None:
        """Return when the client has gone away; while its body is being read that is noticed there."""
        await self._has_ended.wait()
        while not self.is_gone:
            self._note(await self._receive())

    async def _next(self) -> bytes:
        message = await self._receive()
        self._note(message)
        if self.is_gone:
            raise ClientGoneError
        self.is_complete = not message.get("more_body", False)
        if self.is_complete:
            self._has_ended.set()
        body: bytes = message.get("body", b"")
        return body

    def _note(self, message: Message) -> None:
        if message["type"] == "http.disconnect":
            self.is_gone = True
            self._has_ended.set()
