"""The tools of the memory: what comes back are notes in a frame, what is saved names who saved it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.mcp.tool import Answer, Arguments, Scene, Tool
from headroom_wrap.store import Kind, Scope, Store

if TYPE_CHECKING:
    from headroom_wrap.memory import Memory
    from headroom_wrap.memory.vectors import Embedder

_TEXT = {"type": "string"}
_KIND = {"type": "string", "enum": [kind.value for kind in Kind]}
_FOUND = 8
_MOST = 50
_MAX_UNREAD = 200
"""So many notes the model reads while an agent waits; more are left to `headroom memory search`."""

_SAYS = {
    "same": "known already as {id}",
    "contained": "known already as {id}, which says more",
    "extends": "saved as {id}, in place of {replaced}",
    "contradicts": "saved as {id}, in place of {replaced}",
    "linked": "saved as {id}; near to {linked}",
    "distinct": "saved as {id}",
}


def _search(scene: Scene, given: Arguments) -> Answer:
    from headroom_wrap.memory import brief  # noqa: PLC0415 - see `_memory`

    with _memory(scene, is_search=True) as memory:
        found = memory.search(given["query"], min(given.get("limit", _FOUND), _MOST))
    return Answer(brief.framed(found) if found else "No note in this project speaks of that.")


def _save(scene: Scene, given: Arguments) -> Answer:
    with _memory(scene, done="saved") as memory:
        saved = memory.save(given["text"], _kind(given) or Kind.CONVENTION, agent=scene.agent, session=scene.session)
    told = _SAYS[saved.relation.value]
    fact = saved.fact
    return _changed(told, fact.id, replaced=list(saved.replaced), linked=list(fact.linked))


def _update(scene: Scene, given: Arguments) -> Answer:
    with _memory(scene, done="changed") as memory:
        fact = memory.edit(given["id"], given["text"], _kind(given))
    return _changed("changed {id}", fact.id)


def _forget(scene: Scene, given: Arguments) -> Answer:
    with _memory(scene, done="forgotten") as memory:
        fact = memory.forget(given["id"])
    return _changed("forgot {id}", fact.id)


def _changed(told: str, id_: str, **others: list[str]) -> Answer:
    named = {name: ", ".join(ids) for name, ids in others.items()}
    text = told.format(id=id_, **named)
    return Answer(f"{text[0].upper()}{text[1:]}.", {"id": id_, "what": text, **others})


def brief_of_project(scene: Scene) -> str:
    """The best notes on the scene's project, in their frame.

    Raises:
        HeadroomError: `BAD_REQUEST` where no project is known; `STORE_FAILED`.
    """
    with _memory(scene) as memory:
        return memory.brief() or "There are no notes on this project yet."


def _kind(given: Arguments) -> Kind | None:
    return Kind(given["kind"]) if "kind" in given else None


@contextlib.contextmanager
def _memory(scene: Scene, done: str = "", *, is_search: bool = False) -> Iterator[Memory]:
    """The memory of the scene's project, opened for reading alone where nothing but that is possible.

    Args:
        scene: for whom.
        done: what is to be done to a note, for the error; empty for reading.
        is_search: by meaning, too, where that is set up.

    Raises:
        HeadroomError: `BAD_REQUEST` where no project is known; `STORE_FAILED`.
    """
    # Imported here: every session starts this server, and few calls come in most.
    from headroom_wrap.memory import Memory, scope_of  # noqa: PLC0415

    if scene.project is None:
        message = "It is not known to which project the notes belong."
        raise HeadroomError(Code.BAD_REQUEST, message, "Start the server in the project, or with --project DIR.")
    with _store(scene, done) as store:
        scope = scope_of(scene.project)
        yield Memory(store, scope, _embedder(scene.embeddings, store, scope) if is_search else None)


def _embedder(folder: str, store: Store, scope: Scope) -> Embedder | None:
    """The model, unless it cannot be loaded, or would first have to read so many notes that the agent would wait."""
    model = _model(folder) if folder else None
    if model is None or len(store.facts.without_vector(scope, model.model, _MAX_UNREAD + 1)) > _MAX_UNREAD:
        return None
    return model


@lru_cache(1)
def _model(folder: str) -> Embedder | None:
    from headroom_wrap.memory.minilm import embedder_in  # noqa: PLC0415 - with the first search, not at the start

    try:
        return embedder_in(folder)
    except HeadroomError:
        return None  # words alone still find; `headroom memory search` says what is wrong


@contextlib.contextmanager
def _store(scene: Scene, done: str) -> Iterator[Store]:
    try:
        store = _opened(scene, done)
    except OSError as error:
        raise _unwritable(done, str(error.strerror or error)) from error
    try:
        yield store
    except HeadroomError as error:
        if error.code is Code.STORE_FAILED and done:
            raise _unwritable(done, error.message) from error
        raise
    finally:
        store.close()


def _opened(scene: Scene, done: str) -> Store:
    try:
        return Store(scene.store_file)
    except (HeadroomError, OSError) as error:
        if done:
            raise _unwritable(done, str(error)) from error
        return Store(scene.store_file, read_only=True)


def _unwritable(done: str, why: str) -> HeadroomError:
    message = f"The notes cannot be written from here, so nothing was {done}: {why.rstrip('.')}."
    hint = "Go on without it, and tell the user: headroom memory add TEXT keeps it from their own shell."
    return HeadroomError(Code.STORE_FAILED, message, hint)


MEMORY_TOOLS = (
    Tool(
        name="memory_search",
        title="Search the project's notes",
        description="Searches what agents and people noted on this project: commands, conventions, decisions.",
        arguments={"query": _TEXT, "limit": {"type": "integer"}},
        required=("query",),
        run=_search,
        is_read_only=True,
        is_idempotent=True,
    ),
    Tool(
        name="memory_save",
        title="Save a note",
        description=(
            "Saves a fact on this project for every agent's later sessions: short, lasting, not obvious from the code,"
            " never a secret."
        ),
        arguments={"text": _TEXT, "kind": _KIND},
        required=("text",),
        run=_save,
        is_idempotent=True,
    ),
    Tool(
        name="memory_update",
        title="Change a note",
        description="Corrects a note.",
        arguments={"id": _TEXT, "text": _TEXT, "kind": {"type": "string"}},
        required=("id", "text"),
        run=_update,
        is_idempotent=True,
    ),
    Tool(
        name="memory_forget",
        title="Forget a note",
        description="Removes a note that no longer holds.",
        arguments={"id": _TEXT},
        required=("id",),
        run=_forget,
        is_destructive=True,
        is_idempotent=True,
    ),
)
"""Without structured output where a session starts them: nobody reads it there, and its schemas cost tokens."""
