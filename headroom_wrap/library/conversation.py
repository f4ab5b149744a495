"""Messages of any provider as slots and back: results of tools by the wire formats, the user's own texts here."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from headroom_wrap.compression.model import Slot, SlotKind
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.wire.anthropic import anthropic
from headroom_wrap.wire.openai_chat import openai_chat
from headroom_wrap.wire.openai_responses import openai_responses
from headroom_wrap.wire.request import ParsedRequest, WireFormat

_FORMATS: Mapping[str, tuple[str, Callable[[], WireFormat]]] = {
    "anthropic": ("messages", anthropic),
    "openai_chat": ("messages", openai_chat),
    "openai_responses": ("input", openai_responses),
}
"""Name of the wire format -> the key of the conversation in a request, and the reader of it."""
_USERS_TEXTS = frozenset({"text", "input_text"})
_NO_VALUES = frozenset({"type", "id", "role", "call_id", "tool_call_id", "tool_use_id", "name", "signature", "data"})


@dataclass(frozen=True, slots=True)
class UserPlace:
    """Where a text of the user's stands: message, part of its content (-1: all of it), field."""

    message: int
    part: int
    field: str = "text"


@dataclass(frozen=True, slots=True)
class Conversation:
    """Messages with their slots.

    Attributes:
        wire: the name of the wire format.
        slots: in the order of the messages; tools' results, and the user's texts if they were asked for.
    """

    wire: str
    slots: tuple[Slot, ...]
    _messages: Sequence[dict[str, Any]]
    _request: ParsedRequest

    def render(self, replacements: Mapping[Any, str]) -> list[dict[str, Any]]:
        """The messages with other texts (place -> text) in them; what is not concerned is the same object."""
        in_results = {place: text for place, text in replacements.items() if not isinstance(place, UserPlace)}
        messages = list(self._messages)
        if in_results:
            key = _FORMATS[self.wire][0]
            rendered = json.loads(self._request.render(in_results))[key]
            messages = [
                message if message == given else given for message, given in zip(messages, rendered, strict=True)
            ]
        for place, text in replacements.items():
            if isinstance(place, UserPlace):
                messages[place.message] = _with_text(messages[place.message], place, text)
        return messages


def read(messages: Sequence[dict[str, Any]], *, query: str | None, user_text: bool) -> Conversation:
    """Find the slots of a conversation in the format of Anthropic Messages, OpenAI Chat or OpenAI Responses.

    Args:
        messages: plain JSON values.
        query: what every slot is judged by; None: what the user said last before it.
        user_text: whether the user's own texts are slots.

    Raises:
        HeadroomError: `BAD_REQUEST` for what is not JSON, or no list of messages.
    """
    wire = wire_of(messages)
    key, format_ = _FORMATS[wire]
    try:
        body = json.dumps({key: list(messages), "store": False}).encode()
    except (TypeError, ValueError, RecursionError) as error:
        hint = "Give plain dicts, lists, strings and numbers: message.model_dump() makes them of an SDK's objects."
        raise HeadroomError(Code.BAD_REQUEST, f"The messages are no JSON ({error}).", hint) from error
    request = format_()(body)
    if request is None:
        hint = "Give the list that the provider's API takes, of messages with role and content."
        raise HeadroomError(Code.BAD_REQUEST, f"The messages are not of the format {wire}.", hint)
    slots = [*request.slots, *(_users_texts(messages) if user_text else ())]
    if query is not None:
        slots = [replace(slot, query=query) for slot in slots]
    return Conversation(wire, tuple(slots), messages, request)


def wire_of(messages: Sequence[Any]) -> str:
    """The name of the format that some messages are in, judged by what only one format has."""
    for message in messages:
        if not isinstance(message, Mapping):
            raise HeadroomError(
                Code.BAD_REQUEST, f"A message is a {type(message).__name__}.", "Give a list of dicts with a role."
            )
        kind = message.get("type")
        if isinstance(kind, str) and kind != "message" and "role" not in message:
            return "openai_responses"
        if message.get("role") == "tool" or "tool_calls" in message or "function_call" in message:
            return "openai_chat"
        content = message.get("content")
        for part in content if isinstance(content, list) else ():
            if isinstance(part, Mapping) and part.get("type") in ("input_text", "output_text", "input_image"):
                return "openai_responses"
    return "anthropic"


def texts_of(value: Any) -> Iterator[str]:
    """Every text of a message that a model reads: of its content, and of the arguments of calls."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if key not in _NO_VALUES or key == "name":
                yield from texts_of(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_of(inner)


def _users_texts(messages: Sequence[Mapping[str, Any]]) -> Iterator[Slot]:
    for index, message in enumerate(messages):
        content = message.get("content") if message.get("role") == "user" else None
        if isinstance(content, str):
            yield Slot(SlotKind.USER_TEXT, content, UserPlace(index, -1))
        for at, part in enumerate(content if isinstance(content, list) else ()):
            if not isinstance(part, Mapping):
                continue
            text, source = part.get("text"), part.get("source")
            if part.get("type") in _USERS_TEXTS and isinstance(text, str):
                yield Slot(SlotKind.USER_TEXT, text, UserPlace(index, at))
            elif part.get("type") == "document" and isinstance(source, Mapping) and source.get("type") == "text":
                yield Slot(SlotKind.DOCUMENT, str(source.get("data")), UserPlace(index, at, "data"))


def _with_text(message: Mapping[str, Any], place: UserPlace, text: str) -> dict[str, Any]:
    if place.part < 0:
        return {**message, "content": text}
    content = list(message["content"])
    part = dict(content[place.part])
    if place.field == "data":
        part["source"] = {**part["source"], "data": text}
    else:
        part["text"] = text
    content[place.part] = part
    return {**message, "content": content}
