"""Copilot CLI with a provider and a key of the user's own (`copilot help providers`).

The CLI has one auth slot, and a variable for more headers. The session key goes into the latter, and the user's key
stays where it is: so nothing of ours ever holds it, a command that prints a fresh key (`_API_KEY_COMMAND`) runs as it
did without us, and every way of signing in that the CLI may get works by itself. The variable's headers reach the
provider alone, on every call (run with 1.0.102, each wire format).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from headroom_wrap.agents.agent import Context, Route, Upstream, variables_set
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.config import OFFICIAL_URLS
from headroom_wrap.proxy.headers import KEY_HEADER

BASE_URL = "COPILOT_PROVIDER_BASE_URL"

_TYPE = "COPILOT_PROVIDER_TYPE"
_HEADERS = "COPILOT_PROVIDER_HEADERS"
_CREDENTIALS = tuple(f"COPILOT_PROVIDER_{name}" for name in ("API_KEY", "BEARER_TOKEN", "API_KEY_COMMAND"))
_KEY = KEY_HEADER.decode()


@dataclass(frozen=True, slots=True)
class _Type:
    """A type of provider: its upstream, what its base URL ends in, and where it is if the user does not say."""

    upstream: str
    suffix: str = ""
    default: str = ""


_TYPES: Mapping[str, _Type] = {
    "openai": _Type("openai", "/v1", OFFICIAL_URLS["openai"]),
    "anthropic": _Type("anthropic", "", OFFICIAL_URLS["anthropic"]),
    "azure": _Type("azure"),
}


def upstreams(context: Context) -> Mapping[str, Upstream]:
    """Where the user's provider is.

    Raises:
        HeadroomError: `BAD_SETTING` where none is set up.
    """
    kind = _type(context)
    base_url = context.env.get(BASE_URL)
    if base_url:
        return {kind.upstream: Upstream(base_url.rstrip("/"), BASE_URL)}
    if kind.default and any(map(context.env.get, _CREDENTIALS)):
        return {kind.upstream: Upstream(kind.default, "default")}
    raise HeadroomError(
        Code.BAD_SETTING,
        "Copilot CLI has no provider of your own set up, so there is nothing to stand before.",
        f"Set {BASE_URL} and COPILOT_MODEL, or use your subscription: headroom wrap copilot --subscription",
    )


def environment(context: Context, route: Route) -> dict[str, str]:
    """The variables that lead to the proxy, with the session key beside the user's own headers."""
    return {
        BASE_URL: route.url + _type(context).suffix,
        _HEADERS: f"{_without_key(context.env.get(_HEADERS, ''))}{_KEY}: {route.key}",
    }


def sign_ins(context: Context) -> list[str]:
    """The variables with a key of the user's own, or with the command that prints one."""
    return variables_set(context.env, *_CREDENTIALS)


def _type(context: Context) -> _Type:
    name = context.env.get(_TYPE) or "openai"
    if name not in _TYPES:
        message = f"{_TYPE} is {name!r}, which Copilot CLI does not know."
        raise HeadroomError(Code.BAD_SETTING, message, f"Give it one of {', '.join(_TYPES)}.")
    return _TYPES[name]


def _without_key(headers: str) -> str:
    """The user's own headers, a line each; a key of a session around this one is not among them."""
    lines = headers.replace("\\n", "\n").splitlines()
    return "".join(f"{line}\n" for line in lines if line.strip() and not line.strip().lower().startswith(_KEY))
