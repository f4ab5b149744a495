"""A real proxy server between a raw client and a scripted upstream, all on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from headroom_wrap.proxy.app import ProxyApp
from headroom_wrap.proxy.server import ProxyServer, bind
from headroom_wrap.proxy.upstream import connect
from tests.proxy.fakes import FakePipeline, config, no_control

T = TypeVar("T")
LIMIT = 2**25
OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
STREAM_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
RawHeaders = list[tuple[bytes, bytes]]


def run(scenario: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(scenario, 30))


async def soon(awaitable: Awaitable[T]) -> T:
    """What is awaited, which must come within a few seconds."""
    return await asyncio.wait_for(awaitable, 5)


@dataclass(frozen=True)
class Received:
    """A request as the upstream got it, names in the case in which they came."""

    method: str
    target: bytes
    headers: RawHeaders
    body: bytes

    def header(self, name: bytes) -> list[bytes]:
        return [value for header, value in self.headers if header.lower() == name]


Script = Callable[[Received, asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def answer_ok(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(OK)


def chunk(body: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(body), body)


async def read_head(reader: asyncio.StreamReader) -> tuple[bytes, RawHeaders]:
    """The first line, and the headers."""
    first_line, *lines = (await reader.readuntil(b"\r\n\r\n"))[:-4].split(b"\r\n")
    return first_line, [(name, value.strip()) for name, _, value in (line.partition(b":") for line in lines)]


async def read_chunk(reader: asyncio.StreamReader) -> bytes:
    """One chunk of a chunked body; empty for the last."""
    n_bytes = int(await reader.readuntil(b"\r\n"), 16)
    return (await reader.readexactly(n_bytes + 2))[:-2]


async def read_body(reader: asyncio.StreamReader, headers: RawHeaders) -> bytes:
    lower = {name.lower(): value for name, value in headers}
    if lower.get(b"transfer-encoding") == b"chunked":
        pieces = []
        while piece := await read_chunk(reader):
            pieces.append(piece)
        return b"".join(pieces)
    return await reader.readexactly(int(lower.get(b"content-length", b"0")))


@dataclass
class Upstream:
    """A server that does with each request what `script` says; `tunnels` counts CONNECTs that it served."""

    script: Script = answer_ok
    received: list[Received] = field(default_factory=list)
    n_connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.n_connections += 1
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while not writer.is_closing():
                first_line, headers = await read_head(reader)
                method, target, _version = first_line.split(b" ", 2)
                request = Received(method.decode(), target, headers, await read_body(reader, headers))
                self.received.append(request)
                await self.script(request, reader, writer)
                await writer.drain()
        writer.close()


@dataclass
class RawClient:
    """A client that sees every byte."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    def send(self, start: str, headers: RawHeaders, body: bytes = b"") -> None:
        lines = b"".join(b"%b: %b\r\n" % header for header in headers)
        self.writer.write(f"{start} HTTP/1.1\r\n".encode("latin-1") + lines + b"\r\n" + body)

    async def head(self) -> tuple[int, RawHeaders]:
        first_line, headers = await soon(read_head(self.reader))
        return int(first_line.split(b" ")[1]), headers

    async def answer(self) -> tuple[int, RawHeaders, bytes]:
        status, headers = await self.head()
        return status, headers, await soon(read_body(self.reader, headers))

    async def chunk(self) -> bytes:
        return await soon(read_chunk(self.reader))

    async def rest(self) -> bytes:
        """All bytes until the connection ends."""
        pieces = []
        with contextlib.suppress(ConnectionError):
            while piece := await soon(self.reader.read(65536)):
                pieces.append(piece)
        return b"".join(pieces)


@dataclass
class Rig:
    """Client side, proxy and upstream of one test."""

    server: ProxyServer
    upstream: Upstream
    upstream_port: int
    pipeline: FakePipeline
    clients: list[RawClient] = field(default_factory=list)

    @property
    def host(self) -> tuple[bytes, bytes]:
        return (b"Host", b"127.0.0.1:%d" % self.server.port)

    async def client(self, limit: int = LIMIT) -> RawClient:
        client = RawClient(*await asyncio.open_connection("127.0.0.1", self.server.port, limit=limit))
        self.clients.append(client)
        return client

    async def post(
        self, target: str = "/v1/messages", body: bytes = b"{}", headers: RawHeaders | None = None
    ) -> RawClient:
        """A fresh client that has sent one POST."""
        client = await self.client()
        client.send(f"POST {target}", [self.host, (b"Content-Length", b"%d" % len(body)), *(headers or [])], body)
        return client


@contextlib.asynccontextmanager
async def listening(upstream: Upstream, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """The port on which `upstream` serves."""
    server = await asyncio.start_server(upstream.serve, "127.0.0.1", 0, limit=LIMIT, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


@contextlib.asynccontextmanager
async def rigged(  # noqa: PLR0913 - each names one thing that a test may set
    script: Script = answer_ok,
    *,
    pipeline: FakePipeline | None = None,
    env: Mapping[str, str] | None = None,
    url: str = "http://127.0.0.1:{port}",
    tls: ssl.SSLContext | None = None,
    require_key: bool = False,
) -> AsyncIterator[Rig]:
    """A rig; `{port}` in `url` is the upstream's."""
    upstream, engine = Upstream(script), pipeline or FakePipeline()
    async with listening(upstream, tls) as port:
        settings = config(url=url.format(port=port), require_key=require_key)
        server = ProxyServer(lambda: ProxyApp(settings, engine, lambda: connect(env or {}), no_control), bind())
        rig = Rig(server, upstream, port, engine)
        await asyncio.to_thread(server.start)
        try:
            yield rig
        finally:
            for client in rig.clients:
                client.writer.close()
            await asyncio.to_thread(server.stop)
