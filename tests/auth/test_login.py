"""Signing in: every end of the device flow, and where the sign-in is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest

from headroom_wrap.auth import http
from headroom_wrap.auth.device_flow import DeviceCode
from headroom_wrap.auth.http import Transport
from headroom_wrap.emulator.github import Account, Planned
from headroom_wrap.errors import Code, HeadroomError
from tests.auth.github import User, broken

APP = "Iv1.0123456789abcdef"
POLL = "/login/oauth/access_token"


@dataclass
class Person:
    """Somebody in front of the screen: sees the code, and waits."""

    user: User
    codes: list[DeviceCode] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    async def pause(self, seconds: float, _code: DeviceCode) -> None:
        self.waits.append(seconds)
        self.user.clock.now += seconds

    def log_in(self, client_id: str = APP, *, in_file: bool = False) -> str:
        """Sign in; gives where it is kept."""
        credential = self.user.credential()
        kept, grant = asyncio.run(credential.login(client_id, self.codes.append, self.pause, in_file=in_file))
        assert grant.headers[0][1].decode().startswith("Bearer ")
        return kept.where


@pytest.fixture
def person(user: User) -> Person:
    user.github.account.approves_at_poll = 1
    return Person(user)


def answers(*bodies: Mapping[str, Any]) -> list[Planned]:
    return [Planned(200, body=body) for body in bodies]


def test_a_sign_in_is_shown_kept_and_found_again(user: User, person: Person) -> None:
    user.github.account.approves_at_poll = 3
    assert person.log_in() == "keyring"
    assert person.codes[0].page == "https://github.com/login/device"
    assert person.codes[0].user_code == user.github.devices[0].user_code
    assert person.waits == [8.0, 8.0, 8.0]
    status = user.credential().status()
    assert (status.source, status.login, status.where) == ("headroom copilot-auth", "octo", "keyring")
    assert status.way == "exchange"
    assert status.expires_at == pytest.approx(user.clock.now + 1800, abs=1)
    assert asyncio.run(user.credential().logout()) == ["keyring"]
    assert not user.credential().status().is_signed_in
    assert user.keyring.secrets == {}
    assert list((user.data / "auth").glob("*.json")) == []


@pytest.mark.parametrize(
    ("planned", "waits"),
    [
        (answers({"error": "authorization_pending"}), [8, 8]),
        (answers({"error": "slow_down"}, {"error": "slow_down"}), [8, 13, 18]),
        (answers({"error": "slow_down", "interval": 30}, {"error": "authorization_pending"}), [8, 33, 33]),
        ([Planned(502), Planned(503, body={"message": "unavailable"})], [8, 13, 23]),
        ([Planned(429, body={"message": "slow"})], [8, 13]),
    ],
)
def test_polls_come_as_often_as_the_server_wants_and_with_a_margin(
    user: User, person: Person, planned: list[Planned], waits: list[float]
) -> None:
    user.github.plan(POLL, *planned)
    person.log_in()
    assert person.waits == waits


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"error": "expired_token"}, "The code has expired"),
        ({"error": "access_denied"}, "refused on GitHub's page"),
        ({"error": "device_flow_disabled"}, "does not allow sign-in by a code"),
        ({"error": "odd_error", "error_description": "gho_0123456789 is odd"}, r"odd_error: \(token\) is odd"),
        ({"surprise": 1}, "no usable answer"),
    ],
)
def test_an_end_without_a_token_is_said_and_not_asked_again(
    user: User, person: Person, body: dict[str, Any], message: str
) -> None:
    user.github.plan(POLL, *answers(body))
    with pytest.raises(HeadroomError, match=message) as caught:
        person.log_in()
    assert caught.value.code is Code.AUTH_FAILED
    assert caught.value.hint
    assert (len(person.waits), user.keyring.secrets) == (1, {})


def test_a_denial_and_an_expiry_come_from_the_server_or_the_clock(user: User, person: Person) -> None:
    user.github.account.approves_at_poll = 0
    user.github.account.device_lifetime_s = 20
    with pytest.raises(HeadroomError, match="The code has expired"):
        person.log_in()
    assert sum(person.waits) <= 20
    user.github.account.approves_at_poll = 99
    credential = user.credential()

    async def refuse(seconds: float, _code: DeviceCode) -> None:
        user.clock.now += seconds
        user.github.deny()

    with pytest.raises(HeadroomError, match="refused on GitHub's page"):
        asyncio.run(credential.login(APP, person.codes.append, refuse))


@pytest.mark.parametrize(("n_failures", "is_well"), [(2, True), (3, False)])
def test_a_network_that_fails_at_the_start_is_tried_three_times(
    user: User, person: Person, n_failures: int, *, is_well: bool
) -> None:
    user.transport = broken(n_failures, http.transport({}))
    if is_well:
        person.log_in()
        return
    with pytest.raises(HeadroomError, match=r"github\.com could not be reached: the line is down"):
        person.log_in()
    assert person.codes == []


@pytest.mark.parametrize(("n_failures", "is_well"), [(4, True), (5, False)])
def test_a_network_that_fails_between_polls_is_given_up_after_five(
    user: User, person: Person, n_failures: int, *, is_well: bool
) -> None:
    real = http.transport({})
    user.transport = after_the_code(broken(n_failures, real), real)
    if is_well:
        person.log_in()
        assert person.waits == [8, 13, 23, 43, 63]
        return
    with pytest.raises(HeadroomError, match=r"github\.com could not be reached"):
        person.log_in()
    assert len(person.waits) == 5


def after_the_code(network: Transport, before: Transport) -> Transport:
    async def carry(request: http.Request) -> http.Answer:
        return await (before if request.url.endswith("/code") else network)(request)

    return carry


def test_two_sign_ins_at_once_both_end_well_and_the_last_is_kept(user: User, person: Person) -> None:
    user.github.account.approves_at_poll = 2

    async def both() -> None:
        first, second = user.credential(), user.credential()
        await asyncio.gather(
            first.login(APP, person.codes.append, person.pause), second.login(APP, person.codes.append, person.pause)
        )

    asyncio.run(both())
    assert len({code.user_code for code in person.codes}) == 2
    (kept,) = user.keyring.secrets.values()
    assert any(token in kept for token in user.github.sign_ins)
    asyncio.run(user.credential().grant())


def test_an_enterprise_is_signed_in_to_at_its_own_host(user: User, person: Person) -> None:
    user.github.account = Account(domain="ghe.example.com", approves_at_poll=1)
    user.env["GITHUB_COPILOT_ENTERPRISE_DOMAIN"] = "ghe.example.com"
    person.log_in()
    assert person.codes[0].page == "https://ghe.example.com/login/device"
    assert {call.host for call in user.github.calls} == {"ghe.example.com", "api.ghe.example.com"}
    del user.env["GITHUB_COPILOT_ENTERPRISE_DOMAIN"]
    assert not user.credential().status().is_signed_in


def test_without_a_keyring_the_sign_in_is_in_a_private_file(user: User, person: Person) -> None:
    user.keyring.state = "none"
    place, why = user.credential().vault.place("github.com")
    assert (person.log_in(), why) == (place, "this machine has no keyring")
    file = user.data / "auth" / "sign-in-github.com.json"
    assert (place, file.stat().st_mode & 0o777) == (str(file), 0o600)
    assert user.credential().status().where == str(file)
    assert asyncio.run(user.credential().logout()) == [str(file)]
    assert not file.exists()


def test_a_locked_keyring_stops_a_sign_in_and_nothing_is_written_to_a_file(user: User, person: Person) -> None:
    user.keyring.state = "locked"
    with pytest.raises(HeadroomError, match="cannot be used: it is locked") as caught:
        user.credential().vault.place("github.com")
    assert "--file" in caught.value.hint
    with pytest.raises(HeadroomError, match="cannot be used: it is locked"):
        person.log_in()
    assert list((user.data / "auth").glob("*.json")) == []
    with pytest.raises(HeadroomError, match="cannot be used: it is locked"):
        asyncio.run(user.credential().grant())
    assert person.log_in(in_file=True).endswith("sign-in-github.com.json")
    assert user.credential().status().is_signed_in


def test_a_sign_in_to_the_keyring_replaces_one_in_a_file(user: User, person: Person) -> None:
    person.log_in(in_file=True)
    assert person.log_in() == "keyring"
    assert not (user.data / "auth" / "sign-in-github.com.json").exists()


@pytest.mark.parametrize("unattended", [{"CI": "true"}, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}, None])
def test_in_a_container_or_ci_the_variable_wins_and_the_keyring_is_not_asked(
    user: User, unattended: dict[str, str] | None
) -> None:
    user.keyring.secrets["headroom-wrap", "copilot:github.com"] = '{"token": "ghu_kept"}'
    user.env |= {"GH_TOKEN": "gho_0123456789"}
    assert user.credential().status().source == "headroom copilot-auth"
    asked = user.keyring.n_asked
    user.env.update(unattended or {})
    root = "no-container"
    if unattended is None:
        root = "container"
        (user.root / root).mkdir()
        (user.root / root / ".dockerenv").touch()
    assert user.credential(root=root).status().source == "GH_TOKEN"
    assert user.keyring.n_asked == asked
