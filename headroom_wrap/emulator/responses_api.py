"""OpenAI Responses: requests read, answers written as the real API writes them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from headroom_wrap.emulator.chat_api import NO_KEY, error
from headroom_wrap.emulator.format import COMPACT, Answer, Format, missing, texts_of
from headroom_wrap.emulator.script import Dialogue, has_directive, own_text, pieces_of, without_directives

_CALLS = ("function_call", "custom_tool_call")
_RESULTS = ("function_call_output", "custom_tool_call_output")


class History:
    """Stored responses: what `previous_response_id` stands for."""

    def __init__(self) -> None:
        self._items: dict[str, list[Any]] = {}

    def expanded(self, request: dict[str, Any]) -> dict[str, Any]:
        """`request` with the earlier items in front of its own.

        Raises:
            KeyError: no response of that id is stored.
        """
        previous = request.get("previous_response_id")
        if not previous:
            return request
        return {**request, "input": [*self._items[previous], *_items(request)]}

    def remember(self, answer: Answer) -> None:
        """Store an answer behind its expanded input, unless the client said `store: false`."""
        if answer.request.get("store", True):
            self._items[_response_id(answer)] = [*_items(answer.request), *_output(answer)]


def complaint(request: Any) -> str | None:
    """What the API refuses: absent fields."""
    return missing(request, "model", "input")


def dialogue(request: Mapping[str, Any]) -> Dialogue:
    """Read the newest prompt, the steps done since, and everything that was sent."""
    prompt, n_steps, in_turn = "", 0, False
    results: list[str] = []
    texts: list[str] = []
    for item in _items(request):
        kind, role = item.get("type"), item.get("role")
        if kind in _CALLS:
            n_steps += not in_turn
            in_turn = True
        elif kind in _RESULTS:
            in_turn = False
            results.append(
                "\n".join(map(_unwrapped, texts_of(item.get("output"), "input_text", "output_text", "text")))
            )
        elif role == "user":
            spoken = own_text("\n".join(texts_of(item.get("content"), "input_text", "text")))
            texts.append(without_directives(spoken))
            if spoken and (n_steps == 0 or has_directive(spoken)):
                prompt, n_steps, in_turn = spoken, 0, False
    return Dialogue(prompt, n_steps, tuple(_callable_tools(request)), tuple(results), tuple(texts))


def _unwrapped(text: str) -> str:
    """A tool's output as a model reads it: what Codex's code mode wraps as JSON, without the wrapping."""
    try:
        result = json.loads(text) if text.startswith("{") else None
    except ValueError:
        return text
    output = result.get("output") if isinstance(result, dict) else None
    return output if isinstance(output, str) else text


def stream(answer: Answer) -> list[bytes]:
    """The events of a streamed answer, numbered as the API numbers them."""
    numbered = ({**event, "sequence_number": number} for number, event in enumerate(_events(answer)))
    return [f"event: {event['type']}\ndata: {json.dumps(event, separators=COMPACT)}\n\n".encode() for event in numbered]


def whole(answer: Answer) -> dict[str, Any]:
    """The JSON of an answer that is not streamed."""
    return _response(answer, "completed", _output(answer), _usage(answer))


def _events(answer: Answer) -> Iterator[dict[str, Any]]:
    yield {"type": "response.created", "response": _response(answer, "in_progress", [], None)}
    yield {"type": "response.in_progress", "response": _response(answer, "in_progress", [], None)}
    for index, item in enumerate(_output(answer)):
        yield from _item_events(answer, index, item)
    yield {"type": "response.completed", "response": whole(answer)}


def _item_events(answer: Answer, index: int, item: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    at = {"output_index": index, "item_id": item["id"]}
    blank = {"message": ("content", []), "function_call": ("arguments", ""), "custom_tool_call": ("input", "")}
    opening = dict(item)
    if item["type"] in blank:
        name, empty = blank[item["type"]]
        opening |= {name: empty, "status": "in_progress"}
    yield {"type": "response.output_item.added", "output_index": index, "item": opening}
    if item["type"] == "message":
        part = {**at, "content_index": 0}
        text = item["content"][0]
        yield {"type": "response.content_part.added", **part, "part": {**text, "text": ""}}
        for piece in answer.turn.pieces:
            yield {"type": "response.output_text.delta", **part, "delta": piece, "logprobs": []}
        yield {"type": "response.output_text.done", **part, "text": text["text"], "logprobs": []}
        yield {"type": "response.content_part.done", **part, "part": text}
    for kind, name, label in (
        ("function_call", "arguments", "function_call_arguments"),
        ("custom_tool_call", "input", "custom_tool_call_input"),
    ):
        if item["type"] == kind:
            for piece in pieces_of(item[name], 16):
                yield {"type": f"response.{label}.delta", **at, "delta": piece}
            yield {"type": f"response.{label}.done", **at, name: item[name]}
    yield {"type": "response.output_item.done", "output_index": index, "item": item}


def _output(answer: Answer) -> list[dict[str, Any]]:
    turn = answer.turn
    items: list[dict[str, Any]] = []
    if turn.thinking:
        summary = [{"type": "summary_text", "text": turn.thinking}]
        secret = f"gAAAA{answer.key}=="
        items.append({"id": f"rs_{answer.key}", "type": "reasoning", "summary": summary, "encrypted_content": secret})
    if turn.pieces:
        text = {"type": "output_text", "text": turn.text, "annotations": [], "logprobs": []}
        message = {"id": f"msg_{answer.key}", "type": "message", "role": "assistant"}
        items.append({**message, "status": "completed", "content": [text]})
    custom = {tool["name"] for tool in _tools(answer.request) if tool.get("type") == "custom"}
    for number, call in enumerate(turn.calls):
        head = {"call_id": f"call_{answer.key}{number}", "name": call.name, "status": "completed"}
        if call.name in custom:
            written = str(call.input.get("input", ""))
            items.append({"id": f"ctc_{answer.key}{number}", "type": "custom_tool_call", **head, "input": written})
        else:
            arguments = json.dumps(call.input, ensure_ascii=False)
            items.append({"id": f"fc_{answer.key}{number}", "type": "function_call", **head, "arguments": arguments})
    return items


def _response(
    answer: Answer, status: str, output: list[dict[str, Any]], usage: Mapping[str, Any] | None
) -> dict[str, Any]:
    request = answer.request
    return {
        "id": _response_id(answer),
        "object": "response",
        "created_at": answer.created,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": request.get("instructions"),
        "model": request["model"],
        "output": output,
        "parallel_tool_calls": request.get("parallel_tool_calls", True),
        "previous_response_id": request.get("previous_response_id"),
        "store": request.get("store", True),
        "tool_choice": request.get("tool_choice", "auto"),
        "tools": request.get("tools", []),
        "usage": usage,
        "metadata": request.get("metadata", {}),
    }


def _usage(answer: Answer) -> dict[str, Any]:
    return {
        "input_tokens": answer.usage.total,
        "input_tokens_details": {"cached_tokens": answer.usage.read},
        "output_tokens": answer.n_output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": answer.usage.total + answer.n_output_tokens,
    }


def _response_id(answer: Answer) -> str:
    return f"resp_{answer.key}"


def _items(request: Mapping[str, Any]) -> list[dict[str, Any]]:
    given = request["input"]
    return [{"role": "user", "content": given}] if isinstance(given, str) else given


def _tools(request: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Top-level tools and those that Codex sends as an input item, namespaces unfolded."""
    listed = list(request.get("tools") or ())
    for item in _items(request):
        if item.get("type") == "additional_tools":
            listed.extend(item.get("tools") or ())
    while listed:
        tool = listed.pop(0)
        if tool.get("type") == "namespace":
            listed.extend(tool.get("tools") or ())
        elif "name" in tool:
            yield tool


def _callable_tools(request: Mapping[str, Any]) -> Iterator[str]:
    return (tool["name"] for tool in _tools(request) if not tool.get("defer_loading"))


FORMAT = Format("openai-responses", complaint, dialogue, stream, whole, error, "x-request-id", NO_KEY)
