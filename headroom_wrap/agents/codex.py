"""Codex: pointed at the proxy by `-c` overrides and environment; nothing in `CODEX_HOME` is written.

The provider stays the user's own: Codex notes its name in every thread, and a thread of a provider that is no longer
configured cannot be resumed (measured with 0.169.0). So the built-in one gets another base URL; it tries a
WebSocket first, which the proxy declines, and goes on by HTTP at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headroom_wrap.agents import codex_config, resuming
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
from headroom_wrap.agents.codex_config import CodexConfig
from headroom_wrap.memory import project_of
from headroom_wrap.proxy.config import OFFICIAL_URLS
from headroom_wrap.proxy.headers import KEY_HEADER, carried

_KEY_VARIABLE = "HEADROOM_SESSION_KEY"
_CARRIER_VARIABLE = "OPENAI_PROJECT"
"""From it Codex's own provider fills the header that can carry our key; the agent's commands do not see it."""
_BUILT_IN = "openai"
_LOCAL_PROVIDERS = frozenset({"ollama", "lmstudio", "oss"})
_SIGNING_PROVIDER = "amazon-bedrock"
_PASSED_COMMANDS = frozenset(
    "agents login logout mcp plugin app-server remote-control completion update doctor sandbox debug apply queue"
    " archive delete migrate-rollouts migrate-nfs-db unarchive cloud exec-server features help".split()
)
_CREDENTIALS = ("CODEX_API_KEY", "OPENAI_API_KEY")
_QUIET = ("-c", "analytics.enabled=false", "-c", "features.plugins=false", "-c", "features.apps=false")
_WITHOUT_DAEMON = frozenset({"exec", "e", "review"})
_RESUMING = frozenset({"resume", "fork"})
_PRINTED = b'"source":"exec"'


def upstreams(context: Context) -> Mapping[str, Upstream]:
    """Where this user's Codex sends its requests with an API key, and with a ChatGPT login."""
    config = codex_config.read(context)
    own = config.provider_values.get("base_url")
    if config.provider != _BUILT_IN and isinstance(own, str):
        upstream = Upstream(own, f"provider {config.provider}")
        return {"openai": upstream, "chatgpt": upstream}
    base = config.values.get("openai_base_url")
    openai = (
        Upstream(base, "openai_base_url") if isinstance(base, str) else Upstream(OFFICIAL_URLS["openai"], "default")
    )
    return {"openai": openai, "chatgpt": Upstream(OFFICIAL_URLS["chatgpt"], "default")}


def network_env(context: Context) -> Mapping[str, str]:
    """Proxies and certificates: Codex takes them from the environment, a CA file also by a name of its own."""
    env = {name: context.env[name] for name in NETWORK_VARIABLES if context.env.get(name)}
    own = context.env.get("CODEX_CA_CERTIFICATE")
    return env | ({"SSL_CERT_FILE": own} if own else {})


def plan(context: Context, route: Route) -> Plan:
    """Start Codex through the route."""
    config = codex_config.read(context)
    env = {name: without_proxy_for_loopback(context.env.get(name)) for name in ("NO_PROXY", "no_proxy")}
    command = next((word for word in context.args if not word.startswith("-")), "")
    if command in _PASSED_COMMANDS and context.args[0] == command:
        return Plan(context.args, env)
    notes = bypasses(context)
    if _is_elsewhere(config, context):
        return Plan(context.args, env, notes=notes)
    overrides, carrier = _provider(config, context, route)
    overrides["mcp_servers.headroom"] = _mcp(route)
    if route.brief:
        # No file of the session's own can say this (0.169.0). What a fact may hold is no secret: `memory.secrets`.
        own = config.values.get("developer_instructions")
        overrides["developer_instructions"] = f"{own}\n\n{route.brief}" if isinstance(own, str) else route.brief
    flags = [word for key, value in overrides.items() for word in ("-c", f"{key}={_toml(value)}")]
    if not _WITHOUT_DAEMON.intersection(context.args) and "--no-daemon" not in context.args:
        # The daemon would keep the first session's environment, and so its key and port, for ever.
        flags.append("--no-daemon")
    return Plan(
        (*flags, *context.args),
        {**env, **carrier},
        notes=notes,
        brief=route.brief,
        has_memory_tools=route.shared is not None,
    )


def bypasses(context: Context) -> tuple[str, ...]:
    """What leads requests past us: a local model, a provider that signs them, managed settings."""
    config = codex_config.read(context)
    said = [f"{codex_config.MANAGED} sets {name}, which beats what a session sets." for name in config.managed]
    if config.provider == _SIGNING_PROVIDER:
        said.append("Codex talks to Amazon Bedrock, which signs its requests: they do not pass here.")
    elif _is_elsewhere(config, context):
        said.append("Codex talks to a local model: its requests do not pass here, nothing is compressed.")
    return tuple(said)


def transcripts(context: Context) -> tuple[Path, ...]:
    """The folder of the threads, by date."""
    return (codex_config.read(context).home / "sessions",)


def began(context: Context) -> float | None:
    """When the thread began that `resume` or `fork` takes up again: with an id, or the last one with `--last`."""
    words = context.args[: context.args.index("--")] if "--" in context.args else context.args
    verb = next((place for place, word in enumerate(words) if word in _RESUMING), None)
    if verb is None:
        return None
    threads = codex_config.read(context).home / "sessions"
    id_ = next(filter(resuming.ID.fullmatch, words[verb + 1 :]), None)
    if id_ is not None:
        file = resuming.newest(threads.glob(f"*/*/*/rollout-*{id_}.jsonl"))
    elif "--last" in words:
        is_any = "--all" in words
        here = f'"cwd":{json.dumps(str(context.cwd))}'.encode()
        # Threads of `codex exec` are left out where the terminal's own are asked for.
        unwanted = b"" if "--include-non-interactive" in words or _WITHOUT_DAEMON.intersection(words) else _PRINTED
        file = resuming.newest(
            threads.glob("*/*/*/rollout-*.jsonl"),
            lambda found: _is_thread(resuming.head(found), b"" if is_any else here, unwanted),
        )
    else:
        return None
    return None if file is None else resuming.first_time(file)


def instructions(context: Context) -> tuple[Path, ...]:
    """AGENTS.md as Codex reads it: its own folder's, and those from the root of the project down to here."""
    root = project_of(context.cwd)
    places = [context.cwd, *(place for place in context.cwd.parents if place.is_relative_to(root))]
    folders = (codex_config.read(context).home, *places)
    return tuple(folder / name for folder in folders for name in ("AGENTS.override.md", "AGENTS.md"))


def sign_ins(context: Context) -> tuple[str, ...]:
    """Keys of the environment, and the file that `codex login` writes."""
    config = codex_config.read(context)
    own = config.provider_values.get("env_key")
    found = variables_set(context.env, *((own,) if isinstance(own, str) else _CREDENTIALS))
    return (*found, *([str(config.home / "auth.json")] if config.has_login() else []))


def _is_thread(head: bytes, cwd: bytes, unwanted: bytes) -> bool:
    first = head.partition(b"\n")[0]
    return cwd in first and not (unwanted and unwanted in first)


def _is_elsewhere(config: CodexConfig, context: Context) -> bool:
    return config.provider in {*_LOCAL_PROVIDERS, _SIGNING_PROVIDER} or "--oss" in context.args


def _provider(config: CodexConfig, context: Context, route: Route) -> tuple[dict[str, Any], dict[str, str]]:
    """The overrides that lead to the proxy, and the variables that carry the session key there."""
    base_url = f"{route.url}/v1"
    if config.provider != _BUILT_IN:
        headers = config.provider_values.get("env_http_headers")
        headers = {**(headers if isinstance(headers, dict) else {}), KEY_HEADER.decode(): _KEY_VARIABLE}
        key = f"model_providers.{config.provider}"
        return {f"{key}.base_url": base_url, f"{key}.env_http_headers": headers}, {}
    own = context.env.get(_CARRIER_VARIABLE)
    overrides: dict[str, Any] = {"openai_base_url": base_url}
    if own:
        overrides[f"shell_environment_policy.set.{_CARRIER_VARIABLE}"] = own
    else:
        policy = config.values.get("shell_environment_policy")
        excluded = policy.get("exclude") if isinstance(policy, dict) else None
        excluded = [*(excluded if isinstance(excluded, list) else []), _CARRIER_VARIABLE]
        overrides["shell_environment_policy.exclude"] = excluded
    return overrides, {_CARRIER_VARIABLE: carried(route.key, own)}


def _mcp(route: Route) -> dict[str, Any]:
    command, *args = route.mcp_command
    return {
        "command": command,
        "args": args,
        "env": route.mcp_env,
        "default_tools_approval_mode": "approve",
    }


def _toml(value: Any) -> str:
    """A value as TOML; JSON's strings are TOML's basic strings."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(key)} = {_toml(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    return json.dumps(value)


CODEX = Agent(
    name="codex",
    title="Codex",
    find=find_program("codex"),
    install_hint="Install it with: npm install -g @openai/codex",
    upstreams=upstreams,
    network_env=network_env,
    plan=plan,
    has_login_shell=True,
    transcripts=transcripts,
    began=began,
    instructions=instructions,
    bypasses=bypasses,
    sign_ins=sign_ins,
    sign_in_hint="Type codex login, or set OPENAI_API_KEY.",
    probe=Probe((*_QUIET, "exec", "--skip-git-repo-check"), {"CODEX_API_KEY": "sk-headroom-doctor"}),
)
