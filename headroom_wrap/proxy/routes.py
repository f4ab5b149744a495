"""The route table: which wire format a request speaks, where it goes, and what is done with it."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from headroom_wrap.proxy.ports import Headers
from headroom_wrap.proxy.vertex import VERTEX_URL, vertex_url


class Kind(str, Enum):
    """What is done with a request."""

    MODEL = "model"
    """Compressed, relayed, and written into the ledger."""
    COUNT = "count"
    """Compressed as a model call would be, so that the count is true; no ledger row."""
    FORWARD = "forward"
    """Relayed as it is, a stream both ways."""
    LOCAL = "local"
    """Answered here with an empty 200."""
    HEALTH = "health"
    """Answered here and at once, to holders of the key and to whoever shows a claim."""
    CONTROL = "control"
    """Answered here, and only to holders of the key."""


@dataclass(frozen=True, slots=True)
class Route:
    """One row of the table.

    Attributes:
        method: an HTTP method, or "*" for any.
        path: the raw path; one that ends in "*" stands for all that begin so, a "*" within for a part without "/".
        wire: the wire format, which is also the format of our own errors.
        upstream: a name in `ProxyConfig.upstreams`.
        strip: the beginning of `path` that the upstream's base URL holds already.
        header: the row is only for requests that carry this header (lower case).
    """

    method: str
    path: str
    wire: str
    upstream: str
    kind: Kind
    strip: str = ""
    header: str = ""

    def serves(self, method: str, raw_path: bytes, headers: Headers) -> bool:
        """Whether this row is the request's."""
        if self.method not in (method, "*"):
            return False
        if not _pattern(self.path).fullmatch(raw_path):
            return False
        return not self.header or any(name == self.header.encode() for name, _ in headers)

    def url(self, base_url: str, raw_path: bytes, query: bytes) -> str:
        """The upstream URL: path and query byte for byte behind the base URL, whose own path is kept."""
        path = raw_path.removeprefix(self.strip.encode())
        if base_url == VERTEX_URL and (location := _LOCATION.search(raw_path)):
            base_url = vertex_url(location[1].decode())
        return base_url.rstrip("/") + (path + (b"?" + query if query else b"")).decode("latin-1")


@functools.cache
def _pattern(path: str) -> re.Pattern[bytes]:
    """Linear in the length of a path: it is asked before anybody has shown a key."""
    parts = [re.escape(part) for part in path.removesuffix("*").split("*")]
    return re.compile(("[^/]*".join(parts) + (".*" if path.endswith("*") else "")).encode(), re.DOTALL)


def model_in_path(raw_path: bytes) -> str:
    """The model that a path of Vertex names; empty for any other path."""
    found = _MODEL.search(raw_path)
    return "" if found is None else found[1].decode("latin-1")


_ACCOUNT = "chatgpt-account-id"
_LOCATION = re.compile(rb"/locations/([a-z0-9-]{1,40})/publishers/")
_MODEL = re.compile(rb"/publishers/anthropic/models/([^/:]{1,200}):")
_VERTEX = "/projects/*/locations/*/publishers/anthropic/models/"
GITHUB_PREFIX = "/github"
"""Where GitHub's REST API is at the proxy. Copilot CLI keeps this prefix on some paths and drops it on others, so the
latter have rows of their own (seen with 1.0.102)."""

ROUTES: tuple[Route, ...] = (
    Route("POST", "/v1/messages", "anthropic", "anthropic", Kind.MODEL),
    Route("POST", "/messages", "anthropic", "anthropic", Kind.MODEL),
    Route("POST", "/v1/messages/count_tokens", "anthropic", "anthropic", Kind.COUNT),
    Route("POST", "/anthropic/v1/messages", "anthropic", "anthropic", Kind.MODEL),
    Route("POST", "/anthropic/v1/messages/count_tokens", "anthropic", "anthropic", Kind.COUNT),
    Route("POST", f"/v1{_VERTEX}count-tokens:rawPredict", "anthropic", "anthropic", Kind.COUNT),
    Route("POST", f"/v1{_VERTEX}*:rawPredict", "anthropic", "anthropic", Kind.MODEL),
    Route("POST", f"/v1{_VERTEX}*:streamRawPredict", "anthropic", "anthropic", Kind.MODEL),
    Route("POST", f"{_VERTEX}count-tokens:rawPredict", "anthropic", "anthropic", Kind.COUNT),
    Route("POST", f"{_VERTEX}*:rawPredict", "anthropic", "anthropic", Kind.MODEL),
    Route("POST", f"{_VERTEX}*:streamRawPredict", "anthropic", "anthropic", Kind.MODEL),
    Route("HEAD", "/", "anthropic", "anthropic", Kind.LOCAL),
    Route("GET", "/health", "anthropic", "anthropic", Kind.HEALTH),
    Route("GET", "/stats", "anthropic", "anthropic", Kind.CONTROL),
    Route("GET", "/openapi.json", "anthropic", "anthropic", Kind.CONTROL),
    Route("POST", "/v1/compress", "anthropic", "anthropic", Kind.CONTROL),
    Route("POST", "/v1/retrieve", "anthropic", "anthropic", Kind.CONTROL),
    Route("POST", "/v1/chat/completions", "openai_chat", "openai", Kind.MODEL, strip="/v1"),
    Route("POST", "/chat/completions", "openai_chat", "openai", Kind.MODEL),
    Route("POST", "/v1/responses", "openai_responses", "chatgpt", Kind.MODEL, strip="/v1", header=_ACCOUNT),
    Route("POST", "/v1/responses", "openai_responses", "openai", Kind.MODEL, strip="/v1"),
    Route("POST", "/responses", "openai_responses", "openai", Kind.MODEL),
    Route("POST", "/openai/v1/chat/completions", "openai_chat", "azure", Kind.MODEL),
    Route("POST", "/openai/v1/responses", "openai_responses", "azure", Kind.MODEL),
    Route("POST", "/openai/deployments/*/chat/completions", "openai_chat", "azure", Kind.MODEL),
    Route("*", "/copilot_internal/*", "openai_chat", "github", Kind.FORWARD),
    Route("*", "/copilot/mcp_registry", "openai_chat", "github", Kind.FORWARD),
    Route("*", f"{GITHUB_PREFIX}/*", "openai_chat", "github", Kind.FORWARD, strip=GITHUB_PREFIX),
    Route("POST", "/chat/completions", "openai_chat", "copilot", Kind.MODEL),
    Route("POST", "/responses", "openai_responses", "copilot", Kind.MODEL),
    Route("POST", "/v1/messages", "anthropic", "copilot", Kind.MODEL),
    Route("POST", "/v1/messages/count_tokens", "anthropic", "copilot", Kind.COUNT),
    Route("*", "/v1/*", "openai_responses", "chatgpt", Kind.FORWARD, strip="/v1", header=_ACCOUNT),
    Route("*", "/v1/*", "anthropic", "anthropic", Kind.FORWARD, header="anthropic-version"),
    Route("*", "/v1/*", "openai_responses", "openai", Kind.FORWARD, strip="/v1"),
    Route("*", "*", "anthropic", "anthropic", Kind.FORWARD),
    Route("*", "*", "openai_responses", "openai", Kind.FORWARD),
    Route("*", "*", "openai_chat", "azure", Kind.FORWARD),
    Route("*", "*", "openai_chat", "copilot", Kind.FORWARD),
)
"""First come, first served; rows whose upstream a proxy does not have are passed over."""

_OWN = (Kind.LOCAL, Kind.HEALTH, Kind.CONTROL)


def match(method: str, raw_path: bytes, headers: Headers, upstreams: Collection[str]) -> Route:
    """The first row that serves the request, of those that lead to one of the upstreams.

    Raises:
        LookupError: there is none; a proxy that `ProxyConfig` takes always has one.
    """
    for route in ROUTES:
        if (route.upstream in upstreams or route.kind in _OWN) and route.serves(method, raw_path, headers):
            return route
    raise LookupError(f"no route for {method} {raw_path!r}")
