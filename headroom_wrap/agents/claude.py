"""Claude Code: pointed at the proxy by environment and by a settings file of the session's own."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headroom_wrap.agents import claude_clouds, claude_memory, claude_settings
from headroom_wrap.agents.agent import (
    NETWORK_VARIABLES,
    Agent,
    Context,
    Plan,
    Probe,
    Route,
    Upstream,
    find_program,
    without_proxy_for_loopback,
)
from headroom_wrap.compression.model import RETRIEVE_COMMAND
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.config import OFFICIAL_URLS
from headroom_wrap.proxy.headers import KEY_HEADER

BASE_URL = "ANTHROPIC_BASE_URL"
_HEADERS = "ANTHROPIC_CUSTOM_HEADERS"
_TOOL_SEARCH = "ENABLE_TOOL_SEARCH"
_NO_PROXY = ("NO_PROXY", "no_proxy")
_NETWORK = (*NETWORK_VARIABLES, "NODE_EXTRA_CA_CERTS")
_SOCKET = "ANTHROPIC_UNIX_SOCKET"
_SUBCOMMANDS = frozenset(
    "agents auth auto-mode config doctor gateway install mcp plugin plugins project setup-token ultrareview"
    " update upgrade".split()
)
_BACKGROUND_FLAGS = frozenset({"--bg", "--background"})
_PRINT_FLAGS = frozenset({"-p", "--print"})
_CREDENTIALS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "ANTHROPIC_FOUNDRY_API_KEY")
_QUIET = {"DISABLE_AUTOUPDATER": "1", "DISABLE_TELEMETRY": "1", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1"}
_TOOLS_POLLS = 60
_SERVER = "headroom"
_KEY = KEY_HEADER.decode()


def upstreams(context: Context) -> Mapping[str, Upstream]:
    """Where this user's Claude Code sends its requests: the base URL of the strongest layer, or its cloud's."""
    settings = claude_settings.read(context)
    cloud = claude_clouds.in_use(settings)
    if cloud is not None and cloud.url_variable:
        return {"anthropic": cloud.upstream(settings)}
    found = settings.variable(BASE_URL)
    return {"anthropic": Upstream(OFFICIAL_URLS["anthropic"], "default") if found is None else Upstream(*found)}


def network_env(context: Context) -> Mapping[str, str]:
    """Proxies and certificates as they hold inside Claude Code."""
    settings = claude_settings.read(context)
    found = {name: settings.variable(name) for name in _NETWORK}
    return {name: value[0] for name, value in found.items() if value is not None}


def plan(context: Context, route: Route) -> Plan:
    """Start Claude Code through the route.

    Raises:
        HeadroomError: `BYPASS` where managed settings name a base URL or headers, which nothing can override, or where
            the agent would outlive the proxy; `BAD_SETTING` for a `--settings` that cannot be read.
    """
    settings = claude_settings.read(context)
    _refuse_bypass(settings)
    env = _environment(settings, route)
    if context.args and context.args[0] in _SUBCOMMANDS:
        return Plan(context.args, env)
    settings_file, mcp_file = route.files / "settings.json", route.files / "mcp.json"
    # Ours come first, a flag with one value last among them: `--mcp-config` takes every word up to the next flag.
    own, files = settings.args, dict[Path, str]()
    brief: tuple[str, ...] = ()
    if route.brief:
        own, text = claude_memory.with_brief(own, context.cwd, route.brief)
        if text:
            files[route.files / "system-prompt.md"] = text
            brief = ("--append-system-prompt-file", str(route.files / "system-prompt.md"))
    args = ("--mcp-config", str(mcp_file), *brief, "--settings", str(settings_file), *own)
    merged = _merged(settings, env, route)
    if not _PRINT_FLAGS.intersection(settings.args):
        _wait_for_tools(merged, route)
    files |= {
        settings_file: json.dumps(merged, indent=1),
        mcp_file: json.dumps(_mcp(route), indent=1),
    }
    return Plan(
        args,
        env,
        files,
        tuple(_passing(settings)),
        brief=route.brief if brief else "",
        has_memory_tools=route.shared is not None,
    )


def bypasses(context: Context) -> tuple[str, ...]:
    """What leads requests past us: managed settings, a socket, a cloud whose requests are signed."""
    settings = claude_settings.read(context)
    return (*_unbeatable(settings), *_passing(settings))


def transcripts(context: Context) -> tuple[Path, ...]:
    """The folder with a folder for each project."""
    return (claude_settings.config_folder(context) / "projects",)


def sign_ins(context: Context) -> tuple[str, ...]:
    """Keys and tokens of the settings and the environment, the login's file, a cloud's own sign-in."""
    settings = claude_settings.read(context)
    names = [name for name in _CREDENTIALS if settings.variable(name) is not None]
    found = [f"{name} ({layer[1]})" for name in names if (layer := settings.variable(name)) is not None]
    found += [f"apiKeyHelper ({layer.name})" for layer in settings.layers if layer.content.get("apiKeyHelper")]
    login = claude_settings.config_folder(context) / ".credentials.json"
    found += [str(login)] if login.is_file() else []
    cloud = claude_clouds.in_use(settings)
    return (*found, *([f"{cloud.title}'s own sign-in"] if cloud is not None else []))


def _environment(settings: claude_settings.Settings, route: Route) -> dict[str, str]:
    cloud = claude_clouds.in_use(settings)
    headers = settings.variable(_HEADERS)
    is_filed = headers is not None and _stay_in_their_file(*headers)
    url = route.keyed_url if is_filed else route.url
    if cloud is None:
        env = {BASE_URL: url}
        if settings.variable(_TOOL_SEARCH) is None:
            # Behind any base URL but its own, Claude Code would load every tool up front.
            env[_TOOL_SEARCH] = "true"
    else:
        env = cloud.variables(settings, url) if cloud.url_variable else {}
    if not is_filed and (cloud is None or cloud.url_variable):
        own = f"{_KEY}: {route.key}"
        env[_HEADERS] = own if headers is None else f"{_without_key(headers[0])}{own}"
    found = next(filter(None, map(settings.variable, _NO_PROXY)), None)
    exempt = without_proxy_for_loopback(None if found is None else found[0])
    return env | dict.fromkeys(_NO_PROXY, exempt)


def _stay_in_their_file(headers: str, source: str) -> bool:
    """Whether headers of the user's are in a file that holds without us: ours beside them would be a copy of secrets.

    The session key is in the URL's path then. What `--settings` gives is in our own file of that flag anyway.
    """
    is_file = source not in (claude_settings.ENVIRONMENT, claude_settings.FLAG)
    return is_file and _without_key(headers).count("\n") == sum(bool(line.strip()) for line in headers.splitlines())


def _without_key(headers: str) -> str:
    """The user's own headers, a line each; a key of a session around this one is not among them."""
    kept = [line for line in headers.splitlines() if line.strip() and not line.lower().startswith(_KEY)]
    return "".join(f"{line}\n" for line in kept)


def _merged(settings: claude_settings.Settings, env: Mapping[str, str], route: Route) -> dict[str, Any]:
    merged: dict[str, Any] = dict(settings.flag)
    merged["env"] = {**_as_dict(merged.get("env")), **env}
    headers = settings.variable(_HEADERS)
    if headers is None or headers[1] == claude_settings.ENVIRONMENT:
        # No file beats the environment here, so what is secret in it need not stand in a file.
        merged["env"].pop(_HEADERS, None)
    permissions = dict(_as_dict(merged.get("permissions")))
    allowed = permissions.get("allow")
    ours = [*(f"mcp__{_SERVER}__{tool}" for tool in route.mcp_tools), f"Bash({RETRIEVE_COMMAND}:*)"]
    permissions["allow"] = [*(allowed if isinstance(allowed, list) else []), *ours]
    merged["permissions"] = permissions
    return merged


def _wait_for_tools(merged: dict[str, Any], route: Route) -> None:
    """Keep the first turn waiting until our MCP server has told its tools, as print mode does by itself.

    Claude Code's TUI sends a prompt given on the command line at once, without the tools of servers that still
    connect; they would come with the second turn, and change the whole cached prefix (measured with 2.1.197).
    """
    ready = shlex.quote(str(ready_file(route)))
    command = f"i=0; while [ ! -e {ready} ] && [ $i -lt {_TOOLS_POLLS} ]; do sleep 0.05; i=$((i+1)); done; sleep 0.2"
    hooks = dict(_as_dict(merged.get("hooks")))
    own = {"matcher": "startup|resume", "hooks": [{"type": "command", "command": command}]}
    theirs = hooks.get("SessionStart")
    hooks["SessionStart"] = [*(theirs if isinstance(theirs, list) else []), own]
    merged["hooks"] = hooks


def ready_file(route: Route) -> Path:
    """The file that appears when an MCP server of the session has told its tools."""
    return route.files / "tools-told"


def _mcp(route: Route) -> dict[str, Any]:
    command, *args = route.mcp_command
    server = {
        "type": "stdio",
        "command": command,
        "args": args,
        "env": {**route.mcp_env, "HEADROOM_READY_FILE": str(ready_file(route))},
        # In `tools` from the first turn on: a tool that comes later changes the whole cached prefix.
        "alwaysLoad": True,
    }
    return {"mcpServers": {_SERVER: server}}


def _refuse_bypass(settings: claude_settings.Settings) -> None:
    for said in _unbeatable(settings):
        hint = "Run claude without headroom, or ask your administrator."
        raise HeadroomError(Code.BYPASS, f"{said}; so nothing was started.", hint)
    for flag in _BACKGROUND_FLAGS.intersection(settings.args):
        message = f"{flag} starts an agent that outlives this session's proxy; so nothing was started."
        raise HeadroomError(Code.BYPASS, message, "Leave the flag out, or run claude without headroom.")


def _unbeatable(settings: claude_settings.Settings) -> Iterator[str]:
    """What managed settings set. Without our own header, the proxy would refuse every call."""
    managed = settings.layers[0]
    cloud = claude_clouds.in_use(settings)
    base_url = BASE_URL if cloud is None else cloud.url_variable
    for name in filter(managed.env.get, (base_url, _HEADERS)):
        yield f"{managed.name} set {name}, which nothing can override"


def _passing(settings: claude_settings.Settings) -> Iterator[str]:
    """What sends requests elsewhere, although a session can be started."""
    cloud = claude_clouds.in_use(settings)
    if cloud is not None and not cloud.url_variable:
        yield (
            f"Claude Code talks to {cloud.title}, which signs its requests: they do not pass here, nothing is"
            " compressed."
        )
    socket = settings.variable(_SOCKET)
    if socket is not None:
        yield f"{_SOCKET} is set ({socket[1]}): Claude Code's requests go to that socket, nothing is compressed."


def _as_dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


CLAUDE = Agent(
    name="claude",
    title="Claude Code",
    find=find_program("claude"),
    install_hint="Install it with: npm install -g @anthropic-ai/claude-code",
    upstreams=upstreams,
    network_env=network_env,
    plan=plan,
    transcripts=transcripts,
    began=claude_memory.began,
    instructions=claude_memory.instructions,
    own_notes=claude_memory.own_notes,
    bypasses=bypasses,
    sign_ins=sign_ins,
    sign_in_hint="Start claude and type /login, or set ANTHROPIC_API_KEY. A login in macOS's keychain is not seen.",
    probe=Probe(("-p",), {**_QUIET, "ANTHROPIC_API_KEY": "sk-ant-headroom-doctor"}),
)
