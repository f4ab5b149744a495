"""The emulated GitHub: one sign-in from its code to the model's answer."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import pytest

from headroom_wrap.emulator.faults import status
from headroom_wrap.emulator.github import DEVICE_GRANT, Account, EmulatedGitHub, Planned

APP = "Iv1.0123456789abcdef"
QUESTION = {"model": "gpt-5-mini", "messages": [{"role": "user", "content": "Hello"}]}


def ask(url: str, token: str = "", form: Mapping[str, str] | None = None, body: Any = None) -> tuple[int, Any]:
    data = urlencode(form).encode() if form else json.dumps(body).encode() if body else None
    request = urllib.request.Request(url, data=data)  # noqa: S310 - loopback
    if token:
        request.add_header("Authorization", token)
    if body:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as refusal:
        text = refusal.read().decode()
        return refusal.code, json.loads(text) if text.startswith("{") else text


def sign_in(github: EmulatedGitHub, client_id: str = APP) -> str:
    """A token of GitHub's, by a device flow that is approved at its second poll."""
    web = github.host_url(github.account.domain)
    _, code = ask(f"{web}/login/device/code", form={"client_id": client_id, "scope": "read:user"})
    assert code["verification_uri"] == f"https://{github.account.domain}/login/device"
    poll = {"client_id": client_id, "device_code": code["device_code"], "grant_type": DEVICE_GRANT}
    assert ask(f"{web}/login/oauth/access_token", form=poll)[1]["error"] == "authorization_pending"
    github.approve(code["user_code"])
    token: str = ask(f"{web}/login/oauth/access_token", form=poll)[1]["access_token"]
    return token


def exchange(github: EmulatedGitHub, token: str) -> tuple[int, Any]:
    return ask(f"{github.host_url(f'api.{github.account.domain}')}/copilot_internal/v2/token", f"token {token}")


@pytest.mark.parametrize("domain", ["github.com", "ghe.example.com"])
def test_a_sign_in_is_exchanged_for_a_token_that_the_model_accepts_until_it_expires(domain: str) -> None:
    now = [1000.0]
    with EmulatedGitHub(Account(domain=domain, lifetime_s=60), clock=lambda: now[0]) as github:
        code, granted = exchange(github, sign_in(github))
        assert (code, granted["expires_at"]) == (200, 1060)
        url = f"{github.copilot_url}/chat/completions"
        assert ask(url, f"Bearer {granted['token']}", body=QUESTION)[0] == 200
        assert [record.path for record in github.model_requests] == ["/chat/completions"]
        now[0] += 60
        assert ask(url, f"Bearer {granted['token']}", body=QUESTION) == (401, "unauthorized: token expired\n")
        assert len(github.model_requests) == 1
        assert github.refused == [401]


def test_a_token_of_an_oauth_app_is_not_exchanged_and_is_accepted_as_it_is() -> None:
    with EmulatedGitHub() as github:
        token = sign_in(github, "Ov23example")
        assert exchange(github, token)[0] == 404
        assert ask(f"{github.copilot_url}/models", f"Bearer {token}")[0] == 200


def test_revoked_tokens_and_planned_answers_are_refusals() -> None:
    with EmulatedGitHub() as github:
        token = sign_in(github)
        github.plan("/copilot_internal/v2/token", Planned(429, {"Retry-After": "7"}))
        assert [exchange(github, token)[0] for _ in range(2)] == [429, 200]
        (granted,) = github.tokens
        github.faults.add(status(403))
        url = f"{github.copilot_url}/chat/completions"
        assert [ask(url, f"Bearer {granted}", body=QUESTION)[0] for _ in range(2)] == [403, 200]
        github.revoke()
        assert ask(url, f"Bearer {granted}", body=QUESTION)[0] == 401


def test_a_host_of_another_domain_is_not_there() -> None:
    with EmulatedGitHub(Account(domain="ghe.example.com")) as github:
        assert ask(f"{github.host_url('github.com')}/login/device/code", form={"client_id": APP})[0] == 404
