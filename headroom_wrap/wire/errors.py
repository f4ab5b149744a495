"""Errors of ours in the form in which each provider writes its own, so that every client can show them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from types import MappingProxyType

JSON_TYPE = "application/json"

# https://docs.anthropic.com/en/api/errors
_ANTHROPIC_TYPES: Mapping[int, str] = MappingProxyType(
    {
        400: "invalid_request_error",
        401: "authentication_error",
        403: "permission_error",
        404: "not_found_error",
        413: "request_too_large",
        429: "rate_limit_error",
        529: "overloaded_error",
    }
)

# https://platform.openai.com/docs/guides/error-codes
_OPENAI_TYPES: Mapping[int, str] = MappingProxyType(
    {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
)


def _anthropic(status: int, message: str) -> object:
    kind = _ANTHROPIC_TYPES.get(
        status, "api_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    )
    return {"type": "error", "error": {"type": kind, "message": message}}


def _openai(status: int, message: str) -> object:
    kind = _OPENAI_TYPES.get(
        status, "server_error" if status >= HTTPStatus.INTERNAL_SERVER_ERROR else "invalid_request_error"
    )
    return {"error": {"message": message, "type": kind, "param": None, "code": None}}


_FORMATS: Mapping[str, Callable[[int, str], object]] = MappingProxyType(
    {"anthropic": _anthropic, "openai_chat": _openai, "openai_responses": _openai}
)


def render_error(wire: str, status: int, message: str) -> tuple[str, bytes]:
    """An error in the format of `wire`: its content type and its body.

    Raises:
        KeyError: `wire` is not the name of a wire format.
    """
    return JSON_TYPE, json.dumps(_FORMATS[wire](status, message), ensure_ascii=False).encode()
