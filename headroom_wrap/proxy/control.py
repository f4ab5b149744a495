"""Control routes, and the question from outside whether a port is served by the proxy of this session."""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import time

from headroom_wrap import __version__
from headroom_wrap.proxy import gate
from headroom_wrap.proxy.ports import Scope, Send
from headroom_wrap.proxy.relay import respond
from headroom_wrap.wire.errors import JSON_TYPE

_MAX_ANSWER_BYTES = 64 * 1024


async def health(scope: Scope, send: Send, key: str) -> None:
    """Answer `GET /health`: the version and, for a nonce in `x-headroom-nonce`, HMAC-SHA256(key, nonce) in hex."""
    nonces = gate.header_values(scope["headers"], gate.NONCE_HEADER)
    body = {
        "status": "ok",
        "version": __version__,
        "proof": gate.proof(key, nonces[0].decode("latin-1")) if nonces else None,
    }
    await respond(send, 200, JSON_TYPE, json.dumps(body).encode())


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
