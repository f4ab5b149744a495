"""Errors of ours in the providers' formats."""

from __future__ import annotations

import json

import pytest

from headroom_wrap.wire.errors import render_error


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request_error"),
        (401, "authentication_error"),
        (403, "permission_error"),
        (404, "not_found_error"),
        (405, "invalid_request_error"),
        (421, "invalid_request_error"),
        (426, "invalid_request_error"),
        (502, "api_error"),
    ],
)
def test_an_anthropic_error_has_the_type_of_its_status(status: int, kind: str) -> None:
    content_type, body = render_error("anthropic", status, "é: do this")
    assert content_type == "application/json"
    assert json.loads(body) == {"type": "error", "error": {"type": kind, "message": "é: do this"}}


@pytest.mark.parametrize("wire", ["openai_chat", "openai_responses"])
@pytest.mark.parametrize(
    ("status", "kind"), [(400, "invalid_request_error"), (403, "permission_error"), (502, "server_error")]
)
def test_an_openai_error_has_message_type_param_and_code(wire: str, status: int, kind: str) -> None:
    _, body = render_error(wire, status, "do this")
    assert json.loads(body) == {"error": {"message": "do this", "type": kind, "param": None, "code": None}}


def test_an_unknown_wire_format_is_an_error_of_the_caller() -> None:
    with pytest.raises(KeyError):
        render_error("smoke-signals", 400, "")
