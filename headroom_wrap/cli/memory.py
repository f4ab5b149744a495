"""`headroom memory list | search | add | edit | forget | export | import | stats | undo`: what agents share."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from headroom_wrap import paths, settings
from headroom_wrap.cli.display import console, count, printable, when
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.memory import Memory, scope_of
from headroom_wrap.memory.minilm import embedder_in
from headroom_wrap.memory.vectors import Embedder
from headroom_wrap.store import Fact, Kind, Relation, Store

command = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    help="Show and change what is remembered of a project: one memory for all agents, on this machine.",
)

Project = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Any folder of the project; the current one unless told.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
KindOption = Annotated[Kind | None, typer.Option(help="What sort of fact it is.")]
_SHOWN = 50


@command.command("list")
def list_(
    project: Project = None,
    kind: KindOption = None,
    limit: Annotated[int, typer.Option(min=1, help="How many, the newest first.")] = _SHOWN,
    as_json: AsJson = False,  # noqa: FBT002 - typer's way
) -> None:
    """List the facts that hold."""
    with _memory(project) as memory:
        facts = [fact for fact in memory.facts() if kind in (None, fact.kind)]
    _show(facts[:limit], as_json=as_json)
    if len(facts) > limit and not as_json:
        _say(f"headroom: {count(len(facts) - limit, 'older fact')} not shown: --limit {len(facts)} shows all.")


@command.command()
def search(
    query: str,
    project: Project = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many, the best first.")] = 10,
    as_json: AsJson = False,  # noqa: FBT002 - typer's way
) -> None:
    """Find facts by words, and by meaning where the setting embeddings names the model's folder."""
    with _memory(project, embedder_in(settings.load({}, os.environ).embeddings)) as memory:
        _show(memory.rank(query, limit), as_json=as_json)


@command.command()
def add(
    text: str,
    project: Project = None,
    kind: Annotated[Kind, typer.Option(help="What sort of fact it is.")] = Kind.CONVENTION,
    as_json: AsJson = False,  # noqa: FBT002 - typer's way
) -> None:
    """Remember a fact; one that is there already is not kept twice."""
    with _memory(project) as memory:
        saved = memory.save(text, kind)
    if as_json:
        _print({"relation": saved.relation.value, "replaced": saved.replaced, "fact": _plain(saved.fact)})
    elif saved.relation in (Relation.SAME, Relation.CONTAINED):
        _say(f"headroom: {saved.fact.id} says that already: {printable(saved.fact.text)}")
    else:
        how = f", in place of {', '.join(saved.replaced)}" if saved.replaced else ""
        near = f"; near to {', '.join(saved.fact.linked)}" if saved.fact.linked else ""
        _say(f"headroom: remembered as {saved.fact.id}{how}{near}.")


@command.command()
def edit(
    id_: Annotated[str, typer.Argument(metavar="ID")],
    text: Annotated[str | None, typer.Argument(help="What it shall say.")] = None,
    project: Project = None,
    kind: KindOption = None,
) -> None:
    """Change what a fact says, or its kind."""
    if text is None and kind is None:
        raise HeadroomError(Code.BAD_REQUEST, "There is nothing to change.", "Give a text, or --kind.")
    with _memory(project) as memory:
        fact = memory.edit(id_, text, kind)
    _say(f"headroom: {fact.id} ({fact.kind.value}): {printable(fact.text)}")


@command.command()
def forget(
    ids: Annotated[list[str], typer.Argument(metavar="ID...")],
    project: Project = None,
    erase: Annotated[bool, typer.Option("--erase", help="Remove it with its history; no undo.")] = False,  # noqa: FBT002 - typer's way
) -> None:
    """Let facts hold no longer; `headroom memory undo` brings the last one back."""
    with _memory(project) as memory:
        for id_ in ids:
            if erase:
                memory.erase(id_)
                _say(f"headroom: erased {id_}.")
            else:
                _say(f"headroom: forgot {id_}: {printable(memory.forget(id_).text)}")
    if erase:
        _erase_briefs()


@command.command()
def undo(project: Project = None) -> None:
    """Take the last change back; again, the one before it."""
    with _memory(project) as memory:
        changes = memory.undo()
    if not changes:
        _say("headroom: there is nothing to undo in this project.")
    for change in changes:
        _say(f"headroom: undid {change.what} of {change.fact}: {printable(change.after or change.before)}")


@command.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output unless told.")] = None,
    project: Project = None,
) -> None:
    """Write the facts that hold as JSON, one a line, without the project's path."""
    with _memory(project) as memory:
        rows = memory.exported()
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    if file is None:
        sys.stdout.write(text)
        return
    try:
        paths.write_private(file, text)
    except OSError as error:
        message = f"The facts could not be written to {file}: {error.strerror}."
        raise HeadroomError(Code.BAD_REQUEST, message, "Name another file.") from error
    _say(f"headroom: wrote {count(len(rows), 'fact')} to {file}.")


@command.command("import")
def import_(file: Path, project: Project = None) -> None:
    """Remember the facts of a file that `export` wrote; what is known already is not kept twice."""
    rows = _rows(file)
    with _memory(project) as memory:
        saved = memory.imported(rows)
    known = sum(each.relation in (Relation.SAME, Relation.CONTAINED) for each in saved)
    _say(f"headroom: {count(len(saved) - known, 'new fact')}, {known:,} known already.")


@command.command()
def stats(
    project: Project = None,
    as_json: AsJson = False,  # noqa: FBT002 - typer's way
) -> None:
    """Count the facts of this project and of all others."""
    with _memory(project) as memory, _store() as store:
        scope = memory.scope
        facts = store.facts.every(scope)
        projects = store.facts.projects(scope.user)
    held = [fact for fact in facts if fact.state == "active"]
    counts: dict[str, Any] = {
        "project": scope.project,
        "kinds": dict(Counter(fact.kind.value for fact in held)),
        "agents": dict(Counter(fact.agent for fact in held)),
        "states": dict(Counter(fact.state for fact in facts)),
        "uses": sum(fact.uses for fact in held),
        "projects": [{"project": name, "active": active, "all": n_all} for name, active, n_all in projects],
    }
    if as_json:
        _print(counts)
        return
    table = _table("", "facts")
    for group in ("kinds", "agents", "states"):
        for name, number in counts[group].items():
            table.add_row(f"{group[:-1]} {printable(name)}", f"{number:,}")
    for name, active, _ in projects:
        table.add_row(printable(name), f"{active:,}")
    console().print(table)


def _erase_briefs() -> None:
    """The files of briefs that held what was erased."""
    from headroom_wrap.wrap import sharing  # noqa: PLC0415 - it needs what Windows lacks

    with _store() as store:
        sharing.sweep(paths.home(os.environ), store.briefs.texts())


@contextlib.contextmanager
def _store() -> Iterator[Store]:
    store = Store(paths.store_file(paths.home(os.environ)))
    try:
        yield store
    finally:
        store.close()


@contextlib.contextmanager
def _memory(project: Path | None, embedder: Embedder | None = None) -> Iterator[Memory]:
    folder = Path.cwd() if project is None else project
    if not folder.is_dir():
        raise HeadroomError(Code.BAD_REQUEST, f"{folder} is no folder.", "Give --project a folder of the project.")
    with _store() as store:
        yield Memory(store, scope_of(folder), embedder)


def _rows(file: Path) -> list[Any]:
    try:
        return [json.loads(line) for line in file.read_text(encoding="utf-8").split("\n") if line.strip()]
    except (OSError, ValueError) as error:
        hint = "Give a file that headroom memory export wrote."
        raise HeadroomError(Code.BAD_REQUEST, f"{file} cannot be read: {error}.", hint) from error


def _show(facts: Sequence[Fact], *, as_json: bool) -> None:
    if as_json:
        _print([_plain(fact) for fact in facts])
        return
    if not facts:
        _say("headroom: no facts. headroom memory add TEXT remembers one.")
        return
    table = _table("id", "kind", "fact", "from", "since", "used")
    for fact in facts:
        since = when(fact.created)[:10]
        table.add_row(fact.id, fact.kind.value, printable(fact.text), printable(fact.agent), since, f"{fact.uses:,}")
    console().print(table)


def _table(*names: str) -> Table:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in names:
        table.add_column(
            name,
            justify="right" if name in ("used", "facts") else "left",
            overflow="fold",
            no_wrap=name in ("id", "since"),
        )
    return table


def _plain(fact: Fact) -> dict[str, Any]:
    return {**asdict(fact), "kind": fact.kind.value}


def _print(value: object) -> None:
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
