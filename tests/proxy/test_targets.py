"""What a request's first line and framing can not do."""

from __future__ import annotations

import pytest

from tests.proxy.sockets import rigged, run


@pytest.mark.parametrize(
    ("target", "arrives_as"),
    [
        ("/v1/messages?beta=true", b"/v1/messages?beta=true"),
        ("http://evil.example/v1/messages?x=1", b"/v1/messages?x=1"),
        ("https://u:p@evil.example:9/v1/messages", b"/v1/messages"),
        ("//evil.example/v1/messages", b"//evil.example/v1/messages"),
        ("/v1/../../etc/./passwd", b"/v1/../../etc/./passwd"),
        ("/v1/%2e%2E/%2f;a=b?q=%20+&r=?", b"/v1/%2e%2E/%2f;a=b?q=%20+&r=?"),
        ("/@evil.example", b"/@evil.example"),
    ],
)
def test_no_request_target_changes_the_upstream(target: str, arrives_as: bytes) -> None:
    async def scenario() -> None:
        async with rigged(url="http://127.0.0.1:{port}/team/a") as rig:
            assert (await (await rig.post(target)).answer())[0] == 200
            received = rig.upstream.received[0]
            assert received.target == b"/team/a" + arrives_as
            assert received.header(b"host") == [b"127.0.0.1:%d" % rig.upstream_port]

    run(scenario())


@pytest.mark.parametrize(
    "head",
    [
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: {host}\r\n\r\n",
        b"POST evil.example HTTP/1.1\r\nHost: {host}\r\n\r\n",
        b"GET http://evil.example HTTP/1.1\r\nHost: {host}\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: {host}\r\n\r\n",
        b"TRACE / HTTP/1.1\r\nHost: {host}\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: {host}\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"POST /v1/messages HTTP/1.1\r\nHost: {host}\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST /v1/messages HTTP/1.1\r\n\r\n",
        b"POST /v1/messages HTTP/1.1\r\nHost: {host}\r\nX: a\x00b\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_a_request_that_is_malformed_or_for_a_forward_proxy_reaches_nobody(head: bytes) -> None:
    async def scenario() -> None:
        async with rigged() as rig:
            client = await rig.client()
            client.writer.write(head.replace(b"{host}", rig.host[1]))
            status, _ = await client.head()
            assert 400 <= status < 500
            assert rig.upstream.received == []

    run(scenario())


def test_a_forged_forwarding_header_makes_no_stranger_local_and_no_local_a_stranger() -> None:
    async def scenario() -> None:
        async with rigged() as rig:
            client = await rig.post(headers=[(b"X-Forwarded-For", b"10.0.0.1"), (b"X-Forwarded-Proto", b"https")])
            assert (await client.answer())[0] == 200
            assert rig.upstream.received[0].header(b"x-forwarded-for") == [b"10.0.0.1"]

    run(scenario())


def test_a_websocket_gets_426_at_once() -> None:
    async def scenario() -> None:
        async with rigged() as rig:
            client = await rig.client()
            client.send(
                "GET /v1/responses",
                [rig.host, (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"), (b"Sec-WebSocket-Version", b"13")],
            )
            status, headers = await client.head()
            assert status == 426
            assert (b"connection", b"close") in headers
            assert b"POST" in await client.rest()

    run(scenario())
