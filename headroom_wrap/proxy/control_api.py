"""The control routes but for `/health`: figures, compression and retrieval, for programs that hold the session's key.

Imported at the first request for one of them: FastAPI takes a quarter of a second.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import asdict, dataclass, is_dataclass
from typing import Annotated, Any, Literal, TypeVar
from urllib.parse import urlsplit

from fastapi import FastAPI, Request, Response, Security
from fastapi.exceptions import RequestValidationError
from fastapi.security import APIKeyHeader
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from headroom_wrap import __version__
from headroom_wrap.compression.model import Level
from headroom_wrap.compression.retrieval import retrieve
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy import control
from headroom_wrap.proxy.aligner import PrefixChange
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.grep import retrieve_apart
from headroom_wrap.proxy.headers import KEY_HEADER
from headroom_wrap.proxy.pipeline import EnginePipeline
from headroom_wrap.proxy.ports import Asgi
from headroom_wrap.store import SessionTotals
from headroom_wrap.store.savings import Savings, savings
from headroom_wrap.wire.errors import JSON_TYPE

T = TypeVar("T")

_STATUSES = {Code.BAD_REQUEST: 400, Code.ORIGINAL_NOT_FOUND: 404, Code.STORE_FAILED: 503}
_NO_TELEMETRY: Any = dict.fromkeys(("tracing", "metrics", "logs", "operation_spans", "auto_configure"), False)
"""FastAPI would hand requests to whatever OpenTelemetry exporter the user's environment names."""
_DESCRIPTION = """What a session of Headroom Wrap tells and does for programs on this machine.

Every route asks for the session's key. Errors are `{"error": {"code", "message", "hint"}}`, with stable codes."""


class Problem(BaseModel):
    """What went wrong, and what to do about it."""

    code: Annotated[str, Field(description="Stable: programs may match on it.", examples=["original-not-found"])]
    message: Annotated[str, Field(description="What happened, for a person.")]
    hint: Annotated[str, Field(description="What to change; may be empty.")]


class Failure(BaseModel):
    """The answer to a request that failed."""

    error: Problem


class Health(BaseModel):
    """That the proxy answers, and that it is the session's own."""

    status: Literal["ok"]
    version: str
    proof: Annotated[str | None, Field(description="HMAC-SHA256 of the header x-headroom-nonce with the key, in hex.")]


class Stats(BaseModel):
    """A session's figures so far. Token counts are our own, cache and input figures the provider's."""

    version: str
    session: str
    agent: Annotated[str, Field(description="Whom this session serves.", examples=["claude"])]
    level: Annotated[Level, Field(description="For conversations that begin now.")]
    why_not_compressing: Annotated[str, Field(description="Empty where compression works.")]
    uptime_s: float
    upstreams: Annotated[dict[str, str], Field(description="Where requests go: scheme, host and port by provider.")]
    totals: Annotated[SessionTotals, Field(description="Sums over the session's model calls, and its retrievals.")]
    prefix_changes: Annotated[
        tuple[PrefixChange, ...],
        Field(description="What clients changed in prefixes that a provider had cached, the dearest first."),
    ]
    savings: Annotated[Savings, Field(description="Shares are 0 to 1, null where nothing is known to relate them to.")]


class Retrieve(BaseModel):
    """Which original, and which part of it: the arguments of the tool `headroom_retrieve`."""

    model_config = ConfigDict(extra="forbid", coerce_numbers_to_str=True)

    id: Annotated[str, Field(description="As the marker gives it.", examples=["h1a2b3c4d5e6f"])]
    lines: Annotated[str | None, Field(description="1-based, inclusive: 40-90, 40-, or 1-5,40-90.")] = None
    rows: Annotated[str | None, Field(description="The same for objects of a JSON array.")] = None
    chars: Annotated[str | None, Field(description="The same for characters, one range.")] = None
    grep: Annotated[str | None, Field(description="Only lines (or rows) that match this regular expression.")] = None
    context: Annotated[int, Field(ge=0, description="With grep: lines to show around each match.")] = 0


class Retrieved(BaseModel):
    """An original, or a part of it."""

    id: str
    text: Annotated[
        str,
        Field(
            description="A line that says what follows, then the original's own words; about 40,000 characters at most,"
            " with what to ask for next where it was cut. Pass it on whole: its first line keeps it from compression."
        ),
    ]


class Compress(BaseModel):
    """A conversation as its provider takes it."""

    model_config = ConfigDict(extra="forbid")

    messages: Annotated[
        list[dict[str, Any]],
        Field(description="`messages` of the request; for openai_responses, the items of `input`."),
    ]
    wire: Annotated[
        Literal["anthropic", "openai_chat", "openai_responses"], Field(description="The format of the messages.")
    ] = "anthropic"
    model: Annotated[str, Field(description="As in the provider's request; makes no difference so far.")] = ""
    level: Annotated[
        Level | None,
        Field(
            description="For a conversation that begins now, by default the session's; one whose tool results were seen"
            " before keeps the level it began with. Without a way to /v1/retrieve for the reader, ask for `safe`."
        ),
    ] = None


class BlockVerdict(BaseModel):
    """What became of one tool result."""

    call_id: str | None
    tool: Annotated[str, Field(description="The tool's name, where the conversation has the call.")]
    reason: Annotated[str, Field(description="Why it was left, or what was done.")]
    compressor: Annotated[str, Field(description="Empty where the block was left as it is.")]
    original_id: Annotated[str | None, Field(description="For /v1/retrieve; null where the block was left as it is.")]
    tokens_before: Annotated[int, Field(description="0 where nothing was counted.")]
    tokens_after: int


class Compressed(BaseModel):
    """The conversation with its tool results shortened.

    What was elided is marked, with the call `headroom_retrieve(id=..., lines=...)`: offer the reader a tool of that
    name, and send its arguments to /v1/retrieve.
    """

    messages: Annotated[list[Any], Field(description="As they came, but for the texts that were replaced.")]
    tokens_before: Annotated[int, Field(description="Over the replaced blocks, an estimate for models not of OpenAI.")]
    tokens_after: int
    verdicts: Annotated[list[BlockVerdict], Field(description="One for each text of a tool result, in order.")]


def control_api(
    config: ProxyConfig,
    pipeline: EnginePipeline | None,
    why_not_compressing: str,
    uptime_s: Callable[[], float],
    workers: Executor,
) -> Asgi:
    """The application, for callers that passed the gate.

    Args:
        config: of the session.
        pipeline: what its model calls run through; None where there is no store.
        why_not_compressing: for people; empty where compression works.
        uptime_s: how long the session has lasted.
        workers: threads for what blocks.
    """
    key = APIKeyHeader(name=KEY_HEADER.decode(), auto_error=False, description="The session's key.")
    api = FastAPI(
        title="Headroom Wrap",
        version=__version__,
        description=_DESCRIPTION,
        docs_url=None,  # the page that it serves loads scripts from a network
        redoc_url=None,
        dependencies=[Security(key)],
        responses={
            "4XX": {"model": Failure, "description": "The request is refused."},
            "5XX": {"model": Failure, "description": "Headroom failed."},
        },
        telemetry=_NO_TELEMETRY,
    )
    routes = _Routes(config, pipeline, why_not_compressing, uptime_s, workers)
    api.add_api_route("/health", routes.health, response_model=Health)
    api.add_api_route("/stats", routes.stats, response_model=Stats)
    api.add_api_route("/v1/compress", routes.compress, methods=["POST"], response_model=Compressed)
    api.add_api_route("/v1/retrieve", routes.retrieve, methods=["POST"], response_model=Retrieved)
    _explain_failures(api)
    return api


@dataclass(frozen=True, slots=True)
class _Routes:
    """What the routes do; the arguments of `control_api`."""

    config: ProxyConfig
    pipeline: EnginePipeline | None
    why_not_compressing: str
    uptime_s: Callable[[], float]
    workers: Executor

    async def health(self, request: Request) -> Response:
        """Tell that the proxy answers."""
        # The proxy answers before it loads this; the route stands here for the document, with the same answer.
        return Response(control.health_answer(request.scope["headers"], self.config.key), media_type=JSON_TYPE)

    async def stats(self) -> Response:
        """Tell what the session has sent and saved so far."""
        pipeline, config = self.pipeline, self.config
        found = SessionTotals() if pipeline is None else await self._run(pipeline.store.totals, config.session)
        told = Stats(
            version=__version__,
            session=config.session,
            agent=config.agent,
            level=Level.OFF if pipeline is None else pipeline.level,
            why_not_compressing=self.why_not_compressing,
            uptime_s=self.uptime_s(),
            upstreams={name: _origin(url) for name, url in config.upstreams.items()},
            totals=found,
            prefix_changes=() if pipeline is None else pipeline.aligner.report(),
            savings=savings(found),
        )
        return Response(_encoded(told), media_type=JSON_TYPE)

    async def compress(self, asked: Compress) -> Response:
        """Shorten a conversation's tool results as if it were sent through the proxy; nothing is sent or counted."""
        return Response(await self._run(_compress, self._working(), asked), media_type=JSON_TYPE)

    async def retrieve(self, asked: Retrieve) -> Response:
        """Give back what was elided, word for word; counted as a retrieval of the session."""
        store = self._working().store
        part = {name: value for name, value in asked if name != "id" and value not in (None, "", 0)}
        if asked.grep:
            text = await retrieve_apart(store.path, asked.id, part)
        else:
            text = await self._run(functools.partial(retrieve, store, asked.id, **part))
        what = " ".join(f"{name}={value}" for name, value in part.items())
        await self._run(store.record_retrieval, self.config.session, asked.id, what, len(text))
        return Response(_encoded(Retrieved(id=asked.id, text=text)), media_type=JSON_TYPE)

    def _working(self) -> EnginePipeline:
        if self.pipeline is None:
            raise HeadroomError(Code.STORE_FAILED, self.why_not_compressing)
        return self.pipeline

    async def _run(self, function: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self.workers, function, *args)


def _compress(pipeline: EnginePipeline, asked: Compress) -> bytes:
    """Encoded here, on a worker's thread: conversations are long."""
    key = "input" if asked.wire == "openai_responses" else "messages"
    try:
        body = json.dumps({"model": asked.model, key: asked.messages}).encode()
        rendered, verdicts = pipeline.compress(asked.wire, body, asked.level)
        return _encoded(
            Compressed(
                messages=json.loads(rendered)[key],
                tokens_before=sum(verdict.tokens_before for verdict in verdicts if verdict.replacement is not None),
                tokens_after=sum(verdict.tokens_after for verdict in verdicts if verdict.replacement is not None),
                verdicts=[
                    BlockVerdict(
                        call_id=verdict.slot.call_id,
                        tool=verdict.slot.tool_name,
                        reason=verdict.reason,
                        compressor=verdict.compressor,
                        original_id=verdict.original_id,
                        tokens_before=verdict.tokens_before,
                        tokens_after=verdict.tokens_after,
                    )
                    for verdict in verdicts
                ],
            )
        )
    except RecursionError:
        raise HeadroomError(Code.BAD_REQUEST, "The messages nest too deep.", "Send plainer ones.") from None


def _explain_failures(api: FastAPI) -> None:
    """Answer every failure in the form of `Failure`."""

    @api.exception_handler(HeadroomError)
    async def explain(_request: Request, error: HeadroomError) -> Response:
        return _failure(_STATUSES.get(error.code, 500), error.code, error.message, error.hint)

    @api.exception_handler(RequestValidationError)
    async def explain_invalid(_request: Request, error: RequestValidationError) -> Response:
        found = [f"{'.'.join(map(str, fault['loc'][1:])) or 'body'}: {fault['msg']}" for fault in error.errors()]
        hint = "Send JSON as content-type application/json; GET /openapi.json says which."
        return _failure(400, Code.BAD_REQUEST, f"The request is not what this route takes ({'; '.join(found)}).", hint)

    @api.exception_handler(HTTPException)
    async def explain_unreadable(_request: Request, error: HTTPException) -> Response:
        return _failure(error.status_code, Code.BAD_REQUEST, str(error.detail), "GET /openapi.json tells the routes.")


def _failure(status: int, code: Code, message: str, hint: str) -> Response:
    return Response(control.render_failure(code, message, hint), status, media_type=JSON_TYPE)


def _encoded(model: BaseModel) -> bytes:
    """The model as JSON by the standard library: texts may hold lone surrogates, which pydantic refuses to write."""
    return json.dumps(model, default=_members).encode()


def _members(value: Any) -> dict[str, Any]:
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else dict(value)


def _origin(url: str) -> str:
    """Without the path, in which some gateways carry a token."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
