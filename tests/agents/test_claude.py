"""Claude Code's plan: nothing that the user set is lost, nothing bypasses us unsaid, no secret is in argv."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap.agents import AGENTS, Context, Plan, Route, agent_named
from headroom_wrap.agents.claude import CLAUDE
from headroom_wrap.agents.claude_settings import read
from headroom_wrap.errors import Code, HeadroomError

KEY = "k" * 64


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / ".claude").mkdir(parents=True)
    (tmp_path / "work" / ".claude").mkdir(parents=True)
    return tmp_path / "home"


def context(home: Path, *args: str, **env: str) -> Context:
    return Context(args, env, home.parent / "work", home)


def planned(context: Context) -> Plan:
    route = Route("http://127.0.0.1:9", KEY, "s1", Path("/files"), Path("/data"), ("/python", "/mcp.py"))
    return CLAUDE.plan(context, route)


def settings_of(plan: Plan) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(plan.files[Path("/files/settings.json")])
    return content


def write(file: Path, content: object) -> None:
    file.write_text(json.dumps(content), encoding="utf-8")


def base_url(value: str) -> dict[str, object]:
    return {"env": {"ANTHROPIC_BASE_URL": value}}


def test_environment_and_settings_both_lead_to_the_proxy(home: Path) -> None:
    plan = planned(context(home, "-p", "hello"))
    assert plan.env["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:9"
    assert settings_of(plan)["env"]["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:9"
    assert plan.args == ("--mcp-config", "/files/mcp.json", "--settings", "/files/settings.json", "-p", "hello")


def test_the_key_is_in_headers_and_files_and_never_in_argv(home: Path) -> None:
    plan = planned(context(home, "-p", "x"))
    assert plan.env["ANTHROPIC_CUSTOM_HEADERS"] == f"x-headroom-key: {KEY}"
    assert not any(KEY in argument for argument in plan.args)


def test_layers_are_asked_in_claude_codes_order(home: Path) -> None:
    work = home.parent / "work" / ".claude"
    assert CLAUDE.upstreams(context(home, ANTHROPIC_BASE_URL="https://env"))["anthropic"].url == "https://env"
    files = [home / ".claude" / "settings.json", work / "settings.json", work / "settings.local.json"]
    for file, expected in zip(files, ["https://user", "https://project", "https://local"], strict=True):
        write(file, base_url(expected))
        assert CLAUDE.upstreams(context(home, ANTHROPIC_BASE_URL="https://env"))["anthropic"].url == expected
    flags = ("--settings", json.dumps(base_url("https://lost")), f"--settings={json.dumps(base_url('https://flag'))}")
    found = CLAUDE.upstreams(context(home, *flags, ANTHROPIC_BASE_URL="https://env"))["anthropic"]
    assert (found.url, found.source) == ("https://flag", "--settings")
    only_user = context(home, "--setting-sources", "user", ANTHROPIC_BASE_URL="https://env")
    assert CLAUDE.upstreams(only_user)["anthropic"].url == "https://user"


def test_the_config_folder_can_be_elsewhere(home: Path, tmp_path: Path) -> None:
    write(tmp_path / "settings.json", base_url("https://elsewhere"))
    assert CLAUDE.upstreams(context(home, CLAUDE_CONFIG_DIR=str(tmp_path)))["anthropic"].url == "https://elsewhere"


def test_without_any_base_url_the_official_one_is_the_upstream(home: Path) -> None:
    assert CLAUDE.upstreams(context(home))["anthropic"].url == "https://api.anthropic.com"


def test_the_users_own_settings_flag_is_merged_and_its_argument_removed(home: Path) -> None:
    own = {"model": "opus", "env": {"A": "b"}, "permissions": {"allow": ["Bash(ls)"], "deny": ["Read"]}}
    write(home.parent / "work" / "own.json", own)
    plan = planned(context(home, "--settings", "own.json", "-p", "x"))
    merged = settings_of(plan)
    assert merged["model"] == "opus"
    assert merged["env"]["A"] == "b"
    assert merged["permissions"]["deny"] == ["Read"]
    assert merged["permissions"]["allow"] == [
        "Bash(ls)", "mcp__headroom__headroom_retrieve", "Bash(headroom retrieve:*)",
    ]  # fmt: skip
    assert plan.args.count("--settings") == 1
    assert plan.args[-2:] == ("-p", "x")


def test_words_behind_a_double_dash_are_the_prompt(home: Path) -> None:
    assert planned(context(home, "--", "--settings", "x")).args[-3:] == ("--", "--settings", "x")


def test_the_users_headers_stay_and_an_outer_sessions_key_goes(home: Path) -> None:
    env = {"ANTHROPIC_CUSTOM_HEADERS": "X-Team: a\nX-Headroom-Key: outer"}
    write(home / ".claude" / "settings.json", {"env": env})
    assert planned(context(home)).env["ANTHROPIC_CUSTOM_HEADERS"] == f"X-Team: a\nx-headroom-key: {KEY}"


def test_tool_search_stays_on_unless_the_user_said_otherwise(home: Path) -> None:
    assert planned(context(home)).env["ENABLE_TOOL_SEARCH"] == "true"
    assert "ENABLE_TOOL_SEARCH" not in planned(context(home, ENABLE_TOOL_SEARCH="false")).env
    write(home / ".claude" / "settings.json", {"env": {"ENABLE_TOOL_SEARCH": False}})
    assert "ENABLE_TOOL_SEARCH" not in planned(context(home)).env


def test_loopback_needs_no_proxy_and_the_users_exceptions_stay(home: Path) -> None:
    env = planned(context(home, no_proxy="corp.example")).env
    assert env["NO_PROXY"] == env["no_proxy"] == "corp.example,127.0.0.1,localhost,::1"


def test_the_users_proxies_and_certificates_hold_for_the_upstream(home: Path) -> None:
    write(home / ".claude" / "settings.json", {"env": {"HTTPS_PROXY": "http://in-settings"}})
    found = CLAUDE.network_env(context(home, HTTPS_PROXY="http://in-env", NODE_EXTRA_CA_CERTS="/ca.pem"))
    assert found == {"HTTPS_PROXY": "http://in-settings", "NODE_EXTRA_CA_CERTS": "/ca.pem"}


def test_retrieval_is_an_mcp_server_whose_tool_is_there_from_the_first_turn(home: Path) -> None:
    server = json.loads(planned(context(home)).files[Path("/files/mcp.json")])["mcpServers"]["headroom"]
    assert server["alwaysLoad"] is True
    assert [server["command"], *server["args"]] == ["/python", "/mcp.py"]
    assert server["env"]["HEADROOM_HOME"] == "/data"
    assert server["env"]["HEADROOM_SESSION"] == "s1"


def test_the_tuis_first_turn_waits_for_our_tool_beside_the_users_own_hooks(home: Path) -> None:
    own: dict[str, Any] = {"hooks": {"SessionStart": [{"hooks": []}], "Stop": []}}
    plan = planned(context(home, "--settings", json.dumps(own), "hello"))
    hooks = settings_of(plan)["hooks"]
    ready = json.loads(plan.files[Path("/files/mcp.json")])["mcpServers"]["headroom"]["env"]["HEADROOM_READY_FILE"]
    assert hooks["Stop"] == []
    assert hooks["SessionStart"][0] == {"hooks": []}
    assert ready in hooks["SessionStart"][1]["hooks"][0]["command"]
    assert "hooks" not in settings_of(planned(context(home, "-p", "hello")))


def test_subcommands_get_the_environment_and_no_flags(home: Path) -> None:
    assert planned(context(home, "mcp", "list")).args == ("mcp", "list")


@pytest.mark.parametrize("name", ["ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS"])
def test_managed_settings_that_name_what_we_must_set_are_a_refusal(
    home: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    managed = home / "managed.json"
    write(managed, {"env": {name: "https://corp"}})
    monkeypatch.setattr("headroom_wrap.agents.claude_settings._MANAGED", {"linux": managed, "darwin": managed})
    with pytest.raises(HeadroomError) as caught:
        planned(context(home))
    assert caught.value.code is Code.BYPASS
    assert name in caught.value.message


@pytest.mark.parametrize("flag", ["--bg", "--background"])
def test_an_agent_that_would_outlive_the_proxy_is_refused(home: Path, flag: str) -> None:
    with pytest.raises(HeadroomError) as caught:
        planned(context(home, flag, "x"))
    assert caught.value.code is Code.BYPASS
    assert flag in caught.value.message


@pytest.mark.parametrize("value", ["missing.json", "{", "[1]", '{"a":}'])
def test_settings_that_cannot_be_read_are_refused(home: Path, value: str) -> None:
    with pytest.raises(HeadroomError) as caught:
        read(context(home, "--settings", value))
    assert caught.value.code is Code.BAD_SETTING


def test_a_broken_settings_file_counts_as_empty_as_it_does_for_claude_code(home: Path) -> None:
    (home / ".claude" / "settings.json").write_text("{", encoding="utf-8")
    assert CLAUDE.upstreams(context(home))["anthropic"].source == "default"


@pytest.mark.parametrize("flag", ["BEDROCK", "MANTLE", "ANTHROPIC_AWS"])
def test_a_cloud_whose_requests_are_signed_is_said_to_pass_us_by_and_gets_nothing_of_ours(
    home: Path, flag: str
) -> None:
    asked = context(home, **{f"CLAUDE_CODE_USE_{flag}": "1"})
    plan = planned(asked)
    assert "signs its requests" in plan.notes[0]
    assert plan.notes == CLAUDE.bypasses(asked)
    assert not {"ANTHROPIC_BASE_URL", "ANTHROPIC_CUSTOM_HEADERS"} & plan.env.keys()


def test_a_cloud_that_is_turned_off_counts_as_none(home: Path) -> None:
    plan = planned(context(home, CLAUDE_CODE_USE_BEDROCK="0", CLAUDE_CODE_USE_VERTEX="false"))
    assert plan.notes == ()
    assert plan.env["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:9"


VERTEX, FOUNDRY = {"CLAUDE_CODE_USE_VERTEX": "1"}, {"CLAUDE_CODE_USE_FOUNDRY": "1"}
CLOUDS = [
    (VERTEX, {}, "https://aiplatform.googleapis.com", "http://127.0.0.1:9/v1"),
    (VERTEX, {"ANTHROPIC_VERTEX_BASE_URL": "https://gate/g/v1"}, "https://gate/g", "http://127.0.0.1:9/v1"),
    (VERTEX, {"ANTHROPIC_VERTEX_BASE_URL": "https://gate/g"}, "https://gate/g", "http://127.0.0.1:9"),
    (FOUNDRY, {"ANTHROPIC_FOUNDRY_BASE_URL": "https://gate/f/"}, "https://gate/f", "http://127.0.0.1:9"),
    (FOUNDRY, {"ANTHROPIC_FOUNDRY_RESOURCE": "r"}, "https://r.services.ai.azure.com/anthropic", "http://127.0.0.1:9"),
]


@pytest.mark.parametrize(("cloud", "env", "upstream", "base_url"), CLOUDS)
def test_a_cloud_is_led_here_by_its_own_variable(
    home: Path, cloud: dict[str, str], env: dict[str, str], upstream: str, base_url: str
) -> None:
    asked = context(home, "-p", "x", **cloud, **env)
    plan = planned(asked)
    assert CLAUDE.upstreams(asked)["anthropic"].url == upstream
    (name,) = (name for name in plan.env if name.endswith("_BASE_URL"))
    assert name == f"ANTHROPIC_{'VERTEX' if cloud is VERTEX else 'FOUNDRY'}_BASE_URL"
    assert plan.env[name] == settings_of(plan)["env"][name] == base_url
    assert plan.env.get("ANTHROPIC_FOUNDRY_RESOURCE", "") == ""
    assert "ENABLE_TOOL_SEARCH" not in plan.env
    assert plan.notes == ()


def test_no_file_of_ours_holds_headers_that_the_user_has_elsewhere(home: Path) -> None:
    plan = planned(context(home, "-p", "x", ANTHROPIC_CUSTOM_HEADERS="x-team: secret"))
    assert plan.env["ANTHROPIC_CUSTOM_HEADERS"] == f"x-team: secret\nx-headroom-key: {KEY}"
    assert not any("secret" in text or KEY in text for text in plan.files.values())
    write(home / ".claude" / "settings.json", {"env": {"ANTHROPIC_CUSTOM_HEADERS": "x-team: filed"}})
    plan = planned(context(home, "-p", "x", ANTHROPIC_CUSTOM_HEADERS="x-team: secret"))
    assert not any("filed" in text or "secret" in text for text in plan.files.values())
    keyed = f"http://127.0.0.1:9/k/{KEY}"
    assert plan.env["ANTHROPIC_BASE_URL"] == settings_of(plan)["env"]["ANTHROPIC_BASE_URL"] == keyed
    assert "ANTHROPIC_CUSTOM_HEADERS" not in {**plan.env, **settings_of(plan)["env"]}


def test_a_socket_is_said_to_pass_us_by(home: Path) -> None:
    assert "/s.sock" not in CLAUDE.bypasses(context(home, ANTHROPIC_UNIX_SOCKET="/s.sock"))[0]
    assert (
        "ANTHROPIC_UNIX_SOCKET is set (the environment)"
        in CLAUDE.bypasses(context(home, ANTHROPIC_UNIX_SOCKET="/s.sock"))[0]
    )


def test_transcripts_are_in_the_config_folder(home: Path) -> None:
    assert CLAUDE.transcripts(context(home)) == (home / ".claude" / "projects",)
    assert CLAUDE.transcripts(context(home, CLAUDE_CONFIG_DIR="/c")) == (Path("/c/projects"),)


def test_an_agent_is_found_on_the_users_path_only(tmp_path: Path) -> None:
    assert CLAUDE.find({"PATH": str(tmp_path)}) is None
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\n", encoding="utf-8")
    program.chmod(0o755)
    assert CLAUDE.find({"PATH": str(tmp_path)}) == (str(program),)


def test_an_unknown_agent_is_an_error_that_names_the_known_ones() -> None:
    with pytest.raises(HeadroomError) as caught:
        agent_named("clod")
    assert all(name in caught.value.hint for name in AGENTS)
