"""The scripted agent's command line and settings, with Claude Code's rules of precedence."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

DEFAULT_BASE_URL = "https://api.anthropic.com"
DEFAULT_MODEL = "claude-opus-4-8"
_KEY_BETAS = (
    "claude-code-20250219",
    "context-1m-2025-08-07",
    "interleaved-thinking-2025-05-14",
    "context-management-2025-06-27",
    "prompt-caching-scope-2026-01-05",
    "mid-conversation-system-2026-04-07",
    "effort-2025-11-24",
)
_OAUTH_BETAS = ("oauth-2025-04-20", "extended-cache-ttl-2025-04-11")


@dataclass(frozen=True, slots=True)
class McpServer:
    """A stdio MCP server from `--mcp-config`."""

    name: str
    command: str
    args: tuple[str, ...]
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line asks for."""

    prompt: str
    model: str
    settings: str | None
    mcp_configs: tuple[str, ...]
    transcript: Path | None
    resume: bool
    output_format: str
    max_turns: int
    max_retries: int
    quiet: bool
    interactive: bool


def parse(argv: Sequence[str]) -> Options:
    """Read the command line; flags of Claude Code that mean nothing here are passed over."""
    parser = argparse.ArgumentParser(prog="scripted-agent", allow_abbrev=False)
    parser.add_argument("-p", "--print", dest="print_prompt", nargs="?", const="", help="answer once and end")
    parser.add_argument("--settings", action="append", default=[], help="JSON or file; only the last one counts")
    parser.add_argument("--mcp-config", action="append", default=[], help="JSON or file; all of them count")
    parser.add_argument("--model", default=DEFAULT_MODEL)
    parser.add_argument("--transcript", type=Path, help="keep the conversation in this file")
    parser.add_argument("--resume", type=Path, help="go on with the conversation in this file")
    parser.add_argument("--output-format", choices=("text", "json"), default="text")
    parser.add_argument("--max-turns", type=int, default=50)
    parser.add_argument("--max-retries", type=int, default=3)
    parser.add_argument("--quiet", action="store_true", help="do not tell the steps")
    parser.add_argument("--interactive", action="store_true", help="read prompts from the terminal, in raw mode")
    parser.add_argument("prompt", nargs="?", default="")
    given, _ = parser.parse_known_args(argv)
    return Options(
        prompt=given.print_prompt or given.prompt,
        model=given.model,
        settings=given.settings[-1] if given.settings else None,
        mcp_configs=tuple(given.mcp_config),
        transcript=given.resume or given.transcript,
        resume=given.resume is not None,
        output_format=given.output_format,
        max_turns=given.max_turns,
        max_retries=given.max_retries,
        quiet=given.quiet,
        interactive=given.interactive,
    )


def effective_env(env: Mapping[str, str], options: Options, folder: Path) -> dict[str, str]:
    """The environment under the settings' `env`: the user's file, then the project's, then the last `--settings`.

    Raises:
        ValueError: a settings text or file is no JSON.
    """
    config = Path(env.get("CLAUDE_CONFIG_DIR") or Path(env.get("HOME", "~")).expanduser() / ".claude")
    merged = dict(env)
    for file in (config / "settings.json", folder / ".claude" / "settings.json"):
        if file.is_file():
            merged.update(_load(str(file)).get("env", {}))
    if options.settings:
        merged.update(_load(options.settings).get("env", {}))
    return merged


def mcp_servers(options: Options) -> list[McpServer]:
    """The servers of every `--mcp-config`.

    Raises:
        ValueError: a config is no JSON. KeyError: a server without a command.
    """
    servers: list[McpServer] = []
    for config in options.mcp_configs:
        for name, entry in _load(config).get("mcpServers", {}).items():
            servers.append(McpServer(name, entry["command"], tuple(entry.get("args", ())), entry.get("env", {})))
    return servers


def is_oauth(env: Mapping[str, str]) -> bool:
    """Whether the agent is logged in with a subscription and no key."""
    return bool(env.get("CLAUDE_CODE_OAUTH_TOKEN")) and not (
        env.get("ANTHROPIC_API_KEY") or env.get("ANTHROPIC_AUTH_TOKEN")
    )


def auth_headers(env: Mapping[str, str]) -> dict[str, str]:
    """Credentials as Claude Code sends them, its betas, and the user's own headers; no credentials, no headers."""
    headers: dict[str, str] = {}
    betas: tuple[str, ...] = _KEY_BETAS
    if env.get("ANTHROPIC_API_KEY"):
        headers["x-api-key"] = env["ANTHROPIC_API_KEY"]
    if env.get("ANTHROPIC_AUTH_TOKEN"):
        headers["Authorization"] = f"Bearer {env['ANTHROPIC_AUTH_TOKEN']}"
    if is_oauth(env):
        headers["Authorization"] = f"Bearer {env['CLAUDE_CODE_OAUTH_TOKEN']}"
        betas += _OAUTH_BETAS
    if not headers:
        return {}
    headers["anthropic-beta"] = ",".join(betas)
    for line in env.get("ANTHROPIC_CUSTOM_HEADERS", "").splitlines():
        name, colon, value = line.partition(":")
        if colon:
            headers[name.strip()] = value.strip()
    return headers


def _load(text_or_file: str) -> dict[str, Any]:
    text = text_or_file if text_or_file.lstrip().startswith("{") else Path(text_or_file).read_text(encoding="utf-8")
    loaded = json.loads(text)
    if not isinstance(loaded, dict):
        raise ValueError(f"not a JSON object: {text_or_file}")  # noqa: TRY004 - one kind of failure for callers
    return loaded
