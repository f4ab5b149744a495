"""What a session will do, as plain data, and as text for `--dry-run` with every secret masked."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import shutil
import sys
import sysconfig
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headroom_wrap import paths
from headroom_wrap.agents import Agent, Context, Plan, PublicName, Route, Shared, Upstream
from headroom_wrap.compression.model import RETRIEVE_COMMAND
from headroom_wrap.settings import Settings

MASK = "********"
COMMAND = "headroom"
_LOGIN_PATH = "/usr/local/bin:/usr/bin:/bin"
_SECRET_NAME = re.compile(r"key|token|secret|password|credential|auth|headers|cookie|set_env", re.IGNORECASE)
_HEADERS_NAME = re.compile(r"headers", re.IGNORECASE)
_USER_INFO = re.compile(r"//[^/]*@")
_QUERY = re.compile(r"[?#].*", re.DOTALL)
_KEY_IN_PATH = re.compile(r"/k/[0-9a-f]{64}")
_MCP_PROGRAM = Path(__file__).parent.parent / "mcp" / "__main__.py"


@dataclass(frozen=True, slots=True)
class Launch:
    """What the user asked for.

    Attributes:
        agent: which agent.
        context: its arguments, and the user's environment, folder and home.
        settings: the values in force.
        verbose: say what is done.
    """

    agent: Agent
    context: Context
    settings: Settings
    verbose: bool = False

    @property
    def data(self) -> Path:
        """The data directory of this user."""
        return paths.home(self.context.env)

    def upstreams(self) -> Mapping[str, Upstream]:
        """Where each provider's requests go: what we were told beats what the agent had."""
        found = dict(self.agent.upstreams(self.context))
        for name in found:
            told = getattr(self.settings, f"{name}_url", "")
            if told:
                found[name] = Upstream(told, self.settings.sources[f"{name}_url"])
        return found


@dataclass(frozen=True, slots=True)
class Start:
    """How the child is started: argv and its whole environment, files to write first, notes for the user.

    `brief` and `has_memory_tools` say what of the memory stands in its requests.
    """

    argv: tuple[str, ...]
    env: Mapping[str, str]
    files: Mapping[Path, str]
    notes: tuple[str, ...]
    added: Mapping[str, str]
    edits: Mapping[Path, bytes] = field(default_factory=dict)
    public: PublicName | None = None
    brief: str = ""
    has_memory_tools: bool = False


def route(launch: Launch, url: str, key: str, session: str, files: Path, shared: Shared | None = None) -> Route:  # noqa: PLR0913, PLR0917 - its parts
    """Our side of the plan."""
    return Route(url, key, session, files, launch.data, mcp_command(), launch.upstreams(), shared)


def mcp_command() -> tuple[str, ...]:
    """The argv of the light MCP server."""
    return sys.executable, str(_MCP_PROGRAM)


def start(launch: Launch, program: tuple[str, ...], route: Route, note: str = "") -> Start:
    """Build the plan of a session; nothing is written or started.

    Args:
        launch: what the user asked for.
        program: the agent's argv.
        route: our side.
        note: one more sentence for the user, if there is one.

    Raises:
        HeadroomError: as the agent's `plan` does.
    """
    plan: Plan = launch.agent.plan(launch.context, route)
    env = launch.context.env
    added = {
        **plan.env,
        paths.HOME_VARIABLE: str(route.data),
        "HEADROOM_SESSION": route.session,
        "HEADROOM_SESSION_URL": route.url,
        "HEADROOM_SESSION_KEY": route.key,
    }
    if not finds_command(env) and own_command() is not None:
        added["PATH"] = os.pathsep.join(filter(None, (env.get("PATH", os.defpath), str(route.files / "bin"))))
    return Start(
        (*program, *plan.args), {**env, **added}, plan.files, (*plan.notes, *([note] if note else [])), added,
        plan.edits, plan.public, plan.brief, plan.has_memory_tools,
    )  # fmt: skip


def finds_command(env: Mapping[str, str]) -> bool:
    """Whether a shell in this environment finds `headroom`."""
    return shutil.which(COMMAND, path=env.get("PATH", os.defpath)) is not None


def retrieve_command(env: Mapping[str, str], *, has_login_shell: bool) -> str | None:
    """What a shell with this environment runs to fetch an original; None where it would not find it.

    Args:
        env: the environment that the agent gets.
        has_login_shell: its shells set PATH anew, so only the system's own folders are sure to be in it.
    """
    own = own_command()
    if not has_login_shell:
        return RETRIEVE_COMMAND if finds_command(env) else None
    if shutil.which(COMMAND, path=_LOGIN_PATH) is not None:
        return RETRIEVE_COMMAND
    return None if own is None else f"{shlex.quote(str(own))} retrieve"


def own_command() -> Path | None:
    """Our own `headroom` script, or None where the package runs without being installed."""
    script = Path(sysconfig.get_path("scripts")) / COMMAND
    return script if script.is_file() else None


def describe(launch: Launch, start: Start) -> str:
    """The plan as text: argv, the variables that change, the files, where requests go."""
    lines = [f"would run: {shlex.join(start.argv)}", f"in: {launch.context.cwd}", "environment:"]
    lines += [f"  {name}={_masked_variable(name, value)}" for name, value in sorted(start.added.items())]
    lines.append("files (0600, gone at the end):" if start.files else "files: none")
    for file, text in start.files.items():
        lines.append(f"  {file}")
        lines += [f"    {line}" for line in _shown(file, text, start.added)]
    lines += [f"edited, until the session ends: {file}" for file in start.edits]
    for name, upstream in launch.upstreams().items():
        lines.append(f"{name} requests go to: {shown_url(upstream.url)} ({upstream.source})")
    lines.append(f"level: {launch.settings.level} ({launch.settings.sources['level']})")
    lines += [f"note: {note}" for note in start.notes]
    return "\n".join(lines)


def shown_url(url: str) -> str:
    """A URL of the user's as a person may see it: what is secret in it is masked, and the key of a session."""
    return _KEY_IN_PATH.sub(f"/k/{MASK}", _USER_INFO.sub(f"//{MASK}@", _QUERY.sub(f"?{MASK}", url)))


def _shown(file: Path, text: str, ours: Mapping[str, str]) -> list[str]:
    """The lines of a file of ours, secrets masked: of JSON, of an env file, or else how many there are.

    An env file may hold what the user's own one says: of that only the names are shown.
    """
    if file.suffix == ".json":
        return json.dumps(_masked(json.loads(text)), indent=1).splitlines()
    if file.suffix == ".env":
        from dotenv.parser import parse_stream  # noqa: PLC0415 - for the text of such a file alone

        pairs = [(binding.key, binding.value or "") for binding in parse_stream(io.StringIO(text)) if binding.key]
        return [f"{key}={_masked_variable(key, value) if ours.get(key) == value else MASK}" for key, value in pairs]
    return [f"({text.count(chr(10))} lines)"]


def _masked(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _masked(inner, key) for key, inner in value.items()}
    if isinstance(value, list):
        return [_masked(inner, name) for inner in value]
    return _masked_variable(name, value) if isinstance(value, str) else value


def _masked_variable(name: str, value: str) -> str:
    if _HEADERS_NAME.search(name):
        return " | ".join(f"{line.partition(':')[0]}: {MASK}" for line in value.splitlines() if line.strip())
    return MASK if _SECRET_NAME.search(name) else value
