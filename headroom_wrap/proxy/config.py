"""What a proxy is told when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.ports import Credential
from headroom_wrap.proxy.public import PublicEndpoint

OFFICIAL_URLS = {
    "anthropic": "https://api.anthropic.com",
    "openai": "https://api.openai.com/v1",
    "chatgpt": "https://chatgpt.com/backend-api/codex",
}
"""Where requests go when nobody says otherwise, as each provider's SDK writes it."""

_TAKING_THE_REST = frozenset({"anthropic", "openai", "azure", "copilot"})


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """Who may call, and where calls go.

    Attributes:
        key: the session's key; control routes always ask for it.
        session: written into the ledger, as is `agent`.
        upstreams: base URLs by the upstream names of the route table, as the provider's SDK writes them.
        require_key: whether model routes, and what is forwarded, ask for the key too.
        credentials: by upstream name, what pays there: its calls always ask for the key, which may stand in the
            client's auth slot, and go where the credential says.
        public: the name under which the user's tunnel makes this proxy known, and its bearer; None for none.

    Raises:
        HeadroomError: `BAD_SETTING` for a base URL that is not plain http(s), `UPSTREAM_UNKNOWN` where no provider's
            is known: one of them takes what no other row of the route table does.
    """

    key: str = field(repr=False)
    session: str
    agent: str
    upstreams: Mapping[str, str]
    require_key: bool = True
    credentials: Mapping[str, Credential] = field(default_factory=dict, repr=False)
    public: PublicEndpoint | None = None

    def __post_init__(self) -> None:
        for name, url in self.upstreams.items():
            check_base_url(name, url)
        if not _TAKING_THE_REST & self.upstreams.keys():
            message = "No base URL is known for any provider."
            raise HeadroomError(Code.UPSTREAM_UNKNOWN, message, "Set one, for example HEADROOM_ANTHROPIC_URL.")


def check_base_url(name: str, url: str) -> None:
    """Refuse a base URL to which a request's path cannot safely be appended."""
    try:
        parts = urlsplit(url)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if not is_good or not url.isascii() or any(character in url for character in "@?# \t\r\n\\"):
        raise HeadroomError(
            Code.BAD_SETTING,
            f"The base URL of the upstream {name!r} is not one that Headroom can forward to.",
            "Write it as https://host[:port][/path], without credentials, query or fragment.",
        )
