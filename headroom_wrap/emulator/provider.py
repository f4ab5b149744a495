"""What the provider answers on which route. The model behind it is in `model`, the sockets are in `server`."""

from __future__ import annotations

import asyncio
import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from aiohttp import web

from headroom_wrap.emulator import chat_api, cursor_api, embeddings_api, messages_api, responses_api
from headroom_wrap.emulator.faults import Faults, Kind, from_json
from headroom_wrap.emulator.format import Format
from headroom_wrap.emulator.model import Model, Refusal
from headroom_wrap.emulator.models import model_list
from headroom_wrap.emulator.prefix import first_prefix_break
from headroom_wrap.emulator.recording import CacheReport, CacheRow, RecordedRequest
from headroom_wrap.emulator.sending import JSON_HEADERS, STREAM_HEADERS, ConnectionEndedError, Exchange

MAX_BODY_BYTES = 32 * 1024 * 1024
CONTROL_PREFIX = "/__emulator/"
_FORMATS = {
    "/messages": messages_api.FORMAT,
    "/chat/completions": chat_api.FORMAT,
    "/responses": responses_api.FORMAT,
}
_COUNT_TOKENS = "/messages/count_tokens"
_EMBEDDINGS = "/embeddings"
_CHATGPT = "/backend-api/codex"
"""Where ChatGPT's backend serves Codex."""
_FOUNDRY = "/anthropic"
_AZURE = "/openai"
_VERTEX = re.compile(r"/projects/[^/]+/locations/[^/]+/publishers/anthropic/models/([^/:]+):(?:rawP|streamRawP)redict")
_VERTEX_COUNT = "count-tokens"


@dataclass(frozen=True, slots=True)
class Options:
    """How the provider behaves throughout.

    Attributes:
        coding: content coding of answers (`gzip`, `zstd`, `br`) for clients that accept it; empty for none.
        minimum_tokens: shortest prefix that the Anthropic cache keeps, overriding the table by model.
        clock: seconds, monotonic; the age of cache entries and the times of records come from it.
        wall_clock: Unix time, for the `created` fields of answers.
    """

    coding: str = ""
    minimum_tokens: int | None = None
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time


@dataclass(slots=True)
class Provider:
    """The provider's state and its one request handler. Records may be read from any thread.

    While `closing`, connections end by our own doing, and no client is said to have gone away.
    """

    options: Options = field(default_factory=Options)
    requests: list[RecordedRequest] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    changed: threading.Condition = field(default_factory=threading.Condition)
    closing: bool = False
    _model: Model = field(init=False)

    def __post_init__(self) -> None:
        self._model = self._new_model()

    def reset(self) -> None:
        """Forget requests, plans of faults, stored responses and all cached prompts."""
        self.faults.clear()
        self._model = self._new_model()
        with self.changed:
            self.requests.clear()
            self.changed.notify_all()

    def cache_report(self) -> CacheReport:
        """How the prompt cache billed each answered model request, and where its prefix broke."""
        rows: list[CacheRow] = []
        latest: dict[tuple[object, ...], bytes] = {}
        for record in tuple(self.requests):
            if record.usage is None:
                continue
            model = str(record.asked.get("model", ""))
            # Titles and summaries carry no tools and are conversations of their own.
            session = record.header("X-Claude-Code-Session-Id")
            conversation = (record.format_name, model, session, bool(record.json.get("tools")))
            before = latest.get(conversation)
            latest[conversation] = record.content
            broken = first_prefix_break(before, record.content) if before is not None else None
            rows.append(CacheRow(model, record.usage, broken))
        return CacheReport(tuple(rows))

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Record and answer one request."""
        path = request.raw_path.partition("?")[0]
        if path.startswith(CONTROL_PREFIX):
            return await self._control(request, path.removeprefix(CONTROL_PREFIX))
        exchange = self._begin(request)
        try:
            response = await self._answer(exchange, path)
        except (asyncio.CancelledError, ConnectionError) as gone:
            if not self.closing:
                self._note(exchange.record, disconnected=self.options.clock())
            if isinstance(gone, asyncio.CancelledError):
                raise
            return web.Response()
        except ConnectionEndedError:
            return web.Response()
        self._note(exchange.record, finished=self.options.clock())
        return response

    def _begin(self, request: web.Request) -> Exchange:
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.raw_headers)
        record = RecordedRequest(request.method, request.raw_path, headers, received=self.options.clock())
        with self.changed:
            self.requests.append(record)
            self.changed.notify_all()
        accepted = request.headers.get("Accept-Encoding", "")
        coding = self.options.coding if self.options.coding in accepted else ""
        return Exchange(request, record, coding, lambda status: self._note(record, status=status))

    async def _answer(self, exchange: Exchange, path: str) -> web.StreamResponse:
        request, record = exchange.request, exchange.record
        route = path.removesuffix("/")
        for prefix in (_FOUNDRY, _AZURE, "/v1", _CHATGPT):
            route = route.removeprefix(prefix)
        if (found := _VERTEX.fullmatch(route)) is not None:
            record.model = "" if found[1] == _VERTEX_COUNT else unquote(found[1])
            route = "/messages" if record.model else _COUNT_TOKENS
        if request.headers.get("Upgrade"):
            return await self._refuse(exchange, chat_api.FORMAT, Refusal(426, "Upgrade Required"))
        try:
            record.body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            return await self._refuse(exchange, messages_api.FORMAT, Refusal(413, "Request exceeds the maximum size"))
        return await self._route(exchange, route)

    async def _route(self, exchange: Exchange, route: str) -> web.StreamResponse:
        request = exchange.request
        if request.method == "HEAD" and not route:
            return await exchange.send(200, {}, [])
        if request.method == "GET" and route == "/models":
            return await exchange.send_json(200, {}, model_list(request.headers, request.query))
        if request.method == "POST" and route in _FORMATS:
            return await self._model_call(exchange, cursor_api.chosen(_FORMATS[route], exchange.record.body))
        if request.method == "POST" and route == _COUNT_TOKENS:
            return await self._count_tokens(exchange)
        if request.method == "POST" and route == _EMBEDDINGS:
            return await self._embed(exchange)
        return await self._refuse(exchange, messages_api.FORMAT, Refusal(404, "Not found"))

    async def _model_call(self, exchange: Exchange, wire_format: Format) -> web.StreamResponse:
        exchange.record.is_model_request, exchange.record.format_name = True, wire_format.name
        exchange.faults = self.faults.take()
        planned = next((fault for fault in exchange.faults if fault.kind is Kind.STATUS), None)
        if planned and planned.body:
            headers = JSON_HEADERS | dict(planned.headers)
            return await exchange.send(planned.status, headers, [planned.body.encode()])
        if planned:
            return await self._refuse(exchange, wire_format, Refusal(planned.status, ""), dict(planned.headers))
        try:
            answered = self._model.answer(exchange.record, wire_format)
        except Refusal as refusal:
            return await self._refuse(exchange, wire_format, refusal)
        headers = {wire_format.request_id_header: f"req_{answered.key}"}
        if answered.request.get("stream"):
            return await exchange.send(200, STREAM_HEADERS | headers, wire_format.stream(answered))
        return await exchange.send_json(200, headers, wire_format.whole(answered))

    async def _embed(self, exchange: Exchange) -> web.StreamResponse:
        answer = embeddings_api.embed(exchange.record.body)
        if answer is None:
            return await self._refuse(exchange, chat_api.FORMAT, Refusal(400, "'input' must be texts."))
        return await exchange.send_json(200, {}, answer)

    async def _count_tokens(self, exchange: Exchange) -> web.StreamResponse:
        try:
            n_tokens = self._model.count_tokens(exchange.record)
        except Refusal as refusal:
            return await self._refuse(exchange, messages_api.FORMAT, refusal)
        return await exchange.send_json(200, {}, {"input_tokens": n_tokens})

    async def _refuse(
        self, exchange: Exchange, wire_format: Format, refusal: Refusal, extra: dict[str, str] | None = None
    ) -> web.StreamResponse:
        request_id = f"req_{self._model.key()}"
        headers = {wire_format.request_id_header: request_id} | (extra or {})
        body = wire_format.error(refusal.status, refusal.message, request_id)
        return await exchange.send_json(refusal.status, headers, body)

    async def _control(self, request: web.Request, verb: str) -> web.StreamResponse:
        """Control for other processes: `requests`, `cache`, `faults`, `reset`."""
        answer: Any = {}
        if verb == "requests":
            answer = [record.to_json() for record in tuple(self.requests)]
        elif verb == "cache":
            answer = self.cache_report().to_json()
        elif verb == "reset" and request.method == "POST":
            self.reset()
        elif verb == "faults" and request.method == "POST":
            plan = await request.json()
            faults = [from_json(fault) for fault in plan["faults"]]
            self.faults.add(*faults, after=plan.get("after", 0), times=plan.get("times", 1))
        else:
            return web.json_response({"error": "unknown verb"}, status=404)
        return web.json_response(answer)

    def _new_model(self) -> Model:
        return Model(self.options.clock, self.options.wall_clock, self.options.minimum_tokens)

    def _note(self, record: RecordedRequest, **facts: float) -> None:
        with self.changed:
            for name, value in facts.items():
                setattr(record, name, value)
            self.changed.notify_all()
