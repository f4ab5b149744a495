"""Cursor: what works on this machine without its backend, and what a public address of the user's own adds.

Cursor's backend calls the models, also with the user's own API key, and refuses private addresses: no base URL on
loopback can work. So a session sets up the MCP server and a rule, and routes model calls only through a tunnel of the
user's (`--public-url`). No hook is installed: what Cursor's hooks may change of a tool's result are results of MCP
tools alone. None of this has been tried with the real Cursor, which cannot be run without an account; names of files
and fields are those of its published SDK 1.0.32.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from headroom_wrap.agents.agent import (
    NETWORK_VARIABLES,
    Agent,
    Context,
    Installation,
    Option,
    Plan,
    PublicName,
    Route,
    Upstream,
    find_program,
    variables_set,
)
from headroom_wrap.edits import jsonc
from headroom_wrap.edits.text import EditError
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.mcp.entries import is_ours
from headroom_wrap.proxy.config import OFFICIAL_URLS
from headroom_wrap.proxy.public import host_of

_PUBLIC_URL, _INSTALL = "--public-url", "--install"
_PROGRAMS = ("cursor", "cursor-agent")
_SERVER = ("mcpServers", "headroom")
_MCP, _RULE = Path(".cursor", "mcp.json"), Path(".cursor", "rules", "headroom.mdc")
_NOTES = Path(".cursor", "rules", "headroom-notes.mdc")
_NOTES_HEAD = "---\ndescription: Notes on this project\nalwaysApply: true\n---\n"
_BASE_URL, _API_KEY = "OPENAI_BASE_URL", "OPENAI_API_KEY"
_BEARER_FILE = "cursor.bearer"
_DATA_VARIABLE = "CURSOR_DATA_DIR"
_WITHOUT_WINDOW = frozenset(
    "agent tunnel serve-web --help -h --version -v --status -s --list-extensions --install-extension"
    " --uninstall-extension --update-extensions --wait -w".split()
)
_NO_SAVINGS = (
    "Cursor's own backend makes its model calls and refuses addresses on this machine: none of them passes here, and"
    " nothing is saved on them"
)
_HEAD = """\
---
description: How to get at output that Headroom shortened, and how to shorten long output
alwaysApply: true
---
"""
RULE = f"""{_HEAD}
A line that begins with `[headroom` and an id, like h1a2b3c4d5e6f, says that a part of the text was left out and is kept
on this machine. For that part call the MCP tool `headroom_retrieve` with the id and the `lines`, `rows`, `chars` or
`grep` that you need, or run `headroom retrieve ID --lines 40-90`.

Let a command that prints hundreds of lines (a build, a test run, a long log) pass through `headroom compress`, which
shows errors, failures and totals and keeps the rest:
`set -o pipefail; COMMAND 2>&1 | headroom compress --command COMMAND`
"""
"""`alwaysApply` is a boolean: with a string in its place Cursor never applies the rule."""


def find(env: Mapping[str, str]) -> tuple[str, ...] | None:
    """The editor's command, else that of the agent for terminals."""
    return next(filter(None, (find_program(name)(env) for name in _PROGRAMS)), None)


def upstreams(context: Context) -> Mapping[str, Upstream]:
    """Where calls go that come through the user's tunnel."""
    own = context.env.get(_BASE_URL)
    return {"openai": Upstream(own, _BASE_URL) if own else Upstream(OFFICIAL_URLS["openai"], "default")}


def network_env(context: Context) -> Mapping[str, str]:
    """Proxies and certificates of the user's environment."""
    return {name: context.env[name] for name in NETWORK_VARIABLES if context.env.get(name)}


def plan(context: Context, route: Route) -> Plan:
    """Start Cursor with the MCP server and the rule in its project, both for the length of the session.

    Raises:
        HeadroomError: `JOURNAL_CONFLICT` for a file in the project that cannot be edited, `BAD_SETTING` for a public
            URL that is none, or without an API key for the calls that come through it.
    """
    server = _server(route.mcp_command, route.mcp_env)
    edits, notes = _edits(context, server, replaces_ours=False)
    file, brief = _project(context) / _NOTES, ""
    if route.brief and not file.exists():
        brief = route.brief
        edits[file] = f"{_NOTES_HEAD}\n{brief}\n".encode()
    elif file.exists() and (notes_there := _read(file)).startswith(_NOTES_HEAD):
        edits[file] = notes_there.encode()  # another session's: as the server
    public = _public(context, route)
    notes += (f"{_NO_SAVINGS}.",) if public is None else _settings(public, route)
    return Plan(
        _args(context),
        {},
        notes=notes,
        edits=edits,
        public=public,
        brief=brief,
        has_memory_tools=route.shared is not None,
    )


def installation(context: Context, data: Path, mcp_command: tuple[str, ...]) -> Installation:
    """The same MCP server and rule, until `headroom unwrap cursor`.

    Raises:
        HeadroomError: `JOURNAL_CONFLICT` for a file in the project that cannot be edited.
    """
    edits, notes = _edits(context, _server(mcp_command, {"HEADROOM_HOME": str(data)}), replaces_ours=True)
    return Installation(edits, f"MCP server and rule in {_project(context)}", (*notes, f"{_NO_SAVINGS}."))


def transcripts(context: Context) -> tuple[Path, ...]:
    """Transcripts of this project, and the chats of the agent for terminals.

    The editor's own database (`state.vscdb`) is not among them: it may hold tokens.
    """
    data = Path(context.env.get(_DATA_VARIABLE) or context.home / ".cursor")
    slug = re.sub(r"[^a-zA-Z0-9]+", "-", str(_project(context))).strip("-")
    return data / "projects" / slug / "agent-transcripts", data / "chats"


def instructions(context: Context) -> tuple[Path, ...]:
    """Files of the project that Cursor reads: AGENTS.md, CLAUDE.md and its rules."""
    project = _project(context)
    names = ("AGENTS.md", "CLAUDE.md", ".cursorrules")
    return (*(project / name for name in names), *sorted((project / ".cursor" / "rules").glob("**/*.mdc")))


def bypasses(context: Context) -> tuple[str, ...]:
    """What passes the proxy by: everything, unless there is a public address."""
    if _PUBLIC_URL not in context.options:
        return (f"{_NO_SAVINGS}. With a tunnel of your own: headroom wrap cursor {_PUBLIC_URL} URL.",)
    return ("Cursor's built-in models may pass the overridden base URL by, and Tab completion always does.",)


def sign_ins(context: Context) -> tuple[str, ...]:
    """The key of the agent for terminals, and the file of its login, which public scripts name.

    The editor's own sign-in is in its database, which may hold tokens and stays unread.
    """
    folders = (
        Path(context.env.get("XDG_CONFIG_HOME") or context.home / ".config") / "cursor",
        context.home / ".cursor",
    )
    logins = [str(folder / "auth.json") for folder in folders if (folder / "auth.json").is_file()]
    return (*variables_set(context.env, "CURSOR_API_KEY"), *logins)


def _args(context: Context) -> tuple[str, ...]:
    """The agent's arguments; the editor is told to wait, for at its command's end the session's edits are undone."""
    program = find(context.env)
    is_editor = program is not None and Path(program[0]).name == _PROGRAMS[0]
    if not is_editor or _WITHOUT_WINDOW.intersection(context.args):
        return context.args
    return ("--wait", *(context.args or (str(context.cwd),)))


def _project(context: Context) -> Path:
    """The folder that Cursor opens: the first one among its arguments, else the one where it starts."""
    named = (context.cwd / word for word in context.args if not word.startswith("-"))
    return next((path for path in named if path.is_dir()), context.cwd)


def _server(mcp_command: tuple[str, ...], env: Mapping[str, str]) -> dict[str, Any]:
    command, *args = mcp_command
    return {"command": command, "args": args, "env": dict(env)}


def _edits(
    context: Context, server: Mapping[str, Any], *, replaces_ours: bool
) -> tuple[dict[Path, bytes], tuple[str, ...]]:
    """The files to edit with what they shall hold, and notes on what is left as it is."""
    project = _project(context)
    edits: dict[Path, bytes] = {}
    notes: list[str] = []
    file = project / _MCP
    servers = _servers(file)
    may_replace = replaces_ours and is_ours(servers.get(_SERVER[-1]))
    taken = None if may_replace else _taken(file, servers, context.home / _MCP)
    if not replaces_ours and _is_of_session(servers.get(_SERVER[-1])):
        edits[file] = file.read_bytes()  # stays as it is until the last session in this project has ended
    elif taken is None:
        edits[file] = _with_server(file, server)
    else:
        notes.append(taken)
    rule = project / _RULE
    if rule.exists() and not _read(rule).startswith(_HEAD):
        notes.append(f"{rule} is not ours and stays as it is.")
    else:
        edits[rule] = RULE.encode()
    return edits, tuple(notes)


def _taken(file: Path, servers: Mapping[str, Any], home_file: Path) -> str | None:
    """Why no server is added: one of ours is there already, or one that has its name."""
    try:
        of_home = _servers(home_file)
    except HeadroomError:
        of_home = {}
    for place, found in ((file, servers), (home_file, of_home)):
        if any(map(is_ours, found.values())):
            return f"{place} has Headroom's MCP server already."
        if _SERVER[-1] in found:
            return f"{place} has another MCP server with the name headroom, so ours was not added."
    return None


def _is_of_session(server: object) -> bool:
    """Whether a session that runs has added it, as `Route.mcp_env` tells."""
    env = server.get("env") if isinstance(server, dict) and is_ours(server) else None
    return isinstance(env, dict) and bool(env.get("HEADROOM_SESSION"))


def _servers(file: Path) -> Mapping[str, Any]:
    try:
        document = jsonc.load(_read(file))
    except EditError as error:
        raise _refused(file, error) from error
    found = document.get(_SERVER[0]) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def _with_server(file: Path, server: Mapping[str, Any]) -> bytes:
    try:
        return jsonc.set_value(_read(file), _SERVER, dict(server)).encode()
    except EditError as error:
        raise _refused(file, error) from error


def _read(file: Path) -> str:
    """The file's text, empty where there is none."""
    try:
        return file.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return ""
    except (UnicodeDecodeError, OSError) as error:
        raise _refused(file, EditError("it cannot be read as text")) from error


def _refused(file: Path, error: EditError) -> HeadroomError:
    message = f"{file} was not edited, and nothing was started: {error}."
    return HeadroomError(Code.JOURNAL_CONFLICT, message, "Put the file in order, then try again.")


def _public(context: Context, route: Route) -> PublicName | None:
    url = context.options.get(_PUBLIC_URL)
    if url is None:
        return None
    key = context.env.get(_API_KEY)
    if not key:
        message = f"Calls that come through {url} need an API key of yours on their way to the provider."
        hint = f"Set {_API_KEY}: it stays on this machine, Cursor gets a bearer of ours in its place."
        raise HeadroomError(Code.BAD_SETTING, message, hint)
    return PublicName(host_of(url), route.data / _BEARER_FILE, f"Bearer {key}")


def _settings(public: PublicName, route: Route) -> tuple[str, ...]:
    return tuple(_settings_lines(public, route))


def _settings_lines(public: PublicName, route: Route) -> Iterator[str]:
    yield f"let your tunnel https://{public.host} lead to {route.url}, with its Host header unchanged."
    yield "then, in Cursor: Settings, Models:"
    yield f"  OpenAI API Key: what stands in {public.bearer_file}"
    yield f"  Override OpenAI Base URL: https://{public.host}/v1"
    yield "  and a model under a name of your own: built-in names may pass it by, Tab completion always does."
    yield "Who has that key can call models at your cost while this runs. Not tried with the real Cursor."


CURSOR = Agent(
    name="cursor",
    title="Cursor",
    find=find,
    install_hint=(
        "Get the editor from cursor.com and run its command palette's \"Install 'cursor' command\", or the agent for"
        " terminals with: curl https://cursor.com/install | bash. Without either: headroom wrap cursor --install"
    ),
    upstreams=upstreams,
    network_env=network_env,
    plan=plan,
    has_login_shell=True,
    options=(
        Option(_PUBLIC_URL, "https address of a tunnel of yours that leads to --port", "URL"),
        Option(_INSTALL, "set up MCP server and rule for good; undone by unwrap"),
    ),
    transcripts=transcripts,
    instructions=instructions,
    bypasses=bypasses,
    sign_ins=sign_ins,
    sign_in_hint=(
        "Sign in in the editor's settings, or type cursor-agent login. The editor's own sign-in and one in a keychain"
        " are not seen here."
    ),
    why_no_probe=(
        "Cursor's own backend calls the models, with an account of yours: no session with an emulated provider can try"
        " it"
    ),
    installation=installation,
    why_no_calls=f"{_NO_SAVINGS}.",
)
