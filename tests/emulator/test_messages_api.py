from __future__ import annotations

import json
from typing import Any

import anthropic
import pytest

from headroom_wrap.emulator import faults
from headroom_wrap.emulator.script import SHORT_ANSWER
from headroom_wrap.emulator.server import EmulatedProvider
from tests.emulator.asking import BASH, KEY, Asking, message

PATH = "/v1/messages?beta=true"
TWO_CALLS = '[[think Let us see.]] [[say Looking.]] [[tool Bash {"command": "ls é"} & Bash {"command": "pwd"}]]'


@pytest.fixture
def sdk(provider: EmulatedProvider) -> anthropic.Anthropic:
    return anthropic.Anthropic(api_key="sk-ant-test", base_url=provider.url, max_retries=0, timeout=10)


def _ask_sdk(sdk: anthropic.Anthropic, prompt: str) -> Any:
    arguments: dict[str, Any] = {key: value for key, value in message(prompt).items() if key != "stream"}
    return sdk.messages.stream(**arguments)


def test_the_real_sdk_reads_a_stream_with_thinking_text_and_two_calls(sdk: anthropic.Anthropic) -> None:
    with _ask_sdk(sdk, TWO_CALLS) as stream:
        final = stream.get_final_message()
    assert [block.type for block in final.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert final.content[0].thinking == "Let us see."
    assert final.content[0].signature
    assert final.content[1].text == "Looking."
    assert [block.input for block in final.content[2:]] == [{"command": "ls é"}, {"command": "pwd"}]
    assert final.content[2].id != final.content[3].id
    assert final.stop_reason == "tool_use"
    assert final.usage.input_tokens > 0
    assert final.usage.output_tokens > 0


def test_the_real_sdk_reads_the_same_message_without_streaming(sdk: anthropic.Anthropic) -> None:
    arguments: dict[str, Any] = {**message(TWO_CALLS), "stream": False}
    final = sdk.messages.create(**arguments)
    assert [block.type for block in final.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert final.content[2].input == {"command": "ls é"}
    assert final.stop_reason == "tool_use"


def test_the_real_sdk_counts_tokens_and_meets_its_own_errors(
    sdk: anthropic.Anthropic, provider: EmulatedProvider
) -> None:
    counted = sdk.messages.count_tokens(
        model="claude-opus-4-8", messages=[{"role": "user", "content": "one two three"}]
    )
    assert counted.input_tokens > 3
    provider.faults.add(faults.status(529))
    with pytest.raises(anthropic.APIStatusError) as refused, _ask_sdk(sdk, "hi") as stream:
        stream.get_final_message()
    assert refused.value.status_code == 529
    assert refused.value.response.json()["error"]["type"] == "overloaded_error"


def test_events_come_in_the_order_of_the_real_api(ask: Asking) -> None:
    reply = ask(PATH, message('[[tool Bash {"command": "echo a longer command, cut in pieces"}]]'))
    assert reply.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert reply.headers["request-id"].startswith("req_01")
    kinds = [event["type"] for event in reply.events]
    n_deltas = kinds.count("content_block_delta")
    assert n_deltas > 2
    assert kinds == [
        "message_start",
        "content_block_start",
        "ping",
        *["content_block_delta"] * n_deltas,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert reply.body.startswith(b'event: message_start\ndata: {"type":"message_start","message":{')
    pieces = [event["delta"]["partial_json"] for event in reply.events if event["type"] == "content_block_delta"]
    assert pieces[0] == ""
    assert json.loads("".join(pieces)) == {"command": "echo a longer command, cut in pieces"}


def test_usage_tells_of_the_cache(ask: Asking) -> None:
    long = {"type": "text", "text": "word " * 1500, "cache_control": {"type": "ephemeral"}}
    body = message("hi", system=[long])
    first = ask(PATH, body).events
    second = ask(PATH, body).events
    written = first[0]["message"]["usage"]
    assert written["cache_creation_input_tokens"] > 1500
    assert written["cache_creation"]["ephemeral_5m_input_tokens"] == written["cache_creation_input_tokens"]
    assert written["cache_read_input_tokens"] == 0
    assert second[-2]["usage"]["cache_read_input_tokens"] == written["cache_creation_input_tokens"]
    assert second[-2]["usage"]["input_tokens"] == written["input_tokens"]


def test_five_marks_are_answered_with_400(ask: Asking) -> None:
    blocks = [{"type": "text", "text": str(i), "cache_control": {"type": "ephemeral"}} for i in range(5)]
    reply = ask(PATH, message("", messages=[{"role": "user", "content": blocks}]))
    assert reply.status == 400
    assert "Found 5" in reply.json["error"]["message"]


@pytest.mark.parametrize(
    ("headers", "body", "status", "kind"),
    [
        ({"anthropic-version": "2023-06-01"}, message("x"), 401, "authentication_error"),
        ({"x-api-key": "k"}, message("x"), 400, "invalid_request_error"),
        (KEY, b'{"model": ', 400, "invalid_request_error"),
        (KEY, b"[1]", 400, "invalid_request_error"),
        (KEY, {"model": "m", "messages": []}, 400, "invalid_request_error"),
        (KEY, message("x", messages=[]), 400, "invalid_request_error"),
    ],
)
def test_what_the_api_refuses_is_refused_in_its_form(
    ask: Asking, headers: dict[str, str], body: object, status: int, kind: str
) -> None:
    reply = ask(PATH, body, headers)
    assert reply.status == status
    assert reply.json["type"] == "error"
    assert reply.json["error"]["type"] == kind
    assert reply.json["request_id"] == reply.headers["request-id"]


def test_a_call_without_its_result_is_refused(ask: Asking) -> None:
    call = {"type": "tool_use", "id": "toolu_lost", "name": "Bash", "input": {}}
    lost = [{"role": "user", "content": "x"}, {"role": "assistant", "content": [call]}]
    reply = ask(PATH, message("", messages=[*lost, {"role": "user", "content": "and now?"}]))
    assert reply.status == 400
    assert "toolu_lost" in reply.json["error"]["message"]


def test_unknown_fields_system_entries_and_references_are_accepted(ask: Asking, provider: EmulatedProvider) -> None:
    call = {"type": "tool_use", "id": "t1", "name": "ToolSearch", "input": {}}
    found = {"type": "tool_result", "tool_use_id": "t1", "content": [{"type": "tool_reference", "tool_name": "Fetch"}]}
    prompt = '[[tool ToolSearch {"query": "x"}]] [[tool Fetch {"url": "u"}]]'
    messages = [
        {"role": "user", "content": prompt},
        {"role": "system", "content": "Fetch is deferred."},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [found, {"type": "text", "text": "Tool loaded."}]},
    ]
    tools = [BASH, {"name": "ToolSearch"}, {"name": "Fetch", "defer_loading": True}]
    reply = ask(PATH, message("", messages=messages, tools=tools, context_management={"edits": []}, novelty={"a": 1}))
    assert reply.events[1]["content_block"]["name"] == "Fetch"
    assert reply.events[-2]["context_management"] == {"applied_edits": []}
    assert provider.requests[0].json["novelty"] == {"a": 1}


def test_a_deferred_tool_that_was_not_referenced_cannot_be_called(ask: Asking) -> None:
    prompt = '[[tool Fetch {"url": "u"}]]'
    reply = ask(PATH, message(prompt, tools=[BASH, {"name": "Fetch", "defer_loading": True}], stream=False))
    assert reply.json["content"][0]["text"] == "I have no tool named Fetch. I have: Bash."


def test_a_title_is_answered_in_the_schema_that_was_asked_for(ask: Asking) -> None:
    wanted = {"type": "json_schema", "schema": {"type": "object", "properties": {"title": {"type": "string"}}}}
    body = message("<session>[[say no]]</session>", tools=[], output_config={"format": wanted}, stream=False)
    assert json.loads(ask(PATH, body).json["content"][0]["text"]) == {"title": SHORT_ANSWER}


def test_steps_are_counted_from_the_newest_prompt(ask: Asking) -> None:
    def turn(number: int, result: list[dict[str, Any]]) -> list[dict[str, Any]]:
        call = {"type": "tool_use", "id": f"t{number}", "name": "Bash", "input": {}}
        answered = {"type": "tool_result", "tool_use_id": f"t{number}", "content": "out"}
        return [{"role": "assistant", "content": [call]}, {"role": "user", "content": [answered, *result]}]

    reminder = {"type": "text", "text": "<system-reminder>\n[[say never]]\n</system-reminder>"}
    old = [{"role": "user", "content": '[[repeat 2 Bash {"command": "old"}]]'}, *turn(1, []), *turn(2, [])]
    prompt = {
        "role": "user",
        "content": [reminder, {"type": "text", "text": '[[repeat 3 Bash {"command": "new {i}"}]]'}],
    }
    messages = [*old, {"role": "assistant", "content": "Done."}, prompt, *turn(3, [reminder])]
    reply = ask(PATH, message("", messages=messages, stream=False))
    assert reply.json["content"][0]["input"] == {"command": "new 2"}


MESSAGES: Any = [{"role": "user", "content": "[[say from the cloud]]"}]


def test_the_real_sdks_of_two_clouds_are_answered(provider: EmulatedProvider) -> None:
    key, url = KEY["x-api-key"], f"{provider.url}/v1"
    with (
        anthropic.AnthropicVertex(project_id="p", region="us-east5", access_token=key, base_url=url) as vertex,
        anthropic.AnthropicFoundry(api_key=key, base_url=f"{provider.url}/anthropic") as foundry,
    ):
        for cloud in (vertex, foundry):
            answer: Any = cloud.messages.create(model="claude-sonnet-4-5@20250929", max_tokens=9, messages=MESSAGES)
            assert answer.content[0].text == "from the cloud"
            assert answer.model == "claude-sonnet-4-5@20250929"
        assert vertex.messages.count_tokens(model="claude-sonnet-4-5", messages=MESSAGES).input_tokens > 0
    assert provider.model_requests[0].path.endswith("/models/claude-sonnet-4-5@20250929:rawPredict")
    assert provider.model_requests[1].path == "/anthropic/v1/messages"


def test_vertex_wants_its_version_in_the_body(ask: Asking) -> None:
    path = "/v1/projects/p/locations/global/publishers/anthropic/models/claude-opus-4-8:rawPredict"
    body = {key: value for key, value in message("hello").items() if key != "model"}
    assert ask(path, body).status == 400
    assert ask(path, {**body, "anthropic_version": "vertex-2023-10-16"}).status == 200
