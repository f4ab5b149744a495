"""What Codex's configuration says: files in `CODEX_HOME`, the profile, and `-c`, the strongest last.

Form: https://developers.openai.com/codex/config (measured with 0.169.0).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headroom_wrap.agents.agent import Context

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

SYSTEM = Path("/etc/codex/config.toml")
MANAGED = Path("/etc/codex/managed_config.toml")
"""What an administrator sets; it beats `-c` (https://developers.openai.com/codex/config)."""

_ROUTING_KEYS = ("model_provider", "openai_base_url", "model_providers")
_CONFIG_FLAGS = ("-c", "--config")
_PROFILE_FLAGS = ("-p", "--profile")


@dataclass(frozen=True, slots=True)
class CodexConfig:
    """The configuration in force, where its files live, and the keys of ours that an administrator has set."""

    home: Path
    values: Mapping[str, Any]
    managed: tuple[str, ...] = ()

    @property
    def provider(self) -> str:
        """The id of the model provider."""
        return str(self.values.get("model_provider") or "openai")

    @property
    def provider_values(self) -> Mapping[str, Any]:
        """What the user set for that provider; empty for a built-in one."""
        providers = self.values.get("model_providers")
        found = providers.get(self.provider) if isinstance(providers, dict) else None
        return found if isinstance(found, dict) else {}

    def has_login(self) -> bool:
        """Whether Codex has credentials of its own (`codex login`)."""
        return (self.home / "auth.json").is_file()


def read(context: Context) -> CodexConfig:
    """Read all layers; a file that is missing or broken counts as empty: Codex itself speaks of it."""
    home = Path(context.env.get("CODEX_HOME") or context.home / ".codex")
    values: dict[str, Any] = {}
    _merge(values, _read_file(SYSTEM))
    _merge(values, _read_file(home / "config.toml"))
    for profile in _flag_values(context.args, _PROFILE_FLAGS):
        _merge(values, _read_file(home / f"{profile}.config.toml"))
    for override in _flag_values(context.args, _CONFIG_FLAGS):
        key, _, text = override.partition("=")
        _merge(values, _nested(key.strip(), _parse_value(text)))
    managed = _read_file(MANAGED)
    _merge(values, managed)
    return CodexConfig(home, values, tuple(key for key in _ROUTING_KEYS if key in managed))


def _flag_values(args: tuple[str, ...], names: tuple[str, ...]) -> Iterator[str]:
    words = iter(args)
    for word in words:
        if word == "--":
            return
        name, has_value, value = word.partition("=")
        if word in names:
            yield next(words, "")
        elif name in names and has_value:
            yield value


def _read_file(file: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}


def _parse_value(text: str) -> Any:
    """TOML, or where it is none the text itself, as Codex does."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text.strip()


def _nested(key: str, value: Any) -> dict[str, Any]:
    first, dot, rest = key.partition(".")
    return {first: _nested(rest, value) if dot else value}


def _merge(values: dict[str, Any], more: Mapping[str, Any]) -> None:
    for key, value in more.items():
        old = values.get(key)
        if isinstance(old, dict) and isinstance(value, dict):
            inner = dict(old)
            _merge(inner, value)
            values[key] = inner
        else:
            values[key] = value
