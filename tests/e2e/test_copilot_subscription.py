"""The real Copilot CLI with a subscription, against an emulated GitHub: what the proxy pays with, and what fails."""

from __future__ import annotations

import itertools
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from headroom_wrap.emulator import faults, first_prefix_break
from headroom_wrap.emulator.github import EXCHANGE_PATH, Account, EmulatedGitHub, Planned
from headroom_wrap.errors import Code
from tests.e2e.sandbox import Sandbox, wrap_copilot
from tests.e2e.tasks import HIDDEN
from tests.e2e.test_copilot import LOG, PRINT

pytestmark = pytest.mark.e2e

TURNS = f"Look. {LOG} [[retrieve]] [[find batch 131 in]]"
HELLO = "[[say hello]]"


@pytest.fixture
def github() -> Iterator[EmulatedGitHub]:
    with EmulatedGitHub() as github:
        yield github


def sign_in(sandbox: Sandbox, github: EmulatedGitHub, prefix: str = "ghu_") -> str:
    """A sign-in in the variable for it."""
    token = github.new_sign_in(prefix)
    sandbox.env["HEADROOM_EMULATED_GITHUB"] = github.url
    sandbox.env["GITHUB_COPILOT_TOKEN"] = token
    return token


def ask(sandbox: Sandbox, prompt: str, *words: str, model: str = "gpt-5-mini") -> subprocess.CompletedProcess[str]:
    own = ("--subscription", *words, "--model", model)
    return sandbox.run(*wrap_copilot(*own, "-p", prompt, *PRINT))


def assert_sealed(
    done: subprocess.CompletedProcess[str], sandbox: Sandbox, github: EmulatedGitHub, sign_in: str
) -> None:
    """Token and key are where they belong, and nowhere else."""
    at_copilot = [request.header("authorization") or "" for request in github.requests]
    assert all(credential.startswith("Bearer tid=") for credential in at_copilot)
    assert {call.headers["Authorization"] for call in github.calls} == {f"token {sign_in}"}
    assert all("gho_" not in str(request.headers) for request in github.requests)
    assert all("gho_" not in str(call.headers) for call in github.calls)
    for text in (done.stdout, done.stderr, *written(sandbox.home), *written(sandbox.data / "sessions")):
        assert sign_in not in text
        assert "tid=" not in text
    assert sandbox.leftovers() == []


def written(folder: Path) -> Iterator[str]:
    for file in folder.rglob("*"):
        if file.is_file():
            yield file.read_bytes().decode("latin-1")


@pytest.mark.parametrize(
    ("model", "path"),
    [
        ("gpt-4o", "/chat/completions"),
        ("gpt-5-mini", "/responses"),
        ("gpt-6.1-sol", "/responses"),
        ("claude-sonnet-5", "/v1/messages"),
    ],
)
def test_a_task_is_done_with_a_token_that_the_agent_never_holds(
    model: str, path: str, copilot_sandbox: Sandbox, github: EmulatedGitHub
) -> None:
    token = sign_in(copilot_sandbox, github)
    done = ask(copilot_sandbox, TURNS, model=model)
    assert done.returncode == 0, done.stderr
    assert HIDDEN in done.stdout
    assert "1 retrieval" in done.stderr
    assert "COPILOT_PROVIDER_API_URL=https://api.githubcopilot.com\n" in done.stderr
    assert done.stderr.count("automated use") == 1
    assert_sealed(done, copilot_sandbox, github, token)
    calls = github.model_requests
    assert [call.path for call in calls] == [path] * 3
    assert [call.header("x-initiator") for call in calls] == ["user", "agent", "agent"]
    assert {call.header("copilot-integration-id") for call in calls} == {"copilot-developer-cli"}
    for earlier, later in itertools.pairwise(calls):
        assert first_prefix_break(earlier.content, later.content) is None
    assert len(github.exchanges) == 1
    assert github.refused == []


@pytest.mark.parametrize("model", ["gpt-5-mini", "claude-sonnet-5"])
def test_a_token_that_ends_in_the_middle_of_a_session_is_renewed_once_and_nobody_notices(
    model: str, copilot_sandbox: Sandbox, github: EmulatedGitHub
) -> None:
    token = sign_in(copilot_sandbox, github)
    held = github.faults.add(faults.hold(1))
    assert held.hold is not None
    hold = held.hold

    def revoke() -> None:
        hold.reached.wait(60)
        github.revoke()
        hold.release()

    revoking = threading.Thread(target=revoke)
    revoking.start()
    done = ask(copilot_sandbox, TURNS, model=model)
    revoking.join()
    assert done.returncode == 0, done.stderr
    assert HIDDEN in done.stdout
    assert "Retrying" not in done.stdout
    assert (github.refused, len(github.exchanges), len(github.model_requests)) == ([401], 2, 3)
    assert_sealed(done, copilot_sandbox, github, token)


def test_tokens_that_hardly_live_are_replaced_before_they_end(copilot_sandbox: Sandbox, github: EmulatedGitHub) -> None:
    github.account.lifetime_s, github.account.refresh_in_s = 302.0, 62.0
    token = sign_in(copilot_sandbox, github)
    waits = '[[repeat 3 bash {"command": "sleep 2; echo {i}", "description": "wait"}]] [[say done]]'
    done = ask(copilot_sandbox, waits, "--allow-all-tools", model="gpt-4o")
    assert done.returncode == 0, done.stderr
    assert len(github.exchanges) >= 3
    assert github.refused == []
    assert_sealed(done, copilot_sandbox, github, token)


def test_a_sign_in_that_was_revoked_is_said_with_what_to_type(copilot_sandbox: Sandbox, github: EmulatedGitHub) -> None:
    token = sign_in(copilot_sandbox, github)
    github.sign_ins.clear()
    done = ask(copilot_sandbox, HELLO, model="gpt-4o")
    assert done.returncode != 0
    assert "headroom copilot-auth login" in done.stderr
    assert token not in done.stderr
    assert github.model_requests == []


def test_a_token_of_the_wrong_class_is_said(copilot_sandbox: Sandbox, github: EmulatedGitHub) -> None:
    sign_in(copilot_sandbox, github)
    github.plan(EXCHANGE_PATH, *[Planned(404, body={"message": "Not Found"})] * 20)
    done = ask(copilot_sandbox, HELLO, model="gpt-4o")
    assert done.returncode != 0
    assert "headroom copilot-auth login" in done.stderr
    assert github.model_requests == []


@pytest.mark.parametrize(
    ("status", "said"),
    [(403, "Authorization error"), (404, "model_not_supported"), (400, "model_not_supported")],
)
def test_what_copilot_refuses_is_passed_on_and_not_sent_again(
    status: int, said: str, copilot_sandbox: Sandbox, github: EmulatedGitHub
) -> None:
    sign_in(copilot_sandbox, github)
    body = '{"error": {"message": "model_not_supported", "code": "model_not_supported"}}'
    github.faults.add(faults.status(status, body=body), times=None)
    done = ask(copilot_sandbox, HELLO, model="gpt-4o")
    assert done.returncode != 0
    assert said in done.stdout + done.stderr
    assert [call.status for call in github.model_requests] == [status]
    assert len(github.exchanges) == 1


def test_the_client_itself_waits_as_long_as_a_429_says(copilot_sandbox: Sandbox, github: EmulatedGitHub) -> None:
    sign_in(copilot_sandbox, github)
    github.faults.add(faults.status(429, {"retry-after": "1"}))
    done = ask(copilot_sandbox, HELLO, model="gpt-4o")
    assert done.returncode == 0, done.stderr
    assert "hello" in done.stdout
    first, second = github.model_requests
    assert (first.status, second.status) == (429, 200)
    assert second.received - first.received >= 1
    assert len(github.exchanges) == 1


def test_an_enterprise_has_hosts_of_its_own(copilot_sandbox: Sandbox) -> None:
    with EmulatedGitHub(Account(domain="ghe.example.com")) as github:
        token = sign_in(copilot_sandbox, github)
        copilot_sandbox.env["GITHUB_COPILOT_ENTERPRISE_DOMAIN"] = "ghe.example.com"
        done = ask(copilot_sandbox, TURNS)
        assert done.returncode == 0, done.stderr
        assert HIDDEN in done.stdout
        assert "COPILOT_PROVIDER_API_URL=https://copilot-api.ghe.example.com\n" in done.stderr
        assert {call.host for call in github.calls} == {"api.ghe.example.com"}
        assert_sealed(done, copilot_sandbox, github, token)


def test_a_url_given_by_the_user_beats_what_github_says(copilot_sandbox: Sandbox) -> None:
    with EmulatedGitHub(Account(api_host="api.business.githubcopilot.com")) as github:
        sign_in(copilot_sandbox, github)
        done = ask(copilot_sandbox, HELLO)
        assert done.returncode == 0, done.stderr
        github.reset()
        url = "https://api.enterprise.githubcopilot.com"
        github.account.api_host = "api.enterprise.githubcopilot.com"
        done = ask(copilot_sandbox, HELLO, "--copilot-url", url)
        assert done.returncode == 0, done.stderr
        assert f"COPILOT_PROVIDER_API_URL={url}\n" in done.stderr
        assert len(github.model_requests) == 1


def test_the_token_goes_nowhere_without_tls(copilot_sandbox: Sandbox, github: EmulatedGitHub) -> None:
    sign_in(copilot_sandbox, github)
    copilot_sandbox.env["COPILOT_API_URL"] = "http://api.example.com"
    done = ask(copilot_sandbox, HELLO)
    assert done.returncode == 2
    assert "only sent over https" in done.stderr
    assert github.requests == []


def test_settings_that_lead_past_the_proxy_are_refused(copilot_sandbox: Sandbox, github: EmulatedGitHub) -> None:
    sign_in(copilot_sandbox, github)
    folder = copilot_sandbox.home / ".copilot"
    folder.mkdir()
    (folder / "settings.json").write_text('// mine\n{"copilotUrl": "https://elsewhere.example"}', encoding="utf-8")
    done = ask(copilot_sandbox, HELLO)
    assert done.returncode == 2
    assert "copilotUrl" in done.stderr
    assert Code.BYPASS.value not in done.stdout
    assert github.calls == []
