"""OpenCode's plan: one variable, merged over the user's; which provider is served, and which goes past us."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap.agents import Context, Plan, Route
from headroom_wrap.agents.opencode import CONTENT, OPENCODE

KEY = "a" * 64
KEYED = f"http://127.0.0.1:9/k/{KEY}"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".config" / "opencode").mkdir(parents=True)
    (tmp_path / "work" / ".git").mkdir(parents=True)
    return tmp_path


def context(home: Path, *args: str, **env: str) -> Context:
    return Context(args, env, home / "work", home)


def planned(context: Context) -> Plan:
    return OPENCODE.plan(context, Route("http://127.0.0.1:9", KEY, "s1", Path("/f"), Path("/d"), ("/py", "/mcp.py")))


def content(context: Context) -> Any:
    return json.loads(planned(context).env[CONTENT])


def configure(home: Path, value: object, name: str = "opencode.json") -> None:
    (home / ".config" / "opencode" / name).write_text(json.dumps(value), encoding="utf-8")


def base_urls(context: Context) -> dict[str, str]:
    return {name: provider["options"]["baseURL"] for name, provider in content(context)["provider"].items()}


def urls(context: Context) -> dict[str, str]:
    return {name: upstream.url for name, upstream in OPENCODE.upstreams(context).items()}


CORP = {"npm": "@ai-sdk/openai-compatible", "options": {"baseURL": "https://corp/api"}}


def test_built_in_providers_lead_to_the_proxy_with_the_key_in_the_path(home: Path) -> None:
    asked = context(home, "run", "hello")
    assert base_urls(asked) == {"anthropic": f"{KEYED}/v1", "openai": f"{KEYED}/v1"}
    assert urls(asked) == {"anthropic": "https://api.anthropic.com", "openai": "https://api.openai.com/v1"}
    assert planned(asked).args == ("run", "hello")
    assert planned(asked).files == {}


def test_retrieval_is_a_server_of_ours_that_is_allowed(home: Path) -> None:
    found = content(context(home))
    assert found["mcp"]["headroom"]["command"] == ["/py", "/mcp.py"]
    assert found["mcp"]["headroom"]["environment"] == {"HEADROOM_HOME": "/d", "HEADROOM_SESSION": "s1"}
    assert found["permission"] == {"headroom_headroom_retrieve": "allow"}


def test_what_the_users_own_variable_says_is_kept_and_its_rules_come_first(home: Path) -> None:
    own = '{"permission": "ask", "mcp": {"x": {"type": "local"}}, /* why */ "theme": "dark",}'
    found = content(context(home, OPENCODE_CONFIG_CONTENT=own))
    assert list(found["permission"].items()) == [("*", "ask"), ("headroom_headroom_retrieve", "allow")]
    assert (found["theme"], set(found["mcp"])) == ("dark", {"x", "headroom"})


@pytest.mark.parametrize("args", [("-m", "corp/x"), ("run", "--model=corp/x")])
def test_the_provider_of_the_model_in_use_is_the_upstream(home: Path, args: tuple[str, ...]) -> None:
    configure(home, {"provider": {"corp": CORP}})
    asked = context(home, *args)
    assert urls(asked)["openai"] == "https://corp/api"
    assert base_urls(asked) == {"anthropic": f"{KEYED}/v1", "corp": f"{KEYED}/v1"}
    assert OPENCODE.bypasses(asked) == ()


def test_a_provider_that_is_not_in_use_is_said_to_pass_us_by(home: Path) -> None:
    configure(home, {"provider": {"corp": CORP}, "model": "openai/gpt-5"})
    asked = context(home)
    assert "corp" not in base_urls(asked)
    assert "provider corp keeps its own base URL" in OPENCODE.bypasses(asked)[0]
    assert planned(asked).notes == OPENCODE.bypasses(asked)


def test_a_provider_of_unknown_address_is_said_to_pass_us_by(home: Path) -> None:
    said = OPENCODE.bypasses(context(home, "-m", "groq/x"))
    assert "provider.groq.options.baseURL" in said[0]


def test_the_model_used_last_decides_where_none_is_named(home: Path) -> None:
    state = home / ".local" / "state" / "opencode"
    state.mkdir(parents=True)
    (state / "model.json").write_text('{"recent": [{"providerID": "opencode", "modelID": "x"}]}', encoding="utf-8")
    assert urls(context(home)) == {"anthropic": "https://opencode.ai/zen", "openai": "https://opencode.ai/zen/v1"}
    assert urls(context(home, "-m", "openai/x"))["openai"] == "https://api.openai.com/v1"


def test_layers_are_asked_in_opencodes_order(home: Path) -> None:
    def layer(url: str) -> dict[str, Any]:
        return {"provider": {"anthropic": {"options": {"baseURL": url}}}}

    assert urls(context(home, ANTHROPIC_BASE_URL="https://variable/v1"))["anthropic"] == "https://variable"
    configure(home, layer("https://json/v1"))
    configure(home, layer("https://jsonc/v1"), "opencode.jsonc")
    assert urls(context(home, ANTHROPIC_BASE_URL="https://variable/v1"))["anthropic"] == "https://jsonc"
    (home / "custom.json").write_text(json.dumps(layer("https://custom/v1")), encoding="utf-8")
    env = {"OPENCODE_CONFIG": str(home / "custom.json")}
    assert urls(context(home, **env))["anthropic"] == "https://custom"
    (home / "work" / "opencode.json").write_text(json.dumps(layer("{env:GATE}/v1")), encoding="utf-8")
    assert urls(context(home, GATE="https://gate", **env))["anthropic"] == "https://gate"
    env["OPENCODE_CONFIG_CONTENT"] = json.dumps(layer("https://content/v1"))
    assert urls(context(home, **env))["anthropic"] == "https://content"


def test_an_anthropic_base_url_without_v1_keeps_its_path(home: Path) -> None:
    configure(home, {"provider": {"gate": {"npm": "@ai-sdk/anthropic", "options": {"baseURL": "https://gate/a"}}}})
    asked = context(home, "-m", "gate/x")
    assert urls(asked)["anthropic"] == "https://gate/a"
    assert base_urls(asked)["gate"] == KEYED


@pytest.mark.parametrize("command", ["auth", "models", "mcp", "attach"])
def test_commands_that_ask_no_model_are_passed_as_they_are(home: Path, command: str) -> None:
    plan = planned(context(home, command, "x"))
    assert plan.args == (command, "x")
    assert CONTENT not in plan.env


def test_a_chatgpt_login_is_said_to_pass_us_by(home: Path) -> None:
    data = home / ".local" / "share" / "opencode"
    data.mkdir(parents=True)
    (data / "auth.json").write_text('{"openai": {"type": "oauth", "access": "t"}}', encoding="utf-8")
    assert "ChatGPT" in OPENCODE.bypasses(context(home))[0]


def test_sessions_are_in_one_database(home: Path) -> None:
    assert OPENCODE.transcripts(context(home)) == (home / ".local" / "share" / "opencode" / "opencode.db",)
    assert OPENCODE.transcripts(context(home, XDG_DATA_HOME="/x")) == (Path("/x/opencode/opencode.db"),)
