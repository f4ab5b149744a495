"""The route table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.proxy.ports import Headers
from headroom_wrap.proxy.routes import ROUTES, Kind, Route, match, model_in_path


@pytest.mark.parametrize(
    ("method", "path", "kind"),
    [
        ("POST", b"/v1/messages", Kind.MODEL),
        ("POST", b"/v1/messages/count_tokens", Kind.COUNT),
        ("HEAD", b"/", Kind.LOCAL),
        ("GET", b"/health", Kind.HEALTH),
        ("GET", b"/stats", Kind.CONTROL),
        ("GET", b"/openapi.json", Kind.CONTROL),
        ("POST", b"/v1/compress", Kind.CONTROL),
        ("POST", b"/v1/retrieve", Kind.CONTROL),
        ("GET", b"/v1/retrieve", Kind.FORWARD),
        ("POST", b"/v1/compress/", Kind.FORWARD),
        ("POST", b"/stats", Kind.FORWARD),
        ("GET", b"/", Kind.FORWARD),
        ("POST", b"/", Kind.FORWARD),
        ("HEAD", b"/v1/messages", Kind.FORWARD),
        ("GET", b"/v1/messages", Kind.FORWARD),
        ("POST", b"/v1/messages/", Kind.FORWARD),
        ("POST", b"/v1/Messages", Kind.FORWARD),
        ("POST", b"//v1/messages", Kind.FORWARD),
        ("POST", b"/v1/%6dessages", Kind.FORWARD),
        ("POST", b"/v1/messages/batches", Kind.FORWARD),
        ("GET", b"/v1/models", Kind.FORWARD),
        ("POST", b"/health", Kind.FORWARD),
    ],
)
def test_a_request_finds_its_row(method: str, path: bytes, kind: Kind) -> None:
    assert match(method, path, [], ["anthropic"]).kind is kind


def test_every_row_of_the_table_is_found_by_its_own_method_and_path() -> None:
    for route in ROUTES:
        assert match(route.method, route.path.encode(), [(route.header.encode(), b"1")], [route.upstream]) is route


_VERSION, _ACCOUNT = (b"anthropic-version", b"2023-06-01"), (b"chatgpt-account-id", b"a")


@pytest.mark.parametrize(
    ("method", "path", "headers", "wire", "upstream", "kind"),
    [
        ("POST", b"/v1/chat/completions", [], "openai_chat", "openai", Kind.MODEL),
        ("POST", b"/v1/responses", [], "openai_responses", "openai", Kind.MODEL),
        ("POST", b"/v1/responses", [_ACCOUNT], "openai_responses", "chatgpt", Kind.MODEL),
        ("GET", b"/v1/models", [_ACCOUNT], "openai_responses", "chatgpt", Kind.FORWARD),
        ("GET", b"/v1/models", [_VERSION], "anthropic", "anthropic", Kind.FORWARD),
        ("GET", b"/v1/models", [], "openai_responses", "openai", Kind.FORWARD),
        ("POST", b"/v1/embeddings", [], "openai_responses", "openai", Kind.FORWARD),
        ("GET", b"/v1/responses/resp_1", [], "openai_responses", "openai", Kind.FORWARD),
        ("GET", b"/api/oauth", [], "anthropic", "anthropic", Kind.FORWARD),
    ],
)
def test_a_proxy_for_all_providers_tells_them_apart(  # noqa: PLR0913, PLR0917 - a table
    method: str, path: bytes, headers: Headers, wire: str, upstream: str, kind: Kind
) -> None:
    route = match(method, path, headers, ["anthropic", "openai", "chatgpt"])
    assert (route.wire, route.upstream, route.kind) == (wire, upstream, kind)


def test_a_proxy_for_one_provider_sends_all_there() -> None:
    assert match("POST", b"/v1/responses", [], ["anthropic"]).upstream == "anthropic"
    assert match("POST", b"/v1/messages", [_VERSION], ["openai"]).upstream == "openai"


def test_a_path_that_ends_in_a_star_stands_for_all_that_begin_so() -> None:
    route = Route("*", "/v1/*", "openai_chat", "openai", Kind.FORWARD)
    assert route.serves("PUT", b"/v1/files/7", [])
    assert not route.serves("PUT", b"/v2/files", [])


def test_a_row_can_ask_for_a_header() -> None:
    route = Route("POST", "/v1/responses", "openai_responses", "chatgpt", Kind.MODEL, header="chatgpt-account-id")
    headers: Headers = [(b"chatgpt-account-id", b"a")]
    assert route.serves("POST", b"/v1/responses", headers)
    assert not route.serves("POST", b"/v1/responses", [])


@pytest.mark.parametrize(
    ("base_url", "strip", "path", "query", "url"),
    [
        ("https://api.test", "", b"/v1/messages", b"beta=true", "https://api.test/v1/messages?beta=true"),
        ("https://api.test/", "", b"/v1/messages", b"", "https://api.test/v1/messages"),
        ("https://gw.test/team/a/", "", b"/v1/x", b"", "https://gw.test/team/a/v1/x"),
        ("https://api.test/v1", "/v1", b"/v1/responses", b"", "https://api.test/v1/responses"),
        (
            "https://c.test/backend-api/codex",
            "/v1",
            b"/v1/responses",
            b"",
            "https://c.test/backend-api/codex/responses",
        ),
        ("https://api.test", "", b"//evil.example/x", b"", "https://api.test//evil.example/x"),
        ("https://api.test", "", b"/@evil.example/x", b"", "https://api.test/@evil.example/x"),
        (
            "https://api.test",
            "",
            b"/a/../b/%2e%2e/%2F;c=d",
            b"q=%20+&e=?",
            "https://api.test/a/../b/%2e%2e/%2F;c=d?q=%20+&e=?",
        ),
    ],
)
def test_the_url_keeps_the_base_and_the_raw_path(
    base_url: str, strip: str, path: bytes, query: bytes, url: str
) -> None:
    assert Route("POST", "/", "anthropic", "a", Kind.MODEL, strip=strip).url(base_url, path, query) == url


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_path_and_query_keep_their_bytes(path: bytes, query: bytes) -> None:
    url = Route("*", "*", "anthropic", "a", Kind.FORWARD).url("https://api.test", b"/" + path, query)
    expected = b"https://api.test/" + path + (b"?" + query if query else b"")
    assert url.encode("latin-1") == expected


_MODELS = b"/projects/p/locations/%b/publishers/anthropic/models/"


@pytest.mark.parametrize("version", [b"/v1", b""])
def test_vertex_names_model_and_task_in_the_path(version: bytes) -> None:
    path = version + _MODELS % b"us-east5"
    for what, kind in [
        (b"claude-opus-4-8:rawPredict", Kind.MODEL),
        (b"claude-sonnet-4-5@20250929:streamRawPredict", Kind.MODEL),
        (b"count-tokens:rawPredict", Kind.COUNT),
        (b"claude-opus-4-8:predict", Kind.FORWARD),
        (b"a/b:rawPredict", Kind.FORWARD),
    ]:
        assert match("POST", path + what, [], ["anthropic"]).kind is kind
    assert model_in_path(path + b"claude-sonnet-4-5@20250929:rawPredict") == "claude-sonnet-4-5@20250929"
    gemini = path.replace(b"anthropic", b"google") + b"gemini:streamGenerateContent"
    assert match("POST", gemini, [], ["anthropic"]).kind is Kind.FORWARD
    assert not model_in_path(gemini)


@pytest.mark.parametrize(
    ("location", "host"),
    [
        (b"us-east5", "us-east5-aiplatform.googleapis.com"),
        (b"global", "aiplatform.googleapis.com"),
        (b"eu", "aiplatform.eu.rep.googleapis.com"),
        (b"evil.test%2f", "aiplatform.googleapis.com"),
        (b"evil.test#", "aiplatform.googleapis.com"),
    ],
)
def test_googles_own_host_follows_the_location_in_the_path(location: bytes, host: str) -> None:
    path = b"/v1" + _MODELS % location + b"m:rawPredict"
    route = match("POST", path, [], ["anthropic"])
    assert route.url("https://aiplatform.googleapis.com", path, b"") == f"https://{host}{path.decode()}"
    assert route.url("https://gate.test/v", path, b"") == f"https://gate.test/v{path.decode()}"


def test_a_long_path_is_matched_in_linear_time() -> None:
    path = b"/projects/a" + b"/locations/b" * 100_000
    assert match("POST", path, [], ["anthropic"]).kind is Kind.FORWARD
