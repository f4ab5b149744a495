"""`headroom mcp install | uninstall | status`."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from headroom_wrap import paths
from headroom_wrap.cli.display import console, printable
from headroom_wrap.cli.unwrap import SAYS
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.mcp.missing import without_sdk
from headroom_wrap.wrap import mcp_clients, sessions
from headroom_wrap.wrap.child import require_posix
from headroom_wrap.wrap.journal import Outcome
from headroom_wrap.wrap.mcp_clients import CLIENTS, Client, Home, State

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Where the full MCP server is set up.",
)

Names = Annotated[list[str] | None, typer.Argument(metavar="[AGENT]...", help=f"Of {', '.join(CLIENTS)}.")]
_EXIT_LEFT = 1


def run(argv: Sequence[str]) -> int:
    """Run the verb; gives the exit code."""
    try:
        app(list(argv), prog_name="headroom mcp")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 2
    return 0


@app.command()
def install(names: Names = None) -> None:
    """Set the full server up in agents and editors; without a name, in all that are there.

    Only the server's entry is written. Uninstalling takes it out again, and leaves what you changed since.
    """
    require_posix()
    try:
        import mcp_types  # noqa: F401, PLC0415 - what the server would miss
    except ModuleNotFoundError as error:
        raise without_sdk() from error
    home = _home()
    _recover(home)
    chosen = _chosen(names) or [client for client in CLIENTS.values() if client.is_there(home)]
    if not chosen:
        hint = f"Name one to set it up all the same: headroom mcp install {next(iter(CLIENTS))}"
        raise HeadroomError(Code.AGENT_NOT_FOUND, "None of the agents and editors was found.", hint)
    for client in chosen:
        found = mcp_clients.install(client, home)
        _say(f"{client.title}: {found}")


@app.command()
def uninstall(names: Names = None) -> None:
    """Take the server's entry out again; without a name, wherever install put it.

    Exit code 1 where a file had to be left, because your edits and ours cannot be told apart.
    """
    require_posix()
    home = _home()
    _recover(home)
    chosen = _chosen(names) or [client for client in CLIENTS.values() if mcp_clients.is_installed(client, home)]
    if not chosen:
        _say("nothing is installed")
    n_left = 0
    for client in chosen:
        if not mcp_clients.is_installed(client, home):
            _say(f"{client.title}: nothing was installed")
            continue
        conflicts = mcp_clients.uninstall(client, home, _tell)
        for conflict in conflicts:
            kept = f"; what was there before is kept in {conflict.backup}" if conflict.backup else ""
            _say(f"{conflict.path}: {conflict.reason}{kept}")
        n_left += len(conflicts)
    if n_left:
        raise typer.Exit(_EXIT_LEFT)


@app.command()
def status(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Show where the server is set up."""
    home = _home()
    states = [mcp_clients.state(client, home) for client in CLIENTS.values()]
    if as_json:
        sys.stdout.write(json.dumps([_plain(each) for each in states], indent=2) + "\n")
        return
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("agent", "server", "entry", "file"):
        table.add_column(name, overflow="fold")
    for each in states:
        table.add_row(each.client, each.what, printable(each.entry), printable(str(each.file)))
    console().print(table)


def _tell(outcome: Outcome, path: Path) -> None:
    _say(SAYS[outcome.value].format(path))


def _plain(state: State) -> dict[str, object]:
    return {"agent": state.client, "state": state.what, "entry": state.entry or None, "file": str(state.file)}


def _chosen(names: Iterable[str] | None) -> list[Client]:
    chosen = []
    for name in dict.fromkeys(names or ()):
        if name not in CLIENTS:
            hint = f"There are {', '.join(CLIENTS)}."
            raise HeadroomError(Code.AGENT_UNKNOWN, f"headroom mcp does not know {name!r}.", hint)
        chosen.append(CLIENTS[name])
    return chosen


def _home() -> Home:
    return Home(Path.home(), os.environ, paths.home(os.environ), sys.platform)


def _recover(home: Home) -> None:
    for recovered in sessions.recover(home.data):
        _say(f"cleared away session {recovered.id}, which had ended without doing so")


def _say(line: str) -> None:
    sys.stderr.write(f"headroom: {line}\n")
