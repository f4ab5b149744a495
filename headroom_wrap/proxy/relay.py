"""The answer on its way back: passed on chunk by chunk as it arrives, and read only after it has been passed on."""

from __future__ import annotations

from headroom_wrap.proxy.headers import relayed
from headroom_wrap.proxy.ports import Headers, Send
from headroom_wrap.proxy.upstream import UpstreamResponse
from headroom_wrap.wire.usage import UsageTap


async def relay(response: UpstreamResponse, send: Send, tap: UsageTap | None) -> None:
    """Send an upstream's answer to the client.

    Raises:
        HeadroomError: the upstream broke off. The end of the body was not sent then: the server cuts the client's
            connection, and the client sees that something is missing.
    """
    await start(send, response.status, relayed(response.status, response.headers))
    async for chunk in response.chunks():
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
        if tap is not None:
            tap.feed(chunk)
    if tap is not None:
        tap.close()  # before the client knows that the answer is whole, and sends what follows from it
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def start(send: Send, status: int, headers: Headers) -> None:
    """Send the head of an answer."""
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def respond(send: Send, status: int, content_type: str, body: bytes, *extra: tuple[bytes, bytes]) -> None:
    """Send a whole answer of our own."""
    headers = [(b"content-length", b"%d" % len(body)), *extra]
    if body:
        headers.append((b"content-type", content_type.encode()))
    await start(send, status, headers)
    await send({"type": "http.response.body", "body": body, "more_body": False})
