"""What the proxy pays in its client's place: the session key in the client's auth slot, a grant at the upstream."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from headroom_wrap.auth.grant import Grant
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.app import ProxyApp
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.headers import token_form
from headroom_wrap.proxy.ports import Headers
from tests.proxy.fakes import KEY, Answer, FakePipeline, FakeResponse, FakeUpstream, ask, no_control, scope

API = "https://api.business.test"
STALE_KEY = "4d" * 32
EXPIRED = HeadroomError(Code.AUTH_REQUIRED, "The sign-in was revoked.", "Sign in with: headroom copilot-auth login.")


def token(number: int) -> tuple[bytes, bytes]:
    return (b"authorization", b"Bearer tid=%d" % number)


@dataclass
class Tokens:
    """A credential whose tokens are numbered."""

    more: Headers = field(default_factory=list)
    error: HeadroomError | None = None
    n_renewals: int = 0

    async def grant(self) -> Grant:
        if self.error is not None and not self.n_renewals:
            raise self.error
        return Grant(API, (token(self.n_renewals), *self.more))

    async def renew(self, spent: Grant) -> Grant:
        assert spent.headers[0] == token(self.n_renewals)
        self.n_renewals += 1
        if self.error is not None:
            raise self.error
        return await self.grant()


@dataclass
class Answers(FakeUpstream):
    """Answers with one status after the other, the last one for ever."""

    statuses: Sequence[int] = (200,)
    given: list[FakeResponse] = field(default_factory=list)

    async def send(self, *request: Any) -> FakeResponse:
        number = min(len(self.given), len(self.statuses) - 1)
        headers = [(b"retry-after", b"7")]
        self.answer = FakeResponse(self.statuses[number], headers, (b"%d" % self.statuses[number],))
        self.given.append(self.answer)
        return await super().send(*request)


def call(  # noqa: PLR0913 - what a test may want otherwise
    upstream: FakeUpstream, credential: Tokens | None, headers: Headers, *, path: bytes = b"/responses",
    body: bytes | list[bytes] = b"{}", require_key: bool = True,
) -> Answer:  # fmt: skip
    credentials = {} if credential is None else {"copilot": credential}
    upstreams = {"copilot": "https://api.test", "github": "https://api.github.test"}
    config = ProxyConfig(KEY, "s1", "copilot", upstreams, require_key, credentials)
    app = ProxyApp(config, FakePipeline(), lambda: upstream, no_control)
    return asyncio.run(ask(app, scope(path=path, headers=headers), body))


def slot(content: str, name: bytes = b"authorization") -> Headers:
    return [(name, content.encode())]


GITHUB_FORM = token_form(KEY)
SLOTS = [
    (slot(f"Bearer {GITHUB_FORM}"), b"/responses"),
    (slot(f"bearer {GITHUB_FORM}"), b"/responses"),
    (slot(f"token {KEY}"), b"/responses"),
    (slot(KEY, b"x-api-key"), b"/v1/messages"),
    (slot(KEY, b"x-headroom-key"), b"/responses"),
    (slot("Bearer anything"), b"/k/" + KEY.encode() + b"/responses"),
    ([*slot(f"Bearer {GITHUB_FORM}"), *slot(KEY, b"x-api-key")], b"/models?x=1"),
]


@pytest.mark.parametrize(("headers", "path"), SLOTS)
def test_the_session_key_is_swapped_for_what_pays(headers: Headers, path: bytes) -> None:
    upstream = FakeUpstream()
    rest: Headers = [(b"x-initiator", b"agent"), (b"copilot-integration-id", b"cli"), (b"x-interaction-id", b"7")]
    credential = Tokens(more=[(b"copilot-integration-id", b"ours"), (b"editor-version", b"ours")])
    assert call(upstream, credential, [*headers, *rest], path=path).status == 200
    (sent,) = upstream.sent
    assert sent.url == API + path.decode().removeprefix(f"/k/{KEY}")
    own = [header for header in sent.headers if header[0] != b"content-length"]
    assert own == [*rest, token(0), (b"editor-version", b"ours")]
    assert KEY not in repr(sent)


@pytest.mark.parametrize("require_key", [True, False])
@pytest.mark.parametrize(
    "headers",
    [
        [], slot("Bearer gho_mine"), slot(f"Bearer {STALE_KEY}"), slot(f"Bearer {token_form(STALE_KEY)}"),
        slot(f"Bearer {GITHUB_FORM}x"), slot(f"Bearer gho_{GITHUB_FORM}"), slot(f"Bearer {KEY.upper()}"),
        slot(GITHUB_FORM, b"x-api-key"), slot(f"Bearer {GITHUB_FORM}", b"cookie"), slot(GITHUB_FORM, b"x-headroom-key"),
        [*slot(f"Bearer {KEY}"), *slot(STALE_KEY, b"x-headroom-key")],
    ],
)  # fmt: skip
def test_nobody_else_is_paid_for(headers: Headers, *, require_key: bool) -> None:
    upstream = FakeUpstream()
    assert call(upstream, Tokens(), headers, require_key=require_key).status == 403
    assert upstream.sent == []


def test_without_a_credential_the_clients_own_token_is_passed_on() -> None:
    upstream = FakeUpstream()
    path = b"/k/" + KEY.encode() + b"/responses"
    assert call(upstream, None, slot("Bearer gho_mine"), path=path).status == 200
    (sent,) = upstream.sent
    assert (sent.url, sent.headers[0]) == ("https://api.test/responses", (b"authorization", b"Bearer gho_mine"))


def test_a_credential_of_one_upstream_pays_at_no_other() -> None:
    upstream = FakeUpstream()
    headers = [*slot(KEY, b"x-headroom-key"), *slot("Bearer gho_mine")]
    assert call(upstream, Tokens(), headers, path=b"/copilot_internal/user").status == 200
    (sent,) = upstream.sent
    assert sent.url == "https://api.github.test/copilot_internal/user"
    assert (b"authorization", b"Bearer gho_mine") in sent.headers
    assert call(upstream, Tokens(), slot(f"Bearer {GITHUB_FORM}"), path=b"/copilot_internal/user").status == 403


@pytest.mark.parametrize(
    ("statuses", "answered", "n_sent"),
    [
        ([200], 200, 1), ([401, 200], 200, 2), ([401, 401, 200], 401, 2), ([401, 403], 403, 2), ([401, 500], 500, 2),
        ([403, 200], 403, 1), ([404, 200], 404, 1), ([429, 200], 429, 1), ([500, 200], 500, 1), ([400, 200], 400, 1),
    ],
)  # fmt: skip
def test_only_a_401_is_answered_by_one_renewal_and_one_replay(statuses: list[int], answered: int, n_sent: int) -> None:
    upstream, credential = Answers(statuses=statuses), Tokens()
    answer = call(upstream, credential, slot(f"Bearer {GITHUB_FORM}"), body=b'{"x": 1}')
    assert (answer.status, answer.body, answer.header(b"retry-after")) == (answered, b"%d" % answered, b"7")
    assert len(upstream.sent) == n_sent
    assert credential.n_renewals == n_sent - 1
    for number, sent in enumerate(upstream.sent):
        assert sent.body == b'{"x": 1}'
        assert token(number) in sent.headers
    assert all(response.is_closed for response in upstream.given)


def test_a_body_that_is_a_stream_is_not_sent_twice() -> None:
    upstream, credential = Answers(statuses=[401, 200]), Tokens()
    pieces = [b"x" * 60_000] * 3
    headers = [*slot(f"Bearer {GITHUB_FORM}"), (b"content-length", b"180000")]
    assert call(upstream, credential, headers, path=b"/files", body=pieces).status == 401
    assert (len(upstream.sent), credential.n_renewals) == (1, 0)


class RefusesToRenew(Tokens):
    async def renew(self, spent: Grant) -> Grant:
        assert spent.headers[0] == token(0)
        raise EXPIRED


@pytest.mark.parametrize(("credential", "n_sent"), [(Tokens(error=EXPIRED), 0), (RefusesToRenew(), 1)])
@pytest.mark.parametrize(("path", "has_type"), [(b"/v1/messages", True), (b"/chat/completions", False)])
def test_what_the_credential_says_reaches_the_client_in_its_own_format(
    path: bytes, credential: Tokens, n_sent: int, *, has_type: bool
) -> None:
    upstream = Answers(statuses=[401, 200])
    answer = call(upstream, credential, slot(f"Bearer {GITHUB_FORM}"), path=path)
    document = json.loads(answer.body)
    assert answer.status == 400
    assert document["error"]["message"] == str(EXPIRED)
    assert (document.get("type") == "error") is has_type
    assert answer.header(b"x-headroom-error") == b"auth-required"
    assert len(upstream.sent) == n_sent
    assert all(response.is_closed for response in upstream.given)


def test_a_credential_is_never_shown() -> None:
    config = ProxyConfig(KEY, "s1", "copilot", {"copilot": "https://api.test"}, credentials={"copilot": Tokens()})
    assert "Tokens" not in repr(config)
    assert b"tid" not in repr(Grant(API, (token(0),))).encode()
