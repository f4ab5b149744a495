"""Which headers cross the proxy: all but those that speak of one connection (RFC 9110, section 7.6.1) or to us."""

from __future__ import annotations

import hmac
import re

from headroom_wrap.auth.grant import Grant
from headroom_wrap.proxy.ports import Headers, Scope

OWN_PREFIX = b"x-headroom-"
KEY_HEADER = b"x-headroom-key"
CARRIER = b"openai-project"
"""Codex's own provider sends no header of ours, but this one from its environment: so it can carry the key."""

AUTH_SLOTS = frozenset({b"authorization", b"x-api-key", b"api-key"})
"""Where clients put what pays for a call."""

_SCHEME = re.compile(rb"(?:bearer|token) +", re.IGNORECASE)
_GITHUB_FORM = "gho_{}"
_CARRIED = re.compile(rb"headroom-([0-9a-f]{64})(?:/(.+))?")
_KEYED = re.compile(rb"/k/([0-9a-f]{64})(?=/|\Z)")

_HOP_BY_HOP = frozenset(
    {
        b"connection",
        b"keep-alive",
        b"proxy-authenticate",
        b"proxy-authorization",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    }
)
_NOT_FORWARDED = _HOP_BY_HOP | {b"host", b"expect"}
_BODYLESS = frozenset({204, 304})


def carried(key: str, own: str | None) -> str:
    """The carrier's value with the session key in front of the user's own value, if there is one."""
    return f"headroom-{key}/{own}" if own else f"headroom-{key}"


def keyed_url(url: str, key: str) -> str:
    """The proxy's URL for agents that can send no header of ours: the session key is the beginning of its path."""
    return f"{url}/k/{key}"


def token_form(key: str) -> str:
    """The session key as it stands in the auth slot of a client that takes nothing but tokens of GitHub's."""
    return _GITHUB_FORM.format(key)


def unslotted(headers: Headers, key: str) -> Headers:
    """The headers with a session key that stands in an auth slot in its own place; names in lower case.

    Whether it is the key of this very session is asked in constant time; any other content stays where it is.
    """
    kept = [header for header in headers if not _holds_key(*header, key=key)]
    is_keyed = len(kept) == len(headers) or (KEY_HEADER, key.encode()) in kept
    return kept if is_keyed else [*kept, (KEY_HEADER, key.encode())]


def _holds_key(name: bytes, value: bytes, *, key: str) -> bool:
    if name not in AUTH_SLOTS:
        return False
    held = _SCHEME.sub(b"", value, count=1) if name == b"authorization" else value
    is_key = hmac.compare_digest(held, key.encode())
    return is_key or (name == b"authorization" and hmac.compare_digest(held, token_form(key).encode()))


def granted(headers: Headers, grant: Grant) -> Headers:
    """The headers with the grant's in place of what stood in the auth slots; else the client's own count."""
    own = {name for name, _ in headers} - AUTH_SLOTS
    kept = [header for header in headers if header[0] not in AUTH_SLOTS]
    return [*kept, *(header for header in grant.headers if header[0].lower() not in own)]


def opened(scope: Scope) -> Scope:
    """The scope with a key that came in its path or in the carrier as a header, and path and carrier as they are meant.

    A request that has a key in a header and another in its path carries both afterwards, and so is refused.
    """
    headers = unpacked(scope["headers"])
    match = _KEYED.match(scope["raw_path"])
    if match is None:
        return {**scope, "headers": headers}
    if (KEY_HEADER, match[1]) not in headers:
        headers = [*headers, (KEY_HEADER, match[1])]
    return {**scope, "headers": headers, "raw_path": scope["raw_path"][match.end() :] or b"/"}


def unpacked(headers: Headers) -> Headers:
    """The headers with a carried key in its own place, and the carrier as the user had it; names in lower case."""
    found: Headers = []
    for name, value in headers:
        match = _CARRIED.fullmatch(value) if name == CARRIER else None
        if match is None:
            found.append((name, value))
            continue
        found.append((KEY_HEADER, match[1]))
        if match[2]:
            found.append((CARRIER, match[2]))
    return found


def forwarded(headers: Headers, body_bytes: int | None) -> Headers:
    """The request's headers as the upstream gets them, in their order.

    Args:
        headers: names in lower case.
        body_bytes: the length of the body that goes out; None keeps the client's own `Content-Length`, if any.
    """
    dropped = _NOT_FORWARDED | _listed(headers)
    kept = [(name, value) for name, value in headers if name not in dropped and not name.startswith(OWN_PREFIX)]
    if body_bytes is None:
        return kept
    length = (b"content-length", b"%d" % body_bytes)
    if any(name == b"content-length" for name, _ in kept):
        return [length if header[0] == b"content-length" else header for header in kept]
    return [*kept, length] if body_bytes else kept


def relayed(status: int, headers: Headers) -> Headers:
    """The answer's headers as the client gets them, names as the upstream wrote them."""
    dropped = _HOP_BY_HOP | _listed(headers)
    if status in _BODYLESS:
        dropped |= {b"content-length"}
    return [header for header in headers if header[0].lower() not in dropped]


def first(headers: Headers, name: bytes) -> str:
    """The first value of a header, or an empty string; `name` in lower case."""
    return next((value.decode("latin-1") for header, value in headers if header.lower() == name), "")


def _listed(headers: Headers) -> frozenset[bytes]:
    lists = [value for name, value in headers if name.lower() == b"connection"]
    return frozenset(name.strip().lower() for value in lists for name in value.split(b","))
