"""Who may talk to the proxy: decided on the request's head alone, before anything is read or sent.

A page in the user's browser, another user of this machine, and a name that resolves to loopback are the strangers here.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass

from headroom_wrap.errors import Code
from headroom_wrap.proxy.headers import KEY_HEADER
from headroom_wrap.proxy.ports import Headers, Scope
from headroom_wrap.proxy.public import PublicEndpoint, serves_strangers
from headroom_wrap.proxy.routes import Route

NONCE_HEADER = b"x-headroom-nonce"
CLAIM_HEADER = b"x-headroom-claim"
HOSTS = (b"127.0.0.1", b"localhost", b"[::1]")

_KEY_HINTS = {"proxy": "headroom proxy names the file with its key when it starts."}
_DEFAULT_PORT = 80
_LOOPBACK_PEER = re.compile(r"(::ffff:)?127\.\d+\.\d+\.\d+|::1")
_NONCE = re.compile(rb"[0-9a-f]{32,128}")
_REFUSED_METHODS = frozenset({"CONNECT", "TRACE"})
_OWN_FETCH_SITES = frozenset({b"none", b"same-origin"})


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that goes no further: the answer's status, a stable code, and a sentence for a person."""

    status: int
    message: str
    code: Code = Code.GATE_REFUSED


def check(scope: Scope, key: str, *, needs_key: bool, takes_claim: bool, agent: str) -> Refusal | None:
    """Judge a request by its ASGI scope: None lets it pass.

    Args:
        scope: names in its headers are lower case; `server` is the address at which the request arrived.
        key: the session's key.
        needs_key: whether this route asks for the key.
        takes_claim: whether a claim (see `claim`) does in place of the key.
        agent: named in the hint.
    """
    return (
        _check_peer(scope)
        or _check_host(scope)
        or _check_page(scope)
        or (_check_key(scope["headers"], key, takes_claim=takes_claim, agent=agent) if needs_key else None)
    )


def check_public(scope: Scope, route: Route, endpoint: PublicEndpoint) -> Refusal | None:
    """Judge a request that came for the public name of this proxy (see `public`): None lets it pass."""
    refusal = _check_peer(scope) or _check_page(scope)
    if refusal is not None:
        return refusal
    if not endpoint.has_bearer(scope["headers"]):
        return Refusal(401, "Headroom answers under this name only to who shows its bearer as the API key.")
    if not serves_strangers(route, scope):
        return Refusal(403, "Headroom answers calls to models only under this name.")
    return None


def claim(key: str, nonce: str) -> str:
    """What a caller shows who holds the key but does not know yet to whom it speaks."""
    return _mac(key, f"claim:{nonce}")


def proof(key: str, nonce: str) -> str:
    """What the proxy answers to show that it holds the key."""
    return _mac(key, nonce)


def header_values(headers: Headers, name: bytes) -> list[bytes]:
    """All values of a header; `name` in lower case."""
    return [value for header, value in headers if header == name]


def _check_peer(scope: Scope) -> Refusal | None:
    client = scope.get("client")
    if client is None or not _LOOPBACK_PEER.fullmatch(client[0]):
        return Refusal(403, "Headroom answers programs on this machine only. Run the agent where Headroom runs.")
    if scope["method"] in _REFUSED_METHODS or not scope["raw_path"].startswith(b"/"):
        return Refusal(
            405,
            "Headroom is not a forward proxy: it takes no CONNECT, TRACE or OPTIONS *. "
            f"Set the agent's base URL to {_origin(scope)} instead of HTTP_PROXY or HTTPS_PROXY.",
        )
    return None


def _check_host(scope: Scope) -> Refusal | None:
    hosts = header_values(scope["headers"], b"host")
    if len(hosts) != 1:
        return Refusal(400, f"Headroom needs one Host header; this request has {len(hosts)}. Call {_origin(scope)}.")
    if hosts[0].lower() not in _own_hosts(scope):
        shown = hosts[0].decode("latin-1")
        return Refusal(421, f"Headroom does not answer for the host {shown!r}. Set the base URL to {_origin(scope)}.")
    return None


def _check_page(scope: Scope) -> Refusal | None:
    headers: Headers = scope["headers"]
    own_origins = {b"http://" + host for host in _own_hosts(scope)}
    is_foreign = any(
        (name == b"origin" and value.lower() not in own_origins)
        or (name == b"sec-fetch-site" and value.lower() not in _OWN_FETCH_SITES)
        or (name == b"access-control-request-method" and scope["method"] == "OPTIONS")
        for name, value in headers
    )
    if not is_foreign:
        return None
    return Refusal(
        403, f"Headroom takes no requests from web pages. Call {_origin(scope)} from a program, without Origin."
    )


def _check_key(headers: Headers, key: str, *, takes_claim: bool, agent: str) -> Refusal | None:
    given = header_values(headers, KEY_HEADER)
    if len(given) == 1 and hmac.compare_digest(given[0], key.encode()):
        return None
    if takes_claim and not given:
        nonces, claims = header_values(headers, NONCE_HEADER), header_values(headers, CLAIM_HEADER)
        if len(nonces) == len(claims) == 1 and _NONCE.fullmatch(nonces[0]):
            expected = claim(key, nonces[0].decode())
            if hmac.compare_digest(claims[0], expected.encode()):
                return None
    reason = "carries a key of another session" if given else "does not carry this session's key (x-headroom-key)"
    hint = _KEY_HINTS.get(agent, f"Start the agent with: headroom wrap {agent}")
    return Refusal(403, f"Headroom refused a request that {reason}. {hint}")


def _own_hosts(scope: Scope) -> set[bytes]:
    port = scope["server"][1]
    hosts = {b"%b:%d" % (host, port) for host in HOSTS}
    return hosts.union(HOSTS) if port == _DEFAULT_PORT else hosts


def _origin(scope: Scope) -> str:
    return f"http://127.0.0.1:{scope['server'][1]}"


def _mac(key: str, text: str) -> str:
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()
