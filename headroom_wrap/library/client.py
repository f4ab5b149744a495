"""`compress` and `retrieve`: the engine on a list of messages, with the caller as the way back."""

from __future__ import annotations

import hashlib
import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from headroom_wrap import paths, tokens
from headroom_wrap.compression import retrieval
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import RENDERER_VERSION, Level, Profile, Slot, SlotKind, WayBack
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.library import conversation
from headroom_wrap.library.config import Config, Result
from headroom_wrap.store import Store

if TYPE_CHECKING:
    from typing_extensions import Self

_DEFAULTS = Config()
_MAX_CHARS = 16_000_000


def engine_of(store: Store) -> Engine:
    """An engine that takes the time it needs: its caller waits for nothing else."""
    return Engine(store, births_budget_s=math.inf, max_chars=_MAX_CHARS)


def block_of(text: str, tool: str, command: str, query: str, profile: Profile) -> Slot:
    """A text by itself as a tool's result.

    A block keeps its first decision: another question, or another level, makes it another block.
    """
    given = {"command": command} if command else {}
    asked = json.dumps([tool, given, query, profile.level.value, RENDERER_VERSION], sort_keys=True)
    digest = hashlib.sha256(asked.encode()).hexdigest()
    return Slot(SlotKind.TOOL_RESULT, text, 0, digest, tool, given, query=query)


def shorten(  # noqa: PLR0913 - what decides about a text
    engine: Engine,
    messages: Sequence[dict[str, Any]],
    profile: Profile,
    *,
    query: str | None,
    user_text: bool = False,
    model: str = "",
) -> Result:
    """A conversation with its results shortened; the arguments are those of `headroom.compress`."""
    found = conversation.read(messages, query=query, user_text=user_text)
    verdicts = engine.process(found.slots, found.wire, profile)
    given = found.render(
        {verdict.slot.place: verdict.replacement for verdict in verdicts if verdict.replacement is not None}
    )
    before, after = (
        sum(tokens.count(text, model) for message in each for text in conversation.texts_of(message))
        for each in (messages, given)
    )
    return Result(given, before, after, verdicts, is_exact=tokens.is_exact(model))


class Headroom:
    """The library on one store. Safe for several threads; close it, or use it in a `with` block.

    Args:
        store: the database file; default: the user's own, which the command line and wrapped sessions use, too.

    Raises:
        HeadroomError: `STORE_FAILED` where the file cannot be opened.
    """

    def __init__(self, store: str | os.PathLike[str] | None = None) -> None:
        self._store = Store(_store_file(store))
        self._engine = engine_of(self._store)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Commit what is queued and close the store."""
        self._store.close()

    @property
    def store(self) -> Store:
        """Where originals and decisions are."""
        return self._store

    def compress(
        self,
        messages: Sequence[dict[str, Any]],
        *,
        model: str = "",
        query: str | None = None,
        level: Level | str = Level.BALANCED,
        config: Config | None = None,
    ) -> Result:
        """Shorten the results of tools in a conversation; see `headroom.compress`."""
        config = config or _DEFAULTS
        level = _level(level)
        user_text = level is Level.AGGRESSIVE and (
            config.user_text if config.user_text is not None else query is not None
        )
        profile = Profile(level, config.exclude_tools, WayBack.NONE if config.lossless else WayBack.CALLER)
        return shorten(self._engine, messages, profile, query=query, user_text=user_text, model=model)

    def retrieve(self, id_: str, **part: Any) -> str:
        """Give back an original or a part of it; see `headroom.retrieve`."""
        return retrieval.retrieve(self._store, id_, **part)


def compress(  # noqa: PLR0913 - the arguments are the public interface
    messages: Sequence[dict[str, Any]],
    *,
    model: str = "",
    query: str | None = None,
    level: Level | str = Level.BALANCED,
    config: Config | None = None,
    store: str | os.PathLike[str] | None = None,
) -> Result:
    """Shorten the results of tools in a conversation. What is elided is marked, with the id for `retrieve`.

    The same messages give the same result, and a message that is added changes nothing before it, so a provider's
    prompt cache holds. `Headroom` does the same with a store that stays open.

    Args:
        messages: as Anthropic Messages, OpenAI Chat Completions or OpenAI Responses take them; they are not changed.
        model: the model that will read them: whose tokens are counted. What becomes of a text does not depend on it.
        query: what matters; default: for each result, what the user said last before it.
        level: off, safe (nothing is elided), balanced, or aggressive (prose, too).
        config: what else to mind.
        store: the file that keeps originals; default: the user's own.

    Raises:
        HeadroomError: `BAD_REQUEST` for messages of no known format or an unknown level, `STORE_FAILED`.
    """
    with Headroom(store) as headroom:
        return headroom.compress(messages, model=model, query=query, level=level, config=config)


def retrieve(  # noqa: PLR0913 - the arguments are those of the tool
    id_: str,
    *,
    lines: str | None = None,
    rows: str | None = None,
    chars: str | None = None,
    grep: str | None = None,
    context: int = 0,
    path: str | None = None,
    query: str | None = None,
    store: str | os.PathLike[str] | None = None,
) -> str:
    """Give back an original, or a part of it, under a line that says what follows.

    Args:
        id_: as a marker gives it.
        lines: 1-based and inclusive: `40-90`, `40`, `40-`, `-90`, or several with commas.
        rows: the same for the objects of a JSON array.
        chars: the same for characters.
        grep: a regular expression; matching lines come with their numbers.
        context: lines to show around each match.
        path: a JSON path (RFC 9535): the values that it names.
        query: what is to be known: the passages that speak of it.
        store: the file that keeps originals; default: the user's own.

    Raises:
        HeadroomError: `ORIGINAL_NOT_FOUND`, `BAD_REQUEST`, `STORE_FAILED`.
    """
    reader = Store(_store_file(store), read_only=True)
    try:
        return retrieval.retrieve(
            reader, id_, lines=lines, rows=rows, chars=chars, grep=grep, context=context, path=path, query=query
        )
    finally:
        reader.close()


def _store_file(store: str | os.PathLike[str] | None) -> Path:
    return paths.store_file(paths.home(os.environ)) if store is None else Path(store)


def _level(level: Level | str) -> Level:
    try:
        return Level(level)
    except ValueError:
        names = ", ".join(each.value for each in Level)
        raise HeadroomError(Code.BAD_REQUEST, f"There is no level {level!r}.", f"Give one of {names}.") from None
