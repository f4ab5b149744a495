"""OpenAI's own SDK against `headroom proxy`: both formats, streamed and whole, tools, errors, cancellation, codings."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest

from headroom_wrap.emulator import faults
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.wire.codings import encode
from tests.e2e.sandbox import Sandbox, Standalone, assert_append_only
from tests.e2e.tasks import FATAL, HIDDEN, RETRIEVES

pytestmark = pytest.mark.e2e

MODEL = "gpt-5.5"
BASH = {"name": "Bash", "parameters": {"type": "object", "properties": {"command": {"type": "string"}}}}
CHAT_TOOLS = [{"type": "function", "function": BASH}]
RESPONSES_TOOLS = [{"type": "function", **BASH}]
STEPS = 'Step by step. [[repeat 4 Bash {"command":"head -n 1{i} app.log; cat app.log"}]] [[find FATAL]]'
MAX_STEPS = 10
BOUND_S = 10.0

Run = Callable[[str], str]
Agent = Callable[[openai.OpenAI, str, Run], str]


@pytest.fixture
def client(proxy: Standalone) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{proxy.url}/v1", api_key="sk-x", max_retries=0) as client:
        yield client


@pytest.fixture
def run(sandbox: Sandbox) -> Run:
    """Does what a call of the tool `Bash` says."""
    return lambda arguments: sandbox.run("bash", "-c", json.loads(arguments)["command"]).stdout


def chat_agent(client: openai.OpenAI, prompt: str, run: Run) -> str:
    messages: list[Any] = [{"role": "user", "content": prompt}]
    for _ in range(MAX_STEPS):
        ask: Any = {"model": MODEL, "messages": messages, "tools": CHAT_TOOLS}
        message = client.chat.completions.create(**ask).choices[0].message
        if not message.tool_calls:
            return message.content or ""
        messages.append(message.to_dict())
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": run(call.function.arguments)}
            for call in message.tool_calls
            if call.type == "function"
        ]
    raise AssertionError("the model has not come to an end")


def streaming_chat_agent(client: openai.OpenAI, prompt: str, run: Run) -> str:
    messages: list[Any] = [{"role": "user", "content": prompt}]
    for _ in range(MAX_STEPS):
        ask: Any = {"model": MODEL, "messages": messages, "tools": CHAT_TOOLS}
        with client.chat.completions.stream(**ask) as stream:
            message = stream.get_final_completion().choices[0].message
        if not message.tool_calls:
            return message.content or ""
        messages.append({"role": "assistant", "tool_calls": [call.to_dict() for call in message.tool_calls]})
        messages += [
            {"role": "tool", "tool_call_id": call.id, "content": run(call.function.arguments)}
            for call in message.tool_calls
        ]
    raise AssertionError("the model has not come to an end")


def respond(client: openai.OpenAI, items: list[Any], *, is_streamed: bool, **fields: Any) -> Any:
    ask: Any = {"model": MODEL, "input": items, "tools": RESPONSES_TOOLS, **fields}
    if not is_streamed:
        return client.responses.create(**ask)
    with client.responses.stream(**ask) as stream:
        return stream.get_final_response()


def results(response: Any, run: Run) -> list[Any]:
    return [
        {"type": "function_call_output", "call_id": item.call_id, "output": run(item.arguments)}
        for item in response.output
        if item.type == "function_call"
    ]


def responses_agent(client: openai.OpenAI, prompt: str, run: Run, *, is_streamed: bool = False) -> str:
    items: list[Any] = [{"role": "user", "content": prompt}]
    for _ in range(MAX_STEPS):
        response = respond(client, items, is_streamed=is_streamed)
        outputs = results(response, run)
        if not outputs:
            return str(response.output_text)
        items += [*(item.to_dict() for item in response.output), *outputs]
    raise AssertionError("the model has not come to an end")


def streaming_responses_agent(client: openai.OpenAI, prompt: str, run: Run) -> str:
    return responses_agent(client, prompt, run, is_streamed=True)


def linked_agent(client: openai.OpenAI, prompt: str, run: Run, *, is_streamed: bool = False) -> str:
    """One that leaves the conversation to the provider, and sends what is new."""
    items: list[Any] = [{"role": "user", "content": prompt}]
    link: dict[str, str] = {}
    for _ in range(MAX_STEPS):
        response = respond(client, items, is_streamed=is_streamed, **link)
        items, link = results(response, run), {"previous_response_id": response.id}
        if not items:
            return str(response.output_text)
    raise AssertionError("the model has not come to an end")


def streaming_linked_agent(client: openai.OpenAI, prompt: str, run: Run) -> str:
    return linked_agent(client, prompt, run, is_streamed=True)


RESENDING = [chat_agent, streaming_chat_agent, responses_agent, streaming_responses_agent]
LINKED = [linked_agent, streaming_linked_agent]


def sent_outputs(provider: EmulatedProvider, at: int = -1) -> list[str]:
    """The tool results of a model call, as the model read them."""
    body = provider.model_requests[at].json
    texts = [message["content"] for message in body.get("messages", ()) if message["role"] == "tool"]
    return texts + [item["output"] for item in body.get("input", ()) if "output" in item]


@pytest.mark.parametrize("agent", RESENDING, ids=lambda agent: agent.__name__)
def test_a_conversation_with_large_results_grows_at_its_end_only(
    agent: Agent, client: openai.OpenAI, run: Run, provider: EmulatedProvider
) -> None:
    read: list[str] = []

    def noting(arguments: str) -> str:
        read.append(run(arguments))
        return read[-1]

    assert FATAL in agent(client, STEPS, noting)
    assert len(provider.model_requests) == 5
    assert_append_only(provider)
    outputs = sent_outputs(provider)
    assert len(outputs) == len(read) == 4
    assert all(len(sent) < len(original) / 2 for sent, original in zip(outputs, read, strict=True))


@pytest.mark.parametrize("agent", [*RESENDING, *LINKED], ids=lambda agent: agent.__name__)
def test_the_model_reads_an_original_through_the_clients_shell(
    agent: Agent, client: openai.OpenAI, run: Run, provider: EmulatedProvider
) -> None:
    assert HIDDEN in agent(client, RETRIEVES.prompt, run)
    assert len(provider.model_requests) == 3
    assert " retrieve h" in sent_outputs(provider, 1)[0]
    assert HIDDEN not in sent_outputs(provider, 1)[0]


@pytest.mark.parametrize("agent", LINKED, ids=lambda agent: agent.__name__)
def test_in_a_chain_each_result_stands_for_itself(
    agent: Agent, client: openai.OpenAI, run: Run, provider: EmulatedProvider
) -> None:
    prompt = 'Again. [[repeat 3 Bash {"command":"cat app.log"}]] [[find FATAL]]'
    assert FATAL in agent(client, prompt, run)
    calls = provider.model_requests
    assert [bool(call.json.get("previous_response_id")) for call in calls] == [False, True, True, True]
    sent = [sent_outputs(provider, at) for at in (1, 2, 3)]
    assert sent[0] == sent[1] == sent[2]
    assert "elided" in sent[0][0]


def test_a_tool_excluded_by_name_is_left_alone_in_a_chain(sandbox: Sandbox, request: pytest.FixtureRequest) -> None:
    sandbox.env["HEADROOM_EXCLUDE_TOOLS"] = "Bash"
    client: openai.OpenAI = request.getfixturevalue("client")
    log = (sandbox.work / "app.log").read_text(encoding="utf-8")
    linked_agent(client, 'See. [[tool Bash {"command":"cat app.log"}]]', lambda _: log)
    assert sent_outputs(request.getfixturevalue("provider")) == [log]


def chat(client: openai.OpenAI, text: str, **fields: Any) -> Any:
    ask: Any = {"model": MODEL, "messages": [{"role": "user", "content": text}], **fields}
    return client.chat.completions.create(**ask)


def response(client: openai.OpenAI, text: str, **fields: Any) -> Any:
    ask: Any = {"model": MODEL, "input": text, **fields}
    return client.responses.create(**ask)


ASKS = [chat, response]
ERRORS: list[tuple[int, dict[str, str], type[openai.APIStatusError]]] = [
    (401, {}, openai.AuthenticationError),
    (429, {"Retry-After": "7", "x-ratelimit-remaining-tokens": "0"}, openai.RateLimitError),
    (500, {}, openai.InternalServerError),
]


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.__name__)
def test_the_providers_errors_are_the_sdks_errors(
    ask: Callable[..., Any], client: openai.OpenAI, provider: EmulatedProvider
) -> None:
    for status, headers, kind in ERRORS:
        provider.faults.add(faults.status(status, headers), times=2)
        for is_streamed in (False, True):
            with pytest.raises(kind) as caught:
                ask(client, "x", stream=is_streamed)
            answer = caught.value.response
            assert (answer.status_code, answer.json()["error"]["param"]) == (status, None)
            assert {name: answer.headers.get(name) for name in headers} == headers
            assert "x-headroom-error" not in answer.headers
    assert len(provider.model_requests) == 6


@pytest.mark.parametrize("ask", ASKS, ids=lambda ask: ask.__name__)
def test_an_answer_that_its_client_leaves_ends_at_the_provider(
    ask: Callable[..., Any], client: openai.OpenAI, provider: EmulatedProvider
) -> None:
    held = provider.faults.add(faults.hold(2)).hold
    assert held is not None
    stream = ask(client, "[[words 50]]", stream=True)
    next(iter(stream))
    assert held.reached.wait(BOUND_S)
    stream.close()
    assert provider.wait_for(lambda: provider.requests[0].disconnected is not None, BOUND_S)
    provider.faults.add(faults.hold())
    with pytest.raises(openai.APITimeoutError):
        ask(client.with_options(timeout=0.3), "[[words 50]]")
    assert provider.wait_for(lambda: provider.requests[1].disconnected is not None, BOUND_S)
    assert client.responses.create(model=MODEL, input="[[say still here]]").output_text == "still here"


def test_models_come_in_each_providers_dialect(
    client: openai.OpenAI, proxy: Standalone, provider: EmulatedProvider
) -> None:
    assert {"gpt-5.5", "gpt-5-mini"} <= {model.id for model in client.models.list()}
    with anthropic.Anthropic(base_url=proxy.url, api_key="sk-ant-x", max_retries=0) as other:
        assert "claude-opus-4-8" in {model.id for model in other.models.list()}
    codex = {"chatgpt-account-id": "acc-1", "authorization": "Bearer t"}
    assert httpx.get(f"{proxy.url}/v1/models?client_version=0.169.0", headers=codex).json() == {"models": []}
    assert [request.path.partition("?")[0] for request in provider.requests] == [
        "/v1/models",
        "/v1/models",
        "/backend-api/codex/models",
    ]


def test_embeddings_pass_unread(client: openai.OpenAI, provider: EmulatedProvider) -> None:
    text = "a long log line\n" * 5000
    answer = client.embeddings.create(model="text-embedding-3-small", input=text, encoding_format="float")
    (request,) = provider.requests
    assert answer.usage.prompt_tokens == len(text.split())
    assert (request.path, request.json["input"]) == ("/v1/embeddings", text)


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_bodies_stay_in_the_clients_coding(
    coding: str, sandbox: Sandbox, proxy: Standalone, provider: EmulatedProvider
) -> None:
    log = (sandbox.work / "app.log").read_text(encoding="utf-8")
    call = {"id": "c1", "type": "function", "function": {"name": "Bash", "arguments": "{}"}}
    item = {"type": "function_call", "call_id": "c1", "name": "Bash", "arguments": "{}"}
    histories: dict[str, tuple[str, list[dict[str, Any]]]] = {
        "/chat/completions": (
            "messages",
            [{"role": "assistant", "tool_calls": [call]}, {"role": "tool", "tool_call_id": "c1", "content": log}],
        ),
        "/responses": ("input", [item, {"type": "function_call_output", "call_id": "c1", "output": log}]),
    }
    tools = {"/chat/completions": CHAT_TOOLS, "/responses": RESPONSES_TOOLS}
    for path, (key, items) in histories.items():
        for given in ([], items):
            history = [{"role": "user", "content": "[[find FATAL]]"}, *given]
            document = {"model": MODEL, "tools": tools[path], "stream": True, key: history}
            body = encode(json.dumps(document).encode(), coding)
            headers = {"authorization": "Bearer k", "content-encoding": coding, "content-type": "application/json"}
            answer = httpx.post(f"{proxy.url}/v1{path}", content=body, headers=headers)
            assert answer.status_code == 200
            sent = provider.model_requests[-1]
            assert sent.header("content-encoding") == coding
            assert (sent.body == body) is not bool(given)
        assert len(sent_outputs(provider)[0]) < len(log) / 2
