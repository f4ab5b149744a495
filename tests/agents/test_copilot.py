"""Copilot CLI's plan: environment and flags only, the user's own provider respected, no secret in argv."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headroom_wrap.agents import Context, Plan, Route, Upstream
from headroom_wrap.agents.copilot import COPILOT
from headroom_wrap.errors import Code, HeadroomError

KEY = "5e" * 32
OWN = {"COPILOT_PROVIDER_BASE_URL": "https://gateway.example/v1/", "COPILOT_PROVIDER_API_KEY": "sk-mine"}


def context(home: Path, *args: str, **env: str) -> Context:
    return Context(args, env, home, home)


def planned(given: Context) -> Plan:
    route = Route("http://127.0.0.1:9", KEY, "s1", Path("/files"), Path("/data"), ("/python", "/mcp.py"))
    return COPILOT.plan(given, route)


def test_the_users_provider_becomes_the_upstream(tmp_path: Path) -> None:
    found = COPILOT.upstreams(context(tmp_path, **OWN))
    assert {name: upstream.url for name, upstream in found.items()} == {"openai": "https://gateway.example/v1"}


@pytest.mark.parametrize(
    ("kind", "upstream", "url"),
    [
        ("openai", "openai", "http://127.0.0.1:9/v1"),
        ("anthropic", "anthropic", "http://127.0.0.1:9"),
        ("azure", "azure", "http://127.0.0.1:9"),
    ],
)
def test_each_type_of_provider_finds_its_own_paths(kind: str, upstream: str, url: str, tmp_path: Path) -> None:
    given = context(tmp_path, **OWN, COPILOT_PROVIDER_TYPE=kind)
    assert list(COPILOT.upstreams(given)) == [upstream]
    assert planned(given).env["COPILOT_PROVIDER_BASE_URL"] == url


def test_a_key_without_a_url_is_for_the_providers_own(tmp_path: Path) -> None:
    given = context(tmp_path, COPILOT_PROVIDER_TYPE="anthropic", COPILOT_PROVIDER_API_KEY_COMMAND="pass show key")
    (upstream,) = COPILOT.upstreams(given).values()
    assert (upstream.url, upstream.source) == ("https://api.anthropic.com", "default")


@pytest.mark.parametrize("env", [{}, {**OWN, "COPILOT_PROVIDER_TYPE": "gemini"}, {"COPILOT_PROVIDER_TYPE": "azure"}])
def test_what_is_not_set_up_is_said(env: dict[str, str], tmp_path: Path) -> None:
    with pytest.raises(HeadroomError) as caught:
        COPILOT.upstreams(context(tmp_path, **env))
    assert caught.value.code is Code.BAD_SETTING
    assert caught.value.hint


def test_the_session_key_stands_beside_the_users_headers_and_nowhere_else(tmp_path: Path) -> None:
    headers = f"x-team: blue\\nX-Headroom-Key: {'4d' * 32}\nx-tenant: 7"
    plan = planned(context(tmp_path, "-p", "hello", **OWN, COPILOT_PROVIDER_HEADERS=headers))
    assert plan.env["COPILOT_PROVIDER_HEADERS"] == f"x-team: blue\nx-tenant: 7\nx-headroom-key: {KEY}"
    assert not any(KEY in word for word in plan.args)
    assert not any(KEY in text for text in plan.files.values())
    assert {name for name, value in plan.env.items() if KEY in value} == {"COPILOT_PROVIDER_HEADERS"}
    assert not {name for name in plan.env if name.startswith("COPILOT_PROVIDER_API")}


def test_retrieval_is_offered_without_asking_and_without_a_file_of_the_users(tmp_path: Path) -> None:
    plan = planned(context(tmp_path, "--allow-tool", "write", **OWN))
    assert plan.args == (
        "--additional-mcp-config=@/files/mcp.json", "--allow-tool=headroom(headroom_retrieve)", "--allow-tool", "write",
    )  # fmt: skip
    (text,) = plan.files.values()
    server = json.loads(text)["mcpServers"]["headroom"]
    assert (server["command"], server["args"], server["deferTools"]) == ("/python", ["/mcp.py"], "never")
    assert not COPILOT.retrieves_by_shell


def test_commands_that_start_no_agent_are_left_as_they_are(tmp_path: Path) -> None:
    plan = planned(context(tmp_path, "mcp", "list", **OWN))
    assert (plan.args, plan.files) == (("mcp", "list"), {})


def test_loopback_is_no_matter_for_a_proxy(tmp_path: Path) -> None:
    plan = planned(context(tmp_path, **OWN, NO_PROXY="corp.example"))
    assert plan.env["NO_PROXY"].split(",")[:2] == ["corp.example", "127.0.0.1"]


def test_a_proxy_of_copilots_settings_counts_where_the_environment_names_none(tmp_path: Path) -> None:
    (tmp_path / ".copilot").mkdir()
    (tmp_path / ".copilot" / "settings.json").write_text('// mine\n{"proxyUrl": "http://p:1"}', encoding="utf-8")
    assert COPILOT.network_env(context(tmp_path))["HTTPS_PROXY"] == "http://p:1"
    assert COPILOT.network_env(context(tmp_path, https_proxy="http://q:2")) == {"https_proxy": "http://q:2"}


def test_what_would_lead_past_us_is_named(tmp_path: Path) -> None:
    given = context(tmp_path, COPILOT_HOME=str(tmp_path / "c"))
    assert COPILOT.bypasses(given) == ()
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "settings.json").write_text('{"copilotUrl": "https://x.example"}', encoding="utf-8")
    (tmp_path / "c" / "providers.json").write_text("{}", encoding="utf-8")
    url, providers = COPILOT.bypasses(given)
    assert "copilotUrl" in url
    assert str(tmp_path / "c" / "providers.json") in providers
    assert COPILOT.transcripts(given) == (tmp_path / "c" / "session-state",)


TOKEN = f"ghu_{'0' * 36}"


def subscribed(home: Path, **env: str) -> Context:
    # A CI job, so that no keyring of the machine is asked; and a PATH without `gh`.
    given = {"CI": "true", "PATH": str(home), "HEADROOM_HOME": str(home / "data"), **env}
    return Context(("--model", "gpt-4o"), given, home, home, {"--subscription": ""})


def routed(given: Context, url: str = "") -> Plan:
    upstreams = dict(COPILOT.upstreams(given))
    if url:
        upstreams["copilot"] = Upstream(url, "flag")
    route = Route("http://127.0.0.1:9", KEY, "s1", Path("/files"), Path("/data"), ("/python",), upstreams)
    return COPILOT.plan(given, route)


def test_with_a_sign_in_the_agent_holds_the_session_key_in_the_form_of_a_token(tmp_path: Path) -> None:
    given = subscribed(tmp_path, GITHUB_COPILOT_TOKEN=TOKEN, COPILOT_PROVIDER_BASE_URL="https://other.example/v1")
    plan = routed(given)
    assert {name: value for name, value in plan.env.items() if name.startswith("COPILOT_")} == {
        "COPILOT_API_URL": "http://127.0.0.1:9",
        "COPILOT_GITHUB_TOKEN": f"gho_{KEY}",
        "COPILOT_DEBUG_GITHUB_API_URL": "http://127.0.0.1:9/github",
        "COPILOT_PROVIDER_BASE_URL": "",
    }
    assert plan.args[-2:] == ("--model", "gpt-4o")
    assert plan.notes[0] == "COPILOT_PROVIDER_API_URL=https://api.githubcopilot.com"
    assert set(COPILOT.credentials(given, COPILOT.upstreams(given))) == {"copilot", "github"}
    assert TOKEN not in repr(plan)


def test_without_a_sign_in_copilots_own_token_is_passed_on(tmp_path: Path) -> None:
    given = subscribed(tmp_path)
    plan = routed(given)
    assert plan.env["COPILOT_API_URL"] == f"http://127.0.0.1:9/k/{KEY}"
    assert "COPILOT_GITHUB_TOKEN" not in plan.env
    assert "copilot-auth login" in plan.notes[-1]
    assert COPILOT.credentials(given, COPILOT.upstreams(given)) == {}


@pytest.mark.parametrize(
    ("env", "told", "url"),
    [
        ({"GITHUB_COPILOT_ENTERPRISE_DOMAIN": "ghe.example.com"}, "", "https://copilot-api.ghe.example.com"),
        ({"GITHUB_COPILOT_API_URL": "https://a.example"}, "", "https://a.example"),
        ({"COPILOT_API_URL": "https://b.example/"}, "", "https://b.example"),
        ({"COPILOT_API_URL": "https://b.example"}, "https://c.example", "https://c.example"),
    ],
)
def test_the_hosts_are_the_users(env: dict[str, str], told: str, url: str, tmp_path: Path) -> None:
    for token in ({"GITHUB_COPILOT_TOKEN": TOKEN}, {}):
        plan = routed(subscribed(tmp_path, **env, **token), told)
        assert plan.notes[0] == f"COPILOT_PROVIDER_API_URL={url}"


def test_a_token_goes_to_no_host_without_tls(tmp_path: Path) -> None:
    given = subscribed(tmp_path, GITHUB_COPILOT_TOKEN=TOKEN, COPILOT_API_URL="http://b.example")
    with pytest.raises(HeadroomError) as caught:
        COPILOT.credentials(given, COPILOT.upstreams(given))
    assert caught.value.code is Code.BAD_SETTING


def test_settings_that_name_another_url_are_refused(tmp_path: Path) -> None:
    (tmp_path / ".copilot").mkdir()
    (tmp_path / ".copilot" / "settings.json").write_text('{"copilotUrl": "https://x.example"}', encoding="utf-8")
    with pytest.raises(HeadroomError) as caught:
        routed(subscribed(tmp_path, GITHUB_COPILOT_TOKEN=TOKEN))
    assert caught.value.code is Code.BYPASS


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", f"http://127.0.0.1:9/k/{KEY}"])
def test_inside_a_session_nothing_is_set_anew(url: str, tmp_path: Path) -> None:
    plan = routed(subscribed(tmp_path, COPILOT_API_URL=url, COPILOT_GITHUB_TOKEN=f"gho_{KEY}"))
    assert not {"COPILOT_API_URL", "COPILOT_GITHUB_TOKEN"} & plan.env.keys()
    assert plan.notes == ()
