"""Which headers cross the proxy."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.proxy.headers import KEY_HEADER, carried, first, forwarded, keyed_url, opened, relayed, unpacked
from headroom_wrap.proxy.ports import Headers

END_TO_END: Headers = [
    (b"authorization", b"Bearer sk-ant-oat-1"),
    (b"x-api-key", b"sk-ant-1"),
    (b"anthropic-beta", b"a,b"),
    (b"anthropic-beta", b"c"),
    (b"accept-encoding", b"gzip, br, zstd"),
    (b"cookie", b"a=1; b=2"),
    (b"user-agent", b"claude-cli/2.1.197"),
    (b"x-odd", b"  caf\xc3\xa9 "),
]
HOP_BY_HOP = [
    b"connection",
    b"keep-alive",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"proxy-connection",
    b"proxy-authorization",
]


def test_end_to_end_headers_pass_in_their_order() -> None:
    assert forwarded([*END_TO_END], 0) == END_TO_END
    assert relayed(200, [*END_TO_END]) == END_TO_END


@pytest.mark.parametrize("name", [*HOP_BY_HOP, b"host", b"expect", b"x-headroom-key", b"x-headroom-bypass"])
def test_headers_of_one_connection_or_for_us_stay_here(name: bytes) -> None:
    assert forwarded([(name, b"x"), *END_TO_END], None) == END_TO_END


@pytest.mark.parametrize("name", HOP_BY_HOP)
def test_the_upstreams_connection_headers_stay_here(name: bytes) -> None:
    assert relayed(200, [(name.title(), b"x"), *END_TO_END]) == END_TO_END


def test_headers_that_connection_lists_stay_here() -> None:
    headers: Headers = [(b"connection", b"close, X-Private"), (b"x-private", b"1"), (b"x-public", b"2")]
    assert forwarded(headers, None) == [(b"x-public", b"2")]
    assert relayed(200, headers) == [(b"x-public", b"2")]


def test_the_length_is_that_of_the_body_that_goes_out() -> None:
    assert forwarded([(b"a", b"1"), (b"content-length", b"9"), (b"b", b"2")], 7) == [
        (b"a", b"1"),
        (b"content-length", b"7"),
        (b"b", b"2"),
    ]
    assert forwarded([(b"transfer-encoding", b"chunked")], 7) == [(b"content-length", b"7")]


def test_a_body_that_is_streamed_keeps_the_clients_length_or_none() -> None:
    assert forwarded([(b"content-length", b"9")], None) == [(b"content-length", b"9")]
    assert forwarded([(b"transfer-encoding", b"chunked")], None) == []


@pytest.mark.parametrize(("status", "stays"), [(200, True), (206, True), (204, False), (304, False)])
def test_an_answer_that_has_no_body_has_no_length(status: int, *, stays: bool) -> None:
    assert bool(relayed(status, [(b"Content-Length", b"5")])) is stays


def test_first_finds_a_header_by_its_name_in_any_case() -> None:
    assert first([(b"Content-Type", b"a"), (b"content-type", b"b")], b"content-type") == "a"
    assert first([], b"content-type") == ""


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8))))
def test_nothing_is_added_changed_or_moved(headers: Headers) -> None:
    def is_subsequence(part: Headers) -> bool:
        rest = iter(headers)
        return all(header in rest for header in part)

    assert is_subsequence(forwarded(headers, None))
    assert is_subsequence(relayed(200, headers))


def test_a_carried_key_gets_its_own_place_and_the_carrier_is_the_users_again() -> None:
    key = "0f" * 32
    for own, left in ((None, []), ("proj_1", [(b"openai-project", b"proj_1")])):
        headers = [(b"accept", b"*/*"), (b"openai-project", carried(key, own).encode())]
        assert unpacked(headers) == [(b"accept", b"*/*"), (b"x-headroom-key", key.encode()), *left]


@pytest.mark.parametrize(
    "value", [b"proj_1", b"headroom-", b"headroom-0f", b"headroom-" + b"0F" * 32, b"x headroom-" + b"0f" * 32]
)
def test_any_other_project_stays_as_it_is(value: bytes) -> None:
    assert unpacked([(b"openai-project", value)]) == [(b"openai-project", value)]


@pytest.mark.parametrize(("rest", "meant"), [("/v1/messages", b"/v1/messages"), ("/", b"/"), ("", b"/")])
def test_a_key_in_the_path_is_taken_out_of_it(rest: str, meant: bytes) -> None:
    path = keyed_url("", "ab" * 32) + rest
    scope = opened({"raw_path": path.encode(), "headers": [(b"accept", b"*/*")]})
    assert (scope["raw_path"], scope["headers"]) == (meant, [(b"accept", b"*/*"), (KEY_HEADER, b"ab" * 32)])


@pytest.mark.parametrize("path", [b"/k/abc/v1/messages", b"/v1/k/" + b"ab" * 32, b"/k/" + b"ab" * 32 + b"0/v1"])
def test_other_paths_stay_as_they_are(path: bytes) -> None:
    assert opened({"raw_path": path, "headers": []}) == {"raw_path": path, "headers": []}


def test_two_different_keys_stay_two() -> None:
    scope = opened({"raw_path": b"/k/" + b"ab" * 32 + b"/v1", "headers": [(KEY_HEADER, b"cd" * 32)]})
    assert [value for name, value in scope["headers"] if name == KEY_HEADER] == [b"cd" * 32, b"ab" * 32]
