"""How requests leave this machine: proxies, certificates, and what cannot be reached."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import trustme

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.network import proxy_for, tls_context
from tests.proxy.sockets import (
    STREAM_HEAD,
    Received,
    Upstream,
    answer_ok,
    chunk,
    listening,
    read_head,
    rigged,
    run,
    soon,
)

PROXY = "http://proxy.test:3128"


@pytest.mark.parametrize(
    ("url", "env", "proxy"),
    [
        ("https://api.test", {}, None),
        ("https://api.test", {"HTTPS_PROXY": PROXY}, PROXY),
        ("https://api.test", {"https_proxy": PROXY, "HTTPS_PROXY": "http://other.test"}, PROXY),
        ("https://api.test", {"HTTP_PROXY": PROXY}, None),
        ("http://api.test", {"HTTP_PROXY": PROXY}, PROXY),
        ("https://api.test", {"ALL_PROXY": PROXY}, PROXY),
        ("https://api.test", {"ALL_PROXY": "socks5://s.test", "HTTPS_PROXY": PROXY}, PROXY),
        ("https://api.test", {"HTTPS_PROXY": "proxy.test:3128"}, PROXY),
        ("https://api.test", {"HTTPS_PROXY": ""}, None),
        ("https://api.test", {"HTTPS_PROXY": PROXY, "NO_PROXY": "api.test"}, None),
        ("https://a.api.test", {"HTTPS_PROXY": PROXY, "no_proxy": "x, .api.test"}, None),
        ("https://api.test:8443", {"HTTPS_PROXY": PROXY, "NO_PROXY": "api.test:8443"}, None),
        ("https://api.test", {"HTTPS_PROXY": PROXY, "NO_PROXY": "*"}, None),
        ("https://api.test", {"HTTPS_PROXY": PROXY, "NO_PROXY": "other.test"}, PROXY),
        ("http://127.0.0.1:4000", {"HTTP_PROXY": PROXY}, None),
        ("http://localhost:4000", {"HTTP_PROXY": PROXY}, None),
        ("http://[::1]:4000", {"HTTP_PROXY": PROXY}, None),
    ],
)
def test_the_networks_proxy_is_found(url: str, env: Mapping[str, str], proxy: str | None) -> None:
    assert proxy_for(url, env) == proxy


@pytest.mark.parametrize("value", ["socks5://s.test:1080", "http://", "file:///x"])
def test_a_proxy_that_cannot_be_used_is_an_error_that_says_what_to_set(value: str) -> None:
    with pytest.raises(HeadroomError) as caught:
        proxy_for("https://api.test", {"HTTPS_PROXY": value})
    assert caught.value.code is Code.BAD_SETTING
    assert "HTTPS_PROXY" in caught.value.hint


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca_file(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@pytest.fixture
def tls(authority: trustme.CA) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "upstream.test").configure_cert(context)
    return context


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are looked up here: upstream.test is loopback, and no other name is known."""
    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        if host == "upstream.test":
            host = "127.0.0.1"
        elif host not in ("127.0.0.1", None):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return real(host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)


def authorities(context: ssl.SSLContext) -> int:
    return context.cert_store_stats()["x509_ca"]


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
def test_a_certificate_file_replaces_the_platforms_store(variable: str, ca_file: str) -> None:
    assert authorities(tls_context({variable: ca_file})) == 1


def test_extra_certificates_stand_beside_the_others(ca_file: str) -> None:
    assert authorities(tls_context({"NODE_EXTRA_CA_CERTS": ca_file})) == authorities(tls_context({})) + 1


def test_a_certificate_folder_is_taken(tmp_path: Path) -> None:
    assert authorities(tls_context({"SSL_CERT_DIR": str(tmp_path)})) == 0


def test_where_the_platform_has_no_store_certifi_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ssl.SSLContext, "load_default_certs", lambda _self: None)
    assert authorities(tls_context({})) > 50


def test_every_context_checks_names_and_certificates() -> None:
    context = tls_context({})
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


def test_extra_certificates_that_cannot_be_read_are_done_without() -> None:
    assert authorities(tls_context({"NODE_EXTRA_CA_CERTS": "/no/such"})) == authorities(tls_context({}))


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE"])
@pytest.mark.parametrize("content", [None, "no certificate"])
def test_a_certificate_file_that_cannot_be_read_is_named(variable: str, content: str | None, tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    with pytest.raises(HeadroomError) as caught:
        tls_context({variable: str(path)})
    assert caught.value.code is Code.BAD_SETTING
    assert variable in caught.value.message


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"])
def test_a_company_certificate_is_trusted(variable: str, ca_file: str, tls: ssl.SSLContext) -> None:
    async def scenario() -> None:
        async with rigged(url="https://127.0.0.1:{port}", tls=tls, env={variable: ca_file}) as rig:
            assert (await (await rig.post()).answer())[0] == 200

    run(scenario())


def test_an_unknown_certificate_is_refused_with_a_way_on(tls: ssl.SSLContext) -> None:
    async def scenario() -> None:
        async with rigged(url="https://127.0.0.1:{port}", tls=tls) as rig:
            status, _, body = await (await rig.post()).answer()
            assert status == 502
            assert b"certificate is not trusted" in body
            assert b"NODE_EXTRA_CA_CERTS" in body
            assert rig.upstream.received == []

    run(scenario())


@pytest.mark.usefixtures("names")
def test_a_certificate_for_another_name_is_refused(
    ca_file: str, tls: ssl.SSLContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _host, *args, **kwargs: real("127.0.0.1", *args, **kwargs))

    async def scenario() -> None:
        async with rigged(url="https://other.test:{port}", tls=tls, env={"SSL_CERT_FILE": ca_file}) as rig:
            status, _, body = await (await rig.post()).answer()
            assert status == 502
            assert b"certificate is not trusted" in body

    run(scenario())


def test_an_unreadable_certificate_setting_is_a_502_that_names_it(tls: ssl.SSLContext) -> None:
    async def scenario() -> None:
        async with rigged(url="https://127.0.0.1:{port}", tls=tls, env={"SSL_CERT_FILE": "/no/such"}) as rig:
            status, headers, body = await (await rig.post()).answer()
            assert status == 502
            assert (b"x-headroom-error", b"bad-setting") in headers
            assert b"SSL_CERT_FILE names /no/such" in body

    run(scenario())


def test_a_tls_upstream_learns_of_a_client_that_hangs_up(ca_file: str, tls: ssl.SSLContext) -> None:
    ended = asyncio.Event()

    async def script(_request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunk(b"x"))
        assert await reader.read(1) == b""
        ended.set()

    async def scenario() -> None:
        async with rigged(script, url="https://127.0.0.1:{port}", tls=tls, env={"SSL_CERT_FILE": ca_file}) as rig:
            client = await rig.post()
            await client.head()
            await client.chunk()
            client.writer.close()
            await soon(ended.wait())

    run(scenario())


@pytest.mark.usefixtures("names")
def test_a_name_that_is_not_found_is_a_502_that_names_it() -> None:
    async def scenario() -> None:
        async with rigged(url="http://nowhere.test") as rig:
            status, _, body = await (await rig.post()).answer()
            assert status == 502
            assert b"could not reach nowhere.test: its name was not found" in body

    run(scenario())


def test_an_upstream_that_is_down_is_a_502_until_it_is_back() -> None:
    async def scenario() -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        async with rigged(url=f"http://127.0.0.1:{port}") as rig:
            status, _, body = await (await rig.post()).answer()
            assert status == 502
            assert b"127.0.0.1:%d: it refused to connect" % port in body
            server = await asyncio.start_server(rig.upstream.serve, "127.0.0.1", port)
            assert (await (await rig.post()).answer())[0] == 200
            server.close()

    run(scenario())


def test_a_server_without_tls_behind_an_https_url_is_a_502(ca_file: str) -> None:
    async def refuse(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async def scenario() -> None:
        server = await asyncio.start_server(refuse, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        async with rigged(url=f"https://127.0.0.1:{port}", env={"SSL_CERT_FILE": ca_file}) as rig:
            status, _, body = await (await rig.post()).answer()
            assert status == 502
            assert b"no TLS connection came about" in body
        server.close()

    run(scenario())


class NetworkProxy:
    """A forward proxy: tunnels to `target_port`, whatever name is asked for, and answers plain requests itself."""

    def __init__(self, target_port: int, status: int = 200) -> None:
        self.target_port = target_port
        self.status = status
        self.heads: list[tuple[bytes, dict[bytes, bytes]]] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            first_line, headers = await read_head(reader)
            self.heads.append((first_line, {name.lower(): value for name, value in headers}))
            if not first_line.startswith(b"CONNECT"):
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nproxied")
                await reader.read()
            elif self.status != 200:
                writer.write(b"HTTP/1.1 %d Refused\r\nContent-Length: 0\r\n\r\n" % self.status)
                await reader.read()
            else:
                far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self.target_port)
                writer.write(b"HTTP/1.1 200 Connected\r\n\r\n")
                await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))
        writer.close()


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while piece := await reader.read(65536):
        writer.write(piece)
        await writer.drain()
    writer.close()


def test_https_goes_through_the_networks_proxy(ca_file: str, tls: ssl.SSLContext) -> None:
    async def scenario() -> None:
        upstream = Upstream(answer_ok)
        async with listening(upstream, tls) as port:
            network = NetworkProxy(port)
            server = await asyncio.start_server(network.serve, "127.0.0.1", 0)
            env = {
                "HTTPS_PROXY": f"http://user:p%40ss@127.0.0.1:{server.sockets[0].getsockname()[1]}",
                "NODE_EXTRA_CA_CERTS": ca_file,
            }
            async with rigged(url="https://upstream.test", env=env) as rig:
                assert (await (await rig.post(headers=[(b"Authorization", b"Bearer t")])).answer())[0] == 200
            first_line, headers = network.heads[0]
            assert first_line == b"CONNECT upstream.test:443 HTTP/1.1"
            assert headers[b"proxy-authorization"] == b"Basic " + base64.b64encode(b"user:p@ss")
            assert upstream.received[0].header(b"proxy-authorization") == []
            assert upstream.received[0].header(b"authorization") == [b"Bearer t"]
            assert upstream.received[0].header(b"host") == [b"upstream.test"]
            server.close()

    run(scenario())


def test_http_goes_through_the_networks_proxy() -> None:
    async def scenario() -> None:
        network = NetworkProxy(0)
        server = await asyncio.start_server(network.serve, "127.0.0.1", 0)
        env = {"http_proxy": f"127.0.0.1:{server.sockets[0].getsockname()[1]}"}
        async with rigged(url="http://upstream.test/p", env=env) as rig:
            assert (await (await rig.post("/v1/messages?x=%2F")).answer())[2] == b"proxied"
        assert network.heads[0][0] == b"POST http://upstream.test/p/v1/messages?x=%2F HTTP/1.1"
        server.close()

    run(scenario())


@pytest.mark.usefixtures("names")
def test_cookies_of_an_answer_are_not_kept() -> None:
    async def script(_request: Received, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Path=/\r\nContent-Length: 0\r\n\r\n")

    async def scenario() -> None:
        async with rigged(script, url="http://upstream.test:{port}") as rig:
            for _ in range(2):
                await (await rig.post()).answer()
            assert [request.header(b"cookie") for request in rig.upstream.received] == [[], []]

    run(scenario())


@pytest.mark.usefixtures("names")
def test_no_proxy_goes_direct() -> None:
    async def scenario() -> None:
        env = {"HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": "upstream.test"}
        async with rigged(url="http://upstream.test:{port}", env=env) as rig:
            assert (await (await rig.post()).answer())[0] == 200
            assert len(rig.upstream.received) == 1

    run(scenario())


@pytest.mark.parametrize(
    ("status", "words"), [(407, b"proxy refused to connect"), (None, b"proxy could not be reached")]
)
def test_a_proxy_that_fails_is_named_as_the_culprit(status: int | None, words: bytes, ca_file: str) -> None:
    async def scenario() -> None:
        network = NetworkProxy(0, status or 200)
        server = await asyncio.start_server(network.serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1] if status else 1
        env = {"HTTPS_PROXY": f"http://user:secret@127.0.0.1:{port}", "SSL_CERT_FILE": ca_file}
        async with rigged(url="https://upstream.test", env=env) as rig:
            got, _, body = await (await rig.post()).answer()
            assert got == 502
            assert words in body
            assert b"secret" not in body
        server.close()

    run(scenario())
