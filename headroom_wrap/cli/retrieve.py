"""`headroom retrieve ID`: print an original, or a part of it."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from headroom_wrap import paths
from headroom_wrap.compression.retrieval import MAX_CHARS
from headroom_wrap.mcp.originals import read_and_note


def command(  # noqa: PLR0913, PLR0917 - typer's way to declare options
    id_: Annotated[str, typer.Argument(metavar="ID", help="The id in the marker, for example h1a2b3c4d5e6f.")],
    lines: Annotated[str | None, typer.Option(metavar="A-B", help="These lines only: 40-90, 40-, 1-5,40-90.")] = None,
    rows: Annotated[str | None, typer.Option(metavar="A-B", help="These objects of a JSON array only.")] = None,
    chars: Annotated[
        str | None, typer.Option(metavar="A-B", help="These characters only, for very long lines.")
    ] = None,
    grep: Annotated[str | None, typer.Option(metavar="RE", help="Lines that match only, with their numbers.")] = None,
    context: Annotated[int, typer.Option(metavar="N", help="With --grep: lines to show around each match.")] = 0,
    path: Annotated[
        str | None, typer.Option(metavar="P", help="Of a JSON document, the values at a path: $.a[0].b")
    ] = None,
    query: Annotated[str | None, typer.Option(metavar="WORDS", help="The passages that speak of this.")] = None,
    max_chars: Annotated[int, typer.Option(metavar="N", min=1, help="Cut a longer answer, and say so.")] = MAX_CHARS,
) -> None:
    """Print an original, word for word, under a line that says what it is."""
    given = {
        "lines": lines,
        "rows": rows,
        "chars": chars,
        "grep": grep,
        "context": context or None,
        "path": path,
        "query": query,
    }
    part = {name: value for name, value in given.items() if value is not None}
    store_file = paths.store_file(paths.home(os.environ))
    session = os.environ.get("HEADROOM_SESSION", "")
    text = read_and_note(store_file, session, id_, part, max_chars)
    sys.stdout.buffer.write(text.encode("utf-8", "surrogatepass") + b"\n")
    sys.stdout.buffer.flush()
