"""The credential: which way a token goes, when it is renewed, how often GitHub is asked, and what refusals say."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from dataclasses import replace

import pytest

from headroom_wrap.auth import http
from headroom_wrap.auth.exchange import RefusedError
from headroom_wrap.auth.grant import Grant
from headroom_wrap.emulator.github import Account, Planned
from headroom_wrap.errors import Code, HeadroomError
from tests.auth.github import User, broken

EXCHANGE = "/copilot_internal/v2/token"


def bearer(grant: Grant) -> str:
    ((name, value),) = grant.headers
    assert name == b"authorization"
    return value.decode().removeprefix("Bearer ")


def with_sign_in(user: User, prefix: str = "ghu_") -> str:
    token = user.github.new_sign_in(prefix)
    user.env["GITHUB_COPILOT_TOKEN"] = token
    return token


def test_an_app_token_is_exchanged_and_the_api_is_where_github_says(user: User) -> None:
    with_sign_in(user)
    user.github.account.api_host = "api.business.githubcopilot.com"
    grant = asyncio.run(user.credential().grant())
    assert bearer(grant) in user.github.tokens
    assert grant.base_url == user.github.host_url("api.business.githubcopilot.com")


def test_an_oauth_token_goes_as_it_is_and_is_not_exchanged(user: User) -> None:
    token = with_sign_in(user, "gho_")
    user.github.account.api_host = "api.enterprise.githubcopilot.com"
    grant = asyncio.run(user.credential().grant())
    assert (bearer(grant), user.github.exchanges) == (token, [])
    assert grant.base_url == user.github.host_url("api.enterprise.githubcopilot.com")


@pytest.mark.parametrize(("lifetime_s", "refresh_in_s", "renewed_after_s"), [(1800, 1500, 1440), (1000, 1500, 700)])
def test_a_token_is_renewed_a_minute_before_github_says_and_five_before_its_end(
    user: User, lifetime_s: float, refresh_in_s: float, renewed_after_s: float
) -> None:
    with_sign_in(user)
    user.github.account.lifetime_s, user.github.account.refresh_in_s = lifetime_s, refresh_in_s
    credential = user.credential()
    first = asyncio.run(credential.grant())
    user.clock.now += renewed_after_s - 1
    assert asyncio.run(credential.grant()) == first
    user.clock.now += 1
    assert asyncio.run(credential.grant()) != first
    assert len(user.github.exchanges) == 2


def test_a_token_that_lives_for_a_minute_is_not_asked_for_at_every_call(user: User) -> None:
    with_sign_in(user)
    user.github.account.lifetime_s = 60
    credential = user.credential()
    assert asyncio.run(credential.grant()) == asyncio.run(credential.grant())
    assert len(user.github.exchanges) == 1


def test_ten_tasks_and_another_process_share_one_exchange(user: User) -> None:
    with_sign_in(user)
    credential = user.credential()

    async def ten() -> list[Grant]:
        return await asyncio.gather(*(credential.grant() for _ in range(10)))

    grants = asyncio.run(ten())
    assert len({bearer(grant) for grant in grants}) == 1
    assert asyncio.run(user.credential().grant()) == grants[0]
    assert len(user.github.exchanges) == 1


def test_real_processes_share_one_exchange(user: User) -> None:
    user.github.clock = time.time
    token = with_sign_in(user)
    code = (
        "import asyncio, os, pathlib\n"
        "from headroom_wrap.auth.copilot import CopilotCredential\n"
        "home = pathlib.Path(os.environ['HOME'])\n"
        "print(len(asyncio.run(CopilotCredential(os.environ, home, home / 'data').grant()).headers[0][1]))\n"
    )
    env = {
        "HOME": str(user.root), "GITHUB_COPILOT_TOKEN": token, "HEADROOM_EMULATED_GITHUB": user.github.url,
        "PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin", "CI": "1",
    }  # fmt: skip
    processes = [
        subprocess.Popen([sys.executable, "-c", code], env=env, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    lengths = {process.communicate(timeout=60)[0] for process in processes}
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    assert len(lengths) == 1
    assert len(user.github.exchanges) == 1


def test_a_refused_token_is_renewed_once_for_all_that_were_refused(user: User) -> None:
    with_sign_in(user)
    credential, other = user.credential(), user.credential()
    spent = asyncio.run(credential.grant())
    assert asyncio.run(other.grant()) == spent
    user.github.revoke()

    async def both() -> list[Grant]:
        return list(await asyncio.gather(credential.renew(spent), credential.renew(spent), other.renew(spent)))

    renewed = asyncio.run(both())
    assert len({bearer(grant) for grant in renewed}) == 1
    assert bearer(renewed[0]) in user.github.tokens
    assert len(user.github.exchanges) == 2


def test_an_oauth_token_that_the_api_refuses_is_exchanged_where_that_works_and_the_way_is_remembered(
    user: User,
) -> None:
    with_sign_in(user, "gho_")
    credential = user.credential()
    spent = asyncio.run(credential.grant())
    answer = {"token": "tid=1;exp=1", "expires_at": user.clock.now + 1800, "refresh_in": 1500}
    user.github.plan(EXCHANGE, Planned(200, body=answer))
    assert bearer(asyncio.run(credential.renew(spent))) == "tid=1;exp=1"
    user.github.plan(EXCHANGE, Planned(200, body=answer))
    user.clock.now += 1500
    assert bearer(asyncio.run(user.credential().grant())) == "tid=1;exp=1"
    assert user.credential().status().way == "exchange"


def test_an_oauth_token_that_nobody_accepts_needs_another_sign_in(user: User) -> None:
    with_sign_in(user, "gho_")
    credential = user.credential()
    with pytest.raises(HeadroomError, match="does not accept the OAuth app token") as caught:
        asyncio.run(credential.renew(asyncio.run(credential.grant())))
    assert caught.value.code is Code.AUTH_REQUIRED


REFUSALS = [
    (401, Code.AUTH_REQUIRED, "no longer accepts the sign-in", "copilot-auth login"),
    (403, Code.AUTH_FAILED, "no access to Copilot .*No seat for you", "settings/copilot"),
    (404, Code.AUTH_REQUIRED, r"wrong class for the exchange: GitHub app token \(ghu_\)", "copilot-auth login"),
]


@pytest.mark.parametrize(("status", "code", "message", "hint"), REFUSALS)
def test_a_refusal_of_the_exchange_says_what_to_do(
    user: User, status: int, code: Code, message: str, hint: str
) -> None:
    token = with_sign_in(user)
    said = {"error_details": {"message": f"No seat for you {token}"}}
    user.github.plan(EXCHANGE, Planned(status, body=said))
    with pytest.raises(RefusedError, match=message) as caught:
        asyncio.run(user.credential().grant())
    assert (caught.value.code, caught.value.status) == (code, status)
    assert hint in caught.value.hint
    assert token not in str(caught.value) + repr(caught.value.__dict__)


def test_a_short_429_is_waited_out_and_a_long_one_is_kept_by_every_process(user: User) -> None:
    with_sign_in(user)
    user.github.plan(EXCHANGE, Planned(429, {"Retry-After": "7"}))
    asyncio.run(user.credential().grant())
    assert user.clock.slept == [7.0]
    user.clock.now += 1800
    user.github.plan(EXCHANGE, Planned(429, {"Retry-After": "120"}))
    for _ in range(2):
        with pytest.raises(RefusedError, match="wait") as caught:
            asyncio.run(user.credential().grant())
        assert (caught.value.status, caught.value.retry_after_s) == (429, 120.0)
    assert len(user.github.exchanges) == 3
    user.clock.now += 120
    asyncio.run(user.credential().grant())


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_tried_again_and_then_said(user: User, status: int) -> None:
    with_sign_in(user)
    user.github.plan(EXCHANGE, Planned(status), Planned(status))
    asyncio.run(user.credential().grant())
    assert user.clock.slept == [1.0, 2.0]
    user.clock.now += 1800
    user.github.plan(EXCHANGE, Planned(status), Planned(status), Planned(status))
    with pytest.raises(RefusedError, match=f"status {status}"):
        asyncio.run(user.credential().grant())
    assert len(user.github.exchanges) == 6


def test_a_renewal_that_fails_leaves_the_token_that_is_still_good(user: User) -> None:
    with_sign_in(user)
    credential = user.credential()
    first = asyncio.run(credential.grant())
    user.clock.now += 1450
    user.github.plan(EXCHANGE, Planned(503))
    assert asyncio.run(credential.grant()) == first
    assert asyncio.run(credential.grant()) == first
    assert len(user.github.exchanges) == 2
    user.clock.now += 31
    assert asyncio.run(credential.grant()) != first


def test_a_dead_network_is_said_after_three_attempts(user: User) -> None:
    with_sign_in(user)
    user.transport = broken(3, http.transport({}))
    with pytest.raises(RefusedError, match="the line is down") as caught:
        asyncio.run(user.credential().grant())
    assert (caught.value.code, user.github.calls) == (Code.AUTH_FAILED, [])


def test_an_enterprise_has_its_own_hosts(user: User) -> None:
    user.github.account = Account(domain="ghe.example.com")
    user.env["GITHUB_COPILOT_ENTERPRISE_DOMAIN"] = "https://ghe.example.com/"
    with_sign_in(user)
    grant = asyncio.run(user.credential().grant())
    assert grant.base_url == user.github.host_url("copilot-api.ghe.example.com")
    assert {call.host for call in user.github.exchanges} == {"api.ghe.example.com"}


def test_the_address_of_an_enterprise_on_github_com_is_no_host(user: User) -> None:
    user.env["GITHUB_COPILOT_ENTERPRISE_DOMAIN"] = "https://github.com/enterprises/acme"
    assert user.credential().hosts.domain == "github.com"


def test_a_wrong_clock_does_not_make_every_call_an_exchange(user: User) -> None:
    with_sign_in(user)
    user.github.clock = lambda: user.clock.now - 7200
    credential = user.credential()
    assert asyncio.run(credential.grant()) == asyncio.run(credential.grant())
    assert len(user.github.exchanges) == 1


def test_tokens_are_in_one_private_file_and_in_no_text_of_ours(user: User) -> None:
    token = with_sign_in(user)
    credential = user.credential()
    grant = asyncio.run(credential.grant())
    secrets = (token, bearer(grant))
    shown = repr(grant) + repr(credential.status()) + repr(credential._state) + repr(credential._found)  # noqa: SLF001
    assert not any(secret in shown for secret in secrets)
    holding = [file for file in user.root.rglob("*") if file.is_file() and bearer(grant).encode() in file.read_bytes()]
    assert [file.stat().st_mode & 0o777 for file in holding] == [0o600]
    assert [file for file in user.root.rglob("*") if file.is_file() and token.encode() in file.read_bytes()] == []
    assert holding[0].parent.stat().st_mode & 0o777 == 0o700


def test_a_damaged_shared_file_is_made_anew(user: User) -> None:
    with_sign_in(user)
    asyncio.run(user.credential().grant())
    (file,) = (user.data / "auth").glob("copilot-*.json")
    for damaged in ("", "[]", json.dumps({"way": "sideways"})):
        file.write_text(damaged, encoding="utf-8")
        assert bearer(asyncio.run(user.credential().grant())) in user.github.tokens


def test_a_token_goes_to_no_host_but_github_s(user: User) -> None:
    with_sign_in(user)
    user.github.account.api_host = "evil.example.com"
    assert asyncio.run(user.credential().grant()).base_url == user.github.host_url("api.githubcopilot.com")
    hosts = replace(user.credential().hosts, domain="ghe.example.com")

    async def send_elsewhere() -> None:
        await hosts.carried(http.transport({}))(http.get("https://api.github.com/user", "gho_x"))

    with pytest.raises(HeadroomError, match="no host for a token"):
        asyncio.run(send_elsewhere())
    with pytest.raises(HeadroomError, match="only sent over https"):
        user.credential("http://127.0.0.1:9")
