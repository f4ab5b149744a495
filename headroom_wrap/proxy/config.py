"""What a proxy is told when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from headroom_wrap.errors import Code, HeadroomError


@dataclass(frozen=True, slots=True)
class ProxyConfig:
    """Who may call, and where calls go.

    Attributes:
        key: the session's key; control routes always ask for it.
        session: written into the ledger, as is `agent`.
        upstreams: base URLs by the upstream names of the route table, as the provider's SDK writes them.
        default_upstream: where requests go that the route table does not name.
        require_key: whether model routes, and what is forwarded, ask for the key too.

    Raises:
        HeadroomError: `BAD_SETTING` for a base URL that is not plain http(s), `UPSTREAM_UNKNOWN` where
            `default_upstream` is not among `upstreams`.
    """

    key: str = field(repr=False)
    session: str
    agent: str
    upstreams: Mapping[str, str]
    default_upstream: str = "anthropic"
    require_key: bool = True

    def __post_init__(self) -> None:
        for name, url in self.upstreams.items():
            check_base_url(name, url)
        if self.default_upstream not in self.upstreams:
            raise HeadroomError(
                Code.UPSTREAM_UNKNOWN,
                f"No base URL is known for the upstream {self.default_upstream!r}.",
                f"Set one, for example HEADROOM_{self.default_upstream.upper()}_URL.",
            )


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
