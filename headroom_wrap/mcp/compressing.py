"""The tools of the full server that shorten texts and tell what was saved."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from headroom_wrap import tokens
from headroom_wrap.compression.model import Level, Profile, WayBack
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.library.client import block_of, engine_of, shorten
from headroom_wrap.mcp.tool import Answer, Arguments, Scene, Tool
from headroom_wrap.memory import Memory, scope_of
from headroom_wrap.store import Store

_WIRE = "mcp"
_TEXT = {"type": "string"}
_COUNT = {"type": "integer"}


def _compress(scene: Scene, given: Arguments) -> Answer:
    if ("text" in given) == ("messages" in given):
        hint = "A conversation goes into messages, as its provider's API takes it."
        raise HeadroomError(Code.BAD_REQUEST, "headroom_compress takes a text or messages.", hint)
    profile = Profile(Level(given.get("level", Level.BALANCED)), way_back=WayBack.MCP)
    store = Store(scene.store_file)
    try:
        return _text(store, given, profile) if "text" in given else _messages(store, given, profile)
    finally:
        store.close()


def _text(store: Store, given: Arguments, profile: Profile) -> Answer:
    block = block_of(given["text"], given.get("tool", ""), given.get("command", ""), given.get("query", ""), profile)
    (verdict,) = engine_of(store).process([block], _WIRE, profile)
    text = block.text if verdict.replacement is None else verdict.replacement
    before, after = tokens.count(block.text), tokens.count(text)
    ids = [] if verdict.original_id is None or verdict.replacement is None else [verdict.original_id]
    return Answer(text, {**_figures(before, after), "ids": ids, "reason": verdict.reason, "text": text})


def _messages(store: Store, given: Arguments, profile: Profile) -> Answer:
    result = shorten(engine_of(store), given["messages"], profile, query=given.get("query"))
    verdicts = [each for each in result.verdicts if each.replacement is not None]
    ids = [verdict.original_id for verdict in verdicts if verdict.original_id is not None]
    reason = "; ".join(dict.fromkeys(verdict.reason for verdict in verdicts)) or "nothing to gain"
    figures = _figures(result.tokens_before, result.tokens_after)
    data = {**figures, "ids": ids, "reason": reason, "messages": result.messages}
    return Answer(json.dumps(result.messages, ensure_ascii=False), data)


def _figures(before: int, after: int) -> dict[str, int]:
    return {"tokens_before": before, "tokens_after": after}


def _stats(scene: Scene, _given: Arguments) -> Answer:
    store = Store(scene.store_file)
    try:
        held, totals = store.stats(), store.totals(scene.session)
        notes = None
        if scene.project is not None:
            notes = len(Memory(store, scope_of(scene.project)).facts())
    finally:
        store.close()
    before = sum(model.tokens_before for model in held.models)
    after = sum(model.tokens_after for model in held.models)
    session = {
        "requests": totals.requests,
        **_figures(totals.tokens_before, totals.tokens_after),
        "retrievals": totals.retrievals,
    }
    data: dict[str, Any] = {
        "model_calls": held.ledger.rows,
        **_figures(before, after),
        "retrievals": held.retrievals.rows,
        "originals": held.originals.rows,
        "store_bytes": held.file_bytes,
        "notes": notes,
        "session": session if scene.session else None,
    }
    return Answer(_told(data), data)


def _told(data: Mapping[str, Any]) -> str:
    before, after = data["tokens_before"], data["tokens_after"]
    share = f" ({(before - after) / before:.0%} fewer)" if before else ""
    lines = [
        f"All sessions: {data['model_calls']:,} model calls, tool output {before:,} -> {after:,} tokens{share}.",
        f"Store: {data['originals']:,} originals, {data['store_bytes']:,} bytes; {data['retrievals']:,} retrievals.",
    ]
    if data["session"] is not None:
        own = data["session"]
        lines.append(
            f"This session: {own['requests']:,} calls, {own['tokens_before']:,} -> {own['tokens_after']:,} tokens."
        )
    if data["notes"] is not None:
        lines.append(f"This project: {data['notes']:,} notes.")
    return "\n".join(lines)


def _object(**properties: Mapping[str, Any]) -> dict[str, Any]:
    """The schema of an object that has all of some members."""
    return {"type": "object", "properties": properties, "required": list(properties)}


_FIGURES = {"tokens_before": _COUNT, "tokens_after": _COUNT}

COMPRESS = Tool(
    name="headroom_compress",
    title="Shorten a long output",
    description=(
        "Shortens a long tool output (a log, a test run, search results, JSON), or the tool results of a whole"
        " conversation. Errors, totals and what the query asks for stay; everything left out is marked, and"
        " headroom_retrieve returns it by its id."
    ),
    arguments={
        "text": _TEXT,
        "messages": {"type": "array", "items": {"type": "object"}, "description": "in place of text"},
        "tool": {**_TEXT, "description": "which tool printed it"},
        "command": {**_TEXT, "description": "the command line that printed it"},
        "query": {**_TEXT, "description": "what the reader wants to know"},
        "level": {"type": "string", "enum": [level.value for level in Level]},
    },
    required=(),
    run=_compress,
    is_idempotent=True,
    output={
        **_object(**_FIGURES, ids={"type": "array", "items": _TEXT}, reason=_TEXT),
        "properties": {
            **_FIGURES,
            "ids": {"type": "array", "items": _TEXT},
            "reason": _TEXT,
            "text": _TEXT,
            "messages": {"type": "array"},
        },
    },
    long=frozenset({"text"}),
)

STATS = Tool(
    name="headroom_stats",
    title="Savings and store",
    description="Tells what Headroom has saved so far, and what it keeps on this machine.",
    arguments={},
    required=(),
    run=_stats,
    is_read_only=True,
    is_idempotent=True,
    output=_object(
        model_calls=_COUNT,
        **_FIGURES,
        retrievals=_COUNT,
        originals=_COUNT,
        store_bytes=_COUNT,
        notes={"type": ["integer", "null"]},
        session={"type": ["object", "null"]},
    ),
)
