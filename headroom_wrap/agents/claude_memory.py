"""The memory in Claude Code: notes behind its system prompt, and which conversation a command line takes up again.

The prompt's file holds what the user has it append, too: of `--append-system-prompt` and `--append-system-prompt-file`
Claude Code takes one (2.1.197).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from headroom_wrap.agents import claude_settings, resuming
from headroom_wrap.agents.agent import Context, OwnNote
from headroom_wrap.memory import project_of
from headroom_wrap.store import Kind

_TEXT, _FILE = "--append-system-prompt", "--append-system-prompt-file"
_CONTINUE = re.compile(r"--continue|-[cp]*c[cp]*")
_RESUME = ("-r", "--resume")

_NOTE = re.compile(r"---\r?\n(?P<head>.*?)\n---\r?\n(?P<body>.*)", re.DOTALL)
_SUMMARY = re.compile(r"^description:[ \t]*(.+)$", re.MULTILINE)
_TYPE = re.compile(r"^\s*type:[ \t]*(\w+)", re.MULTILINE)
_KINDS = {
    "user": Kind.PREFERENCE,
    "feedback": Kind.CORRECTION,
    "project": Kind.DECISION,
    "reference": Kind.ENVIRONMENT,
}
_MAX_NOTE_CHARS = 300


def with_brief(args: tuple[str, ...], cwd: Path, brief: str) -> tuple[tuple[str, ...], str]:
    """The arguments without what the user appends to the system prompt, and that with the notes behind it.

    Where Claude Code would refuse the arguments, they stay as they are, and there is no text.
    """
    rest: list[str] = []
    given: dict[str, str] = {}
    words = iter(args)
    for word in words:
        name, has_value, value = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif name in (_TEXT, _FILE):
            given[name] = value if has_value else next(words, "")
        else:
            rest.append(word)
    if len(given) > 1:
        return args, ""
    own = given.get(_TEXT, "")
    if _FILE in given:
        try:
            own = (cwd / given[_FILE]).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError):
            return args, ""
    return tuple(rest), f"{own}\n\n{brief}" if own else brief


def began(context: Context) -> float | None:
    """When the conversation began that `--continue` or `--resume ID` takes up again."""
    words = context.args[: context.args.index("--")] if "--" in context.args else context.args
    if any(map(_CONTINUE.fullmatch, words)):
        file = resuming.newest(_folder(context).glob("*.jsonl"), lambda found: bool(resuming.ID.fullmatch(found.stem)))
    else:
        named = resuming.option(words, _RESUME, may_stand_alone=True)
        if named is None or not resuming.ID.fullmatch(named):
            return None
        projects = claude_settings.config_folder(context) / "projects"
        file = resuming.newest(projects.glob(f"*/{named}.jsonl"))
    return None if file is None else resuming.first_time(file)


def instructions(context: Context) -> tuple[Path, ...]:
    """CLAUDE.md wherever Claude Code looks for it (https://code.claude.com/docs/en/memory), and its own notes."""
    return tuple(_instructions(context))


def own_notes(context: Context) -> Iterator[OwnNote]:
    """What Claude Code noted on this project: a file each, with a summary and a type in its head (2.1.197)."""
    for file in _notes(context):
        match = _NOTE.match(resuming.head(file).decode("utf-8", "replace"))
        if match is None:
            continue
        summary, kind = _SUMMARY.search(match["head"]), _TYPE.search(match["head"])
        told = summary[1].strip(" \"'") if summary else ""
        first = " ".join(match["body"].strip().partition("\n\n")[0].split())
        text = first if 0 < len(first) <= _MAX_NOTE_CHARS else told
        if text:
            yield OwnNote(text, _KINDS.get(kind[1] if kind else "", Kind.CONVENTION), file, told)


def _notes(context: Context) -> Iterator[Path]:
    projects = claude_settings.config_folder(context) / "projects"
    for place in dict.fromkeys((context.cwd, project_of(context.cwd))):
        yield from sorted((projects / _slug(place) / "memory").glob("*.md"))


def _instructions(context: Context) -> Iterator[Path]:
    folder = claude_settings.config_folder(context)
    yield folder / "CLAUDE.md"
    for place in (context.cwd, *context.cwd.parents):
        yield from (place / "CLAUDE.md", place / "CLAUDE.local.md", place / ".claude" / "CLAUDE.md")
    yield from _notes(context)


def _folder(context: Context) -> Path:
    return claude_settings.config_folder(context) / "projects" / _slug(context.cwd)


def _slug(folder: Path) -> str:
    return re.sub(r"[^a-zA-Z0-9]", "-", os.path.realpath(folder))
