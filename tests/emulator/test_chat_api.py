from __future__ import annotations

import json
from typing import Any

import pytest

from headroom_wrap.emulator.server import EmulatedProvider
from tests.emulator.asking import BEARER, Asking

TOOLS = [{"type": "function", "function": {"name": "bash", "parameters": {"type": "object"}}}]
PROMPT = '[[say Looking.]] [[tool bash {"command": "ls a longer path"}]] [[find FATAL]]'


def _request(*messages: dict[str, Any], **changes: object) -> dict[str, Any]:
    return {"model": "gpt-5.5", "messages": list(messages), "tools": TOOLS, **changes}


def _conversation() -> list[dict[str, Any]]:
    call = {"id": "c1", "type": "function", "function": {"name": "bash", "arguments": "{}"}}
    return [
        {"role": "system", "content": "s"},
        {"role": "user", "content": PROMPT},
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "c1", "content": "ok\nFATAL here"},
    ]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/chat/completions"])
def test_a_stream_carries_text_then_the_call_in_pieces_then_usage(ask: Asking, path: str) -> None:
    body = _request({"role": "user", "content": PROMPT}, stream=True, stream_options={"include_usage": True})
    reply = ask(path, body, BEARER)
    assert reply.body.endswith(b"data: [DONE]\n\n")
    deltas = [event["choices"][0]["delta"] for event in reply.events if event["choices"]]
    assert "".join(delta.get("content") or "" for delta in deltas) == "Looking."
    calls = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
    assert calls[0]["function"]["name"] == "bash"
    assert json.loads("".join(call["function"]["arguments"] for call in calls)) == {"command": "ls a longer path"}
    assert reply.events[-2]["choices"][0]["finish_reason"] == "tool_calls"
    usage = reply.events[-1]["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_without_streaming_the_next_step_follows_from_the_messages(ask: Asking) -> None:
    reply = ask("/v1/chat/completions", _request(*_conversation()), BEARER)
    choice = reply.json["choices"][0]
    assert choice["message"]["content"] == "FATAL here"
    assert choice["finish_reason"] == "stop"


def test_cached_tokens_are_part_of_the_prompt_tokens(ask: Asking) -> None:
    body = _request({"role": "user", "content": "word " * 2000})
    ask("/v1/chat/completions", body, BEARER)
    usage = ask("/v1/chat/completions", body, BEARER).json["usage"]
    cached = usage["prompt_tokens_details"]["cached_tokens"]
    assert 1024 <= cached <= usage["prompt_tokens"]
    assert cached % 128 == 0


def test_no_key_is_401_in_the_apis_form(ask: Asking) -> None:
    reply = ask("/v1/chat/completions", _request({"role": "user", "content": "x"}), {})
    assert reply.status == 401
    assert reply.json["error"]["code"] == "invalid_api_key"


def test_the_real_sdk_reads_a_stream(provider: EmulatedProvider) -> None:
    openai = pytest.importorskip("openai")
    client = openai.OpenAI(api_key="sk-test", base_url=f"{provider.url}/v1", max_retries=0, timeout=10)
    chunks = list(client.chat.completions.create(**_request({"role": "user", "content": PROMPT}), stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Looking."
    assert chunks[-1].choices[0].finish_reason == "tool_calls"
