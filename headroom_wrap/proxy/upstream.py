"""How requests leave this machine: the transport's protocol, and the proxy and certificate settings that it obeys."""

from __future__ import annotations

import logging
import ssl
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

import certifi

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.ports import Headers

_log = logging.getLogger(__name__)

_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_PROXY_SCHEMES = frozenset({"http", "https"})


class UpstreamResponse(Protocol):
    """An answer whose head has arrived."""

    status: int
    headers: Headers

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, encoded as it was sent.

        Raises:
            HeadroomError: `UPSTREAM_UNREACHABLE` if it breaks off before its end.
        """

    def close(self) -> None:
        """Let go of the answer; one that was not read to its end is cancelled."""


class Upstream(Protocol):
    """The transport: sends each request once, follows nothing, adds nothing."""

    async def send(
        self, method: str, url: str, headers: Headers, body: bytes | AsyncIterator[bytes]
    ) -> UpstreamResponse:
        """Send a request and wait for the head of its answer.

        Raises:
            HeadroomError: `UPSTREAM_UNREACHABLE` without an answer, `BAD_REQUEST` for one that cannot be sent,
                `BAD_SETTING` for unusable proxy or certificate settings.
        """

    async def aclose(self) -> None:
        """Close all connections."""


def connect(env: Mapping[str, str]) -> Upstream:
    """The transport, made on the running event loop; `env` as for `proxy_for` and `tls_context`."""
    from headroom_wrap.proxy.aiohttp_upstream import AiohttpUpstream  # noqa: PLC0415 - takes 0.12 s, at the first call

    return AiohttpUpstream(env)


def proxy_for(url: str, env: Mapping[str, str]) -> str | None:
    """The proxy for `url` by HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY in either case; None to go direct.

    Loopback is never asked of a proxy: it would look on its own machine.

    Raises:
        HeadroomError: `BAD_SETTING` for a proxy that is not http(s).
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    no_proxy = _setting(env, "no_proxy")
    if host in _LOOPBACK_HOSTS or (no_proxy and proxy_bypass_environment(parts.netloc, {"no": no_proxy})):
        return None
    proxy = _setting(env, f"{parts.scheme}_proxy") or _setting(env, "all_proxy")
    if not proxy:
        return None
    if "://" not in proxy:
        proxy = f"http://{proxy}"
    if urlsplit(proxy).scheme not in _PROXY_SCHEMES or not urlsplit(proxy).hostname:
        raise HeadroomError(
            Code.BAD_SETTING,
            f"Headroom cannot reach {host} through a {urlsplit(proxy).scheme} proxy.",
            f"Set {parts.scheme.upper()}_PROXY to an http:// proxy, or name {host} in NO_PROXY.",
        )
    return proxy


def tls_context(env: Mapping[str, str]) -> ssl.SSLContext:
    """Which certificates are trusted: the platform's, or those that the user's settings name.

    SSL_CERT_FILE, REQUESTS_CA_BUNDLE and SSL_CERT_DIR replace the platform's store, NODE_EXTRA_CA_CERTS stands beside
    either; certifi's serve where the platform has none.

    Raises:
        HeadroomError: `BAD_SETTING` for one of the first three that cannot be read.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    replacing = [name for name in ("SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE") if env.get(name)]
    for name in replacing:
        _trust(context, name, env[name])
    if not replacing:
        context.load_default_certs()
        if not context.cert_store_stats()["x509_ca"]:
            context.load_verify_locations(certifi.where())
    if env.get("NODE_EXTRA_CA_CERTS"):
        try:
            _trust(context, "NODE_EXTRA_CA_CERTS", env["NODE_EXTRA_CA_CERTS"])
        except HeadroomError as error:
            _log.debug("%s", error)  # Node goes on without it, and so the agent did
    return context


def _trust(context: ssl.SSLContext, name: str, value: str) -> None:
    try:
        if Path(value).is_dir():
            context.load_verify_locations(capath=value)
        else:
            context.load_verify_locations(cafile=value)
    except OSError as error:
        raise HeadroomError(
            Code.BAD_SETTING,
            f"{name} names {value}, from which no certificates could be read ({error}).",
            f"Correct {name} or unset it, and start again.",
        ) from error


def _setting(env: Mapping[str, str], name: str) -> str:
    return env.get(name) or env.get(name.upper()) or ""
