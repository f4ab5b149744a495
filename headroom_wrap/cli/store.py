"""`headroom store stats | purge`: what is kept on this machine, and its removal."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from headroom_wrap import settings as settings_module
from headroom_wrap.cli.display import console, count, existing_store, printable, size, when
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.settings import Settings
from headroom_wrap.store import Cut, Limits, StoreStats, Swept
from headroom_wrap.store.retention import TOUCH_AFTER_S

command = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show what is stored on this machine, or remove it. All of it is in one file, readable by you alone.",
)

_AGE = re.compile(r"(\d{1,6})([mhdw])", re.ASCII)
_UNITS_S = {"m": 60.0, "h": 3600.0, "d": 86_400.0, "w": 604_800.0}
_TABLES = ("originals", "decisions", "calls", "retrievals", "ledger")
_NEVER = float("inf")
_MODELS_SHOWN = 12


@command.command()
def stats(
    as_json: Annotated[bool, typer.Option("--json", help="Print the figures as JSON.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Show how much is stored, and for how long it is kept."""
    settings = settings_module.load({}, os.environ)
    store = existing_store()
    try:
        found = store.stats()
    finally:
        store.close()
    if as_json:
        limits = {
            name: {"value": getattr(settings, name), "source": settings.sources[name]}
            for name in ("retention_days", "store_max_mb")
        }
        sys.stdout.write(json.dumps({"path": str(store.path), "limits": limits, **asdict(found)}, indent=2) + "\n")
        return
    out = console()
    out.print(_facts(str(store.path), found, settings))
    out.print()
    out.print(_tables(found))
    if found.models:
        out.print()
        _tell_models(out, found)


@command.command()
def purge(
    older_than: Annotated[
        str | None, typer.Option(metavar="AGE", help="Remove what was last used longer ago: 30m, 12h, 7d, 2w.")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Remove all but the memory, the figures too.")] = False,  # noqa: FBT002 - typer's way
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,  # noqa: FBT002
) -> None:
    """Remove stored texts and decisions, and overwrite them. Facts stay: headroom memory forget removes those.

    Without an option, what falls out of the limits that `headroom store stats` shows. Figures (the ledger of calls)
    stay for 400 days unless everything is to go. Sessions may run meanwhile, but markers in their conversations that
    name a removed original can then not be followed; a conversation whose decisions were removed is decided anew
    when it is resumed, so its first request misses the provider's cache.
    """
    if everything and older_than is not None:
        raise HeadroomError(Code.BAD_REQUEST, "--all and --older-than exclude each other.", "Give one of them.")
    settings = settings_module.load({}, os.environ)
    cut = _cut(settings, older_than, everything=everything)
    store = existing_store()
    try:
        if not yes:
            held = store.originals_unused_since(cut.unused_since)
            what = f"{count(held.rows, 'original')} ({size(held.size_bytes)})"
            if cut.max_bytes and store.used_bytes() > cut.max_bytes:
                what += ", and the longest unused until the rest fits"
            _ask(what, cut, everything=everything)
        swept = store.purge(cut)
    finally:
        store.close()
    _say(_outcome(swept))


def _cut(settings: Settings, older_than: str | None, *, everything: bool) -> Cut:
    now = time.time()
    limits = Cut.of(Limits(settings.retention_days, settings.store_max_mb), now)
    if everything:
        return Cut(_NEVER, _NEVER)
    if older_than is None:
        return limits
    match = _AGE.fullmatch(older_than.strip().lower())
    if match is None:
        raise HeadroomError(Code.BAD_REQUEST, f"{older_than!r} is no age.", "Write it as 30m, 12h, 7d or 2w.")
    return Cut(now - int(match[1]) * _UNITS_S[match[2]], limits.figures_before)


def _ask(what: str, cut: Cut, *, everything: bool) -> None:
    """Let the person decide; without one, refuse.

    Raises:
        HeadroomError: `BAD_REQUEST`.
    """
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        raise HeadroomError(Code.BAD_REQUEST, "Nobody is there to ask, and nothing was removed.", "Add --yes.")
    if everything:
        _say(f"This removes everything but the memory: {what}, all decisions, and the figures of all sessions.")
    else:
        _say(f"This removes what was not used since {when(cut.unused_since)}: about {what}.")
    if cut.unused_since > time.time() - TOUCH_AFTER_S:
        _say("Markers in conversations that are still going on can then not be followed.")
    if not typer.confirm("Remove it?", err=True):
        raise HeadroomError(Code.BAD_REQUEST, "Nothing was removed.")


def _outcome(swept: Swept) -> str:
    gone = [
        count(number, noun)
        for number, noun in (
            (swept.originals, "original"),
            (swept.decisions, "decision"),
            (swept.calls, "tool call"),
            (swept.retrievals, "retrieval"),
            (swept.ledger, "ledger row"),
        )
        if number
    ]
    if not gone:
        return "headroom: there was nothing to remove."
    said = f"headroom: removed {', '.join(gone)}; {size(max(swept.freed_bytes, 0))} given back to the disk."
    if not swept.is_overwritten:
        said += " Another process kept the old bytes from being overwritten: run it again when no session runs."
    return said


def _facts(path: str, found: StoreStats, settings: Settings) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    free = f", {size(found.free_bytes)} of it free" if found.free_bytes else ""
    table.add_row("store", path)
    table.add_row("on disk", f"{size(found.file_bytes)}{free}")
    table.add_row("kept for", _limit(settings, "retention_days", "days after the last use"))
    table.add_row("at most", _limit(settings, "store_max_mb", "MB"))
    table.add_row("last sweep", when(found.swept) or "none yet; a session sweeps once a day")
    return table


def _limit(settings: Settings, name: str, unit: str) -> str:
    value, source = getattr(settings, name), settings.sources[name]
    return f"{f'{value:,} {unit}' if value else 'no limit'} (from: {source})"


def _tables(found: StoreStats) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in ("", "rows", "content", "longest unused", "newest"):
        table.add_column(name, justify="right" if name in ("rows", "content") else "left", no_wrap=True)
    for name in _TABLES:
        held = getattr(found, name)
        content = size(held.size_bytes) if held.size_bytes else ""
        table.add_row(name, f"{held.rows:,}", content, when(held.oldest), when(held.newest))
    return table


def _tell_models(out: Console, found: StoreStats) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("model", overflow="fold")
    for name in ("calls", "tokens not sent"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("how counted", overflow="fold")
    for model in found.models[:_MODELS_SHOWN]:
        how = model.counted.value
        if model.n_calibrations and model.factor != 1.0:
            how += f" (× {model.factor:.2f}, {count(model.n_calibrations, 'session')})"
        saved = model.tokens_before - model.tokens_after
        table.add_row(printable(model.model), f"{model.calls:,}", f"{saved:,}", how)
    out.print(table)
    if len(found.models) > _MODELS_SHOWN:
        out.print(f"and {count(len(found.models) - _MODELS_SHOWN, 'model')} more: headroom store stats --json")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
