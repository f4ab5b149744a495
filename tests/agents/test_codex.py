"""Codex's plan: `-c` and environment only, the user's own provider respected, no secret in argv."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap.agents import Context, Plan, Route
from headroom_wrap.agents.codex import CODEX

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

KEY = "k" * 64


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".codex").mkdir()
    return tmp_path


def context(home: Path, *args: str, **env: str) -> Context:
    return Context(args, env, home, home)


def planned(context: Context) -> Plan:
    route = Route("http://127.0.0.1:9", KEY, "s1", Path("/files"), Path("/data"), ("/py thon", "/mcp.py"))
    return CODEX.plan(context, route)


def overrides(plan: Plan) -> dict[str, Any]:
    """The `-c` values of a plan, read as Codex reads them."""
    words = list(plan.args)
    values = [words[index + 1] for index, word in enumerate(words) if word == "-c"]
    return {value.partition("=")[0]: tomllib.loads("v = " + value.partition("=")[2])["v"] for value in values}


def configure(home: Path, text: str, name: str = "config.toml") -> None:
    (home / ".codex" / name).write_text(text, encoding="utf-8")


def test_the_built_in_provider_keeps_its_name_and_leads_to_the_proxy(home: Path) -> None:
    plan = planned(context(home, "exec", "hello"))
    found = overrides(plan)
    assert found["openai_base_url"] == "http://127.0.0.1:9/v1"
    assert "model_provider" not in found
    assert plan.env["OPENAI_PROJECT"] == f"headroom-{KEY}"


def test_the_variable_that_carries_the_key_is_kept_from_the_agents_commands(home: Path) -> None:
    configure(home, '[shell_environment_policy]\nexclude = ["MINE"]\n')
    assert overrides(planned(context(home)))["shell_environment_policy.exclude"] == ["MINE", "OPENAI_PROJECT"]
    plan = planned(context(home, OPENAI_PROJECT="proj_1"))
    assert overrides(plan)["shell_environment_policy.set.OPENAI_PROJECT"] == "proj_1"
    assert plan.env["OPENAI_PROJECT"] == f"headroom-{KEY}/proj_1"


def test_the_key_is_never_in_argv(home: Path) -> None:
    assert not any(KEY in word for word in planned(context(home, "exec", "x")).args)


def test_retrieval_is_an_mcp_server_that_needs_no_approval(home: Path) -> None:
    server = overrides(planned(context(home)))["mcp_servers.headroom"]
    assert [server["command"], *server["args"]] == ["/py thon", "/mcp.py"]
    assert server["default_tools_approval_mode"] == "approve"
    assert server["env"] == {"HEADROOM_HOME": "/data", "HEADROOM_SESSION": "s1"}


@pytest.mark.parametrize(
    ("args", "has"),
    [
        ((), True),
        (("hello",), True),
        (("resume", "--last"), True),
        (("exec", "x"), False),
        (("e", "x"), False),
        (("--no-daemon",), True),
    ],
)
def test_the_tui_runs_without_the_daemon(home: Path, args: tuple[str, ...], *, has: bool) -> None:
    assert planned(context(home, *args)).args.count("--no-daemon") == has


@pytest.mark.parametrize("command", ["login", "mcp", "doctor", "app-server"])
def test_commands_that_ask_no_model_are_passed_as_they_are(home: Path, command: str) -> None:
    assert planned(context(home, command, "x")).args == (command, "x")


def test_the_users_own_provider_keeps_its_settings_and_its_url_is_the_upstream(home: Path) -> None:
    configure(
        home,
        'model_provider = "corp"\n[model_providers.corp]\nname = "C"\nbase_url = "https://corp/v1"\n'
        'env_http_headers = {"x-a" = "A"}\n',
    )
    asked = context(home, "exec", "x")
    found = overrides(planned(asked))
    assert "model_provider" not in found
    assert found["model_providers.corp.base_url"] == "http://127.0.0.1:9/v1"
    assert found["model_providers.corp.env_http_headers"] == {"x-a": "A", "x-headroom-key": "HEADROOM_SESSION_KEY"}
    assert {upstream.url for upstream in CODEX.upstreams(asked).values()} == {"https://corp/v1"}


def test_layers_are_asked_in_codexs_order(home: Path, tmp_path: Path) -> None:
    assert CODEX.upstreams(context(home))["openai"].url == "https://api.openai.com/v1"
    assert CODEX.upstreams(context(home))["chatgpt"].url == "https://chatgpt.com/backend-api/codex"
    configure(home, 'openai_base_url = "https://file/v1"\n')
    configure(home, 'openai_base_url = "https://profile/v1"\n', "work.config.toml")
    assert CODEX.upstreams(context(home))["openai"].url == "https://file/v1"
    assert CODEX.upstreams(context(home, "-p", "work"))["openai"].url == "https://profile/v1"
    flag = ("--profile=work", "-c", "openai_base_url=https://flag/v1")
    assert CODEX.upstreams(context(home, *flag))["openai"].url == "https://flag/v1"
    assert CODEX.upstreams(context(home, CODEX_HOME=str(tmp_path / "none")))["openai"].source == "default"


@pytest.mark.parametrize("text", ["model_provider = ", "\xff"])
def test_a_broken_file_counts_as_empty(home: Path, text: str) -> None:
    (home / ".codex" / "config.toml").write_bytes(text.encode("latin-1"))
    assert CODEX.upstreams(context(home))["openai"].source == "default"


@pytest.mark.parametrize("args", [("--oss",), ("-c", 'model_provider="ollama"')])
def test_a_local_model_is_said_to_pass_us_by(home: Path, args: tuple[str, ...]) -> None:
    plan = planned(context(home, *args))
    assert plan.args == args
    assert "local model" in plan.notes[0]


def test_codexs_own_name_for_a_ca_file_holds_for_the_upstream(home: Path) -> None:
    assert CODEX.network_env(context(home, CODEX_CA_CERTIFICATE="/ca.pem"))["SSL_CERT_FILE"] == "/ca.pem"


def test_a_provider_that_signs_its_requests_is_said_to_pass_us_by(home: Path) -> None:
    configure(home, 'model_provider = "amazon-bedrock"\n')
    plan = planned(context(home, "exec", "x"))
    assert plan.args == ("exec", "x")
    assert "Amazon Bedrock, which signs" in plan.notes[0]


def test_what_an_administrator_sets_is_said_to_beat_the_session(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(home, 'openai_base_url = "https://corp/v1"\nmodel = "x"\n', "managed.toml")
    assert CODEX.bypasses(context(home)) == ()
    monkeypatch.setattr("headroom_wrap.agents.codex_config.MANAGED", home / ".codex" / "managed.toml")
    (said,) = CODEX.bypasses(context(home, "-c", "openai_base_url=https://flag/v1"))
    assert "sets openai_base_url" in said
    assert CODEX.upstreams(context(home))["openai"].url == "https://corp/v1"


def test_threads_are_in_codexs_home(home: Path) -> None:
    assert CODEX.transcripts(context(home)) == (home / ".codex" / "sessions",)
    assert CODEX.transcripts(context(home, CODEX_HOME="/c")) == (Path("/c/sessions"),)
