from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from headroom_wrap import zstd
from headroom_wrap.emulator.server import EmulatedProvider
from tests.emulator.asking import BEARER, Asking

FUNCTION = {"type": "function", "name": "exec_command", "parameters": {"type": "object"}}
PROMPT = '[[think hmm]] [[say Looking.]] [[tool exec_command {"cmd": "cat a rather long path"}]] [[find FATAL]]'


def _request(*items: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {"model": "gpt-5.5", "input": list(items), "tools": [FUNCTION], "instructions": "i", **changes}


def _user(text: str) -> dict[str, Any]:
    return {"type": "message", "role": "user", "content": [{"type": "input_text", "text": text}]}


@pytest.mark.parametrize("path", ["/v1/responses", "/responses"])
def test_a_stream_has_every_item_with_its_events_numbered(ask: Asking, path: str) -> None:
    reply = ask(path, _request(_user(PROMPT), stream=True), BEARER)
    assert [event["sequence_number"] for event in reply.events] == list(range(len(reply.events)))
    done = [event["item"] for event in reply.events if event["type"] == "response.output_item.done"]
    assert [item["type"] for item in done] == ["reasoning", "message", "function_call"]
    pieces = [e["delta"] for e in reply.events if e["type"] == "response.function_call_arguments.delta"]
    assert len(pieces) > 1
    assert json.loads("".join(pieces)) == {"cmd": "cat a rather long path"}
    completed = reply.events[-1]
    assert completed["type"] == "response.completed"
    assert completed["response"]["output"] == done
    assert completed["response"]["usage"]["input_tokens_details"] == {"cached_tokens": 0}


def test_the_next_step_follows_from_the_items(ask: Asking) -> None:
    call = {"type": "function_call", "call_id": "c", "name": "exec_command", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "c", "output": "ok\nFATAL here"}
    reply = ask("/v1/responses", _request(_user(PROMPT), call, result), BEARER)
    assert reply.json["output"][0]["content"][0]["text"] == "FATAL here"


def test_an_item_of_additional_tools_offers_custom_tools_in_namespaces(ask: Asking) -> None:
    namespace = {"type": "namespace", "name": "functions", "tools": [{"type": "custom", "name": "exec"}]}
    additional = {"type": "additional_tools", "role": "developer", "tools": [namespace]}
    prompt = _user('[[tool exec {"input": "text(await tools.exec_command({cmd: 1}))"}]]')
    body = {"model": "gpt-6.1-sol", "input": [additional, prompt], "stream": True}
    reply = ask("/v1/responses", body, BEARER)
    item = reply.events[-1]["response"]["output"][0]
    assert item["type"] == "custom_tool_call"
    assert item["input"] == "text(await tools.exec_command({cmd: 1}))"
    assert any(event["type"] == "response.custom_tool_call_input.delta" for event in reply.events)


def test_a_chain_continues_from_the_stored_response(ask: Asking) -> None:
    first = ask("/v1/responses", _request(_user(PROMPT)), BEARER).json
    call = first["output"][-1]
    result = {"type": "function_call_output", "call_id": call["call_id"], "output": "FATAL there"}
    second = ask("/v1/responses", _request(result, previous_response_id=first["id"]), BEARER).json
    assert second["output"][0]["content"][0]["text"] == "FATAL there"
    assert second["previous_response_id"] == first["id"]


def test_an_unknown_or_unstored_response_is_refused(ask: Asking) -> None:
    unstored = ask("/v1/responses", _request(_user("hi"), store=False), BEARER).json
    for previous in ("resp_nowhere", unstored["id"]):
        reply = ask("/v1/responses", _request(_user("hi"), previous_response_id=previous), BEARER)
        assert reply.status == 400
        assert previous in reply.json["error"]["message"]


def test_encoded_requests_are_decoded_and_kept_as_they_came(ask: Asking, provider: EmulatedProvider) -> None:
    raw = json.dumps(_request(_user("[[say hi]]"))).encode()
    for coding, body in (("gzip", gzip.compress(raw)), ("zstd", zstd.compress(raw))):
        reply = ask("/v1/responses", body, {**BEARER, "Content-Encoding": coding})
        assert reply.json["output"][0]["content"][0]["text"] == "hi"
        assert provider.requests[-1].body == body
        assert provider.requests[-1].content == raw


def test_an_upgrade_to_websocket_is_answered_426(ask: Asking) -> None:
    headers = {**BEARER, "Connection": "Upgrade", "Upgrade": "websocket", "Sec-WebSocket-Version": "13"}
    reply = ask("/v1/responses", headers=headers, method="GET")
    assert reply.status == 426


def test_the_real_sdk_reads_a_stream(provider: EmulatedProvider) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="sk-test", base_url=f"{provider.url}/v1", max_retries=0, timeout=10)
    with client.responses.stream(**_request(_user(PROMPT))) as stream:
        final = stream.get_final_response()
    assert final.output_text == "Looking."
    assert final.output[-1].name == "exec_command"
