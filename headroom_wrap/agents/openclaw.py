"""OpenClaw: an overlay configuration that includes the user's, and a plugin for its context and for retrieval.

The user's file keeps its bytes: objects of the overlay merge over those of the file that it includes, lists join.
OpenClaw writes no configuration while the overlay stands; commands that do so start without it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headroom_wrap.agents import openclaw_config
from headroom_wrap.agents.agent import (
    NETWORK_VARIABLES,
    Agent,
    Context,
    Installation,
    Option,
    Plan,
    Probe,
    Route,
    Upstream,
    find_program,
    without_proxy_for_loopback,
)
from headroom_wrap.agents.openclaw_config import INCLUDE, PLUGIN, OpenClawConfig, Provider, at, chosen, providers
from headroom_wrap.compression.markers import RETRIEVE_TOOL
from headroom_wrap.edits import jsonc
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.mcp.entries import is_ours
from headroom_wrap.proxy.config import OFFICIAL_URLS

PLUGIN_FOLDER = Path(__file__).parent / "openclaw_plugin"
PORT = 8787
"""Of `headroom proxy`, to which an installation leads."""

_ROUTED = frozenset({"", "acp", "agent", "capability", "chat", "gateway", "infer", "terminal", "tui"})
_ASKING_GATEWAY = frozenset({"acp", "agent", "tui"})
_SERVING = frozenset({"", "run"})
_CREDENTIALS = tuple(
    f"{name}_API_KEY" for name in ("ANTHROPIC", "OPENAI", "GEMINI", "OPENROUTER", "DEEPSEEK", "XAI", "GROQ", "MISTRAL")
)
_QUIET = {"update": {"checkOnStart": False}, "telemetry": {"enabled": False}}
_PASSED = "its configuration cannot be read, so OpenClaw starts as it would without us and nothing is compressed"
_ASKS = "a running gateway makes the calls for this command: only those of a wrapped or installed one pass here"


def upstreams(context: Context) -> Mapping[str, Upstream]:
    """Where this user's OpenClaw sends its requests, by wire format."""
    return {wire: provider.upstream for wire, provider in chosen(openclaw_config.read(context)).items()}


def network_env(context: Context) -> Mapping[str, str]:
    """Proxies and certificates, as Node takes them: a CA file of its own adds to the system's."""
    env = {name: context.env[name] for name in NETWORK_VARIABLES if context.env.get(name)}
    extra = context.env.get("NODE_EXTRA_CA_CERTS")
    return env | ({"SSL_CERT_FILE": extra} if extra and "SSL_CERT_FILE" not in env else {})


def plan(context: Context, route: Route) -> Plan:
    """Start OpenClaw through the route."""
    env = {name: without_proxy_for_loopback(context.env.get(name)) for name in ("NO_PROXY", "no_proxy")}
    config = openclaw_config.read(context)
    if not _is_routed(context, config):
        return Plan(context.args, env)
    if config.problem:
        return Plan(context.args, env, notes=(f"{_PASSED} ({config.problem}).",))
    file = route.files / "openclaw.json"
    overlay = _with_memory(_overlay(config, route.keyed_url), config, route)
    roots = openclaw_config.roots_variable(config, context.env)
    env |= {"OPENCLAW_CONFIG_PATH": str(file)} | ({"OPENCLAW_INCLUDE_ROOTS": roots} if roots else {})
    # Unset, OpenClaw puts plugins' skills beside the overlay, and so this session's folder into its system prompt:
    # the provider's cache would miss the whole prompt of a conversation that is taken up again.
    env["OPENCLAW_STATE_DIR"] = str(config.state)
    notes = tuple(f"{note[0].upper()}{note[1:]}." for note in _notes(context, config))
    is_shared = route.shared is not None and not any(_without_plugin(config))
    return Plan(
        context.args,
        env,
        {file: json.dumps(overlay, indent=2) + "\n"},
        notes,
        brief=route.brief if is_shared else "",
        has_memory_tools=route.shared is not None,
    )


def transcripts(context: Context) -> tuple[Path, ...]:
    """One SQLite file for each agent, table `transcript_events`; large events are zstd."""
    folder = openclaw_config.read(context).state / "agents"
    found = tuple(sorted(folder.glob("*/agent/openclaw-agent.sqlite")))
    return found or (folder / "main" / "agent" / "openclaw-agent.sqlite",)


def instructions(context: Context) -> tuple[Path, ...]:
    """The files of OpenClaw's own workspace, which stand in each of its system prompts."""
    config = openclaw_config.read(context)
    told = openclaw_value(config.values, ("agents", "defaults", "workspace"))
    folder = context.home / told.removeprefix("~/") if isinstance(told, str) else config.state / "workspace"
    return tuple(folder / f"{name}.md" for name in ("AGENTS", "SOUL", "TOOLS", "IDENTITY", "USER", "MEMORY"))


def bypasses(context: Context) -> tuple[str, ...]:
    """Providers of the configuration that do not pass here, and what keeps our plugin out."""
    config = openclaw_config.read(context)
    if config.problem:
        return (f"{_PASSED} ({config.problem})",)
    return tuple(_uncovered(config)) + tuple(_without_plugin(config))


def installation(context: Context, data: Path, _mcp_command: tuple[str, ...]) -> Installation:
    """Point the user's own configuration at `headroom proxy`, for a gateway that runs as a service.

    Raises:
        HeadroomError: `BAD_SETTING` where the configuration cannot be read.
    """
    config = openclaw_config.read(context)
    if config.problem:
        hint = f"Mend {config.path}: openclaw config validate"
        raise HeadroomError(Code.BAD_SETTING, f"OpenClaw's configuration cannot be read: {config.problem}.", hint)
    url = f"http://127.0.0.1:{PORT}"
    before = {provider.name: provider.upstream.url for provider in _covered(config)}
    own = {"proxyUrl": url, "keyFile": str(data / f"proxy-{PORT}.key"), "upstreams": before}
    text = config.path.read_bytes().decode() if config.path.is_file() else ""
    listed = _listed(text)
    for path, value in _leaves(_overlay(config, url, own)):
        there = openclaw_value(listed, path)
        joined = [*there, *(item for item in value if item not in there)] if isinstance(there, list) else value
        text = jsonc.set_value(text, path, joined)
    command = " ".join(["headroom proxy", f"--port {PORT}", *_url_flags(config)])
    says = (
        f"OpenClaw's requests now go to {url}. Keep this running: {command}",
        "A gateway that runs already reads its configuration anew: openclaw gateway restart",
        *(f"{note[0].upper()}{note[1:]}." for note in (*_uncovered(config), *_without_plugin(config))),
    )
    return Installation({config.path: text.encode()}, f"OpenClaw goes to {url}", says)


def sign_ins(context: Context) -> tuple[str, ...]:
    """Keys of the environment, of `.env` files and of the configuration, and the sign-ins that it names."""
    config = openclaw_config.read(context)
    beside = f"{config.path} or a .env file beside it"
    names = [name for name in _CREDENTIALS if config.env.get(name)]
    found = [f"{name} in {'the environment' if context.env.get(name) else beside}" for name in names]
    for name, entry in at(config.values, "models", "providers").items():
        if isinstance(entry, dict) and entry.get("apiKey"):
            found.append(f"models.providers.{name} in {config.path}")
    return (*found, *(f"the profile {name} in {config.path}" for name in at(config.values, "auth", "profiles")))


def openclaw_value(values: Any, path: tuple[str, ...]) -> Any:
    """What stands at a path of the file itself, included files left out; None where nothing does."""
    for key in path:
        values = values.get(key) if isinstance(values, dict) else None
    return values


def _listed(text: str) -> Any:
    return jsonc.load(text) if text else {}


def _is_routed(context: Context, config: OpenClawConfig) -> bool:
    """Whether the command calls models and writes no configuration."""
    words, _ = openclaw_config.words(context.args)
    command = words[0] if words else ""
    if not command:
        return config.path.is_file()  # without one, OpenClaw asks for it and writes it
    if command == "gateway":
        verb = words[1] if len(words) > 1 and not words[1].startswith("-") else ""
        return verb in _SERVING
    return command in _ROUTED


def _covered(config: OpenClawConfig) -> list[Provider]:
    """The providers that can share our upstreams: those with the base URL of the chosen one."""
    upstream = {wire: provider.upstream.url for wire, provider in chosen(config).items()}
    return [provider for provider in providers(config) if provider.upstream.url == upstream[provider.wire]]


def _overlay(config: OpenClawConfig, url: str, own: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """What leads to the proxy, to be merged over the user's configuration.

    `api` stands beside each base URL: without it OpenClaw's calls in the background go out as another wire format.
    """
    entries: dict[str, Any] = {}
    for provider in _covered(config):
        base = url if provider.api == "anthropic-messages" else f"{url}/v1"
        entries[provider.name] = {"baseUrl": base, "api": provider.api} | (
            {} if provider.has_models else {"models": []}
        )
    plugins: dict[str, Any] = {
        "load": {"paths": [str(PLUGIN_FOLDER)]},
        "entries": {PLUGIN: {"enabled": True} | ({"config": dict(own)} if own else {})},
    }
    if not _own_engine(config):
        plugins["slots"] = {"contextEngine": PLUGIN}
    if isinstance(openclaw_value(config.values, ("plugins", "allow")), list):
        plugins["allow"] = [PLUGIN]  # the user's list shuts out all others; without one, ours would
    overlay = {"models": {"providers": entries}, "plugins": plugins}
    return {INCLUDE: str(config.path), **overlay} if own is None and config.path.is_file() else overlay


def _with_memory(overlay: dict[str, Any], config: OpenClawConfig, route: Route) -> dict[str, Any]:
    """The overlay with the memory's tools as those of an MCP server, and the notes for the plugin."""
    servers = at(config.values, "mcp", "servers")
    installed = next((name for name, entry in servers.items() if is_ours(entry)), "")
    if route.shared is None:
        # The plugin has the tool for retrieval already.
        only = {"mcp": {"servers": {installed: {"toolFilter": {"exclude": [RETRIEVE_TOOL]}}}}} if installed else {}
        return {**overlay, **only}
    command, *args = route.mcp_command
    tools = {"include": [tool for tool in route.mcp_tools if tool != RETRIEVE_TOOL]}
    server: dict[str, Any] = {"env": route.mcp_env, "toolFilter": tools}
    if not installed:
        # One that is installed serves the session: its arguments and ours would join.
        server |= {"command": command, "args": args}
    briefs = [{"at": at, "text": text} for at, text in route.shared.earlier]
    entry = overlay["plugins"]["entries"][PLUGIN]
    if briefs:
        entry["config"] = {**entry.get("config", {}), "briefs": briefs}
        # Without it OpenClaw does not ask a plugin that is not its own for additions to the system prompt.
        entry["hooks"] = {"allowConversationAccess": True}
    name = installed or (PLUGIN if PLUGIN not in servers else f"{PLUGIN}-session")
    return {**overlay, "mcp": {"servers": {name: server}}}


def _leaves(value: Mapping[str, Any], path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found = []
    for key, inner in value.items():
        here = (*path, key)
        found += _leaves(inner, here) if isinstance(inner, dict) and inner else [(here, inner)]
    return found


def _notes(context: Context, config: OpenClawConfig) -> list[str]:
    words, _ = openclaw_config.words(context.args)
    command = words[0] if words else ""
    is_exec = words[:2] == ["agent", "exec"]
    notes = list(_uncovered(config)) + list(_without_plugin(config))
    if command in _ASKING_GATEWAY and "--local" not in words and not is_exec:
        notes.append(_ASKS)
    if is_exec and any(word.split("=")[0] == "--config" for word in words):
        notes.append("agent exec reads the file of its --config alone, which leads past us")
    return notes


def _uncovered(config: OpenClawConfig) -> list[str]:
    covered = {provider.name for provider in _covered(config)}
    known = {provider.name for provider in providers(config)}
    found = []
    for name, entry in at(config.values, "models", "providers").items():
        if name in covered:
            continue
        api = entry.get("api") if isinstance(entry, dict) else None
        why = "another base URL than the default model's" if name in known else f"the API {api or 'of its own'}"
        found.append(f"the provider {name} has {why}: its requests go there directly and are not covered")
    return found


def _own_engine(config: OpenClawConfig) -> str:
    engine = at(config.values, "plugins", "slots").get("contextEngine")
    return engine if isinstance(engine, str) and engine not in ("legacy", PLUGIN) else ""


def _without_plugin(config: OpenClawConfig) -> list[str]:
    found = []
    if openclaw_value(config.values, ("plugins", "enabled")) is False:
        found.append("plugins.enabled is false: the model reads originals with headroom retrieve in its shell")
    elif engine := _own_engine(config):
        found.append(f"the context engine {engine} stays as it is; ours does not run beside it")
    return found


def _url_flags(config: OpenClawConfig) -> list[str]:
    """What `headroom proxy` must be told so that requests go where they went."""
    return [
        f"--{wire}-url {provider.upstream.url}"
        for wire, provider in chosen(config).items()
        if provider.upstream.url != OFFICIAL_URLS[wire]
    ]


OPENCLAW = Agent(
    name="openclaw",
    title="OpenClaw",
    find=find_program("openclaw"),
    install_hint="Install it with Node 24: npm install -g openclaw",
    upstreams=upstreams,
    network_env=network_env,
    plan=plan,
    options=(Option("--install", "set up OpenClaw's own configuration for headroom proxy, until headroom unwrap"),),
    transcripts=transcripts,
    instructions=instructions,
    works_elsewhere=True,
    bypasses=bypasses,
    sign_ins=sign_ins,
    sign_in_hint=(
        "Set your provider's key, ANTHROPIC_API_KEY for example, or type openclaw models auth login. What that keeps in"
        " OpenClaw's database is not read here: openclaw models auth list shows it."
    ),
    probe=Probe(
        (
            "agent",
            "--local",
            "--agent",
            "main",
            "--session-id",
            "doctor",
            "--model",
            "anthropic/claude-sonnet-4-5",
            "--message",
        ),
        {
            "ANTHROPIC_API_KEY": "sk-ant-headroom-doctor",
            "OPENCLAW_DISABLE_BONJOUR": "1",
            "OPENCLAW_NO_AUTO_UPDATE": "1",
        },
        {".openclaw/openclaw.json": json.dumps({**_QUIET, "agents": {"defaults": {"skipBootstrap": True}}})},
    ),
    installation=installation,
)
