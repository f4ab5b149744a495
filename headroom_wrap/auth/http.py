"""Small JSON calls to GitHub: what is sent, what came back, and the function that carries it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from headroom_wrap import __version__, network
from headroom_wrap.auth.token_class import redacted

TIMEOUT_S = 15.0
"""For one call, from connecting to the last byte."""
MAX_ANSWER_BYTES = 1024 * 1024
USER_AGENT = f"headroom-wrap/{__version__}"

_SHOWN_CHARS = 300
_SERVER_ERROR = 500


class NoAnswerError(Exception):
    """The call brought no answer: the network, or something in it. The text says what, and holds no secret."""


@dataclass(frozen=True, slots=True)
class Request:
    """One call; headers and body hold secrets and are never shown."""

    method: str
    url: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; the names of headers are in lower case, and the body is never shown."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)

    @property
    def json(self) -> Mapping[str, Any]:
        """The body as a JSON object; empty if it is none."""
        try:
            found = json.loads(self.body)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def is_server_error(self) -> bool:
        """Whether the fault is at the other end, and the same call may go better later."""
        return self.status >= _SERVER_ERROR

    @property
    def says(self) -> str:
        """The other end's own words for a person, short and without secrets; empty if it gave none."""
        found = self.json
        details = found.get("error_details")
        texts = [details.get("message") if isinstance(details, dict) else None]
        texts += [found.get(name) for name in ("error_description", "message", "error")]
        text = next((text for text in texts if isinstance(text, str) and text.strip()), "")
        return redacted(" ".join(text.split()))[:_SHOWN_CHARS]


Transport = Callable[[Request], Awaitable[Answer]]
"""Carries one call, follows no redirect; raises `NoAnswerError`."""


def get(url: str, token: str) -> Request:
    """A GET with GitHub's own token."""
    return Request("GET", url, {**_headers(), "Authorization": f"token {token}"})


def post(url: str, form: Mapping[str, str]) -> Request:
    """A POST of a form, answered in JSON."""
    headers = {**_headers(), "Content-Type": "application/x-www-form-urlencoded"}
    return Request("POST", url, headers, urlencode(form).encode())


def seconds(value: Any, default: float) -> float:
    """A number of seconds as GitHub sends it; `default` for what is none, and for what is below 0."""
    try:
        found = float(value)
    except (TypeError, ValueError):
        return default
    return found if 0 <= found < float("inf") else default


def transport(env: Mapping[str, str], timeout_s: float = TIMEOUT_S) -> Transport:
    """The transport for this machine: the user's proxy and certificates, one connection for each call.

    Args:
        env: what names them.
        timeout_s: for one call, from connecting to the last byte.
    """

    async def carry(request: Request) -> Answer:
        import aiohttp  # noqa: PLC0415 - takes 0.12 s, at the first call

        proxy = network.proxy_for(request.url, env)
        is_tls = request.url.startswith("https:") or (proxy or "").startswith("https:")
        timeout = aiohttp.ClientTimeout(total=timeout_s)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.request(
                    request.method,
                    request.url,
                    headers=dict(request.headers),
                    data=request.body or None,
                    allow_redirects=False,
                    proxy=proxy,
                    ssl=network.tls_context(env) if is_tls else True,
                ) as response,
            ):
                body = await response.content.read(MAX_ANSWER_BYTES)
                while not response.content.at_eof() and len(body) < MAX_ANSWER_BYTES:
                    body += await response.content.read(MAX_ANSWER_BYTES - len(body))
                headers = {name.lower(): value for name, value in response.headers.items()}
                return Answer(response.status, headers, body)
        except (asyncio.TimeoutError, TimeoutError):
            raise NoAnswerError(f"no answer within {timeout_s:.0f} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NoAnswerError(type(error).__name__ if not str(error) else redacted(str(error))) from None

    return carry


def _headers() -> dict[str, str]:
    return {"Accept": "application/json", "User-Agent": USER_AGENT}
