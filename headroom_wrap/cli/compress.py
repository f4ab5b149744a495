"""`headroom compress FILE`: any text, as a model would read it in the place of a tool's result."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from headroom_wrap import paths, tokens
from headroom_wrap import settings as settings_module
from headroom_wrap.cli.display import console, fewer
from headroom_wrap.cli.side_by_side import show
from headroom_wrap.compression import router
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.kompress_model import routing
from headroom_wrap.compression.model import Hints, Level, Profile, Slot, WayBack
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.library.client import block_of
from headroom_wrap.store import Store

_WIRE = "cli"
_STDIN = "-"


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What became of a text."""

    text: str
    reason: str
    compressor: str = ""
    tokens_before: int = 0
    tokens_after: int = 0
    original_id: str | None = None


def command(  # noqa: PLR0913, PLR0917 - one per option
    file: Annotated[str, typer.Argument(metavar="FILE", help="What to compress; - is standard input.")] = _STDIN,
    tool: Annotated[str, typer.Option(metavar="NAME", help="The tool whose result it is, for example Bash.")] = "",
    run: Annotated[
        str, typer.Option("--command", metavar="LINE", help='The command that printed it: "pytest -q".')
    ] = "",
    query: Annotated[str, typer.Option(metavar="WORDS", help="What the reader wants to know: that stays.")] = "",
    level: Annotated[str | None, typer.Option(help="off, safe, balanced (default) or aggressive.")] = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Keep nothing, and so elide nothing.")] = False,  # noqa: FBT002 - typer's way
    stats: Annotated[bool, typer.Option("--stats", help="Print the figures instead of the text.")] = False,  # noqa: FBT002
    side_by_side: Annotated[bool, typer.Option("--side-by-side", help="Show both texts in two columns.")] = False,  # noqa: FBT002
    as_json: Annotated[bool, typer.Option("--json", help="Print text and figures as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Print a text as a model would read it, and on standard error what that saved.

    Whatever is elided can be read back with `headroom retrieve ID`. Binary input passes unchanged.
    """
    if side_by_side + as_json + stats > 1:
        raise HeadroomError(Code.BAD_REQUEST, "--side-by-side, --stats and --json exclude each other.", "Give one.")
    settings = settings_module.load({"level": level}, os.environ)
    raw = _read(file)
    text = _as_text(raw)
    if text is None:
        outcome = _Outcome("", "it is binary")
    else:
        profile = Profile(Level(settings.level), way_back=WayBack.SHELL)
        slot = block_of(text, tool, run, query, profile)
        outcome = (
            _without_store(slot, settings.level) if no_store else _with_store(slot, profile, settings.kompress_dir)
        )
    if as_json:
        sys.stdout.write(_json(outcome, settings.level, is_text=text is not None) + "\n")
    elif side_by_side and text is not None:
        show(console(), text, outcome.text)
    elif not stats:
        _write(raw if text is None else outcome.text.encode("utf-8"))
    (sys.stdout if stats else sys.stderr).write(_summary(outcome) + "\n")


def _with_store(slot: Slot, profile: Profile, kompress_dir: str) -> _Outcome:
    """Through the engine, as a session would."""
    store = Store(paths.store_file(paths.home(os.environ)))
    try:
        engine = Engine(store, compress=routing(kompress_dir, os.environ))
        (verdict,) = engine.process([slot], _WIRE, profile)
    finally:
        store.close()
    if verdict.replacement is None:
        n_tokens = verdict.tokens_before or tokens.count(slot.text)
        return _Outcome(slot.text, verdict.reason, "", n_tokens, n_tokens)
    return _Outcome(
        verdict.replacement, verdict.reason, verdict.compressor,
        verdict.tokens_before, verdict.tokens_after, verdict.original_id,
    )  # fmt: skip


def _without_store(slot: Slot, level: str) -> _Outcome:
    """Lossless only, since nothing could be read back."""
    before = tokens.count(slot.text)
    if level == Level.OFF.value:
        return _Outcome(slot.text, "level off", "", before, before)
    found = router.compress(slot.text, Hints(slot.tool_name, slot.tool_input, slot.query, level=Level.SAFE))
    if found is None:
        return _Outcome(slot.text, "nothing to gain without eliding", "", before, before)
    name, compressed = found
    return _Outcome(compressed.text, compressed.reason, name, before, tokens.count(compressed.text))


def _read(file: str) -> bytes:
    if file == _STDIN:
        if sys.stdin.isatty():
            sys.stderr.write("headroom: reading what you type; end it with Ctrl-D.\n")
        return sys.stdin.buffer.read()
    try:
        return Path(file).read_bytes()
    except OSError as error:
        message = f"The file {file} cannot be read: {error.strerror}."
        raise HeadroomError(Code.BAD_REQUEST, message, "Name a file, or - for standard input.") from error


def _as_text(raw: bytes) -> str | None:
    try:
        return None if b"\0" in raw else raw.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _write(raw: bytes) -> None:
    sys.stdout.buffer.write(raw)
    if sys.stdout.isatty() and not raw.endswith(b"\n"):
        sys.stdout.buffer.write(b"\n")
    sys.stdout.buffer.flush()


def _json(outcome: _Outcome, level: str, *, is_text: bool) -> str:
    return json.dumps(
        {
            "text": outcome.text if is_text else None,
            "is_changed": bool(outcome.compressor),
            "level": level,
            "compressor": outcome.compressor,
            "reason": outcome.reason,
            "tokens_before": outcome.tokens_before,
            "tokens_after": outcome.tokens_after,
            "original_id": outcome.original_id,
        },
        indent=2,
    )


def _summary(outcome: _Outcome) -> str:
    if not outcome.compressor:
        size = f", {outcome.tokens_before:,} tokens" if outcome.tokens_before else ""
        return f"headroom: unchanged{size}: {outcome.reason}"
    way = f"; original: headroom retrieve {outcome.original_id}" if outcome.original_id else ""
    saved = fewer(outcome.tokens_before, outcome.tokens_after)
    return f"headroom: {saved} ({outcome.reason}){way}"
