"""`headroom doctor`: what is installed, what runs, and what to do where something is wrong."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from headroom_wrap.agents import Context
from headroom_wrap.cli.display import console, printable
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.wrap.doctor import examine
from headroom_wrap.wrap.findings import Finding, State

_STYLES = {State.OK: "green", State.NOTE: "yellow", State.PROBLEM: "bold red"}
_EXIT_PROBLEM = 1


def command(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[AGENT]...", help="Agents to look at; default: all.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,  # noqa: FBT002 - typer's way
    probe: Annotated[  # noqa: FBT002 - typer's way
        bool, typer.Option("--probe/--no-probe", help="Try each agent in a session with an emulated provider.")
    ] = True,
) -> None:
    """Look at settings, store, sessions and agents, and try each agent; exit code 1 where something is wrong.

    No credential is shown or used, and nothing leaves this machine.
    """
    with _status() as status:

        def tell(title: str) -> None:
            if status is not None:
                status.update(f"looking at {title}" + (" and trying it in a session" if probe else ""))

        user = Context((), os.environ, Path.cwd(), Path.home())
        findings = list(examine(user, names or (), EmulatedProvider if probe else None, tell))
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        console().print(_table(findings))
        console().print(_sum(findings))
    if any(finding.state is State.PROBLEM for finding in findings):
        raise typer.Exit(_EXIT_PROBLEM)


def _status() -> AbstractContextManager[Status | None]:
    """A line that says what is looked at, where somebody watches."""
    if not sys.stderr.isatty():
        return nullcontext()
    return Console(file=sys.stderr).status("looking at settings and store")


def _table(findings: list[Finding]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        says = Text(printable(finding.says))
        if finding.fix:
            says.append(f"\n{printable(finding.fix)}", "bold" if finding.state is State.PROBLEM else "dim")
        table.add_row(finding.about, Text(finding.state.value, _STYLES[finding.state]), says)
    return table


def _sum(findings: list[Finding]) -> str:
    counts = Counter(finding.state for finding in findings)
    problems, notes = counts[State.PROBLEM], counts[State.NOTE]
    said = [f"{problems} problem{'s' if problems != 1 else ''}" if problems else "no problem"]
    said += [f"{notes} note{'s' if notes != 1 else ''}"] if notes else []
    return f"\n{', '.join(said)}"
