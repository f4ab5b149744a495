"""OpenAI Chat Completions: requests read, answers and errors written as the real API writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headroom_wrap.emulator.format import COMPACT, FIRST_SERVER_ERROR, Answer, Format, missing, texts_of
from headroom_wrap.emulator.script import Dialogue, has_directive, own_text, pieces_of, without_directives

NO_KEY = "You didn't provide an API key. You need to provide your API key in an Authorization header."
_ERROR_KINDS = {429: "rate_limit_exceeded", 500: "server_error", 503: "server_error"}
_ERROR_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}


def complaint(request: Any) -> str | None:
    """What the API refuses: absent fields."""
    return missing(request, "model", "messages")


def dialogue(request: Mapping[str, Any]) -> Dialogue:
    """Read the newest prompt, the steps done since, and everything that was sent."""
    prompt, n_steps = "", 0
    results: list[str] = []
    texts: list[str] = []
    for message in request["messages"]:
        role = message.get("role")
        spoken = "\n".join(texts_of(message.get("content"), "text"))
        if role == "assistant":
            n_steps += bool(message.get("tool_calls"))
        elif role == "tool":
            results.append(spoken)
        elif role == "user":
            texts.append(without_directives(own_text(spoken)))
            follows_results = bool(results) and n_steps > 0
            if own_text(spoken) and (not follows_results or has_directive(spoken)):
                prompt, n_steps = own_text(spoken), 0
    return Dialogue(prompt, n_steps, _callable_tools(request), tuple(results), tuple(texts))


def stream(answer: Answer) -> list[bytes]:
    """The events of a streamed answer, with a usage chunk if it was asked for."""
    return [
        *(f"data: {json.dumps(chunk, separators=COMPACT)}\n\n".encode() for chunk in _chunks(answer)),
        b"data: [DONE]\n\n",
    ]


def whole(answer: Answer) -> dict[str, Any]:
    """The JSON of an answer that is not streamed."""
    message: dict[str, Any] = {"role": "assistant", "content": answer.turn.text or None, "refusal": None}
    if answer.turn.calls:
        message["tool_calls"] = _calls(answer)
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish_reason(answer)}
    return {**_head(answer, "chat.completion"), "choices": [choice], "usage": _usage(answer)}


def error(status: int, message: str, _request_id: str) -> dict[str, Any]:
    """An error in the API's form."""
    kind = _ERROR_KINDS.get(status, "invalid_request_error" if status < FIRST_SERVER_ERROR else "server_error")
    return {"error": {"message": message or kind, "type": kind, "param": None, "code": _ERROR_CODES.get(status)}}


def _chunks(answer: Answer) -> Iterator[dict[str, Any]]:
    yield _chunk(answer, {"role": "assistant", "content": None if answer.turn.calls else "", "refusal": None})
    for piece in answer.turn.pieces:
        yield _chunk(answer, {"content": piece})
    for index, call in enumerate(_calls(answer)):
        function = call["function"]
        yield _chunk(answer, {"tool_calls": [{**call, "index": index, "function": {**function, "arguments": ""}}]})
        for piece in pieces_of(function["arguments"], 16):
            yield _chunk(answer, {"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
    yield _chunk(answer, {}, _finish_reason(answer))
    if (answer.request.get("stream_options") or {}).get("include_usage"):
        yield {**_head(answer, "chat.completion.chunk"), "choices": [], "usage": _usage(answer)}


def _chunk(answer: Answer, delta: Mapping[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {**_head(answer, "chat.completion.chunk"), "choices": [choice]}


def _head(answer: Answer, kind: str) -> dict[str, Any]:
    return {
        "id": f"chatcmpl-{answer.key}",
        "object": kind,
        "created": answer.created,
        "model": answer.request["model"],
        "service_tier": "default",
        "system_fingerprint": "fp_emulator",
    }


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "prompt_tokens": answer.usage.total,
        "completion_tokens": answer.n_output_tokens,
        "total_tokens": answer.usage.total + answer.n_output_tokens,
        "prompt_tokens_details": {"cached_tokens": answer.usage.read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": 0},
    }


def _calls(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "id": f"call_{answer.key}{number}",
            "type": "function",
            "function": {"name": call.name, "arguments": json.dumps(call.input, ensure_ascii=False)},
        }
        for number, call in enumerate(answer.turn.calls)
    ]


def _finish_reason(answer: Answer) -> str:
    return "tool_calls" if answer.turn.calls else "stop"


def _callable_tools(request: Mapping[str, Any]) -> tuple[str, ...]:
    tools = request.get("tools") or ()
    return tuple(tool["function"]["name"] for tool in tools if isinstance(tool.get("function"), dict))


FORMAT = Format("openai-chat", complaint, dialogue, stream, whole, error, "x-request-id", NO_KEY)
