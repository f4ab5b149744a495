"""The gate's table on every route there is."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from headroom_wrap.proxy import gate
from headroom_wrap.proxy.app import ProxyApp
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.ports import Headers, Receive, Scope, Send
from headroom_wrap.proxy.relay import respond
from headroom_wrap.proxy.routes import ROUTES, Kind, Route, match
from tests.proxy.fakes import HOST, KEY, Answer, FakePipeline, FakeUpstream, ask, scope
from tests.proxy.sockets import rigged, run
from tests.proxy.test_gate import FOREIGN_HOSTS, OWN_HOSTS

BASES = {
    "anthropic": "https://anthropic.test/a",
    "openai": "https://openai.test/v1",
    "chatgpt": "https://chatgpt.test/c",
    "azure": "https://azure.test/p",
    "copilot": "https://copilot.test",
    "github": "https://github.test",
}
OWN_KEY = (b"x-headroom-key", KEY.encode())
STALE_KEY = "4d" * 32
NONCE = "0a" * 16
OURS = (Kind.LOCAL, Kind.HEALTH, Kind.CONTROL)
SOCKET_ROUTES = [route for route in ROUTES if route.upstream == "anthropic" and not route.header]

every_route = pytest.mark.parametrize(
    "route", ROUTES, ids=lambda route: f"{route.method} {route.path} {route.upstream}"
)


async def control(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Stands for what answers the control routes."""
    await respond(send, 200, "", b"")


def sample(route: Route, headers: Headers | None = None, **more: Any) -> dict[str, Any]:
    """A request that finds this row."""
    method = "PUT" if route.method == "*" else route.method
    own: Headers = [(route.header.encode(), b"1")] if route.header else []
    return scope(method, path_of(route), [*(headers or []), *own], **more)


def path_of(route: Route) -> bytes:
    path = route.path.removesuffix("*").replace("*", "a-7") + ("files/7" if route.path.endswith("*") else "")
    return ("/" + path.removeprefix("/")).encode()


def upstreams(route: Route) -> dict[str, str]:
    beside = {"chatgpt": ("openai",), "github": ("copilot",)}
    names = {route.upstream, *beside.get(route.upstream, ())}
    return {name: BASES[name] for name in names}


def answers(route: Route, requests: Iterable[dict[str, Any]], *, require_key: bool = True) -> list[tuple[Answer, Any]]:
    """What each request is answered, and what the upstream saw of it."""
    config = ProxyConfig(KEY, "s1", "claude", upstreams(route), require_key=require_key)

    async def scenario() -> list[tuple[Answer, Any]]:
        seen = []
        for request in requests:
            upstream = FakeUpstream()
            application = ProxyApp(config, FakePipeline(), lambda upstream=upstream: upstream, lambda _: control)  # type: ignore[misc]
            seen.append((await ask(application, request, b"{}"), upstream.sent))
        return seen

    return run(scenario())


def assert_refused(route: Route, requests: Iterable[dict[str, Any]], *statuses: int, require_key: bool = True) -> None:
    for answer, sent in answers(route, requests, require_key=require_key):
        assert answer.status in statuses
        assert sent == []
        assert answer.header(b"x-headroom-error") == b"gate-refused"
        assert "Headroom" in json.loads(answer.body)["error"]["message"]
        assert not any(name.startswith(b"access-control") for name, _ in answer.headers)
        assert KEY.encode() not in answer.body


@every_route
def test_the_sample_finds_its_row(route: Route) -> None:
    request = sample(route)
    assert match(request["method"], request["raw_path"], request["headers"], upstreams(route)) is route


@every_route
def test_a_host_of_ours_with_our_key_passes(route: Route) -> None:
    requests = [sample(route, [(b"host", host.encode()), OWN_KEY]) for host in OWN_HOSTS]
    for answer, sent in answers(route, requests):
        assert answer.status < 400
        assert len(sent) == (route.kind not in OURS)
        assert all(item.url.startswith(BASES[route.upstream] + "/") for item in sent)
        assert all(name != b"x-headroom-key" for item in sent for name, _ in item.headers)


@every_route
def test_every_other_host_is_refused(route: Route) -> None:
    assert_refused(route, [sample(route, [(b"host", host.encode()), OWN_KEY]) for host in FOREIGN_HOSTS], 421)
    doubled = [HOST, (b"host", b"evil.example"), OWN_KEY]
    assert_refused(route, [sample(route, doubled), {**sample(route), "headers": [OWN_KEY]}], 400)


@every_route
def test_a_page_is_refused(route: Route) -> None:
    headers: list[Headers] = [
        *([(b"origin", origin)] for origin in (b"null", b"", b"https://evil.example", b"http://127.0.0.1:8788")),
        *([(b"sec-fetch-site", site)] for site in (b"cross-site", b"same-site", b"CROSS-SITE", b"")),
        [(b"origin", b"http://127.0.0.1:8787"), (b"origin", b"https://evil.example")],
    ]
    assert_refused(route, [sample(route, [*given, OWN_KEY]) for given in headers], 403)
    preflight = {**sample(route, [(b"access-control-request-method", b"POST"), OWN_KEY]), "method": "OPTIONS"}
    assert_refused(route, [preflight], 403)


@every_route
def test_a_peer_from_elsewhere_is_refused(route: Route) -> None:
    assert_refused(route, [sample(route, [OWN_KEY], client=(peer, 9)) for peer in ("10.0.0.1", "fe80::1", "")], 403)


@every_route
def test_a_missing_wrong_or_stale_key_is_refused(route: Route) -> None:
    shown: list[list[bytes]] = [
        [], [b""], [b"x"], [STALE_KEY.encode()], [KEY.encode()[:-1]], [KEY.upper().encode()], [KEY.encode()] * 2,
        [KEY.encode(), STALE_KEY.encode()],
    ]  # fmt: skip
    requests = [sample(route, [(b"x-headroom-key", key) for key in keys]) for keys in shown]
    in_other_places: list[Headers] = [[(b"authorization", b"Bearer " + KEY.encode())], [(b"cookie", KEY.encode())]]
    requests += [sample(route, headers) for headers in in_other_places]
    requests.append({**sample(route), "query_string": b"x-headroom-key=" + KEY.encode()})
    if route.kind is Kind.LOCAL:
        assert all(answer.status == 200 and not answer.body for answer, _ in answers(route, requests))
        return
    assert_refused(route, requests, 403)
    if route.kind in OURS:
        assert_refused(route, requests, 403, require_key=False)
    else:
        assert all(answer.status == 200 for answer, _ in answers(route, requests, require_key=False))


@every_route
def test_a_claim_opens_health_and_nothing_else(route: Route) -> None:
    headers = [(b"x-headroom-nonce", NONCE.encode()), (b"x-headroom-claim", gate.claim(KEY, NONCE).encode())]
    stale = [headers[0], (b"x-headroom-claim", gate.claim(STALE_KEY, NONCE).encode())]
    if route.kind in (Kind.HEALTH, Kind.LOCAL):
        assert answers(route, [sample(route, headers)])[0][0].status == 200
    else:
        assert_refused(route, [sample(route, headers)], 403)
    if route.kind is not Kind.LOCAL:
        assert_refused(route, [sample(route, stale)], 403)


@every_route
def test_no_path_leaves_the_upstream_or_reaches_what_is_ours(route: Route) -> None:
    path = path_of(route)
    for raw in (
        b"//evil.example" + path, b"/" + path, b"/.." + path, path + b"/../../x", b"/%2e%2e" + path,
        b"/@evil.example" + path, path + b"%00", path + b";x", b"/\\evil.example" + path, path + b"/.",
    ):  # fmt: skip
        ((answer, sent),) = answers(route, [{**sample(route, [OWN_KEY]), "raw_path": raw}])
        assert answer.status == 200
        (item,) = sent
        base = next(url for url in BASES.values() if item.url.startswith(url + "/"))
        stripped = [raw, *(raw.removeprefix(prefix) for prefix in (b"/v1", b"/github"))]
        assert item.url.removeprefix(base).encode("latin-1") in stripped


@every_route
def test_what_is_no_path_is_refused(route: Route) -> None:
    path = path_of(route)
    for raw in (b"http://evil.example" + path, b"evil.example:443", b"*", b"", path[1:]):
        assert_refused(route, [{**sample(route, [OWN_KEY]), "raw_path": raw}], 405)


@pytest.mark.parametrize("route", SOCKET_ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_over_a_socket_absolute_targets_and_smuggled_lengths_gain_nothing(route: Route) -> None:
    path, method = path_of(route).decode(), sample(route)["method"]

    async def status(rig: Any, target: str, *headers: tuple[bytes, bytes]) -> int:
        client = await rig.client()
        client.send(f"{method} {target}", list(headers), b"{}")
        answered: int = (await client.head())[0]
        return answered

    async def scenario() -> None:
        async with rigged(require_key=True) as rig:
            key, length = (b"X-Headroom-Key", KEY.encode()), (b"Content-Length", b"2")
            absolute = "http://evil.example"
            assert await status(rig, absolute + path, (b"Host", b"evil.example"), key, length) == 421
            if route.kind is not Kind.LOCAL:
                assert await status(rig, absolute + path, rig.host, length) == 403
            assert await status(rig, path, rig.host, key, length, (b"Transfer-Encoding", b"chunked")) == 400
            assert await status(rig, path, rig.host, key, length, (b"Content-Length", b"20")) == 400
            assert await status(rig, path, rig.host, rig.host, key, length) == 400
            assert rig.upstream.received == []
            if route.kind is not Kind.CONTROL:  # a rig has nothing that answers those
                assert await status(rig, absolute + path, rig.host, key, length) < 400
            assert [request.target for request in rig.upstream.received] == [path.encode()] * (route.kind not in OURS)

    run(scenario())
