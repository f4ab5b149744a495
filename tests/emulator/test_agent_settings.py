from __future__ import annotations

import json
from pathlib import Path

import pytest

from headroom_wrap.emulator.agent_settings import auth_headers, effective_env, mcp_servers, parse


def _settings(file: Path, url: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"env": {"ANTHROPIC_BASE_URL": url}}), encoding="utf-8")
    return file


def test_settings_beat_the_environment_and_the_last_flag_beats_all(tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path / "home"), "ANTHROPIC_BASE_URL": "environment"}
    project = tmp_path / "project"

    def url(*argv: str) -> str:
        return effective_env(env, parse(argv), project)["ANTHROPIC_BASE_URL"]

    assert url() == "environment"
    _settings(tmp_path / "home" / ".claude" / "settings.json", "user")
    assert url() == "user"
    _settings(project / ".claude" / "settings.json", "project")
    assert url() == "project"
    first, last = _settings(tmp_path / "1.json", "first"), '{"env": {"ANTHROPIC_BASE_URL": "last"}}'
    assert url("--settings", str(first)) == "first"
    assert url("--settings", str(first), "--settings", last) == "last"
    assert url("--settings", str(first), "--settings", "{}") == "project"


def test_the_config_folder_can_be_moved(tmp_path: Path) -> None:
    _settings(tmp_path / "moved" / "settings.json", "moved")
    env = {"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path / "moved")}
    assert effective_env(env, parse(()), tmp_path)["ANTHROPIC_BASE_URL"] == "moved"


@pytest.mark.parametrize(
    "argv", [["-p", "do it"], ["-p", "--model", "m", "do it"], ["do it"], ["-p", "--strict-mcp-config", "--", "do it"]]
)
def test_the_prompt_is_found_wherever_claude_code_takes_it(argv: list[str]) -> None:
    assert parse(argv).prompt == "do it"


def test_all_mcp_configs_count_as_text_and_as_file(tmp_path: Path) -> None:
    file = tmp_path / "mcp.json"
    file.write_text('{"mcpServers": {"a": {"command": "x", "args": ["1"], "env": {"K": "V"}}}}', encoding="utf-8")
    servers = mcp_servers(parse(["--mcp-config", str(file), '--mcp-config={"mcpServers": {"b": {"command": "y"}}}']))
    assert [(server.name, server.command, server.args, server.env) for server in servers] == [
        ("a", "x", ("1",), {"K": "V"}),
        ("b", "y", (), {}),
    ]


def test_credentials_go_where_claude_code_puts_them() -> None:
    assert auth_headers({}) == {}
    both = auth_headers({"ANTHROPIC_API_KEY": "k", "ANTHROPIC_AUTH_TOKEN": "t"})
    assert (both["x-api-key"], both["Authorization"]) == ("k", "Bearer t")
    assert "oauth" not in both["anthropic-beta"]
    oauth = auth_headers({"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat"})
    assert oauth["Authorization"] == "Bearer sk-ant-oat"
    assert "oauth-2025-04-20" in oauth["anthropic-beta"]
    assert "x-api-key" not in oauth


def test_custom_headers_are_lines() -> None:
    headers = auth_headers({"ANTHROPIC_API_KEY": "k", "ANTHROPIC_CUSTOM_HEADERS": "x-one: 1\nx-two:2\nnonsense"})
    assert (headers["x-one"], headers["x-two"]) == ("1", "2")
    assert "nonsense" not in headers
