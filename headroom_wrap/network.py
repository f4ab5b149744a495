"""The user's network: which proxy leads to a host, and which certificates are trusted."""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]

import certifi

from headroom_wrap.errors import Code, HeadroomError

_log = logging.getLogger(__name__)

_LOOPBACK_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
_PROXY_SCHEMES = frozenset({"http", "https"})


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
