"""What the proxy asks of the engine and of a credential, and the shapes of ASGI that it uses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from headroom_wrap.auth.grant import Grant
from headroom_wrap.store.records import LedgerRow
from headroom_wrap.wire.request import Call

Scope = Mapping[str, Any]
Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
"""ASGI 3: https://asgi.readthedocs.io/en/latest/specs/www.html"""
Asgi = Callable[[dict[str, Any], Any, Any], Awaitable[None]]
"""An application of somebody else's making."""

Headers = list[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Prepared:
    """A request body as it goes out, and what was done to it.

    Attributes:
        body: the very object that came in when nothing was replaced.
        tokens_before: our count over the replaced blocks; `new_` ones over those decided in this request.
        is_linked: the results of calls in the answer may come in a request that does not carry those calls.
    """

    body: bytes
    model: str = ""
    tokens_before: int = 0
    tokens_after: int = 0
    new_tokens_before: int = 0
    new_tokens_after: int = 0
    blocks_replaced: int = 0
    blocks_new: int = 0
    is_linked: bool = False


class Pipeline(Protocol):
    """The engine, as the proxy sees it."""

    def prepare(self, wire: str, body: bytes, *, counts_only: bool) -> Prepared:
        """Compress a decoded body; runs in a worker thread and may raise: the original goes out then."""

    def keep_call(self, call_id: str, call: Call) -> None:
        """Remember a tool call that stood in the answer to a linked request; never blocks, never raises."""

    def record(self, row: LedgerRow, sent: bytes = b"") -> None:
        """Queue a ledger row; never blocks. `sent` is the decoded body, empty where nobody has read it."""


class Credential(Protocol):
    """What pays for the calls to one upstream, in the place of a client that holds nothing but the session key.

    Its errors are for the person: they say what to type next, and the client gets them in its own wire format.
    """

    async def grant(self) -> Grant:
        """Where calls go at this moment, and with what; renewed by itself before it expires.

        Raises:
            HeadroomError: `AUTH_REQUIRED` without a sign-in, `AUTH_FAILED` where it brought nothing.
        """

    async def renew(self, spent: Grant) -> Grant:
        """A newer grant than one that was refused; at most one renewal at a time, and none where another has done it.

        Raises:
            HeadroomError: as `grant`.
        """
