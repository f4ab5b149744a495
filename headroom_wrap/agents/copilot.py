"""GitHub Copilot CLI: pointed at the proxy by its environment, given our MCP server on its command line.

No file of the user's is written. A WebSocket (`COPILOT_PROVIDER_TRANSPORT=websockets`, or a model that asks for one)
is declined with 426, and the CLI sends the same request by HTTP at once (run with 1.0.102).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headroom_wrap.agents import copilot_byok, copilot_settings, copilot_subscription, resuming
from headroom_wrap.agents.agent import (
    NETWORK_VARIABLES,
    Agent,
    Context,
    Option,
    Plan,
    Probe,
    Route,
    Upstream,
    find_program,
    without_proxy_for_loopback,
)
from headroom_wrap.errors import HeadroomError
from headroom_wrap.memory import project_of
from headroom_wrap.proxy.ports import Credential

_SUBSCRIPTION = Option("--subscription", "use your GitHub Copilot subscription")
_SERVER = "headroom"
_PASSED_COMMANDS = frozenset(
    "app login help init config update version workflow sessions memories plugin mcp skill instruction lsp sandbox"
    " completion".split()
)
_INSTRUCTIONS = "COPILOT_CUSTOM_INSTRUCTIONS_DIRS"
"""Further folders in which Copilot CLI looks for instructions, with commas (`copilot help environment`)."""
_BRIEF = Path(".github", "instructions", "headroom.instructions.md")
_FOR_ALL_FILES = "---\napplyTo: '**'\n---\n"
"""With it the text stands in the system prompt, and no path does (run with 1.0.102)."""
_RESUME = ("-r", "--resume", "--session-id")
_MIN_ID = 7


def upstreams(context: Context) -> Mapping[str, Upstream]:
    """Where this user's Copilot CLI sends its requests: to a provider of the user's own, or to GitHub.

    Raises:
        HeadroomError: `BAD_SETTING` where neither is set up.
    """
    if _is_subscription(context):
        return copilot_subscription.upstreams(context)
    return copilot_byok.upstreams(context)


def network_env(context: Context) -> Mapping[str, str]:
    """Proxies and certificates; a proxy in Copilot CLI's settings counts where the environment names none."""
    names = (*NETWORK_VARIABLES, "NODE_EXTRA_CA_CERTS")
    env = {name: context.env[name] for name in names if context.env.get(name)}
    proxy = copilot_settings.read(context).get("proxyUrl")
    is_named = any(name.upper() in ("HTTP_PROXY", "HTTPS_PROXY") for name in env)
    return env if is_named or not isinstance(proxy, str) else {**env, "HTTPS_PROXY": proxy, "HTTP_PROXY": proxy}


def plan(context: Context, route: Route) -> Plan:
    """Start Copilot CLI through the route.

    Raises:
        HeadroomError: `BYPASS` where its settings lead past the proxy and nothing can override them.
    """
    env = {name: without_proxy_for_loopback(context.env.get(name)) for name in ("NO_PROXY", "no_proxy")}
    if context.args and context.args[0] in _PASSED_COMMANDS:
        return Plan(context.args, env)
    notes: tuple[str, ...] = ()
    if _is_subscription(context):
        more, notes = copilot_subscription.environment(context, route)
    else:
        more = copilot_byok.environment(context, route)
    file = route.files / "mcp.json"
    allowed = (f"--allow-tool={_SERVER}({tool})" for tool in route.mcp_tools)
    flags = (f"--additional-mcp-config=@{file}", *allowed)
    files = {file: json.dumps(_mcp(route), indent=1)}
    if route.brief:
        folder = route.files / "instructions"
        files[folder / _BRIEF] = f"{_FOR_ALL_FILES}{route.brief}\n"
        own = context.env.get(_INSTRUCTIONS, "").strip()
        more[_INSTRUCTIONS] = f"{own},{folder}" if own else str(folder)
    return Plan(
        (*flags, *context.args),
        env | more,
        files,
        notes,
        brief=route.brief,
        has_memory_tools=route.shared is not None,
    )


def transcripts(context: Context) -> tuple[Path, ...]:
    """A folder per session, with its events in `events.jsonl`."""
    return (copilot_settings.folder(context) / "session-state",)


def began(context: Context) -> float | None:
    """When the session began that `--continue`, or `--resume` with an id or its beginning, takes up again."""
    folder = copilot_settings.folder(context) / "session-state"
    if "--continue" in context.args:
        here = f"\ncwd: {context.cwd}\n".encode()
        sessions = list(folder.glob("*/events.jsonl"))
        file = resuming.newest(sessions, lambda found: here in resuming.head(found.with_name("workspace.yaml")))
        file = file or resuming.newest(sessions)
    else:
        named = resuming.option(context.args, _RESUME, may_stand_alone=True) or ""
        if len(named) < _MIN_ID or not set(named) <= set("0123456789abcdef-"):
            return None
        file = resuming.newest(folder.glob(f"{named}*/events.jsonl"))
    return None if file is None else resuming.first_time(file)


def instructions(context: Context) -> tuple[Path, ...]:
    """What Copilot CLI reads of the project and of the user (`copilot help`, custom instructions)."""
    root = project_of(context.cwd)
    found = [copilot_settings.folder(context) / "copilot-instructions.md"]
    for place in dict.fromkeys((root, context.cwd)):
        found += [place / name for name in ("AGENTS.md", "CLAUDE.md", "GEMINI.md", ".github/copilot-instructions.md")]
        found += sorted((place / ".github" / "instructions").glob("**/*.instructions.md"))
    return tuple(found)


def bypasses(context: Context) -> tuple[str, ...]:
    """What would lead requests past the proxy."""
    found = []
    if copilot_settings.read(context).get("copilotUrl"):
        found.append("Copilot CLI's settings set copilotUrl, which beats the environment: --subscription is refused.")
    file = copilot_settings.providers_file(context)
    if file is not None:
        found.append(f"{file} sets up providers: requests to those do not pass here.")
    return tuple(found)


def credentials(context: Context, found: Mapping[str, Upstream]) -> Mapping[str, Credential]:
    """What the proxy pays with in the CLI's place: a subscription's token. A provider's key stays with the CLI."""
    return copilot_subscription.credentials(context, found) if _is_subscription(context) else {}


def sign_ins(context: Context) -> tuple[str, ...]:
    """What pays for its calls: a provider's key of the user's own, and GitHub's sign-in for `--subscription`.

    Asks the keyring and `gh` where no variable or file has a token: some seconds at most.

    Raises:
        HeadroomError: as `copilot_subscription.sign_ins`, unless there is a key of the user's own.
    """
    own = copilot_byok.sign_ins(context)
    try:
        return (*own, *copilot_subscription.sign_ins(context))
    except HeadroomError:
        if not own:
            raise
    return tuple(own)


def _is_subscription(context: Context) -> bool:
    return _SUBSCRIPTION.name in context.options


def _mcp(route: Route) -> dict[str, Any]:
    command, *args = route.mcp_command
    server = {
        "type": "local",
        "command": command,
        "args": args,
        "env": route.mcp_env,
        "tools": list(route.mcp_tools),
        # With many tools the CLI would show it only to those who search; a marker's reader has to have it.
        "deferTools": "never",
    }
    return {"mcpServers": {_SERVER: server}}


COPILOT = Agent(
    name="copilot",
    title="Copilot CLI",
    find=find_program("copilot"),
    install_hint="Install it with: npm install -g @github/copilot",
    upstreams=upstreams,
    network_env=network_env,
    plan=plan,
    # Its rules know `headroom`, but not one verb of it: to allow retrieval would be to allow `headroom store purge`.
    retrieves_by_shell=False,
    options=(_SUBSCRIPTION,),
    transcripts=transcripts,
    began=began,
    instructions=instructions,
    bypasses=bypasses,
    credentials=credentials,
    sign_ins=sign_ins,
    sign_in_hint=(
        "With a subscription: headroom copilot-auth login, then headroom wrap copilot --subscription. With a provider"
        " of your own: set COPILOT_PROVIDER_BASE_URL, COPILOT_PROVIDER_API_KEY and COPILOT_MODEL."
    ),
    probe=Probe(
        ("--no-color", "--no-ask-user", "-p"),
        {
            "COPILOT_AUTO_UPDATE": "false",
            "COPILOT_OFFLINE": "true",
            "COPILOT_MODEL": "gpt-5-mini",
            "COPILOT_PROVIDER_API_KEY": "sk-headroom-doctor",
        },
    ),
)
