"""`headroom explain ID`: what was dropped from an original, and why."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from headroom_wrap.cli.display import console, count, existing_store, fewer, printable, when
from headroom_wrap.cli.side_by_side import items, show
from headroom_wrap.compression.markers import Elision, elisions
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.store import DatedDecision, Original

_PREVIEW_CHARS = 300


def command(
    id_: Annotated[str, typer.Argument(metavar="ID", help="The id in a marker, for example h1a2b3c4d5e6f.")],
    diff: Annotated[bool, typer.Option("--diff", help="Show it and what the model read, side by side.")] = False,  # noqa: FBT002 - typer's way
    as_json: Annotated[bool, typer.Option("--json", help="Print everything as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Say what became of an original: every decision on it, what was elided, and where to read it.

    Looking at an original here does not count as a retrieval by the model.
    """
    store = existing_store()
    try:
        original = store.original(id_.strip())
        found = store.decisions_on(id_.strip())
    finally:
        store.close()
    if original is None:
        hint = "Take the id from a marker; it begins with h. headroom store stats says how long originals are kept."
        raise HeadroomError(Code.ORIGINAL_NOT_FOUND, f"There is no original {id_!r} in this store.", hint)
    if as_json:
        sys.stdout.write(json.dumps(_as_data(original, found), indent=2) + "\n")
    elif diff:
        _show_diff(original, found)
    else:
        _tell(console(), original, found)


def _as_data(original: Original, found: list[DatedDecision]) -> dict[str, Any]:
    """Everything that is known, for programs."""
    decisions = []
    for dated in found:
        decision = dated.decision
        stretches = [
            {key: value for key, value in asdict(elided).items() if key != "index"}
            | {"starts": _line(original.text, elided)}
            for elided in elisions(decision.rendered or "")
        ]
        decisions.append(
            {
                "profile": json.loads(decision.profile),
                "compressor": decision.compressor,
                "reason": decision.reason,
                "tokens_before": decision.tokens_before,
                "tokens_after": decision.tokens_after,
                "made": dated.created,
                "last_used": dated.last_used,
                "elided": stretches,
                "rendered": decision.rendered,
            }
        )
    return {
        "id": original.id,
        "tool": original.tool_name,
        "n_chars": len(original.text),
        "n_lines": _n_lines(original.text),
        "stored": original.created,
        "last_used": original.last_used,
        "decisions": decisions,
    }


def _show_diff(original: Original, found: list[DatedDecision]) -> None:
    rendered = next((dated.decision.rendered for dated in found if dated.decision.rendered is not None), None)
    if rendered is None:
        message = f"Nothing stands in the place of {original.id}: no decision refers to it."
        raise HeadroomError(Code.BAD_REQUEST, message, f"To read it: headroom retrieve {original.id}")
    show(console(), original.text, rendered)


def _tell(out: Console, original: Original, found: list[DatedDecision]) -> None:
    head = _facts()
    head.add_row("original", original.id)
    head.add_row("tool", printable(original.tool_name) or "not known")
    n_lines = _n_lines(original.text)
    head.add_row("size", f"{count(n_lines, 'line')}, {count(len(original.text), 'character')}")
    head.add_row("stored", f"{when(original.created)}, last used {when(original.last_used)}")
    head.add_row("to read", f"headroom retrieve {original.id}")
    out.print(head)
    if not found:
        out.print("\nNo decision refers to it: it was stored for a program, or its decisions were removed.")
    for number, dated in enumerate(found, 1):
        out.print(f"\nDecision {number} of {len(found)}, {when(dated.created)}", style="bold")
        _tell_decision(out, original, dated)


def _tell_decision(out: Console, original: Original, dated: DatedDecision) -> None:
    decision = dated.decision
    profile = json.loads(decision.profile)
    facts = _facts()
    facts.add_row("done by", f"{decision.compressor or 'nothing'}, level {profile.get('level', '?')}")
    facts.add_row("why", printable(decision.reason))
    facts.add_row("tokens", f"{fewer(decision.tokens_before, decision.tokens_after)} (o200k_base)")
    facts.add_row("way back", _WAYS.get(profile.get("way_back"), "not known"))
    facts.add_row("last used", when(dated.last_used))
    out.print(facts)
    found = elisions(decision.rendered or "")
    if decision.depends:
        out.print("\nA reference to an earlier, equal result of the same conversation:")
        out.print("  " + printable((decision.rendered or "").split("\n")[0]))
    elif not found:
        out.print("\nNothing was elided: the model read the same content in a shorter spelling.")
    else:
        out.print()
        out.print(_stretches(original, found))


_WAYS = {
    "mcp": "the tool headroom_retrieve",
    "shell": "the command headroom retrieve",
    "caller": "the program that called the library",
    "none": "none: nothing could be elided",
}


def _stretches(original: Original, found: list[Elision]) -> Table:
    spans = [str(one.first) if one.first == one.last else f"{one.first}-{one.last}" for one in found]
    title = f"elided {found[0].unit}"
    says_what = any(elided.what for elided in found)
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column(title, no_wrap=True, justify="right", min_width=max(map(len, (title, *spans))))
    if says_what:
        table.add_column("what the marker says", ratio=2, overflow="fold")
    table.add_column("the first of them", ratio=3, no_wrap=True, overflow="ellipsis", style="dim")
    for span, elided in zip(spans, found, strict=True):
        cells = [span, printable(elided.what), printable(_line(original.text, elided))]
        table.add_row(*(cells if says_what else cells[::2]))
    return table


def _facts() -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    return table


def _line(text: str, elided: Elision) -> str:
    """The first line or row that was elided, clipped."""
    found = items(text, elided.unit)
    return found[elided.first - 1][:_PREVIEW_CHARS] if elided.first <= len(found) else ""


def _n_lines(text: str) -> int:
    return text.count("\n") + (not text.endswith("\n"))
