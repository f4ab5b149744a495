"""Every setting there is: flag over environment over file over default, each value knowing its source."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from headroom_wrap import paths
from headroom_wrap.errors import Code, HeadroomError

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

LEVELS = ("off", "safe", "balanced", "aggressive")
MEMORY_MODES = ("auto", "on", "off")
MAX_LIMIT = 10_000_000
"""Of days and of MB: beyond it a number is a slip of the finger."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting: its name in the file, its environment variable, its default, how text becomes a value."""

    name: str
    variable: str
    default: Any
    parse: Callable[[Any], Any]
    help: str


def _level(value: Any) -> str:
    if value not in LEVELS:
        raise ValueError(f"one of {', '.join(LEVELS)}")
    return str(value)


def _port(value: Any) -> int:
    try:
        port = int(value)
    except (TypeError, ValueError):
        raise ValueError("a port number") from None
    if not 0 <= port <= 65_535:  # noqa: PLR2004 - the range of TCP ports
        raise ValueError("a port from 0 to 65535")
    return port


def _limit(value: Any) -> int:
    try:
        limit = int(value)
    except (TypeError, ValueError):
        raise ValueError("a whole number; 0 means no limit") from None
    if not 0 <= limit <= MAX_LIMIT or isinstance(value, (bool, float)):
        raise ValueError(f"a whole number from 0 (no limit) to {MAX_LIMIT}")
    return limit


def _names(value: Any) -> tuple[str, ...]:
    items = value.split(",") if isinstance(value, str) else value
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise ValueError("names, separated by commas")
    return tuple(item.strip() for item in items if item.strip())


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    known = {"1": True, "true": True, "on": True, "yes": True, "0": False, "false": False, "off": False, "no": False}
    word = str(value).lower()
    if word not in known:
        raise ValueError("1 or 0")
    return known[word]


def _folder(value: Any) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise ValueError("a folder")
    return value.strip()


def _memory(value: Any) -> str:
    word = ("off", "on")[value] if isinstance(value, bool) else value
    if word not in MEMORY_MODES:
        raise ValueError(f"one of {', '.join(MEMORY_MODES)}")
    return str(word)


def _url(value: Any) -> str:
    parts = urlsplit(str(value))
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
        raise ValueError("a URL such as https://api.example.com")
    return str(value).rstrip("/")


def _https_url(value: Any) -> str:
    url = _url(value)
    if not url.startswith("https://"):
        raise ValueError("a URL that begins with https://, since a token goes there")
    return url


def _client_id(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[A-Za-z0-9._-]{1,100}", value):
        raise ValueError("the client id of an app of GitHub's, such as Iv1.0123456789abcdef")
    return value


def _anthropic_url(value: Any) -> str:
    url = _url(value)
    if url.endswith("/v1"):
        raise ValueError("the URL without /v1 at its end, as Anthropic's SDK takes it")
    return url


_URLS = (_url, _anthropic_url)

SETTINGS = (
    Setting("level", "HEADROOM_LEVEL", "balanced", _level, "How much may go: off, safe, balanced or aggressive."),
    Setting(
        "exclude_tools", "HEADROOM_EXCLUDE_TOOLS", (), _names, "Tools whose results are never touched, with commas."
    ),
    Setting(
        "cache_breakpoints", "HEADROOM_CACHE_BREAKPOINTS", default=False, parse=_switch,
        help="Mark prefixes for Anthropic's prompt cache where a client marks none: 1 or 0.",
    ),
    Setting("port", "HEADROOM_PORT", 0, _port, "Port of the proxy; 0: a free one. headroom proxy: 8787 unless told."),
    Setting(
        "anthropic_url", "HEADROOM_ANTHROPIC_URL", "", _anthropic_url,
        "Where Anthropic requests go, without /v1; default: what the agent had, else https://api.anthropic.com.",
    ),
    Setting(
        "openai_url", "HEADROOM_OPENAI_URL", "", _url,
        "Where OpenAI requests go, with /v1; default: what the agent had, else https://api.openai.com/v1.",
    ),
    Setting(
        "chatgpt_url", "HEADROOM_CHATGPT_URL", "", _url,
        "Where Codex goes with a ChatGPT login; default: https://chatgpt.com/backend-api/codex.",
    ),
    Setting(
        "copilot_url", "HEADROOM_COPILOT_URL", "", _https_url,
        "Where Copilot requests go with a subscription, over https; default: as GitHub says for the account.",
    ),
    Setting(
        "copilot_client_id", "HEADROOM_COPILOT_CLIENT_ID", "Iv1.b507a08c87ecfe98", _client_id,
        "As which app headroom copilot-auth login signs in to GitHub.",
    ),
    Setting(
        "retention_days", "HEADROOM_RETENTION_DAYS", 30, _limit,
        "For how many days after its last use an original is kept; 0: no limit.",
    ),
    Setting(
        "store_max_mb", "HEADROOM_STORE_MAX_MB", 2048, _limit,
        "How many MB the store may hold before what was used longest ago goes; 0: no limit.",
    ),
    Setting(
        "kompress_dir", "HEADROOM_KOMPRESS_DIR", "", _folder,
        "Folder of the optional model for prose, or cache for the Hugging Face cache; used at level aggressive.",
    ),
    Setting(
        "memory", "HEADROOM_MEMORY_MODE", "auto", _memory,
        "Whether agents share the project's memory: on, off, or auto: once the project has facts.",
    ),
    Setting(
        "embeddings", "HEADROOM_EMBEDDINGS", "", _folder,
        "Folder of the optional MiniLM model, with which a search of the memory also goes by meaning.",
    ),
    Setting(
        "learn", "HEADROOM_LEARN", default=False, parse=_switch,
        help="Learn from each wrapped session when it ends, and write it down, as headroom learn --apply does: 1 or 0.",
    ),
)  # fmt: skip

INTERNAL_VARIABLES = {
    paths.HOME_VARIABLE: "Folder of the store, the sessions and the settings file.",
    "HEADROOM_EMULATED_GITHUB": "Set by tests: an emulated GitHub on loopback in place of GitHub and Copilot.",
    "HEADROOM_DEBUG": "Set to 1, unexpected errors show their traceback.",
    "HEADROOM_AGENT": "Set by a session for its MCP server: which agent saves what is saved to the memory.",
    "HEADROOM_MEMORY": "Set by a session for its MCP server: the project whose memory it offers.",
    "HEADROOM_SESSION": "Set by a session for its children: which session a retrieval belongs to.",
    "HEADROOM_READY_FILE": "Set by a session for its MCP server: a file to create when its tools have been told.",
    "HEADROOM_SESSION_KEY": "Set by a session for its children: the key of its proxy.",
    "HEADROOM_SESSION_URL": "Set by a session for its children: its proxy, so that a wrap inside it passes through.",
}
"""Environment names that are no settings of the file."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The values in force, and where each came from: "flag", a variable's name, the file's path, or "default"."""

    level: str
    exclude_tools: tuple[str, ...]
    cache_breakpoints: bool
    port: int
    anthropic_url: str
    openai_url: str
    chatgpt_url: str
    copilot_url: str
    copilot_client_id: str
    retention_days: int
    store_max_mb: int
    kompress_dir: str
    memory: str
    embeddings: str
    learn: bool
    sources: Mapping[str, str]


def load(flags: Mapping[str, Any], env: Mapping[str, str], file: Path | None = None) -> Settings:
    """Resolve every setting.

    Args:
        flags: setting name -> value from the command line; None means "not given".
        env: the environment.
        file: the settings file; default `paths.config_file(env)`. It need not exist.

    Raises:
        HeadroomError: `BAD_SETTING`, naming the value and where it stood.
    """
    file = paths.config_file(env) if file is None else file
    in_file = _read(file)
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for setting in SETTINGS:
        found: tuple[Any, str] | None = None
        if flags.get(setting.name) is not None:
            found = flags[setting.name], "flag"
        elif env.get(setting.variable):
            found = env[setting.variable], setting.variable
        elif setting.name in in_file:
            found = in_file[setting.name], str(file)
        if found is None:
            values[setting.name], sources[setting.name] = setting.default, "default"
            continue
        value, sources[setting.name] = found
        try:
            values[setting.name] = setting.parse(value)
        except ValueError as error:
            where = sources[setting.name]
            # People put passwords and keys into URLs.
            shown = "a URL" if setting.parse in _URLS else repr(value)
            message = f"The setting {setting.name} is {shown} (from: {where}), which is not usable."
            raise HeadroomError(Code.BAD_SETTING, message, f"Give it {error}.") from error
    return Settings(**values, sources=sources)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        hint = "Mend or remove the file; every setting also has a flag and a variable."
        raise HeadroomError(Code.BAD_SETTING, f"The settings file {file} cannot be read: {error}.", hint) from error
    unknown = sorted(set(content) - {setting.name for setting in SETTINGS})
    if unknown:
        message = f"The settings file {file} has unknown settings: {', '.join(unknown)}."
        raise HeadroomError(Code.BAD_SETTING, message, f"Known are: {', '.join(s.name for s in SETTINGS)}.")
    return content
