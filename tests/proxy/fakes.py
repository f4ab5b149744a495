"""Stand-ins for what surrounds the proxy's application, and an ASGI client in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Any

from headroom_wrap.proxy.app import ProxyApp
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.ports import Asgi, Headers, Message, Prepared
from headroom_wrap.store.records import LedgerRow
from headroom_wrap.wire.request import Call

KEY = "5e" * 32
PORT = 8787
HOST = (b"host", b"127.0.0.1:8787")
UPSTREAM_URL = "https://upstream.test/base"


def config(*, require_key: bool = False, url: str = UPSTREAM_URL) -> ProxyConfig:
    return ProxyConfig(key=KEY, session="s1", agent="claude", upstreams={"anthropic": url}, require_key=require_key)


@dataclass
class FakePipeline:
    """Replaces every `old` by `new`; `hook` runs first, in the worker thread."""

    old: bytes = b"\x00never"
    new: bytes = b""
    hook: Callable[[], object] = lambda: None
    rows: list[LedgerRow] = field(default_factory=list)
    seen: list[tuple[str, bytes, bool]] = field(default_factory=list)
    calls: list[tuple[str, Call]] = field(default_factory=list)
    sent: list[bytes] = field(default_factory=list)

    def prepare(self, wire: str, body: bytes, *, counts_only: bool) -> Prepared:
        self.seen.append((wire, body, counts_only))
        self.hook()
        if self.old not in body:
            return Prepared(body, model="claude-x")
        return Prepared(body.replace(self.old, self.new), "claude-x", 100, 10, 50, 5, 2, 1)

    def keep_call(self, call_id: str, call: Call) -> None:
        self.calls.append((call_id, call))

    def record(self, row: LedgerRow, sent: bytes = b"") -> None:
        self.rows.append(row)
        self.sent.append(sent)


@dataclass
class FakeResponse:
    status: int = 200
    headers: Headers = field(default_factory=lambda: [(b"Content-Type", b"application/json")])
    body: Sequence[bytes] = (b"{}",)
    error: Exception | None = None
    hold: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    is_closed: bool = False

    async def chunks(self) -> AsyncIterator[bytes]:
        for chunk in self.body:
            yield chunk
        self.reached.set()
        if self.hold is not None:
            await self.hold.wait()
        if self.error is not None:
            raise self.error

    def close(self) -> None:
        self.is_closed = True


@dataclass(frozen=True)
class Sent:
    method: str
    url: str
    headers: Headers
    body: bytes
    is_stream: bool


@dataclass
class FakeUpstream:
    """Answers every request with `answer`, or raises it; waits for `hold` before it does."""

    answer: FakeResponse | Exception = field(default_factory=FakeResponse)
    hold: asyncio.Event | None = None
    reached: asyncio.Event = field(default_factory=asyncio.Event)
    sent: list[Sent] = field(default_factory=list)
    n_cancelled: int = 0
    is_closed: bool = False

    async def send(self, method: str, url: str, headers: Headers, body: bytes | AsyncIterator[bytes]) -> FakeResponse:
        try:
            whole = body if isinstance(body, bytes) else b"".join([piece async for piece in body])
            self.sent.append(Sent(method, url, headers, whole, is_stream=not isinstance(body, bytes)))
            self.reached.set()
            if self.hold is not None:
                await self.hold.wait()
        except asyncio.CancelledError:
            self.n_cancelled += 1
            raise
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    async def aclose(self) -> None:
        self.is_closed = True


@dataclass
class Answer:
    """What an ASGI client saw; `is_complete` is false where the answer was cut off."""

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    is_complete: bool = False

    def header(self, name: bytes) -> bytes | None:
        return next((value for header, value in self.headers if header.lower() == name), None)


def scope(
    method: str = "POST", path: bytes = b"/v1/messages", headers: Headers | None = None, **more: Any
) -> dict[str, Any]:
    raw_path, _, query = path.partition(b"?")
    given = headers or []
    return {
        "type": "http",
        "method": method,
        "raw_path": raw_path,
        "query_string": query,
        "headers": given if any(name == b"host" for name, _ in given) else [HOST, *given],
        "client": ("127.0.0.1", 50000),
        "server": ("127.0.0.1", PORT),
        **more,
    }


def app(
    pipeline: FakePipeline, upstream: FakeUpstream, *, require_key: bool = False, deadline_s: float = 10.0
) -> ProxyApp:
    settings = config(require_key=require_key)
    return ProxyApp(settings, pipeline, lambda: upstream, no_control, prepare_deadline_s=deadline_s)


def no_control(_workers: Executor) -> Asgi:
    raise AssertionError("a request of this test asks for a control route")


async def ask(
    application: Asgi,
    request: dict[str, Any],
    body: bytes | Sequence[bytes] = b"",
    gone: asyncio.Event | None = None,
    *,
    is_cut: bool = False,
) -> Answer:
    """Send one request; the client goes away when `gone` is set, or in the middle of its body if that `is_cut`."""
    pieces = [body] if isinstance(body, bytes) else list(body)
    leaving = gone or asyncio.Event()
    answer = Answer()

    async def receive() -> Message:
        if pieces:
            piece = pieces.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(pieces) or is_cut}
        if is_cut:
            return {"type": "http.disconnect"}
        await leaving.wait()
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if message["type"] == "http.response.start":
            answer.status, answer.headers = message["status"], message["headers"]
        else:
            answer.body += message["body"]
            answer.is_complete = not message.get("more_body", False)

    await asyncio.wait_for(application(request, receive, send), 20)
    return answer
