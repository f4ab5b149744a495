"""The proxy under a public name: who holds the bearer may ask a model, and nobody gets anything else."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import pytest

from headroom_wrap.compression.engine import Engine
from headroom_wrap.proxy.app import ProxyApp
from headroom_wrap.proxy.pipeline import EnginePipeline
from headroom_wrap.proxy.ports import Headers
from headroom_wrap.proxy.public import PublicEndpoint
from headroom_wrap.store import Store
from tests.proxy.fakes import KEY, Answer, FakePipeline, FakeUpstream, ask, config, no_control, scope
from tests.proxy.test_pipeline import LOG

HOST = (b"host", b"name.example.com")
BEARER = (b"authorization", b"Bearer b0")
PATH = b"/v1/chat/completions"
ENDPOINT = PublicEndpoint("name.example.com", "b0", "Bearer sk-own")


def asked(
    headers: Headers, path: bytes = PATH, method: str = "POST", *, is_public: bool = True
) -> tuple[Answer, FakeUpstream]:
    upstream = FakeUpstream()
    settings = replace(
        config(require_key=True), upstreams={"openai": "https://api.test/v1"}, public=ENDPOINT if is_public else None
    )
    application = ProxyApp(settings, FakePipeline(), lambda: upstream, no_control)
    answer = asyncio.run(asyncio.wait_for(ask(application, scope(method, path, headers), b"{}"), 20))
    return answer, upstream


def test_the_bearer_becomes_the_users_key_and_the_tunnels_headers_stay_here() -> None:
    tunnel = [(b"x-forwarded-for", b"1.2.3.4"), (b"cf-connecting-ip", b"1.2.3.4"), (b"x-own", b"1")]
    answer, upstream = asked([HOST, BEARER, *tunnel])
    assert answer.status == 200
    (sent,) = upstream.sent
    assert sent.url == "https://api.test/v1/chat/completions"
    assert sent.headers == [(b"authorization", b"Bearer sk-own"), (b"x-own", b"1"), (b"content-length", b"2")]


def test_the_list_of_models_may_be_asked_for() -> None:
    answer, upstream = asked([HOST, BEARER], b"/v1/models", "GET")
    assert (answer.status, len(upstream.sent)) == (200, 1)


@pytest.mark.parametrize(
    ("headers", "path", "status"),
    [
        ([HOST], PATH, 401),
        ([HOST, (b"authorization", b"Bearer b1")], PATH, 401),
        ([HOST, BEARER, BEARER], PATH, 401),
        ([HOST, (b"x-headroom-key", KEY.encode())], PATH, 401),
        ([HOST, BEARER], b"/v1/files", 403),
        ([HOST, BEARER, (b"x-headroom-key", KEY.encode())], b"/stats", 403),
        ([HOST, BEARER, (b"x-headroom-key", KEY.encode())], b"/v1/retrieve", 403),
        ([HOST, BEARER, (b"origin", b"https://evil.example")], PATH, 403),
        ([(b"host", b"other.example.com"), BEARER], PATH, 421),
        ([BEARER], PATH, 403),
    ],
)
def test_nobody_else_and_nothing_else_passes(headers: Headers, path: bytes, status: int) -> None:
    answer, upstream = asked(headers, path)
    assert (answer.status, upstream.sent) == (status, [])


def test_without_a_public_name_its_host_is_a_strangers() -> None:
    answer, upstream = asked([HOST, BEARER, (b"x-headroom-key", KEY.encode())], is_public=False)
    assert (answer.status, upstream.sent) == (421, [])


def test_a_responses_body_on_the_path_of_chats_is_compressed_as_what_it_is(store: Store) -> None:
    pipeline = EnginePipeline(Engine(store), store, command="headroom retrieve")
    items = [
        {"role": "user", "content": "Why did it stop?"},
        {"type": "function_call", "call_id": "c1", "name": "Bash", "arguments": '{"command": "cat app.log"}'},
        {"type": "function_call_output", "call_id": "c1", "output": LOG},
    ]
    tools = [{"type": "function", "name": "Bash", "parameters": {}}]
    body = json.dumps({"model": "m", "tools": tools, "input": items, "stream": True}).encode()
    sent = pipeline.prepare("openai_chat", body).body
    assert len(sent) < len(body) / 2
    document = json.loads(sent)
    assert document["input"][:2] == items[:2]
    assert (document["model"], document["tools"], document["stream"]) == ("m", tools, True)
