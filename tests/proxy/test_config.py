"""What a proxy is told."""

from __future__ import annotations

import pytest

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.config import ProxyConfig, check_base_url
from tests.proxy.fakes import KEY, config


@pytest.mark.parametrize(
    "url",
    ["https://api.anthropic.com", "http://127.0.0.1:4000", "https://gw.test/team/a/", "http://[::1]:80/x", "http://h"],
)
def test_a_plain_base_url_is_taken(url: str) -> None:
    check_base_url("anthropic", url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.anthropic.com",
        "ftp://h",
        "https://",
        "https:///path",
        "https://u:p@h",
        "https://h@evil.example",
        "https://h?x=1",
        "https://h#x",
        "https://h/a b",
        "https://h\\evil",
        "https://h\r\nx: y",
        "https://h:0",
        "https://h:99999",
        "https://h:x",
        "https://é",
    ],
)
def test_any_other_base_url_is_refused(url: str) -> None:
    with pytest.raises(HeadroomError) as caught:
        check_base_url("anthropic", url)
    assert caught.value.code is Code.BAD_SETTING
    assert caught.value.hint


def test_one_providers_upstream_must_be_known() -> None:
    with pytest.raises(HeadroomError) as caught:
        ProxyConfig(key=KEY, session="s", agent="claude", upstreams={"chatgpt": "https://h"})
    assert caught.value.code is Code.UPSTREAM_UNKNOWN


def test_the_key_is_not_shown() -> None:
    assert KEY not in repr(config())
