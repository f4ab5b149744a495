"""`headroom learn`: what went wrong in past sessions, and what worked, as corrections that every agent reads."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Annotated, Any

import typer

from headroom_wrap import paths
from headroom_wrap.agents import Context, agent_named
from headroom_wrap.cli import learn_display as display
from headroom_wrap.cli.display import console, count
from headroom_wrap.cli.learn_display import Shown
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.learn import applying, asking, learning, refining, remembering, rewording, watching, writing
from headroom_wrap.learn.applying import Applied
from headroom_wrap.learn.backups import Outcome
from headroom_wrap.learn.files import root_of
from headroom_wrap.learn.learning import Asked, History, Learned
from headroom_wrap.learn.writing import Corrections, Plan, Refusal
from headroom_wrap.memory import Memory, project_of, scope_of
from headroom_wrap.store import Store

_EXIT_LEFT = 1
_ANY = "any"
"""Of the agents that can be asked."""
_UNITS = {"h": 3600.0, "d": 86_400.0, "w": 604_800.0}


Project = Annotated[
    Path | None, typer.Option(metavar="DIR", help="Any folder of the project; the current one unless told.")
]
Everything = Annotated[bool, typer.Option("--all", help="Of all projects.")]
OfAgent = Annotated[
    list[str] | None, typer.Option(metavar="AGENT", help="Of this agent's sessions only; may be repeated.")
]
Since = Annotated[str, typer.Option(metavar="TIME", help="Not older than 12h, 7d, 2w or 2026-03-01.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
Apply = Annotated[bool, typer.Option("--apply", help="Write what is shown.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask before writing.")]
Local = Annotated[bool, typer.Option("--local", help="Write CLAUDE.local.md, not CLAUDE.md.")]
Undo = Annotated[bool, typer.Option("--undo", help="Take the last --apply back.")]
ForgetDeletions = Annotated[bool, typer.Option("--forget-deletions", help="Write again what you deleted by hand.")]
Refine = Annotated[
    str,
    typer.Option(
        metavar="[AGENT|KEY]",
        help="Let a model say it better: claude, codex, copilot, or the variable of a key such as ANTHROPIC_API_KEY."
        " The corrections and the words of the failures go to it, without secrets.",
    ),
]
Model = Annotated[str, typer.Option(help="With a key: which model.")]
ShowSent = Annotated[bool, typer.Option("--show-sent", help="Print what --refine would send, and send nothing.")]
Watch = Annotated[str, typer.Option(metavar="on|off", help="Learn and write when a wrapped session ends, from now on.")]


@dataclass(frozen=True, slots=True)
class _Way:
    """How the command was asked to go about it."""

    everything: bool
    as_json: bool
    applies: bool
    assumes_yes: bool
    is_local: bool
    again: str


class _App(typer.Typer):
    """`--refine` may stand alone; typer knows no option whose value may be left out."""

    def __call__(self, args: Sequence[str], **how: Any) -> Any:
        """Run it."""
        words: list[str] = []
        for word, after in zip_longest(args, args[1:]):
            words.append(word)
            if word == "--refine" and (after is None or after.startswith("-")):
                words.append(_ANY)
        return super().__call__(words, **how)


command = _App(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)


@command.command()
def learn(  # noqa: PLR0913 - as many as there are options
    *,
    project: Project = None,
    everything: Everything = False,
    agent: OfAgent = None,
    since: Since = "",
    as_json: AsJson = False,
    apply: Apply = False,
    yes: Yes = False,
    local: Local = False,
    undo: Undo = False,
    forget_deletions: ForgetDeletions = False,
    refine: Refine = "",
    model: Model = "",
    show_sent: ShowSent = False,
    watch: Watch = "",
) -> None:
    """Find what failed in past sessions and what worked, and write it where agents read it.

    Nothing is written without --apply: the findings and the diff of each file are shown. No model and no network are
    used without --refine. A line that you edit or delete stays so.

    Exit code 1 where a file had to be left.
    """
    home = paths.home(os.environ)
    if (refine or show_sent) and everything:
        raise HeadroomError(Code.BAD_REQUEST, "Refining goes project by project.", "Give --project DIR, not --all.")
    if refine not in ("", _ANY):
        asking.check(refine)
    if watch:
        _say(watching.switch(paths.config_file(os.environ), watch))
        return
    asked = _asked(project, agent or (), since, everything=everything)
    root = root_of(Path.cwd() if project is None else project)
    store = Store(paths.store_file(home))
    try:
        if undo:
            _undo(home, root, store, everything=everything)
            return
        context = Context((), dict(os.environ), root, Path.home())
        with display.reading(console(sys.stderr)) as tell:
            found = learning.learn(context, store, asked, time.time(), tell)
        if show_sent:
            sys.stdout.write(_sent(found, store))
            return
        found = _reworded(found, store, _asking(refine, model) if refine else None)
        again = _again(project, asked, since, is_local=local)
        way = _Way(everything, as_json, apply, yes, local, again)
        if forget_deletions:
            _forget_deletions(home, root, found, store)
        n_left = _Command(home, root, store, asked, way).run(found)
    finally:
        store.close()
    if n_left:
        raise typer.Exit(_EXIT_LEFT)


class _Command:
    """What is done with what was found."""

    def __init__(self, home: Path, root: Path, store: Store, asked: Asked, way: _Way) -> None:
        self._home = home
        self._root = root
        self._store = store
        self._asked = asked
        self._way = way

    def run(self, found: History) -> int:
        """Show it, and write it if asked; gives how many files had to be left."""
        way = self._way
        learned = found.projects if way.everything else found.projects or (Learned(self._asked.project, ()),)
        wanted = {each: self._corrections(each) for each in learned}
        shown = [Shown(each, self._plan(said)) for each, said in wanted.items()]
        changes = [draft for each in shown if each.plan for draft in each.plan.changes]
        if not way.as_json:
            display.show(console(), found, shown, is_all=way.everything)
        if way.applies and not self._is_agreed(len(changes)):
            _say("headroom: nothing was written.")
            return 0
        applied = self._apply(wanted) if way.applies else []
        refusals = [left for each in shown if each.plan for left in each.plan.refusals]
        if way.applies:
            refusals = [left for each in applied for left in each.refusals]
        if way.as_json:
            data = display.as_data(found, shown, applied, refusals)
            sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")
        else:
            self._tell(shown, applied, refusals)
        return len(refusals) if way.applies else 0

    def _corrections(self, learned: Learned) -> Corrections | None:
        """What is to be said in a project; None where nothing can be written."""
        root = self._place(learned)
        if root is None or _why_not(root):
            return None
        return Corrections(root, learned.sure, time.time(), self._asked.is_whole, self._way.is_local, learned.doubted)

    def _place(self, learned: Learned) -> Path | None:
        return learned.project if self._way.everything else self._root

    def _plan(self, said: Corrections | None) -> Plan | None:
        return None if said is None else writing.plan(said, self._store.learned_lines)

    def _is_agreed(self, n_files: int) -> bool:
        is_asked = not (self._way.assumes_yes or self._way.as_json) and sys.stdin.isatty() and sys.stdout.isatty()
        return not (is_asked and n_files) or typer.confirm(f"Write {count(n_files, 'file')}?", default=True)

    def _apply(self, wanted: Mapping[Learned, Corrections | None]) -> list[Applied]:
        lines = self._store.learned_lines
        return [
            applying.apply(self._home, said, lines, _memory(self._store, said.root))
            for said in wanted.values()
            if said is not None
        ]

    def _tell(self, shown: Sequence[Shown], applied: Sequence[Applied], refusals: Sequence[Refusal]) -> None:
        """What a person must know beside the diffs; the last line says what was done, or what to type."""
        sys.stdout.flush()
        for left in refusals:
            _say(f"headroom: {display.shown_path(left.path)} {left.reason}. {left.hint}")
        last = _told(applied) if self._way.applies else self._next(shown)
        is_any = any(each.learned.sure or (each.plan and each.plan.changes) for each in shown)
        for line in (*self._notes(shown), *(last if is_any else ())):
            _say(f"headroom: {line}")

    def _notes(self, shown: Sequence[Shown]) -> Iterator[str]:
        drafts = [draft for each in shown if each.plan for draft in each.plan.drafts]
        yield from (draft.note for draft in drafts if draft.is_change and draft.note)
        kept = {id_ for draft in drafts for id_ in draft.update.kept}
        if kept:
            yield f"{count(len(kept), 'correction')} that you edited or deleted by hand: left so"
        for each in shown:
            place = self._place(each.learned)
            if each.plan is None and place is not None and each.learned.sure:
                yield f"nothing can be written in {display.shown_path(place)}: {_why_not(place)}."

    def _next(self, shown: Sequence[Shown]) -> Iterator[str]:
        n_files = sum(len(each.plan.changes) for each in shown if each.plan)
        if n_files:
            yield f"nothing was written. {self._way.again} --apply writes {_these(n_files)}."
        elif n_new := sum(map(self._n_unknown, shown)):
            what = count(n_new, "correction")
            yield f"nothing was written. {self._way.again} --apply keeps {what} in the project's memory."
        elif any(each.plan and each.learned.sure for each in shown):
            yield "all of it is written already."

    def _n_unknown(self, shown: Shown) -> int:
        """How many findings of a project its memory does not have."""
        if shown.plan is None:
            return 0
        memory = _memory(self._store, shown.plan.root)
        return remembering.pending(memory, shown.learned.sure, self._store.learned_lines)


def _why_not(root: Path) -> str:
    """Why nothing can be written in a folder, as the end of a sentence; "" where it can."""
    if not root.is_dir():
        return "the folder is not there any more"
    return "it is no project but holds all of them" if root in (Path.home(), Path(root.anchor)) else ""


def _told(applied: Sequence[Applied]) -> list[str]:
    """What was written, one line each."""
    drafts = [draft for each in applied for draft in each.written]
    lines = [f"wrote {display.shown_path(draft.held.path)}{_counts(draft.update)}" for draft in drafts]
    n_facts = sum(each.n_facts for each in applied)
    if n_facts:
        lines.append(f"{count(n_facts, 'correction')} new in the project's memory (headroom memory list)")
    if not lines:
        return ["all of it is written already."]
    is_one = sum(bool(each.written or each.n_facts) for each in applied) == 1
    how = "headroom learn --undo takes that back." if is_one else "headroom learn --undo --project DIR takes one back."
    return [*lines, how]


def _counts(update: object) -> str:
    words = (("added", "new"), ("changed", "changed"), ("removed", "gone"))
    told = [f"{len(getattr(update, name))} {word}" for name, word in words if getattr(update, name)]
    return f" ({', '.join(told)})" if told else ""


def _these(n_files: int) -> str:
    return "this" if n_files == 1 else f"these {n_files} files"


def _asked(project: Path | None, agents: Sequence[str], since: str, *, everything: bool) -> Asked:
    if everything and project is not None:
        raise HeadroomError(Code.BAD_REQUEST, "Give --all or --project, not both.")
    folder = Path.cwd() if project is None else project
    if not folder.is_dir():
        raise HeadroomError(Code.BAD_REQUEST, f"{folder} is no folder.", "Give --project a folder of the project.")
    for name in agents:
        agent_named(name)
    return Asked(None if everything else project_of(folder), tuple(agents), _since(since, time.time()))


def _since(said: str, now: float) -> float:
    """Unix seconds of `7d`, `12h`, `2w` ago, or of a day; 0 for nothing said."""
    if not said:
        return 0.0
    match = re.fullmatch(r"(\d{1,5})([hdw])", said)
    if match is not None:
        return now - int(match[1]) * _UNITS[match[2]]
    try:
        return time.mktime(time.strptime(said, "%Y-%m-%d"))
    except (ValueError, OverflowError) as error:
        hint = "Give hours, days, weeks or a day: 12h, 7d, 2w, 2026-03-01."
        raise HeadroomError(Code.BAD_REQUEST, f"--since {said} is no time.", hint) from error


def _again(project: Path | None, asked: Asked, since: str, *, is_local: bool) -> str:
    """The command as it was typed."""
    words = ["headroom learn", *(["--all"] if asked.project is None else [])]
    words += [f"--project {project}"] if project is not None else []
    words += [f"--agent {name}" for name in asked.agents]
    words += [f"--since {since}"] if since else []
    return " ".join([*words, *(["--local"] if is_local else [])])


def _asking(whom: str, model: str) -> Callable[[str], str]:
    """How the model is asked: whom the user named, else the first agent there is."""
    if whom == _ANY:
        there = [name for name in asking.AGENTS if shutil.which(name) is not None]
        if not there:
            hint = (
                f"Install one of {', '.join(asking.AGENTS)}, or name the variable of a key: {', '.join(asking.KEYS)}."
            )
            raise HeadroomError(Code.AGENT_NOT_FOUND, "There is no agent on your PATH that can be asked.", hint)
        whom = there[0]
    _say(f"headroom: asking {whom}; headroom learn --show-sent shows what it is sent")
    return lambda prompt: asking.ask(whom, prompt, os.environ, model=model)


def _reworded(found: History, store: Store, ask: Callable[[str], str] | None) -> History:
    """The findings in the words that a model gave them, now or earlier."""
    lines = store.learned_lines
    projects = []
    for learned in found.projects:
        findings = learned.findings
        if learned.project is not None:
            if ask is not None:
                _say(f"headroom: {rewording.refine(learned.project, learned.sure, lines, ask).says}")
            findings = rewording.kept(learned.project, findings, lines)
        projects.append(replace(learned, findings=findings))
    return replace(found, projects=tuple(projects))


def _sent(found: History, store: Store) -> str:
    lines = store.learned_lines
    asked = [rewording.wanting(each.project, each.sure, lines) for each in found.projects if each.project is not None]
    return "".join(refining.prompt(each) for each in asked if each) or "Nothing: there is nothing new to refine.\n"


def _undo(home: Path, root: Path, store: Store, *, everything: bool) -> None:
    if everything:
        raise HeadroomError(Code.BAD_REQUEST, "Undo goes project by project.", "Give --undo with --project DIR.")
    undone = applying.undo(home, root, store.learned_lines, _memory(store, root))
    for path, outcome in undone.files:
        _say(f"headroom: {display.shown_path(path)} {outcome.value}")
    if undone.n_facts:
        _say(f"headroom: {count(undone.n_facts, 'correction')} forgotten in the project's memory")
    if any(outcome is Outcome.LEFT for _, outcome in undone.files):
        kept = home / "learn"
        _say(f"headroom: take our section out by hand; what was there before is kept in {kept}")
        raise typer.Exit(_EXIT_LEFT)


def _forget_deletions(home: Path, root: Path, found: History, store: Store) -> None:
    for learned in found.projects:
        there = learned.project if learned.project is not None and len(found.projects) > 1 else root
        said = Corrections(there, learned.sure, time.time())
        n_lines = applying.forget_deletions(home, said, store.learned_lines)
        if n_lines:
            _say(f"headroom: {count(n_lines, 'correction')} that you deleted may be written again in {there}.")


def _memory(store: Store, root: Path) -> Memory:
    return Memory(store, scope_of(root))


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
