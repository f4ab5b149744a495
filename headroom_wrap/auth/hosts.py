"""Which hosts a sign-in talks to: github.com, or those of an enterprise; and the one place where a token may go."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from headroom_wrap.auth.http import Answer, Request, Transport
from headroom_wrap.errors import Code, HeadroomError

GITHUB = "github.com"
DOMAIN_VARIABLE = "GITHUB_COPILOT_ENTERPRISE_DOMAIN"
API_URL_VARIABLE = "GITHUB_COPILOT_API_URL"
URL_VARIABLE = "HEADROOM_COPILOT_URL"
EMULATED_VARIABLE = "HEADROOM_EMULATED_GITHUB"
DEFAULT_API_URL = "https://api.githubcopilot.com"

_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?:\.(?!-)[a-z0-9-]{1,63})+", re.IGNORECASE)
_EMULATED = re.compile(r"http://(?:127\.0\.0\.1|localhost):\d{1,5}")


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where to sign in, where to exchange, and where Copilot's API is.

    Attributes:
        domain: `github.com`, or the domain of an enterprise.
        override: Copilot's API as the user set it; empty: as GitHub says.
        emulated: an emulated GitHub on loopback that stands for every host; empty but in tests.
    """

    domain: str = GITHUB
    override: str = ""
    emulated: str = ""

    @property
    def web(self) -> str:
        """Where the device flow is."""
        return f"https://{self.domain}"

    @property
    def api(self) -> str:
        """GitHub's REST API, with the exchange."""
        return f"https://api.{self.domain}"

    def copilot(self, told: str) -> str:
        """Copilot's API.

        Args:
            told: what `endpoints.api` of an answer said; followed only to a host that is Copilot's.
        """
        if self.override:
            return self.override
        if self.domain != GITHUB:
            return f"https://copilot-api.{self.domain}"
        return told.rstrip("/") if is_copilot_url(told) else DEFAULT_API_URL

    def reached(self, url: str) -> str:
        """The URL at which `url` is reached: itself, or its place in the emulated GitHub."""
        return f"{self.emulated}/{url.removeprefix('https://')}" if self.emulated else url

    def carried(self, transport: Transport) -> Transport:
        """`transport`, which refuses every URL that is not https on one of GitHub's hosts."""

        async def carry(request: Request) -> Answer:
            if not request.url.startswith((f"{self.web}/", f"{self.api}/")):
                raise HeadroomError(Code.AUTH_FAILED, f"{urlsplit(request.url).netloc} is no host for a token.")
            return await transport(replace(request, url=self.reached(request.url)))

        return carry


def hosts_from(env: Mapping[str, str], copilot_url: str = "") -> Hosts:
    """The hosts by the environment; `copilot_url` is the setting, and comes before `GITHUB_COPILOT_API_URL`.

    Raises:
        HeadroomError: `BAD_SETTING` for a URL without TLS and for what is no domain.
    """
    emulated = env.get(EMULATED_VARIABLE, "").rstrip("/")
    if emulated and not _EMULATED.fullmatch(emulated):
        raise HeadroomError(
            Code.BAD_SETTING, f"{EMULATED_VARIABLE} is for tests, and takes http://127.0.0.1:PORT only."
        )
    named = ((URL_VARIABLE, copilot_url), (API_URL_VARIABLE, env.get(API_URL_VARIABLE, "")))
    source, override = next(((name, value) for name, value in named if value), ("", ""))
    if override and not _is_https(override):
        raise HeadroomError(
            Code.BAD_SETTING,
            f"{source} is {override!r}; a token is only sent over https.",
            f"Give it a URL such as {DEFAULT_API_URL}, or unset it.",
        )
    return Hosts(_domain(env.get(DOMAIN_VARIABLE, "")), override.rstrip("/"), emulated)


def is_copilot_url(url: str) -> bool:
    """Whether a URL that an answer named is one of Copilot's: nothing else is ever given a token on GitHub's word."""
    host = (urlsplit(url).hostname or "") if _is_https(url) else ""
    return host.endswith(".githubcopilot.com") or (host.startswith("copilot-api.") and bool(_DOMAIN.fullmatch(host)))


def _is_https(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme == "https" and bool(parts.hostname) and parts.username is None and not parts.query
    except ValueError:
        return False


def _domain(value: str) -> str:
    """The enterprise's domain; `github.com/enterprises/NAME` is an address of github.com, and no host of its own."""
    address = value.strip().lower().removeprefix("https://")
    domain, _, path = address.partition("/")
    domain = domain.removeprefix("www.")
    if domain in ("", GITHUB):
        return GITHUB
    if path.strip("/") or not _DOMAIN.fullmatch(domain):
        raise HeadroomError(
            Code.BAD_SETTING,
            f"{DOMAIN_VARIABLE} is {value!r}, which is no domain.",
            "Give it the domain of the enterprise's GitHub, such as ghe.example.com, or unset it.",
        )
    return domain.removeprefix("api.")
