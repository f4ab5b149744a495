"""Where OpenClaw 2026.9 sends its requests: read from the user's configuration, of which nothing is changed."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headroom_wrap.agents.agent import Context, Upstream
from headroom_wrap.edits import jsonc
from headroom_wrap.edits.text import EditError
from headroom_wrap.proxy.config import OFFICIAL_URLS

INCLUDE = "$include"
PLUGIN = "headroom"
WIRES = {"anthropic-messages": "anthropic", "openai-completions": "openai", "openai-responses": "openai"}
"""What OpenClaw calls the wire formats that we know, and the upstream of each."""
BUILT_IN = {"anthropic": "anthropic-messages", "openai": "openai-responses"}
"""Providers that OpenClaw has without an entry, and the `api` that stands beside their base URL."""

_MAX_DEPTH = 10
_VALUED_FLAGS = frozenset({"--profile", "--log-level", "--container"})
_VARIABLE = re.compile(r"\$\{(\w+)\}")
_DOTENV_LINE = re.compile(r"^\s*(?:export\s+)?(\w+)\s*=\s*[\"']?([^\"'#\s]*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider of the user's whose requests can pass here.

    Attributes:
        name: as in `models.providers`.
        api: OpenClaw's name of its wire format.
        upstream: where its requests go, as the provider's SDK writes it.
        has_models: whether the user's entry lists models.
        is_named: whether the user's configuration has an entry for it.
    """

    name: str
    api: str
    upstream: Upstream
    has_models: bool
    is_named: bool

    @property
    def wire(self) -> str:
        """The upstream's name in the route table."""
        return WIRES[self.api]


@dataclass(frozen=True, slots=True)
class OpenClawConfig:
    """The user's configuration.

    Attributes:
        path: the file that OpenClaw would read; it need not exist.
        state: OpenClaw's folder, with its transcripts.
        values: what it says, included files merged in.
        roots: the folders of the file and of all that it includes.
        env: the environment, with what the configuration and OpenClaw's `.env` files add.
        problem: why it could not be read; empty where it could.
    """

    path: Path
    state: Path
    values: Mapping[str, Any] = field(default_factory=dict)
    roots: tuple[Path, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    problem: str = ""

    @property
    def model(self) -> str:
        """The default model, `provider/name`; empty where none is set."""
        model = at(self.values, "agents", "defaults").get("model")
        primary = model.get("primary") if isinstance(model, dict) else model
        return primary if isinstance(primary, str) else ""


def words(args: tuple[str, ...]) -> tuple[list[str], dict[str, str]]:
    """The command's words from the first that is no global flag on, and these flags."""
    flags: dict[str, str] = {}
    rest = list(args)
    while rest and rest[0].startswith("-"):
        name, has_value, value = rest.pop(0).partition("=")
        flags[name] = value if has_value or name not in _VALUED_FLAGS or not rest else rest.pop(0)
    return rest, flags


def read(context: Context) -> OpenClawConfig:
    """The configuration that a command of this context would read."""
    state, path = _places(context)
    roots: dict[Path, None] = {}
    try:
        values = _with_includes(path, roots, 0) if path.is_file() else {}
    except (OSError, UnicodeDecodeError, EditError, ValueError) as error:
        return OpenClawConfig(path, state, env=context.env, problem=str(error))
    return OpenClawConfig(path, state, values, tuple(roots), _environment(context, state, values))


def providers(config: OpenClawConfig) -> Iterator[Provider]:
    """The providers whose wire format we know: the user's, and those that OpenClaw has anyway."""
    entries = at(config.values, "models", "providers")
    for name, entry in {**dict.fromkeys(BUILT_IN), **entries}.items():
        given = entry if isinstance(entry, dict) else {}
        api = given.get("api") or BUILT_IN.get(name, "")
        upstream = _upstream(name, given, config)
        if api in WIRES and upstream is not None:
            yield Provider(name, api, upstream, bool(given.get("models")), isinstance(entry, dict))


def chosen(config: OpenClawConfig) -> dict[str, Provider]:
    """Per upstream the provider whose base URL it is: the default model's, else the built-in one."""
    found: dict[str, Provider] = {}
    default = config.model.partition("/")[0]
    for provider in providers(config):
        if provider.wire not in found or provider.name == default:
            found[provider.wire] = provider
    return found


def at(values: Mapping[str, Any], *path: str) -> dict[str, Any]:
    """The mapping at a path; an empty one where there is none."""
    value: Any = values
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}


def _places(context: Context) -> tuple[Path, Path]:
    """The state folder and the configuration file (`resolveStateDir` and `resolveConfigPath` of OpenClaw)."""
    flags = words(context.args)[1]
    profile = "dev" if "--dev" in flags else flags.get("--profile", "")
    home = _path(context.env.get("OPENCLAW_HOME", ""), context) or context.home
    named = f".openclaw-{profile}" if profile and profile != "default" else ".openclaw"
    own = None if profile else _path(context.env.get("OPENCLAW_STATE_DIR", ""), context)
    state = own or home / named
    return state, _path(context.env.get("OPENCLAW_CONFIG_PATH", ""), context) or state / "openclaw.json"


def _path(text: str, context: Context) -> Path | None:
    text = text.strip()
    if not text:
        return None
    return context.home / text[2:] if text.startswith("~/") else context.cwd / text


def _with_includes(path: Path, roots: dict[Path, None], depth: int) -> dict[str, Any]:
    """A file's values, with those of included files beneath them."""
    if depth > _MAX_DEPTH:
        raise ValueError(f"{path} is included more than {_MAX_DEPTH} levels deep")
    roots[path.parent] = None
    values = jsonc.load(path.read_text(encoding="utf-8"))
    resolved = _resolved(values, path, roots, depth)
    if not isinstance(resolved, dict):
        raise ValueError(f"{path} holds no object")  # noqa: TRY004 - of the file, not of a caller
    return resolved


def _resolved(value: Any, path: Path, roots: dict[Path, None], depth: int) -> Any:
    if isinstance(value, list):
        return [_resolved(item, path, roots, depth) for item in value]
    if not isinstance(value, dict):
        return value
    own = {key: _resolved(inner, path, roots, depth) for key, inner in value.items() if key != INCLUDE}
    named = value.get(INCLUDE, [])
    merged: Any = {}
    for name in [named] if isinstance(named, str) else named:
        merged = _merged(merged, _with_includes(path.parent / name, roots, depth + 1))
    return _merged(merged, own)


def _merged(below: Any, above: Any) -> Any:
    """Objects merge, lists join, of anything else the upper one counts: OpenClaw's own rule."""
    if isinstance(below, dict) and isinstance(above, dict):
        return {**below, **{key: _merged(below[key], above[key]) if key in below else above[key] for key in above}}
    return [*below, *above] if isinstance(below, list) and isinstance(above, list) else above


def _environment(context: Context, state: Path, values: Mapping[str, Any]) -> dict[str, str]:
    """The environment counts first, then the folder's `.env`, the state folder's, then the configuration's."""
    own = at(values, "env")
    found = {name: value for name, value in {**own, **at(own, "vars")}.items() if isinstance(value, str)}
    for file in (state / ".env", context.cwd / ".env"):
        if file.is_file():
            found.update(_DOTENV_LINE.findall(file.read_text(encoding="utf-8", errors="replace")))
    return {**found, **context.env}


def _upstream(name: str, entry: Mapping[str, Any], config: OpenClawConfig) -> Upstream | None:
    url, source = entry.get("baseUrl"), f"models.providers.{name}"
    if not url and name == "openai":
        url, source = config.env.get("OPENAI_BASE_URL"), "OPENAI_BASE_URL"
    if not url and name in BUILT_IN:
        url, source = OFFICIAL_URLS[name], "default"
    if not isinstance(url, str):
        return None
    missing = [variable for variable in _VARIABLE.findall(url) if not config.env.get(variable)]
    if missing:
        return None
    url = _VARIABLE.sub(lambda match: config.env[match[1]], url).rstrip("/")
    url = _before_install(name, url, config)
    api = entry.get("api") or BUILT_IN.get(name)
    return Upstream(url.removesuffix("/v1") if api == "anthropic-messages" else url, source)


def _before_install(name: str, url: str, config: OpenClawConfig) -> str:
    """Where requests went before `--install`: a session's proxy sends them there, not to the stand-alone one."""
    installed = at(config.values, "plugins", "entries", PLUGIN, "config")
    proxy = installed.get("proxyUrl")
    own = at(installed, "upstreams").get(name)
    is_ours = isinstance(proxy, str) and (url == proxy or url.startswith(f"{proxy}/"))
    return own if is_ours and isinstance(own, str) else url


def roots_variable(config: OpenClawConfig, env: Mapping[str, str]) -> str:
    """`OPENCLAW_INCLUDE_ROOTS` that lets an overlay include what the user's configuration includes."""
    own = env.get("OPENCLAW_INCLUDE_ROOTS", "").split(os.pathsep)
    return os.pathsep.join(dict.fromkeys([*filter(None, own), *map(str, config.roots)]))
