"""`headroom doctor`: what is installed, what runs, and what to do where something is wrong."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from typing import Annotated

import typer
from rich.table import Table
from rich.text import Text

from headroom_wrap.cli.display import console, printable
from headroom_wrap.wrap.doctor import Finding, State, examine

_STYLES = {State.OK: "green", State.NOTE: "yellow", State.PROBLEM: "bold red"}
_EXIT_PROBLEM = 1


def command(
    as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Look at settings, store, sessions, the backend for prose and the agents; exit code 1 where something is wrong."""
    findings = list(examine(os.environ))
    if as_json:
        sys.stdout.write(json.dumps([asdict(finding) for finding in findings], indent=2) + "\n")
    else:
        console().print(_table(findings))
    if any(finding.state is State.PROBLEM for finding in findings):
        raise typer.Exit(_EXIT_PROBLEM)


def _table(findings: list[Finding]) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for finding in findings:
        says = printable(finding.says)
        fix = f"\n{printable(finding.fix)}" if finding.fix else ""
        table.add_row(finding.about, Text(finding.state.value, _STYLES[finding.state]), says + fix)
    return table
