"""Control routes: health at once, the others when their library is loaded; and the question from outside for health."""

from __future__ import annotations

import asyncio
import hmac
import json
import secrets
import socket
import time
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from headroom_wrap import __version__
from headroom_wrap.errors import Code
from headroom_wrap.proxy import gate
from headroom_wrap.proxy.client import Client, ClientGoneError
from headroom_wrap.proxy.ports import Asgi, Headers, Message, Receive, Scope, Send
from headroom_wrap.proxy.relay import respond
from headroom_wrap.proxy.workers import DaemonExecutor
from headroom_wrap.wire.errors import JSON_TYPE

MAX_BODY_BYTES = 16 * 1024 * 1024
_MAX_ANSWER_BYTES = 64 * 1024
_N_WORKERS = 2


async def health(scope: Scope, send: Send, key: str) -> None:
    """Answer `GET /health`."""
    await respond(send, 200, JSON_TYPE, health_answer(scope["headers"], key))


def health_answer(headers: Headers, key: str) -> bytes:
    """The version and, for a nonce in `x-headroom-nonce`, HMAC-SHA256(key, nonce) in hex."""
    nonces = gate.header_values(headers, gate.NONCE_HEADER)
    body = {
        "status": "ok",
        "version": __version__,
        "proof": gate.proof(key, nonces[0].decode("latin-1")) if nonces else None,
    }
    return json.dumps(body).encode()


def render_failure(code: Code, message: str, hint: str = "") -> bytes:
    """How control routes say that something went wrong: no provider's form, but ours."""
    return json.dumps({"error": {"code": code.value, "message": message, "hint": hint}}).encode()


class Mounted:
    """The control routes that a library serves: loaded, on a thread, by the first request for one of them.

    Args:
        load: makes their application; it is given threads for what blocks.
    """

    def __init__(self, load: Callable[[Executor], Asgi]) -> None:
        self._load = load
        self._workers = DaemonExecutor(_N_WORKERS, "headroom-control")
        self._loading: asyncio.Future[Asgi] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request that passed the gate."""
        client = Client(receive)
        try:
            body = await client.read(MAX_BODY_BYTES)
        except ClientGoneError:
            return
        if len(body) > MAX_BODY_BYTES:
            message = f"Control routes take bodies of up to {MAX_BODY_BYTES // 1024**2} MB."
            failure = render_failure(Code.BAD_REQUEST, message, "Send less at a time.")
            await respond(send, 413, JSON_TYPE, failure, (b"connection", b"close"))
            return
        if self._loading is None:
            self._loading = asyncio.get_running_loop().run_in_executor(self._workers, self._load, self._workers)
        application = await asyncio.shield(self._loading)
        read: list[dict[str, Any]] = [{"type": "http.request", "body": body, "more_body": False}]

        async def receive_read() -> Message:
            return read.pop() if read else await receive()

        path = scope["raw_path"].decode("ascii")
        await application({**scope, "path": path, "root_path": ""}, receive_read, send)

    def shutdown(self) -> None:
        """Let the threads end."""
        self._workers.shutdown()


def probe(host: str, port: int, key: str, timeout_s: float) -> bool:
    """Whether a proxy that holds `key` answers at `host:port` within `timeout_s`.

    The key itself is not sent: whoever else might listen there would have it.
    """
    nonce = secrets.token_hex(16)
    request = (
        f"GET /health HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n"
        f"{gate.NONCE_HEADER.decode()}: {nonce}\r\n{gate.CLAIM_HEADER.decode()}: {gate.claim(key, nonce)}\r\n\r\n"
    )
    try:
        answer = _ask(host, port, request.encode(), time.monotonic() + timeout_s)
        head, _, body = answer.partition(b"\r\n\r\n")
        shown = json.loads(body)["proof"]
        return head.startswith(b"HTTP/1.1 200") and hmac.compare_digest(
            str(shown).encode(), gate.proof(key, nonce).encode()
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _ask(host: str, port: int, request: bytes, deadline: float) -> bytes:
    answer = bytearray()
    with socket.create_connection((host, port), max(0.001, deadline - time.monotonic())) as connection:
        connection.sendall(request)
        while len(answer) < _MAX_ANSWER_BYTES:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
            piece = connection.recv(4096)
            if not piece:
                break
            answer += piece
    return bytes(answer)
