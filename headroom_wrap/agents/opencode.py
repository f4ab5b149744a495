"""OpenCode: pointed at the proxy by one variable, `OPENCODE_CONFIG_CONTENT`; no file is written.

OpenCode merges that over its files key by key (measured with 1.18.33), so providers, permissions and servers of the
user's stay as they are. The session key travels in the path: every provider's SDK keeps the path of its base URL.
Files and their order: https://opencode.ai/docs/config.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headroom_wrap.agents import opencode_memory
from headroom_wrap.agents.agent import (
    NETWORK_VARIABLES,
    Agent,
    Context,
    Plan,
    Probe,
    Route,
    Upstream,
    find_program,
    variables_set,
    without_proxy_for_loopback,
)
from headroom_wrap.proxy.config import OFFICIAL_URLS

CONTENT = "OPENCODE_CONFIG_CONTENT"

_SERVER = "headroom"
_NETWORK = (*NETWORK_VARIABLES, "NODE_EXTRA_CA_CERTS")
_ANTHROPIC, _OPENAI = ("anthropic",), ("openai",)
_WIRES = {
    "@ai-sdk/anthropic": _ANTHROPIC,
    "@ai-sdk/openai": _OPENAI,
    "@ai-sdk/openai-compatible": _OPENAI,
    "@openrouter/ai-sdk-provider": _OPENAI,
}
"""What the SDK packages of providers speak."""
_KNOWN = {
    "anthropic": (f"{OFFICIAL_URLS['anthropic']}/v1", _ANTHROPIC),
    "openai": (OFFICIAL_URLS["openai"], _OPENAI),
    "opencode": ("https://opencode.ai/zen/v1", (*_ANTHROPIC, *_OPENAI)),
    "openrouter": ("https://openrouter.ai/api/v1", _OPENAI),
    "deepseek": ("https://api.deepseek.com", _OPENAI),
    "moonshotai": ("https://api.moonshot.ai/v1", _OPENAI),
    "zai": ("https://api.z.ai/api/paas/v4", _OPENAI),
}
"""Providers that OpenCode brings along: base URL (read in 1.18.33) and what they speak."""
_URL_VARIABLES = {"anthropic": "ANTHROPIC_BASE_URL", "openai": "OPENAI_BASE_URL"}
_CREDENTIALS = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENCODE_API_KEY", "OPENROUTER_API_KEY", "DEEPSEEK_API_KEY")
_QUIET = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1"}
_DEFAULT_PACKAGE = "@ai-sdk/openai-compatible"
_FILES = ("opencode.json", "opencode.jsonc")
_BRIEF = "headroom-notes.md"
_MANAGED = {"darwin": Path("/Library/Application Support/opencode"), "linux": Path("/etc/opencode")}
_PASSED_COMMANDS = frozenset(
    "completion mcp attach debug providers auth agent upgrade uninstall models stats export import session plugin"
    " plug db".split()
)
_COMMANDS = _PASSED_COMMANDS | {"run", "acp", "serve", "web", "github", "pr"}
_STRING = r'("(?:[^"\\]|\\.)*")'
_COMMENT = re.compile(_STRING + r"|//[^\n]*|/\*.*?\*/", re.DOTALL)
_LAST_COMMA = re.compile(_STRING + r"|,(?=\s*[}\]])", re.DOTALL)
_VARIABLE = re.compile(r"\{env:([^}]+)\}")


@dataclass(frozen=True, slots=True)
class Provider:
    """One provider of OpenCode's.

    Attributes:
        urls: upstream name -> base URL, as the proxy takes it.
        suffix: what stands behind the proxy's URL where it stands for this provider.
        source: who set the base URL.
    """

    name: str
    urls: Mapping[str, str]
    suffix: str
    source: str


def upstreams(context: Context) -> Mapping[str, Upstream]:
    """Where each kind of request goes: to the provider of the model in use, or else to the built-in one."""
    return {name: Upstream(provider.urls[name], provider.source) for name, provider in _chosen(context).items()}


def network_env(context: Context) -> Mapping[str, str]:
    """Proxies and certificates, which OpenCode takes from the environment."""
    return {name: context.env[name] for name in _NETWORK if context.env.get(name)}


def plan(context: Context, route: Route) -> Plan:
    """Start OpenCode through the route."""
    env = {name: without_proxy_for_loopback(context.env.get(name)) for name in ("NO_PROXY", "no_proxy")}
    if context.args and context.args[0] in _PASSED_COMMANDS:
        return Plan(context.args, env)
    chosen, known = _chosen(context), _providers(context)
    ours: dict[str, Any] = {
        "provider": {
            name: {"options": {"baseURL": route.keyed_url + provider.suffix}}
            for name, provider in known.items()
            if _is_served(provider, chosen)
        },
        "mcp": {_SERVER: _mcp(route)},
        # A rule that comes later wins, and this one is merged in as the last.
        "permission": {f"{_SERVER}_{tool}": "allow" for tool in route.mcp_tools},
    }
    files: dict[Path, str] = {}
    if route.shared is not None and route.brief:
        file = route.shared.folder / _BRIEF
        files[file] = f"{route.brief}\n"
        # This list joins those of the other layers (run with 1.18.33).
        ours["instructions"] = [str(file)]
    theirs = _parsed(context.env.get(CONTENT, ""))
    rules = theirs.get("permission")
    if isinstance(rules, str):
        theirs = {**theirs, "permission": {"*": rules}}
    if isinstance(theirs.get("instructions"), list) and "instructions" in ours:
        ours["instructions"] = [*theirs["instructions"], *ours["instructions"]]
    env[CONTENT] = json.dumps(_merged(theirs, ours))
    return Plan(
        context.args,
        env,
        files,
        bypasses(context),
        brief=route.brief,
        has_memory_tools=route.shared is not None,
    )


def bypasses(context: Context) -> tuple[str, ...]:
    """Providers that are not the one in use, settings that beat ours, logins and servers that go ways of their own."""
    return tuple(_bypasses(context))


def transcripts(context: Context) -> tuple[Path, ...]:
    """The SQLite database of all sessions."""
    return (_folder(context, "XDG_DATA_HOME", ".local/share") / (context.env.get("OPENCODE_DB") or "opencode.db"),)


def began(context: Context) -> float | None:
    """When the session began that these arguments take up again."""
    return opencode_memory.began(context, transcripts(context)[0])


def instructions(context: Context) -> tuple[Path, ...]:
    """The files of instructions that OpenCode reads by itself."""
    return opencode_memory.instructions(context, _folder(context, "XDG_CONFIG_HOME", ".config"))


def sign_ins(context: Context) -> tuple[str, ...]:
    """Keys of the environment and the configuration, and the logins in OpenCode's file."""
    found = variables_set(context.env, *_CREDENTIALS)
    for name, provider in _configured(_content(context)).items():
        if isinstance(provider, dict) and "apiKey" in _dict(provider, "options"):
            found.append(f"provider {name} in opencode.json")
    logins = _folder(context, "XDG_DATA_HOME", ".local/share") / "auth.json"
    names = ", ".join(_read(logins))
    return (*found, *([f"{logins} ({names})"] if names else []))


def _bypasses(context: Context) -> Iterator[str]:
    chosen, known, used = _chosen(context), _providers(context), _provider_in_use(context)
    if used and used not in known:
        yield (
            f"OpenCode's provider {used} is not one whose base URL is known here: its requests do not pass here. "
            f"Set provider.{used}.options.baseURL in opencode.json, and they do."
        )
    for name in _configured(_content(context)):
        if name in known and not _is_served(known[name], chosen):
            yield (
                f"OpenCode's provider {name} keeps its own base URL and does not pass here: a session serves the"
                " provider of --model, or of `model` in opencode.json."
            )
    for file in _in_folder(_MANAGED.get(sys.platform, _MANAGED["linux"])):
        for name, provider in _configured(_read(file)).items():
            if isinstance(provider, dict) and "baseURL" in _dict(provider, "options"):
                yield f"{file} sets the base URL of OpenCode's provider {name}, which nothing can override."
    if "--attach" in context.args or context.args[:1] == ("attach",):
        yield "OpenCode's server runs outside of this session: its requests do not pass here."
    logins = _read(_folder(context, "XDG_DATA_HOME", ".local/share") / "auth.json")
    if _dict(logins, "openai").get("type") == "oauth":
        yield "OpenCode is signed in to OpenAI with ChatGPT: requests to that provider do not pass here."


def _providers(context: Context) -> dict[str, Provider]:
    """Every provider whose base URL and wire are known."""
    configured = _configured(_content(context))
    return {
        name: provider
        for name in {**_KNOWN, **configured}
        if (provider := _provider(name, _dict(configured, name), context.env)) is not None
    }


def _provider(name: str, configured: Mapping[str, Any], env: Mapping[str, str]) -> Provider | None:
    url, wires = _KNOWN.get(name, ("", ()))
    source = "default"
    package = configured.get("npm")
    if package is not None or not wires:
        wires = _WIRES.get(str(package or _DEFAULT_PACKAGE), ())
    variable = _URL_VARIABLES.get(name, "")
    own = _dict(configured, "options").get("baseURL") or configured.get("api")
    if isinstance(own, str):
        url, source = _VARIABLE.sub(lambda found: env.get(found[1], ""), own), f"provider {name} in opencode.json"
    elif env.get(variable):
        url, source = env[variable], variable
    url = url.rstrip("/")
    if not wires or not url.startswith(("http://", "https://")):
        return None
    # Anthropic's SDK puts /messages behind its base URL, which ends in /v1 as a rule; the proxy's upstream does not.
    bare = url.removesuffix("/v1")
    urls = {wire: bare if wire == "anthropic" else url for wire in wires}
    return Provider(name, urls, "" if wires == _ANTHROPIC and bare == url else "/v1", source)


def _chosen(context: Context) -> dict[str, Provider]:
    known = _providers(context)
    chosen = {wire: known[wire] for wire in (*_ANTHROPIC, *_OPENAI) if wire in known}
    used = known.get(_provider_in_use(context))
    return chosen if used is None else {**chosen, **dict.fromkeys(used.urls, used)}


def _is_served(provider: Provider, chosen: Mapping[str, Provider]) -> bool:
    return all(wire in chosen and chosen[wire].urls[wire] == url for wire, url in provider.urls.items())


def _provider_in_use(context: Context) -> str:
    """Of the model that OpenCode will take: `--model`, the configuration's, the one used last; or an empty text."""
    words = iter(context.args)
    model: Any = _content(context).get("model")
    for word in words:
        if word in ("-m", "--model"):
            model = next(words, "")
        elif word.startswith("--model="):
            model = word.partition("=")[2]
    if isinstance(model, str) and model:
        return model.partition("/")[0]
    recent = _read(_folder(context, "XDG_STATE_HOME", ".local/state") / "model.json").get("recent")
    first = recent[0] if isinstance(recent, list) and recent and isinstance(recent[0], dict) else {}
    return str(first.get("providerID", ""))


def _content(context: Context) -> Mapping[str, Any]:
    """The configuration in force, of the files and variables that the user can set, the strongest merged last."""
    env = context.env
    general = _folder(context, "XDG_CONFIG_HOME", ".config")
    files = [general / "config.json", *_in_folder(general)]
    files += [Path(env["OPENCODE_CONFIG"])] if env.get("OPENCODE_CONFIG") else []
    if not env.get("OPENCODE_DISABLE_PROJECT_CONFIG"):
        folders = _project_folders(context)
        files += [file for folder in folders for file in _in_folder(folder)]
        files += [file for folder in folders for file in _in_folder(folder / ".opencode")]
    files += _in_folder(Path(env["OPENCODE_CONFIG_DIR"])) if env.get("OPENCODE_CONFIG_DIR") else []
    content: Mapping[str, Any] = {}
    for file in files:
        content = _merged(content, _read(file))
    return _merged(content, _parsed(env.get(CONTENT, "")))


def _project_folders(context: Context) -> list[Path]:
    """From the root of the repository, or of the file system, down to where OpenCode works."""
    words = iter(context.args)
    folder = context.cwd
    for index, word in enumerate(words):
        if word == "--dir":
            folder /= next(words, "")
        elif index == 0 and not word.startswith("-") and word not in _COMMANDS:
            folder /= word
    found: list[Path] = []
    for each in (folder, *folder.parents):
        found.insert(0, each)
        if (each / ".git").exists():
            break
    return found


def _mcp(route: Route) -> dict[str, Any]:
    command = list(route.mcp_command)
    return {"type": "local", "command": command, "environment": route.mcp_env, "enabled": True}


def _folder(context: Context, variable: str, default: str) -> Path:
    return Path(context.env.get(variable) or context.home / default) / "opencode"


def _in_folder(folder: Path) -> list[Path]:
    return [folder / name for name in _FILES]


def _configured(content: Mapping[str, Any]) -> Mapping[str, Any]:
    return _dict(content, "provider")


def _read(file: Path) -> dict[str, Any]:
    """A file of JSON with comments; one that is missing or broken counts as empty: OpenCode itself speaks of it."""
    try:
        return _parsed(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        return {}


def _parsed(text: str) -> dict[str, Any]:
    for pattern in (_COMMENT, _LAST_COMMA):
        text = pattern.sub(lambda found: found[1] or " ", text)
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _dict(content: Mapping[str, Any], key: str) -> dict[str, Any]:
    value = content.get(key)
    return value if isinstance(value, dict) else {}


def _merged(content: Mapping[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Objects merged key by key, other values replaced, as OpenCode does it."""
    result = dict(content)
    for key, value in more.items():
        old = result.get(key)
        result[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return result


OPENCODE = Agent(
    name="opencode",
    title="OpenCode",
    find=find_program("opencode"),
    install_hint="Install it with: npm install -g opencode-ai",
    upstreams=upstreams,
    network_env=network_env,
    plan=plan,
    transcripts=transcripts,
    began=began,
    instructions=instructions,
    bypasses=bypasses,
    sign_ins=sign_ins,
    sign_in_hint="Type opencode auth login, or set the variable of your provider's key.",
    probe=Probe(
        ("run", "-m", "anthropic/claude-sonnet-4-5"), {**_QUIET, "ANTHROPIC_API_KEY": "sk-ant-headroom-doctor"}
    ),
)
