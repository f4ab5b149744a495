"""Calls that reach this proxy through the user's own tunnel, under the one public name that the user gave.

The proxy still listens on loopback alone; the tunnel's end on this machine is who calls. Such a call needs the bearer
in its `Authorization`, may only ask a model, and never counts as one of this machine's: what it wants of our own
routes it does not get, whatever key it shows.
"""

from __future__ import annotations

import hmac
import re
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.ports import Headers, Scope
from headroom_wrap.proxy.routes import Kind, Route

_MODELS = b"/v1/models"
_TUNNELS = re.compile(rb"(?:cf|x-forwarded|x-real|ngrok)-.*|forwarded|via|cdn-loop|true-client-ip|x-original-host")
"""Headers of the way here. An upstream that stands behind the same network would take them for a loop."""
_HOST = re.compile(r"[a-z0-9-]+(?:\.[a-z0-9-]+)+(?::\d+)?")


@dataclass(frozen=True, slots=True)
class PublicEndpoint:
    """Under which name this proxy answers to strangers who hold the bearer.

    Attributes:
        host: the `Host` of such calls, in small letters, with a port where the URL has one.
        bearer: what they show in `Authorization`.
        authorization: what the upstream gets in its place.
    """

    host: str
    bearer: str = field(repr=False)
    authorization: str = field(repr=False)

    def is_addressed(self, headers: Headers) -> bool:
        """Whether a call came for this name, and for no other beside it."""
        return [value.lower() for name, value in headers if name == b"host"] == [self.host.encode()]

    def has_bearer(self, headers: Headers) -> bool:
        """Whether a call shows the bearer, and nothing else, in `Authorization`."""
        given = [value for name, value in headers if name == b"authorization"]
        return len(given) == 1 and hmac.compare_digest(given[0], f"Bearer {self.bearer}".encode())

    def inward(self, scope: Scope) -> Scope:
        """The call as the upstream shall get it: with its own authorization, without the tunnel's headers."""
        own = (b"authorization", self.authorization.encode())
        kept = [header for header in scope["headers"] if not _TUNNELS.fullmatch(header[0])]
        return {**scope, "headers": [own if name == b"authorization" else (name, value) for name, value in kept]}


def serves_strangers(route: Route, scope: Scope) -> bool:
    """Whether a route may be asked for under a public name: those that ask a model, and the list of models."""
    return route.kind is Kind.MODEL or (scope["method"] == "GET" and scope["raw_path"] == _MODELS)


def host_of(url: str) -> str:
    """The `Host` of calls to a public URL.

    Raises:
        HeadroomError: `BAD_SETTING` where it is no plain https URL of a public name.
    """
    parts = urlsplit(url)
    host = parts.netloc.lower()
    if parts.scheme != "https" or parts.path.rstrip("/") not in ("", "/v1") or parts.query or not _HOST.fullmatch(host):
        message = f"{url} is no public URL that Cursor's backend could call."
        hint = "Write it as your tunnel prints it, for example https://name.example.com, without a path."
        raise HeadroomError(Code.BAD_SETTING, message, hint)
    return host
