"""What the server needs to know of a wire format, as one table of functions per format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headroom_wrap.emulator.cache import Usage
from headroom_wrap.emulator.script import Dialogue, Turn

FIRST_SERVER_ERROR = 500
COMPACT = (",", ":")
"""JSON separators of the providers' answers."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer to be written in a wire format.

    Attributes:
        key: unique to this answer; its ids are made from it.
        created: when it was made, Unix time.
    """

    request: Mapping[str, Any]
    turn: Turn
    usage: Usage
    n_output_tokens: int
    key: str
    created: int


@dataclass(frozen=True, slots=True)
class Format:
    """A provider's way of asking and answering.

    Attributes:
        complaint: what the provider would refuse about a request, or None.
        dialogue: what the request tells the model.
        stream: the server-sent events of an answer, each as its bytes.
        whole: the JSON of an answer that is not streamed.
        error: the JSON of an error: status, message, request id.
        request_id_header: the header that carries the request's id.
        no_key: what the provider says to a request without credentials.
    """

    name: str
    complaint: Callable[[Any], str | None]
    dialogue: Callable[[Mapping[str, Any]], Dialogue]
    stream: Callable[[Answer], list[bytes]]
    whole: Callable[[Answer], dict[str, Any]]
    error: Callable[[int, str, str], dict[str, Any]]
    request_id_header: str
    no_key: str


def missing(request: object, *names: str) -> str | None:
    """The provider's complaint about the first absent field."""
    if not isinstance(request, dict):
        return "The request body is not valid JSON"
    return next((f"{name}: Field required" for name in names if name not in request), None)


def texts_of(content: object, *kinds: str) -> list[str]:
    """The texts of a content that is one string or a list of parts; only parts of the types `kinds` count."""
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [str(part.get("text", "")) for part in parts if isinstance(part, dict) and part.get("type") in kinds]
