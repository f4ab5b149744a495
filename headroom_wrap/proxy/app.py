"""The ASGI application: gate, route, body, engine, upstream, relay, ledger."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor
from dataclasses import dataclass

from headroom_wrap.auth.grant import Grant
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy import control, gate, routes
from headroom_wrap.proxy.client import Client, ClientGoneError
from headroom_wrap.proxy.codec import MAX_DECODED_BYTES, prepare_encoded
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.headers import first, forwarded, granted, opened, unslotted
from headroom_wrap.proxy.ports import Asgi, Pipeline, Prepared, Receive, Scope, Send
from headroom_wrap.proxy.relay import relay, respond
from headroom_wrap.proxy.routes import Kind, Route
from headroom_wrap.proxy.upstream import Upstream, UpstreamResponse
from headroom_wrap.proxy.workers import DaemonExecutor
from headroom_wrap.store.records import LedgerRow
from headroom_wrap.wire.errors import JSON_TYPE, render_error
from headroom_wrap.wire.usage import Usage, UsageTap

PREPARE_DEADLINE_S = 10.0
"""A last resort: past it the original goes out while the engine's thread is left behind."""

CLIENT_CLOSED_STATUS = 499
"""The ledger's status, by nginx's custom, of a call whose client left before the upstream had answered."""

_FORWARD_BUFFER_BYTES = 64 * 1024
_N_WORKERS = 4
_BYPASS_HEADER = b"x-headroom-bypass"
_ERROR_HEADER = b"x-headroom-error"
_STATUSES = {Code.BAD_REQUEST: 400, Code.AUTH_REQUIRED: 400, Code.AUTH_FAILED: 400}
"""Not 401 for a sign-in of ours: Copilot CLI hides the words of such an answer, and says to sign in to it instead."""

_UNAUTHORIZED = 401
_FINAL_STATUSES = range(200, 600)
_OURS = (Kind.HEALTH, Kind.CONTROL)

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Call:
    """What is known of a request so far."""

    route: Route
    model: str = ""
    prepared: Prepared | None = None
    response: UpstreamResponse | None = None
    tap: UsageTap | None = None
    status: int = CLIENT_CLOSED_STATUS
    error: str = "proxy-stopped"


class ProxyApp:
    """An ASGI 3 application for HTTP.

    Args:
        connect: makes the transport; called on the event loop at the first request that is forwarded.
        load_control: makes what answers the control routes but for `/health` (see `control.Mounted`).
        clock: seconds that only grow.
        prepare_deadline_s: how long the engine may take over one request.
    """

    def __init__(  # noqa: PLR0913 - its parts, and what tests replace
        self,
        config: ProxyConfig,
        pipeline: Pipeline,
        connect: Callable[[], Upstream],
        load_control: Callable[[Executor], Asgi],
        *,
        clock: Callable[[], float] = time.monotonic,
        prepare_deadline_s: float = PREPARE_DEADLINE_S,
    ) -> None:
        self._config = config
        self._pipeline = pipeline
        self._connect = connect
        self._clock = clock
        self._prepare_deadline_s = prepare_deadline_s
        self._upstream: Upstream | None = None
        self._control = control.Mounted(load_control)
        self._workers = DaemonExecutor(_N_WORKERS, "headroom-engine")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        scope = opened(scope)
        route = routes.match(scope["method"], scope["raw_path"], scope["headers"], self._config.upstreams)
        if route.upstream in self._config.credentials:
            scope = {**scope, "headers": unslotted(scope["headers"], self._config.key)}
        refusal = self._judge(scope, route)
        public = self._config.public
        if public is not None and public.is_addressed(scope["headers"]):
            scope = public.inward(scope)
        if refusal is not None:
            await _refuse(send, route, refusal.status, refusal.code, refusal.message)
        elif first(scope["headers"], b"upgrade").lower() == "websocket":
            message = "Headroom speaks HTTP only on this path. Send the request by HTTP POST instead of a WebSocket."
            await _refuse(send, route, 426, Code.BAD_REQUEST, message, (b"connection", b"close"))
        elif route.kind is Kind.LOCAL:
            await respond(send, 200, "", b"")
        elif route.kind is Kind.HEALTH:
            await control.health(scope, send, self._config.key)
        elif route.kind is Kind.CONTROL:
            await self._control(scope, receive, send)
        else:
            await self._exchange(_Call(route, routes.model_in_path(scope["raw_path"])), scope, Client(receive), send)

    def _needs_key(self, route: Route) -> bool:
        if route.kind is Kind.LOCAL:
            return False
        return route.kind in _OURS or self._config.require_key or route.upstream in self._config.credentials

    def _judge(self, scope: Scope, route: Route) -> gate.Refusal | None:
        public = self._config.public
        if public is not None and public.is_addressed(scope["headers"]):
            return gate.check_public(scope, route, public)
        return gate.check(
            scope,
            self._config.key,
            needs_key=self._needs_key(route),
            takes_claim=route.kind is Kind.HEALTH,
            agent=self._config.agent,
        )

    async def aclose(self) -> None:
        """Close the connections to upstreams, and let the engine's threads end."""
        self._workers.shutdown()
        self._control.shutdown()
        if self._upstream is not None:
            await self._upstream.aclose()

    async def _exchange(self, call: _Call, scope: Scope, client: Client, send: Send) -> None:
        """Forward a request for as long as its client is there, then write its ledger row."""
        started = self._clock()
        work = asyncio.ensure_future(self._forward(call, scope, client, send))
        watch = asyncio.ensure_future(client.gone())
        try:
            await asyncio.wait((work, watch), return_when=asyncio.FIRST_COMPLETED)
        finally:
            work.cancel()
            watch.cancel()
            outcomes = await asyncio.gather(work, watch, return_exceptions=True)
            if call.response is not None:
                call.response.close()
            if call.error and client.is_gone:
                # Behind the last event nothing comes any more that a client would have to wait for.
                call.error = "" if call.tap is not None and call.tap.is_whole else "client-disconnected"
            if call.route.kind is Kind.MODEL:
                sent = b"" if call.prepared is None else call.prepared.body
                self._pipeline.record(self._row(call, self._clock() - started), sent)
        if isinstance(outcomes[0], Exception):
            raise outcomes[0]

    async def _forward(self, call: _Call, scope: Scope, client: Client, send: Send) -> None:
        try:
            await self._answer(call, scope, client, send)
        except ClientGoneError:
            return
        except HeadroomError as error:
            if client.is_gone:
                return
            call.error = error.code.value
            if call.response is None:
                call.status = _STATUSES.get(error.code, 502)
                await _refuse(send, call.route, call.status, error.code, str(error))
            else:
                _log.debug("answer cut short: %s", error)
        else:
            call.error = ""

    async def _answer(self, call: _Call, scope: Scope, client: Client, send: Send) -> None:
        route, headers = call.route, scope["headers"]
        is_forward = route.kind is Kind.FORWARD
        read = await client.read(_FORWARD_BUFFER_BYTES if is_forward else MAX_DECODED_BYTES)
        if client.is_complete and not is_forward and first(headers, _BYPASS_HEADER).lower() != "true":
            read = await self._prepare(call, read, gate.header_values(headers, b"content-encoding"))
        body = read if client.is_complete else client.rest(read)
        response = await self._send(route, scope, body)
        if response.status not in _FINAL_STATUSES:
            response.close()
            message = f"The upstream answered with the status {response.status}, which HTTP does not know."
            raise HeadroomError(Code.UPSTREAM_UNREACHABLE, message, "Check that its base URL is right.")
        call.response, call.status = response, response.status
        if route.kind is Kind.MODEL:
            is_linked = call.prepared is not None and call.prepared.is_linked
            call.tap = UsageTap(
                first(response.headers, b"content-encoding"),
                first(response.headers, b"content-type"),
                self._pipeline.keep_call if is_linked else None,
            )
        await relay(response, send, call.tap)

    async def _send(self, route: Route, scope: Scope, body: bytes | AsyncIterator[bytes]) -> UpstreamResponse:
        """Send a request, and once more where the upstream refuses a grant that can be renewed."""
        credential = self._config.credentials.get(route.upstream)
        if credential is None:
            return await self._send_once(route, scope, body, None)
        grant = await credential.grant()
        response = await self._send_once(route, scope, body, grant)
        if response.status != _UNAUTHORIZED or not isinstance(body, bytes):
            return response
        response.close()
        return await self._send_once(route, scope, body, await credential.renew(grant))

    async def _send_once(
        self, route: Route, scope: Scope, body: bytes | AsyncIterator[bytes], grant: Grant | None
    ) -> UpstreamResponse:
        if self._upstream is None:
            self._upstream = self._connect()
        headers = forwarded(scope["headers"], len(body) if isinstance(body, bytes) else None)
        base_url = self._config.upstreams[route.upstream]
        if grant is not None:
            headers, base_url = granted(headers, grant), grant.base_url
        url = route.url(base_url, scope["raw_path"], scope["query_string"])
        return await self._upstream.send(scope["method"], url, headers, body)

    async def _prepare(self, call: _Call, body: bytes, codings: list[bytes]) -> bytes:
        """The body to send; the client's own bytes where the engine fails, or takes too long (law 5)."""
        job = functools.partial(
            prepare_encoded,
            self._pipeline,
            call.route.wire,
            body,
            b",".join(codings).decode("latin-1"),
            counts_only=call.route.kind is Kind.COUNT,
        )
        future = asyncio.get_running_loop().run_in_executor(self._workers, job)
        try:
            outgoing, call.prepared = await asyncio.wait_for(future, self._prepare_deadline_s)
        except asyncio.TimeoutError:
            self._workers.replace_stuck()
            _log.debug("the engine took longer than %s s; the original goes out", self._prepare_deadline_s)
        except Exception:  # noqa: BLE001 - the request boundary: a fault of ours must not cost the user's call
            _log.debug("the engine failed; the original goes out", exc_info=True)
        else:
            return outgoing
        return body

    def _row(self, call: _Call, duration_s: float) -> LedgerRow:
        prepared = call.prepared or Prepared(b"")
        if call.tap is not None:
            call.tap.close()
        usage = call.tap.usage if call.tap is not None else Usage()
        return LedgerRow(
            session=self._config.session,
            agent=self._config.agent,
            wire=call.route.wire,
            model=prepared.model or call.model,
            status=call.status,
            tokens_before=prepared.tokens_before,
            tokens_after=prepared.tokens_after,
            new_tokens_before=prepared.new_tokens_before,
            new_tokens_after=prepared.new_tokens_after,
            blocks_replaced=prepared.blocks_replaced,
            blocks_new=prepared.blocks_new,
            input_tokens=usage.input,
            cache_read_tokens=usage.cache_read,
            cache_write_tokens=usage.cache_write,
            output_tokens=usage.output,
            duration_s=duration_s,
            error=call.error,
        )


async def _refuse(send: Send, route: Route, status: int, code: Code, message: str, *extra: tuple[bytes, bytes]) -> None:
    if route.kind in _OURS:
        content_type, body = JSON_TYPE, control.render_failure(code, message)
    else:
        content_type, body = render_error(route.wire, status, message)
    await respond(send, status, content_type, body, (_ERROR_HEADER, code.value.encode()), *extra)
