"""What Claude Code's settings files say. They beat the environment, so they are read before anything is routed.

Order, the strongest first (measured with 2.1.197; https://code.claude.com/docs/en/settings): managed settings,
`--settings` (only the last one counts), the project's local file, the project's file, the user's file, the environment.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headroom_wrap.agents.agent import Context
from headroom_wrap.errors import Code, HeadroomError

ENVIRONMENT = "the environment"
"""What the weakest layer is called."""

FLAG = "--settings"
_SOURCES_FLAG = "--setting-sources"
_MANAGED = {
    "darwin": Path("/Library/Application Support/ClaudeCode/managed-settings.json"),
    "linux": Path("/etc/claude-code/managed-settings.json"),
}


@dataclass(frozen=True, slots=True)
class Layer:
    """One source of settings, and what it is called when we speak of it."""

    name: str
    content: Mapping[str, Any]

    @property
    def env(self) -> Mapping[str, str]:
        """The `env` block; entries that are not texts count as their JSON spelling, as Claude Code reads them."""
        block = self.content.get("env")
        if not isinstance(block, dict):
            return {}
        return {key: value if isinstance(value, str) else json.dumps(value) for key, value in block.items()}


@dataclass(frozen=True, slots=True)
class Settings:
    """Every layer that is in force, the strongest first, the process environment last.

    `flag` is the content of the user's own `--settings`, `args` are the user's arguments without it.
    """

    layers: tuple[Layer, ...]
    flag: Mapping[str, Any]
    args: tuple[str, ...]

    def variable(self, name: str) -> tuple[str, str] | None:
        """The value of an environment variable inside Claude Code, and the layer that sets it."""
        return next(((layer.env[name], layer.name) for layer in self.layers if layer.env.get(name)), None)


def read(context: Context, managed: Path | None = None) -> Settings:
    """Read all layers.

    Raises:
        HeadroomError: `BAD_SETTING` where the user's `--settings` cannot be read (Claude Code would refuse it too).
    """
    flag, args = _take_flag(context)
    managed = managed or _MANAGED.get(sys.platform, _MANAGED["linux"])
    layers = [Layer(f"managed settings {managed}", _read_file(managed)), Layer(FLAG, flag)]
    files = {
        "local": context.cwd / ".claude" / "settings.local.json",
        "project": context.cwd / ".claude" / "settings.json",
        "user": config_folder(context) / "settings.json",
    }
    chosen = _sources(args)
    layers += [Layer(str(file), _read_file(file)) for name, file in files.items() if name in chosen]
    layers.append(Layer(ENVIRONMENT, {"env": dict(context.env)}))
    return Settings(tuple(layers), flag, args)


def config_folder(context: Context) -> Path:
    """The user's folder of settings, credentials and transcripts."""
    return Path(context.env.get("CLAUDE_CONFIG_DIR") or context.home / ".claude")


def _take_flag(context: Context) -> tuple[Mapping[str, Any], tuple[str, ...]]:
    rest: list[str] = []
    value: str | None = None
    arguments = iter(context.args)
    for argument in arguments:
        if argument == "--":
            rest += [argument, *arguments]
        elif argument == FLAG:
            value = next(arguments, "")
        elif argument.startswith(f"{FLAG}="):
            value = argument.partition("=")[2]
        else:
            rest.append(argument)
    return {} if value is None else _parse_flag(value, context.cwd), tuple(rest)


def _parse_flag(value: str, cwd: Path) -> Mapping[str, Any]:
    try:
        text = value if value.lstrip().startswith("{") else (cwd / value).read_text(encoding="utf-8")
        content = json.loads(text)
    except (OSError, ValueError) as error:
        message = f"The settings given with {FLAG} cannot be read: {error}."
        raise HeadroomError(Code.BAD_SETTING, message, f"Give {FLAG} a JSON object or a file with one.") from error
    if not isinstance(content, dict):
        raise HeadroomError(Code.BAD_SETTING, f"The settings given with {FLAG} are no JSON object.")
    return content


def _read_file(file: Path) -> Mapping[str, Any]:
    """A settings file; one that is missing or broken counts as empty, as it does for Claude Code."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _sources(args: tuple[str, ...]) -> frozenset[str]:
    chosen = None
    for argument, following in zip(args, (*args[1:], ""), strict=False):
        if argument == _SOURCES_FLAG:
            chosen = following
        elif argument.startswith(f"{_SOURCES_FLAG}="):
            chosen = argument.partition("=")[2]
    if chosen is None:
        return frozenset({"user", "project", "local"})
    return frozenset(name.strip() for name in chosen.split(","))
