"""Our full MCP server in the configuration of agents and editors: one entry in one file of each, journaled.

Places and forms, run with Claude Code 2.1.197, Codex 0.169.0, Copilot CLI 1.0.102 and OpenClaw 2026.9.6; those of
Cursor (https://cursor.com/docs/context/mcp) and VS Code (https://code.visualstudio.com/docs/copilot/customization) are
as documented.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from headroom_wrap import paths
from headroom_wrap.agents import Context
from headroom_wrap.agents.claude_settings import config_folder
from headroom_wrap.agents.codex_config import read as codex
from headroom_wrap.agents.copilot_settings import folder as copilot_folder
from headroom_wrap.agents.openclaw_config import read as openclaw
from headroom_wrap.edits import jsonc, toml
from headroom_wrap.edits.text import EditError
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.mcp.entries import NAME, is_ours, named
from headroom_wrap.wrap import installed as installations
from headroom_wrap.wrap import journal
from headroom_wrap.wrap.journal import Conflict, Step, Tell
from headroom_wrap.wrap.plan import own_command

_LOCK_STALE_S = 10.0
_LOCK_WAIT_S = 5.0
_LOCK_POLL_S = 0.05


class _Format(Protocol):
    def load(self, text: str) -> Any: ...
    def set_value(self, text: str, path: tuple[str, ...], value: Any) -> str: ...


@dataclass(frozen=True, slots=True)
class Home:
    """The user's home and environment, our data directory, and the platform as `sys.platform` says it."""

    home: Path
    env: Mapping[str, str]
    data: Path
    platform: str = sys.platform

    @property
    def context(self) -> Context:
        """The same for what reads agents' settings."""
        return Context((), self.env, self.home, self.home)


@dataclass(frozen=True, slots=True)
class Client:
    """An agent or an editor that can start MCP servers.

    Attributes:
        name: as typed.
        title: for people.
        programs: what is on PATH where it is installed.
        file: its configuration; it need not exist.
        servers: the keys at which it lists servers.
        form: of the file.
        entry: what an entry holds besides `command`, `args` and `env`.
        locks: whether it takes `FILE.lock` while it writes, as `proper-lockfile` does.
    """

    name: str
    title: str
    programs: tuple[str, ...]
    file: Callable[[Home], Path]
    servers: tuple[str, ...]
    form: _Format
    entry: Mapping[str, Any]
    locks: bool = False

    def is_there(self, home: Home) -> bool:
        """Whether it is installed, or has been used."""
        path = home.env.get("PATH")
        file = self.file(home)
        # Claude Code's file lies in the home itself.
        folder = file if file.parent == home.home else file.parent
        return folder.exists() or any(shutil.which(program, path=path) for program in self.programs)


@dataclass(frozen=True, slots=True)
class State:
    """Where a client stands: `what` is "installed" (by us), "by hand", "another", "none" or "unreadable"."""

    client: str
    what: str
    entry: str
    file: Path


def install(client: Client, home: Home, step: Step = journal.no_step) -> str:
    """Write the server's entry, unless one of ours is there; what was done, as the end of a sentence.

    Raises:
        HeadroomError: `JOURNAL_CONFLICT` where the file cannot be read or edited, or where another server has our name.
    """
    file = client.file(home)
    record = _record(client)
    with _locked(client, file):
        there = record in installations.installed(home.data)
        text, servers = _read(client, file)
        name = named(servers)
        wanted = _entry(client, home)
        if there and name is not None and servers[name] == wanted:
            return f"{file} has it already"
        if name is not None and not there:
            if not is_ours(servers[name]):
                message = f"{file} has another MCP server with the name {name}; nothing was changed."
                raise HeadroomError(Code.JOURNAL_CONFLICT, message, "Rename that one, then try again.")
            return f"{file} has it already, as {name}; it was left as it is"
        if there:
            # The new edit is of the user's own text, not of ours.
            _refuse(installations.uninstall(home.data, record, step=step))
            text, _ = _read(client, file)
        edited = _edited(client, file, text, wanted)
        installations.install(home.data, record, {file: edited.encode()}, note=f"MCP server in {file}", step=step)
    return f"added to {file}"


def uninstall(
    client: Client, home: Home, tell: Tell = journal.tell_nobody, step: Step = journal.no_step
) -> list[Conflict]:
    """Take the entry out again; nothing is done where `install` did nothing.

    Raises:
        HeadroomError: as `installed.uninstall`.
    """
    with _locked(client, client.file(home)):
        return installations.uninstall(home.data, _record(client), step=step, tell=tell)


def is_installed(client: Client, home: Home) -> bool:
    """Whether `install` has set it up, and `uninstall` would undo something."""
    return _record(client) in installations.installed(home.data)


def state(client: Client, home: Home) -> State:
    """Whether the client's file has our server, and who put it there."""
    file = client.file(home)
    try:
        _, servers = _read(client, file)
    except HeadroomError:
        return State(client.name, "unreadable", "", file)
    name = named(servers)
    if name is None:
        return State(client.name, "none", "", file)
    if not is_ours(servers[name]):
        return State(client.name, "another", name, file)
    return State(client.name, "installed" if is_installed(client, home) else "by hand", name, file)


def _entry(client: Client, home: Home) -> dict[str, Any]:
    own = own_command()
    command = [str(own)] if own is not None else [sys.executable, "-m", "headroom_wrap"]
    env = {paths.HOME_VARIABLE: str(home.data), "HEADROOM_AGENT": client.name}
    return {**client.entry, "command": command[0], "args": [*command[1:], "mcp", "serve"], "env": env}


def _edited(client: Client, file: Path, text: str, entry: Mapping[str, Any]) -> str:
    try:
        return client.form.set_value(text, (*client.servers, NAME), dict(entry))
    except EditError as error:
        raise _refused(file, str(error)) from error


def _read(client: Client, file: Path) -> tuple[str, Mapping[str, Any]]:
    """The file's text, empty where there is none, and the servers that it lists."""
    try:
        text = file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        text = ""
    except (UnicodeDecodeError, OSError) as error:
        raise _refused(file, "it cannot be read as text") from error
    try:
        found = client.form.load(text)
    except EditError as error:
        raise _refused(file, str(error)) from error
    for key in client.servers:
        found = found.get(key) if isinstance(found, dict) else None
    return text, found if isinstance(found, dict) else {}


def _refused(file: Path, why: str) -> HeadroomError:
    message = f"{file} was not edited: {why}."
    return HeadroomError(Code.JOURNAL_CONFLICT, message, "Put the file in order, then try again.")


def _refuse(conflicts: list[Conflict]) -> None:
    for conflict in conflicts:
        message = f"The earlier entry in {conflict.path} could not be undone: {conflict.reason}."
        raise HeadroomError(Code.JOURNAL_CONFLICT, message, "Take it out by hand, then try again.")


def _record(client: Client) -> str:
    return f"mcp-{client.name}"


@contextlib.contextmanager
def _locked(client: Client, file: Path) -> Iterator[None]:
    """Hold the lock that the client's own writes take: else it could write back what it read before our edit."""
    if not client.locks or not file.exists():
        yield
        return
    lock = Path(f"{os.path.realpath(file)}.lock")
    deadline = time.monotonic() + _LOCK_WAIT_S
    while True:
        try:
            lock.mkdir()
            break
        except FileExistsError:
            if _is_stale(lock):
                with contextlib.suppress(OSError):
                    lock.rmdir()
            elif time.monotonic() > deadline:
                raise _refused(file, f"{client.title} holds {lock}") from None
            else:
                time.sleep(_LOCK_POLL_S)
        except OSError as error:
            raise _refused(file, f"its folder cannot be written ({error.strerror})") from error
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            lock.rmdir()


def _is_stale(lock: Path) -> bool:
    try:
        return time.time() - lock.stat().st_mtime > _LOCK_STALE_S
    except FileNotFoundError:
        return False


def _claude_file(home: Home) -> Path:
    """`.claude.json`: in the home, or in the folder that CLAUDE_CONFIG_DIR names."""
    return (
        config_folder(home.context) / ".claude.json"
        if home.env.get("CLAUDE_CONFIG_DIR")
        else (home.home / ".claude.json")
    )


def _vscode_file(home: Home) -> Path:
    """`mcp.json` of the default profile."""
    portable = home.env.get("VSCODE_PORTABLE")
    if portable:
        return Path(portable) / "user-data" / "User" / "mcp.json"
    if home.platform == "darwin":
        data = home.home / "Library" / "Application Support"
    elif home.platform == "win32":
        data = Path(home.env.get("APPDATA") or home.home / "AppData" / "Roaming")
    else:
        data = Path(home.env.get("XDG_CONFIG_HOME") or home.home / ".config")
    return Path(home.env.get("VSCODE_APPDATA") or data) / "Code" / "User" / "mcp.json"


CLIENTS = {
    client.name: client
    for client in (
        Client(
            "claude", "Claude Code", ("claude",), _claude_file, ("mcpServers",), jsonc, {"type": "stdio"}, locks=True
        ),
        Client(
            "codex", "Codex", ("codex",), lambda home: codex(home.context).home / "config.toml", ("mcp_servers",), toml,
            {},
        ),
        Client(
            "copilot", "Copilot CLI", ("copilot",), lambda home: copilot_folder(home.context) / "mcp-config.json",
            ("mcpServers",), jsonc, {"type": "local", "tools": ["*"]},
        ),
        Client(
            "cursor", "Cursor", ("cursor", "cursor-agent"), lambda home: home.home / ".cursor" / "mcp.json",
            ("mcpServers",), jsonc, {},
        ),
        Client(
            "openclaw", "OpenClaw", ("openclaw",), lambda home: openclaw(home.context).path, ("mcp", "servers"), jsonc,
            {},
        ),
        Client("vscode", "VS Code", ("code",), _vscode_file, ("servers",), jsonc, {"type": "stdio"}),
    )
}  # fmt: skip
"""By name. They ask before they run a tool, as they do for any server: no permission is set."""
