"""Anthropic Messages: requests read, answers and errors written as the real API writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headroom_wrap.emulator.format import COMPACT, FIRST_SERVER_ERROR, Answer, Format, missing
from headroom_wrap.emulator.script import Dialogue, has_directive, own_text, pieces_of, without_directives

ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}
DEFAULT_MESSAGES = {
    404: "Not found",
    429: "This request would exceed your account's rate limit. Please try again later.",
    500: "Internal server error",
    529: "Overloaded",
}


NO_KEY = "x-api-key header is required"


def complaint(request: Any) -> str | None:
    """What the API refuses: absent fields, and tool calls without their results right behind them."""
    return missing(request, "max_tokens") or countable(request)


def countable(request: Any) -> str | None:
    """What `count_tokens` refuses."""
    absent = missing(request, "model", "messages")
    if absent:
        return absent
    if not isinstance(request["messages"], list) or not request["messages"]:
        return "messages: at least one message is required"
    return _unanswered_call(request["messages"])


def dialogue(request: Mapping[str, Any]) -> Dialogue:
    """Read the newest prompt, the steps done since, and everything that was sent."""
    prompt, n_steps = "", 0
    results: list[str] = []
    texts: list[str] = []
    for message in request["messages"]:
        blocks = _blocks(message.get("content"))
        if message.get("role") == "assistant":
            n_steps += any(block.get("type") == "tool_use" for block in blocks)
            continue
        own = [own_text(str(block.get("text", ""))) for block in blocks if block.get("type") == "text"]
        found = [_result_text(block) for block in blocks if block.get("type") == "tool_result"]
        results.extend(found)
        texts.extend(without_directives(text) for text in own if text)
        spoken = "\n".join(text for text in own if text)
        if message.get("role") == "user" and spoken and (not found or has_directive(spoken)):
            prompt, n_steps = spoken, 0
    wanted = (request.get("output_config") or {}).get("format") or {}
    return Dialogue(prompt, n_steps, _callable_tools(request), tuple(results), tuple(texts), wanted.get("schema"))


def stream(answer: Answer) -> list[bytes]:
    """The events of a streamed answer."""
    return [
        f"event: {event['type']}\ndata: {json.dumps(event, separators=COMPACT)}\n\n".encode()
        for event in _events(answer)
    ]


def whole(answer: Answer) -> dict[str, Any]:
    """The JSON of an answer that is not streamed."""
    return {
        **_message(answer),
        "content": [_full(block) for block in _content(answer)],
        "stop_reason": _stop_reason(answer),
        "usage": _usage(answer, answer.n_output_tokens),
    }


def error(status: int, message: str, request_id: str) -> dict[str, Any]:
    """An error in the API's form."""
    kind = ERROR_TYPES.get(status, "invalid_request_error" if status < FIRST_SERVER_ERROR else "api_error")
    text = message or DEFAULT_MESSAGES.get(status, kind)
    return {"type": "error", "error": {"type": kind, "message": text}, "request_id": request_id}


def _events(answer: Answer) -> Iterator[dict[str, Any]]:
    yield {"type": "message_start", "message": _message(answer)}
    for index, block in enumerate(_content(answer)):
        yield {"type": "content_block_start", "index": index, "content_block": block["start"]}
        if index == 0:
            yield {"type": "ping"}
        for delta in block["deltas"]:
            yield {"type": "content_block_delta", "index": index, "delta": delta}
        yield {"type": "content_block_stop", "index": index}
    end: dict[str, Any] = {
        "type": "message_delta",
        "delta": {"stop_reason": _stop_reason(answer), "stop_sequence": None},
        "usage": _usage(answer, answer.n_output_tokens),
    }
    if "context_management" in answer.request:
        end["context_management"] = {"applied_edits": []}
    yield end
    yield {"type": "message_stop"}


def _message(answer: Answer) -> dict[str, Any]:
    return {
        "model": answer.request["model"],
        "id": f"msg_{answer.key}",
        "type": "message",
        "role": "assistant",
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(answer, 1),
    }


def _usage(answer: Answer, n_output_tokens: int) -> dict[str, Any]:
    return {
        "input_tokens": answer.usage.rest,
        "cache_creation_input_tokens": answer.usage.written,
        "cache_read_input_tokens": answer.usage.read,
        "cache_creation": {
            "ephemeral_5m_input_tokens": answer.usage.written_5m,
            "ephemeral_1h_input_tokens": answer.usage.written_1h,
        },
        "output_tokens": n_output_tokens,
        "service_tier": "standard",
    }


def _content(answer: Answer) -> Iterator[dict[str, Any]]:
    """Each block as the event that opens it and the deltas that fill it."""
    turn = answer.turn
    if turn.thinking:
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in pieces_of(turn.thinking)]
        deltas.append({"type": "signature_delta", "signature": f"{answer.key}=="})
        yield {"start": {"type": "thinking", "thinking": "", "signature": ""}, "deltas": deltas}
    if turn.pieces:
        deltas = [{"type": "text_delta", "text": piece} for piece in turn.pieces]
        yield {"start": {"type": "text", "text": ""}, "deltas": deltas}
    for number, call in enumerate(turn.calls):
        arguments = ("", *pieces_of(json.dumps(call.input, ensure_ascii=False), 16))
        deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in arguments]
        start = {"type": "tool_use", "id": f"toolu_{answer.key}{number}", "name": call.name, "input": {}}
        yield {"start": start, "deltas": deltas, "input": call.input}


def _full(block: Mapping[str, Any]) -> dict[str, Any]:
    if "input" in block:
        return {**block["start"], "input": block["input"]}
    full = dict(block["start"])
    for delta in block["deltas"]:
        for key in ("text", "thinking", "signature"):
            if key in delta:
                full[key] += delta[key]
    return full


def _stop_reason(answer: Answer) -> str:
    return "tool_use" if answer.turn.calls else "end_turn"


def _blocks(content: object) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "text": content}]
    return [block for block in content if isinstance(block, dict)] if isinstance(content, list) else []


def _result_text(block: Mapping[str, Any]) -> str:
    return "\n".join(str(part.get("text", "")) for part in _blocks(block.get("content")))


def _callable_tools(request: Mapping[str, Any]) -> tuple[str, ...]:
    referenced = {
        part.get("tool_name")
        for message in request["messages"]
        for block in _blocks(message.get("content"))
        for part in _blocks(block.get("content"))
        if part.get("type") == "tool_reference"
    }
    tools = request.get("tools") or ()
    return tuple(tool["name"] for tool in tools if not tool.get("defer_loading") or tool["name"] in referenced)


def _unanswered_call(messages: list[dict[str, Any]]) -> str | None:
    for index, message in enumerate(messages):
        if message.get("role") != "assistant":
            continue
        calls = [block["id"] for block in _blocks(message.get("content")) if block.get("type") == "tool_use"]
        following: list[dict[str, Any]] = []
        for later in messages[index + 1 :]:
            if later.get("role") == "assistant":
                break
            following.extend(_blocks(later.get("content")))
        answered = {block.get("tool_use_id") for block in following if block.get("type") == "tool_result"}
        lost = [call for call in calls if call not in answered]
        if lost:
            return (
                f"messages.{index}: `tool_use` ids were found without `tool_result` blocks immediately after:"
                f" {', '.join(lost)}. Each `tool_use` block must have a corresponding `tool_result` block in the"
                " next message."
            )
    return None


FORMAT = Format("anthropic", complaint, dialogue, stream, whole, error, "request-id", NO_KEY)
