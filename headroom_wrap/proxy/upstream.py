"""How requests leave this machine: the transport's protocol. The settings that it obeys are read in `network`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from typing import Protocol

from headroom_wrap.proxy.ports import Headers


class UpstreamResponse(Protocol):
    """An answer whose head has arrived."""

    status: int
    headers: Headers

    def chunks(self) -> AsyncIterator[bytes]:
        """The body as it arrives, encoded as it was sent.

        Raises:
            HeadroomError: `UPSTREAM_UNREACHABLE` if it breaks off before its end.
        """

    def close(self) -> None:
        """Let go of the answer; one that was not read to its end is cancelled."""


class Upstream(Protocol):
    """The transport: sends each request once, follows nothing, adds nothing."""

    async def send(
        self, method: str, url: str, headers: Headers, body: bytes | AsyncIterator[bytes]
    ) -> UpstreamResponse:
        """Send a request and wait for the head of its answer.

        Raises:
            HeadroomError: `UPSTREAM_UNREACHABLE` without an answer, `BAD_REQUEST` for one that cannot be sent,
                `BAD_SETTING` for unusable proxy or certificate settings.
        """

    async def aclose(self) -> None:
        """Close all connections."""


def connect(env: Mapping[str, str]) -> Upstream:
    """The transport, made on the running event loop; `env` as for `network.proxy_for` and `network.tls_context`."""
    from headroom_wrap.proxy.aiohttp_upstream import AiohttpUpstream  # noqa: PLC0415 - takes 0.12 s, at the first call

    return AiohttpUpstream(env)
