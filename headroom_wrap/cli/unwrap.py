"""`headroom unwrap AGENT`: undo what `headroom wrap AGENT --install` has set up."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from headroom_wrap import paths
from headroom_wrap.agents import agent_named
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.wrap import sessions
from headroom_wrap.wrap.child import require_posix

_EXIT_LEFT = 1
SAYS = {
    "restored": "{} is again what it was",
    "removed": "{} is gone, as before",
    "merged": "our part is out of {}; what you changed since stays",
    "left": "{} was left as it is",
}


def command(
    agent: Annotated[str, typer.Argument(help="The agent, as after headroom wrap.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Of all agents.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Undo what headroom wrap AGENT --install has set up; edits of yours since then stay.

    Exit code 1 where a file had to be left, because your edits and ours cannot be told apart.
    """
    require_posix()
    from headroom_wrap.wrap import installed  # noqa: PLC0415 - it needs what Windows lacks
    from headroom_wrap.wrap.session import recovery  # noqa: PLC0415

    if bool(agent) == everything:
        raise HeadroomError(Code.BAD_REQUEST, "Name one agent, or --all.", "For example: headroom unwrap cursor")
    home = paths.home(os.environ)
    for recovered in sessions.recover(home):
        _say(recovery(recovered))
    there = installed.installed(home)
    if agent and agent not in there:
        agent_named(agent)
    names = [name for name in there if everything or name == agent]
    if not names:
        _say(f"nothing is installed{f' for {agent}' if agent else ''}")
    n_left = sum(_undo(home, name) for name in names)
    if n_left:
        raise typer.Exit(_EXIT_LEFT)


def _undo(home: Path, name: str) -> int:
    """Undo one installation, and say what became of each file; gives how many were left."""
    from headroom_wrap.wrap import installed  # noqa: PLC0415

    conflicts = installed.uninstall(home, name, tell=lambda outcome, path: _say(SAYS[outcome.value].format(path)))
    for conflict in conflicts:
        kept = f"; what was there before is kept in {conflict.backup}" if conflict.backup else ""
        _say(f"{conflict.path}: {conflict.reason}, and both cannot be told apart{kept}")
    _say(f"nothing of ours is left for {name}" if not conflicts else f"take our part out of {len(conflicts)} by hand")
    return len(conflicts)


def _say(line: str) -> None:
    sys.stderr.write(f"headroom: {line}\n")
