"""The transport on aiohttp (one hop took 0.05 ms of it against 0.34 ms of httpx)."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.network import proxy_for, tls_context
from headroom_wrap.proxy.ports import Headers

CONNECT_TIMEOUT_S = 30.0
KEEP_ALIVE_S = 15.0
"""Below what servers and gateways allow an idle connection, so that they rarely close one that we are about to use."""

MAX_HEAD_BYTES = 64 * 1024
MAX_HEADERS = 1000
SLICE_BYTES = 256 * 1024
"""Larger bodies are written in slices, each drained before the next."""

_NO_AUTO_HEADERS = ("Accept", "Accept-Encoding", "User-Agent", "Content-Type")

_FAILURES: tuple[tuple[type[Exception], str, str], ...] = (
    (
        aiohttp.ClientConnectorDNSError,
        "its name was not found",
        "Check the network, and HTTPS_PROXY if it needs a proxy.",
    ),
    (
        aiohttp.ClientConnectorCertificateError,
        "its certificate is not trusted",
        "If this network inspects TLS, name its CA file in NODE_EXTRA_CA_CERTS or SSL_CERT_FILE.",
    ),
    (aiohttp.ClientConnectorSSLError, "no TLS connection came about", "Check that its base URL should be https."),
    (aiohttp.ClientProxyConnectionError, "the network's proxy could not be reached", "Check HTTPS_PROXY and NO_PROXY."),
    (aiohttp.ClientHttpProxyError, "the network's proxy refused to connect", "Check HTTPS_PROXY and its password."),
    (asyncio.TimeoutError, "it took too long to connect", "Check the network, and HTTPS_PROXY if it needs a proxy."),
    (aiohttp.ClientConnectorError, "it refused to connect", "Check that it runs, and that its base URL is right."),
    (aiohttp.ServerDisconnectedError, "it closed the connection without an answer", "Send the request again."),
    (aiohttp.ClientResponseError, "its answer is not HTTP", "Check that its base URL is right."),
)


class AiohttpUpstream:
    """Implements `Upstream`; to be made and used on one event loop."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env
        self._tls: ssl.SSLContext | None = None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, connect=CONNECT_TIMEOUT_S),
            skip_auto_headers=_NO_AUTO_HEADERS,
            auto_decompress=False,
            max_line_size=MAX_HEAD_BYTES,
            max_field_size=MAX_HEAD_BYTES,
            max_headers=MAX_HEADERS,
        )
        # No public switch turns off the second attempt for GET and the like; a test counts the requests.
        self._session._retry_connection = False  # noqa: SLF001

    async def send(
        self, method: str, url: str, headers: Headers, body: bytes | AsyncIterator[bytes]
    ) -> AiohttpResponse:
        """See `Upstream.send`."""
        host = urlsplit(url).netloc
        proxy = proxy_for(url, self._env)
        if self._tls is None and (url.startswith("https:") or (proxy or "").startswith("https:")):
            self._tls = tls_context(self._env)
        if isinstance(body, bytes) and len(body) > SLICE_BYTES:
            body = _slices(body)
        try:
            response = await self._session.request(
                method,
                URL(url, encoded=True),
                headers=[(name.decode("latin-1"), _text(value)) for name, value in headers],
                data=body or None,
                allow_redirects=False,
                proxy=proxy,
                ssl=self._tls or True,
            )
        except (aiohttp.ClientError, OSError, asyncio.TimeoutError) as error:
            raise _unreachable(host, error) from error
        except ValueError as error:
            raise HeadroomError(Code.BAD_REQUEST, "Headroom cannot forward this request's headers.") from error
        return AiohttpResponse(response, host)

    async def aclose(self) -> None:
        """See `Upstream.aclose`."""
        await self._session.close()


class AiohttpResponse:
    """Implements `UpstreamResponse`."""

    def __init__(self, response: aiohttp.ClientResponse, host: str) -> None:
        self._response = response
        self._host = host
        self.status = response.status
        self.headers: Headers = list(response.raw_headers)

    async def chunks(self) -> AsyncIterator[bytes]:
        """See `UpstreamResponse.chunks`."""
        read = self._response.content.readany
        try:
            while chunk := await read():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise HeadroomError(Code.UPSTREAM_UNREACHABLE, f"{self._host} broke off its answer.") from error

    def close(self) -> None:
        """See `UpstreamResponse.close`."""
        self._response.close()


def _text(value: bytes) -> str:
    """A header's value for aiohttp, which writes UTF-8: the same bytes, or the same Latin-1 text."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    view = memoryview(body)
    for start in range(0, len(body), SLICE_BYTES):
        yield bytes(view[start : start + SLICE_BYTES])


def _unreachable(host: str, error: Exception) -> HeadroomError:
    known = ((what, hint) for kind, what, hint in _FAILURES if isinstance(error, kind))
    what, hint = next(known, ("the connection broke", "Send the request again."))
    detail = error.strerror if isinstance(error, OSError) and error.strerror else ""
    what = f"{what} ({detail})" if detail else what
    return HeadroomError(Code.UPSTREAM_UNREACHABLE, f"Headroom could not reach {host}: {what}.", hint)
