"""The tool `headroom_retrieve`, and reading an original for whoever asks by another way."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headroom_wrap.compression.markers import RETRIEVE_TOOL
from headroom_wrap.compression.retrieval import MAX_CHARS, retrieve
from headroom_wrap.errors import HeadroomError
from headroom_wrap.mcp.tool import Answer, Arguments, Scene, Tool
from headroom_wrap.store import Store

_TEXT = {"type": "string"}
_FURTHER = {"path": _TEXT, "query": _TEXT}


def read_and_note(store_file: Path, session: str, id_: str, part: Mapping[str, Any], max_chars: int = MAX_CHARS) -> str:
    """Retrieve from the store, and count it for `session` as far as this process may write there.

    Raises:
        HeadroomError: as `retrieve` does, and `STORE_FAILED` where there is no store.
    """
    store = Store(store_file, read_only=True)
    try:
        text = retrieve(store, id_, **part, max_chars=max_chars)
    finally:
        store.close()
    try:
        store = Store(store_file)
    except (HeadroomError, OSError):
        return text  # a sandbox: reading is what matters
    try:
        store.record_retrieval(session, id_, " ".join(f"{name}={value}" for name, value in part.items()), len(text))
    except HeadroomError:
        return text
    finally:
        store.close()
    return text


def _retrieve(scene: Scene, given: Arguments) -> Answer:
    part = {name: value for name, value in given.items() if name != "id"}
    return Answer(read_and_note(scene.store_file, scene.session, given["id"], part))


RETRIEVE = Tool(
    name=RETRIEVE_TOOL,
    title="Read elided output",
    # Explains the arguments, too, once for all: every request pays for these words.
    description=(
        "Returns what was elided from a tool result, word for word. A line [headroom ID: ...] in the result names the"
        ' id. Ask for the lines, rows or chars that you need (from 1: "40-90" or "1-5,40-"), or for a grep'
        " (regular expression) with lines of context."
    ),
    arguments={
        "id": _TEXT, "lines": _TEXT, "rows": _TEXT, "chars": _TEXT, "grep": _TEXT, "context": {"type": "integer"},
    },
    required=("id",),
    run=_retrieve,
    is_read_only=True,
    is_idempotent=True,
    unlisted=_FURTHER,
    meta={"anthropic/alwaysLoad": True},
)  # fmt: skip
"""Without structured output: the text is the answer, and as a member of an object it would arrive escaped."""

RETRIEVE_IN_FULL = dataclasses.replace(
    RETRIEVE,
    description=(
        f"{RETRIEVE.description} Or, of a JSON document, for the values at a path ($.items[0].name); or for the"
        " passages that speak of a query in plain words."
    ),
    arguments={**RETRIEVE.arguments, **_FURTHER},
    unlisted={},
)
"""The same for a server whose tools are not in every request of a session."""
