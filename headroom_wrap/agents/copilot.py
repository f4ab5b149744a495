"""GitHub Copilot CLI: pointed at the proxy by its environment, given our MCP server on its command line.

No file of the user's is written. A WebSocket (`COPILOT_PROVIDER_TRANSPORT=websockets`, or a model that asks for one)
is declined with 426, and the CLI sends the same request by HTTP at once (run with 1.0.102).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headroom_wrap.agents import copilot_byok, copilot_settings, copilot_subscription
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
from headroom_wrap.compression.markers import RETRIEVE_TOOL
from headroom_wrap.errors import HeadroomError
from headroom_wrap.proxy.ports import Credential

_SUBSCRIPTION = Option("--subscription", "use your GitHub Copilot subscription")
_SERVER = "headroom"
_PASSED_COMMANDS = frozenset(
    "app login help init config update version workflow sessions memories plugin mcp skill instruction lsp sandbox"
    " completion".split()
)


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
    flags = (f"--additional-mcp-config=@{file}", f"--allow-tool={_SERVER}({RETRIEVE_TOOL})")
    return Plan((*flags, *context.args), env | more, {file: json.dumps(_mcp(route), indent=1)}, notes)


def transcripts(context: Context) -> tuple[Path, ...]:
    """A folder per session, with its events in `events.jsonl`."""
    return (copilot_settings.folder(context) / "session-state",)


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
        "env": {"HEADROOM_HOME": str(route.data), "HEADROOM_SESSION": route.session},
        "tools": [RETRIEVE_TOOL],
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
