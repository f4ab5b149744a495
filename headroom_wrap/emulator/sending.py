"""One request and its answer on the wire, with what is meant to go wrong with it."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from headroom_wrap.emulator.coding import encoder
from headroom_wrap.emulator.faults import Fault, Kind
from headroom_wrap.emulator.format import COMPACT
from headroom_wrap.emulator.recording import RecordedRequest

STREAM_HEADERS = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}
JSON_HEADERS = {"Content-Type": "application/json"}


class ConnectionEndedError(Exception):
    """The connection was ended on purpose; there is nothing left to answer."""


@dataclass(slots=True)
class Exchange:
    """A request on its socket and the answer to it.

    Attributes:
        request: what is answered.
        record: what is kept of it.
        coding: content coding of the answer, empty for none.
        started: called with the status when the headers leave.
        faults: what goes wrong.
    """

    request: web.Request
    record: RecordedRequest
    coding: str
    started: Callable[[int], None]
    faults: Sequence[Fault] = ()

    async def send_json(self, status: int, headers: Mapping[str, str], data: Mapping[str, Any]) -> web.StreamResponse:
        """Send a JSON body, in two pieces, so that a fault can hit its middle.

        Raises:
            ConnectionEndedError: a fault ended the connection.
        """
        body = json.dumps(data, separators=COMPACT).encode()
        middle = len(body) // 2
        return await self.send(status, JSON_HEADERS | dict(headers), [body[:middle], body[middle:]])

    async def send(self, status: int, headers: Mapping[str, str], parts: Sequence[bytes]) -> web.StreamResponse:
        """Send `parts`: the events of a stream, or a body cut in pieces.

        Raises:
            ConnectionEndedError: a fault ended the connection.
        """
        await self._misbehave(None)
        response = web.StreamResponse(status=status, headers=dict(headers))
        if self.coding:
            response.headers["Content-Encoding"] = self.coding
        elif headers.get("Content-Type") != STREAM_HEADERS["Content-Type"]:
            response.content_length = sum(len(part) for part in parts)
        if self.request.method == "HEAD":
            parts = ()
        self.started(status)
        await response.prepare(self.request)
        write = self._writer(response)
        delay_s = sum(fault.seconds for fault in self.faults if fault.kind is Kind.SLOW)
        for at, part in enumerate(parts):
            if await self._misbehave(at):
                response.force_close()
                break
            if delay_s:
                await asyncio.sleep(delay_s)
            await write(part, at + 1 == len(parts))
        else:
            await self._misbehave(len(parts))
        await response.write_eof()
        return response

    def _writer(self, response: web.StreamResponse) -> Callable[[bytes, bool], Awaitable[None]]:
        if not self.coding:
            return lambda data, _last: response.write(data)
        encode = encoder(self.coding)
        return lambda data, last: response.write(encode(data, last))

    async def _misbehave(self, at: int | None) -> bool:
        """Do what is planned for this point; True means that the answer ends here."""
        ends = False
        for fault in self.faults:
            if fault.kind in (Kind.STATUS, Kind.SLOW) or fault.at_event != at:
                continue
            if fault.kind is Kind.STALL:
                await asyncio.sleep(fault.seconds)
            elif fault.kind is Kind.HOLD and fault.hold:
                await fault.hold.wait()
            elif fault.kind is Kind.RESET:
                self._reset()
            else:
                ends = True
        return ends

    def _reset(self) -> None:
        transport = self.request.transport
        if transport is not None:
            connection = transport.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()
        raise ConnectionEndedError
