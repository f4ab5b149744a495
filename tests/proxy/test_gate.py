"""Who may talk to the proxy."""

from __future__ import annotations

from typing import Any

import pytest

from headroom_wrap.proxy import gate
from headroom_wrap.proxy.ports import Headers
from tests.proxy.fakes import HOST, KEY, scope

OWN_HOSTS = ["127.0.0.1:8787", "localhost:8787", "LOCALHOST:8787", "LocalHost:8787", "[::1]:8787"]
FOREIGN_HOSTS = [
    "",
    " ",
    ":8787",
    "127.0.0.1",
    "localhost",
    "[::1]",
    "::1",
    "::1:8787",
    "127.0.0.1:",
    "127.0.0.1:80",
    "127.0.0.1:8788",
    "127.0.0.1:08787",
    "127.0.0.1:+8787",
    "127.0.0.1:8787 ",
    " 127.0.0.1:8787",
    "127.0.0.1:8787:8787",
    "127.0.0.1:8787/",
    "127.0.0.1:8787/v1",
    "127.0.0.1:8787?",
    "127.0.0.1:8787#",
    "127.0.0.1.:8787",
    "127.0.0.2:8787",
    "127.1:8787",
    "127.0.1:8787",
    "0.0.0.0:8787",
    "0:8787",
    "2130706433:8787",
    "0x7f000001:8787",
    "0177.0.0.1:8787",
    "localhost.:8787",
    "localhost.localdomain:8787",
    "localhost.evil.example:8787",
    "evil.localhost:8787",
    "127.0.0.1.nip.io:8787",
    "evil.example",
    "evil.example:8787",
    "api.anthropic.com",
    "user@127.0.0.1:8787",
    "127.0.0.1:8787@evil.example",
    "evil.example, 127.0.0.1:8787",
    "[::1%lo]:8787",
    "[0:0:0:0:0:0:0:1]:8787",
    "[::ffff:127.0.0.1]:8787",
    "http://127.0.0.1:8787",
    "ip6-localhost:8787",
    "127.0.0.1\t:8787",
    "\uff11\uff12\uff17.0.0.1:8787",
]


def refusal(
    headers: Headers, *, needs_key: bool = False, takes_claim: bool = False, **more: Any
) -> gate.Refusal | None:
    request = scope(headers=headers, **more)
    return gate.check(request, KEY, needs_key=needs_key, takes_claim=takes_claim, agent="claude")


def test_the_table_of_hosts_is_long_enough() -> None:
    assert len(OWN_HOSTS) + len(FOREIGN_HOSTS) >= 40


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_a_host_of_ours_passes(host: str) -> None:
    assert refusal([(b"host", host.encode())]) is None


@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_any_other_host_is_refused(host: str) -> None:
    refused = refusal([(b"host", host.encode())])
    assert refused is not None
    assert refused.status == 421
    assert "http://127.0.0.1:8787" in refused.message


@pytest.mark.parametrize("hosts", [[], ["127.0.0.1:8787", "127.0.0.1:8787"], ["127.0.0.1:8787", "evil.example"]])
def test_a_request_needs_exactly_one_host(hosts: list[str]) -> None:
    request = {**scope(), "headers": [(b"host", host.encode()) for host in hosts]}
    refused = gate.check(request, KEY, needs_key=False, takes_claim=False, agent="claude")
    assert refused is not None
    assert refused.status == 400


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "127.0.0.1:80"])
def test_on_port_80_a_host_needs_no_port(host: str) -> None:
    assert refusal([(b"host", host.encode())], server=("127.0.0.1", 80)) is None


@pytest.mark.parametrize("peer", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
def test_a_loopback_peer_passes(peer: str) -> None:
    assert refusal([], client=(peer, 5)) is None


@pytest.mark.parametrize("peer", ["10.0.0.1", "192.168.1.2", "::ffff:10.0.0.1", "fe80::1", "127.0.0.1.evil", ""])
def test_a_peer_from_elsewhere_is_refused(peer: str) -> None:
    refused = refusal([], client=(peer, 5))
    assert refused is not None
    assert refused.status == 403


def test_a_peer_without_address_is_refused() -> None:
    assert refusal([], client=None) is not None


@pytest.mark.parametrize("forged", [b"x-forwarded-for", b"forwarded", b"x-real-ip", b"x-forwarded-host"])
def test_headers_of_other_proxies_change_nothing(forged: bytes) -> None:
    assert refusal([(forged, b"127.0.0.1")], client=("10.0.0.1", 5)) is not None
    assert refusal([(forged, b"evil.example")]) is None


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "https://evil.example",
        "http://127.0.0.1",
        "http://127.0.0.1:8788",
        "https://127.0.0.1:8787",
        "file://",
    ],
)
def test_a_foreign_origin_is_refused(origin: str) -> None:
    refused = refusal([(b"origin", origin.encode())])
    assert refused is not None
    assert refused.status == 403
    assert "web pages" in refused.message


@pytest.mark.parametrize("origin", ["http://127.0.0.1:8787", "http://localhost:8787", "http://[::1]:8787"])
def test_an_origin_of_ours_passes(origin: str) -> None:
    assert refusal([(b"origin", origin.encode())]) is None


def test_one_foreign_origin_among_two_is_refused() -> None:
    assert refusal([(b"origin", b"http://127.0.0.1:8787"), (b"origin", b"https://evil.example")]) is not None


@pytest.mark.parametrize(
    ("site", "passes"), [("cross-site", False), ("same-site", False), ("same-origin", True), ("none", True)]
)
def test_a_browser_tells_where_its_request_comes_from(site: str, *, passes: bool) -> None:
    assert (refusal([(b"sec-fetch-site", site.encode())]) is None) is passes


def test_a_preflight_is_refused() -> None:
    headers = [(b"origin", b"http://127.0.0.1:8787"), (b"access-control-request-method", b"POST")]
    assert refusal(headers, method="OPTIONS") is not None


@pytest.mark.parametrize("method", ["CONNECT", "TRACE"])
def test_methods_of_forward_proxies_are_refused(method: str) -> None:
    refused = refusal([], method=method)
    assert refused is not None
    assert refused.status == 405


@pytest.mark.parametrize("raw_path", [b"*", b"evil.example:443", b"@evil.example/", b""])
def test_a_target_that_is_no_path_is_refused(raw_path: bytes) -> None:
    assert refusal([], raw_path=raw_path) is not None


@pytest.mark.parametrize(
    "keys",
    [[], [b""], [KEY[:-1].encode()], [KEY.upper().encode()], [KEY.encode() + b" "], [KEY.encode()] * 2, [b"\xff" * 64]],
)
def test_a_missing_wrong_stale_or_doubled_key_is_refused(keys: list[bytes]) -> None:
    refused = refusal([(b"x-headroom-key", key) for key in keys], needs_key=True, takes_claim=True)
    assert refused is not None
    assert refused.status == 403
    assert "headroom wrap claude" in refused.message
    assert KEY not in refused.message


def test_the_key_passes() -> None:
    assert refusal([(b"x-headroom-key", KEY.encode())], needs_key=True) is None


def test_a_key_in_the_query_is_not_read() -> None:
    assert refusal([], needs_key=True, query_string=f"x-headroom-key={KEY}&key={KEY}".encode()) is not None


def claimed(nonce: str, shown: str) -> Headers:
    return [(b"x-headroom-nonce", nonce.encode()), (b"x-headroom-claim", shown.encode())]


def test_a_claim_does_in_place_of_the_key_only_where_it_is_taken() -> None:
    nonce = "0a" * 16
    headers = claimed(nonce, gate.claim(KEY, nonce))
    assert refusal(headers, needs_key=True, takes_claim=True) is None
    assert refusal(headers, needs_key=True, takes_claim=False) is not None


@pytest.mark.parametrize(
    ("nonce", "shown"),
    [
        ("0a" * 16, gate.proof(KEY, "0a" * 16)),
        ("0a" * 16, gate.claim("other", "0a" * 16)),
        ("0b" * 16, gate.claim(KEY, "0a" * 16)),
        ("claim:0a", gate.claim(KEY, "claim:0a")),
        ("", gate.claim(KEY, "")),
    ],
)
def test_a_claim_that_the_key_did_not_make_is_refused(nonce: str, shown: str) -> None:
    assert refusal(claimed(nonce, shown), needs_key=True, takes_claim=True) is not None


def test_what_the_proxy_answers_cannot_be_used_as_a_claim() -> None:
    nonce = "0a" * 16
    assert gate.proof(KEY, nonce) != gate.claim(KEY, nonce)


def test_own_host_is_the_one_of_the_fixture() -> None:
    assert refusal([HOST]) is None
