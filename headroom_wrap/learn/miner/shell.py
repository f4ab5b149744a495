"""Command lines as the simple commands that they are made of, without a shell."""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass
from functools import lru_cache

MAX_CHARS = 2000
_OPERATORS = ("&&", "||", "|&", ";;", ";", "|", "&", "\n")
_REDIRECT = re.compile(r"(?:\d|&)?(?:>>|>\||>&|<&|>|<<<|<)(?P<target>.*)", re.DOTALL)
_ASSIGNMENT = re.compile(r"(?P<name>[A-Za-z_]\w*)=(?P<value>.*)", re.DOTALL)
_FRAMES = frozenset({"time", "nohup", "command", "exec", "nice", "stdbuf"})
_SETUP = frozenset(
    {"cd", "pushd", "export", "source", ".", "set", "nvm", "conda", "fnm", "pyenv", "asdf", "mise", "sdk"}
)
_NO_WORK = frozenset({"echo", "printf", "true", "sleep", "pwd", "exit", "then", "fi", "do", "done", ":"})


@dataclass(frozen=True, slots=True)
class Command:
    """One simple command.

    Attributes:
        words: unquoted, the program first, without redirections and what stands before the program.
        text: as written, without redirections.
        env: the variables that are set for it, in front of it or exported before.
        folder: where `cd` before it went, relative to where the line began; "" for there.
        setup: as written: what stands before it in the line so that it works (`cd`, `export`, `source`).
        is_piped: whether it only reads what another one prints.
        is_behind: whether it runs in the background.
    """

    words: tuple[str, ...]
    text: str
    env: tuple[tuple[str, str], ...]
    folder: str
    setup: tuple[str, ...]
    is_piped: bool
    is_behind: bool = False

    @property
    def program(self) -> str:
        """As written: `./gradlew`, `.venv/bin/python`."""
        return self.words[0]

    @property
    def name(self) -> str:
        """The program without its folder."""
        return posixpath.basename(self.words[0])

    @property
    def shown(self) -> str:
        """What a person would type for this command alone."""
        return " && ".join((*self.setup, self.text)) + (" &" if self.is_behind else "")


@lru_cache(maxsize=512)
def parse(line: str) -> tuple[Command, ...]:
    """The commands of a line that do something, in order; what is behind a here-document is left out."""
    found: list[Command] = []
    folder = ""
    setup: list[str] = []
    exported: dict[str, str] = {}
    operator = ""
    for tokens, ending in _parts(line[:MAX_CHARS].partition("<<")[0] if "<<<" not in line else line[:MAX_CHARS]):
        command = _command(tokens, operator, ending, (folder, setup, exported))
        operator = ending
        if command is None:
            continue
        if command.name in _SETUP and not command.is_piped:
            if command.name in ("cd", "pushd") and len(command.words) > 1:
                folder = posixpath.normpath(posixpath.join(folder, command.words[-1]))
                folder = "" if folder == "." else folder
            if command.name == "export":
                exported |= {
                    match["name"]: match["value"] for match in map(_ASSIGNMENT.match, command.words[1:]) if match
                }
            if command.name != "set" and command.text != "cd .":
                setup = [*setup, command.text]
            found.append(command)
        elif command.name not in _NO_WORK:
            found.append(command)
    return tuple(found)


def is_setup(command: Command) -> bool:
    """Whether a command only prepares those that follow in the same shell."""
    return command.name in _SETUP


def _command(
    tokens: list[tuple[str, str]], before: str, ending: str, state: tuple[str, list[str], dict[str, str]]
) -> Command | None:
    folder, setup, exported = state
    env, kept = dict(exported), []
    waits_for_target = False
    for value, raw in tokens:
        redirect = _REDIRECT.fullmatch(raw)
        if waits_for_target:
            waits_for_target = False
        elif redirect:
            waits_for_target = not redirect["target"]
        else:
            kept.append((value, raw))
    start = 0
    while start < len(kept):
        assignment = _ASSIGNMENT.fullmatch(kept[start][0])
        if assignment and not kept[start][1].startswith(("'", '"')):
            env[assignment["name"]] = assignment["value"]
        elif kept[start][0] == "timeout" and start + 1 < len(kept):
            start += 1
        elif kept[start][0] not in _FRAMES and kept[start][0] != "env":
            break
        start += 1
    words = tuple(value for value, _ in kept[start:])
    if not words or not words[0] or words[0].startswith("#"):
        return None
    text = " ".join(raw for place, (_, raw) in enumerate(kept) if place >= start or raw not in _FRAMES)
    return Command(words, text, tuple(sorted(env.items())), folder, tuple(setup), before in ("|", "|&"), ending == "&")


def _parts(line: str) -> list[tuple[list[tuple[str, str]], str]]:
    """Tokens between operators: each unquoted and as written; and the operator behind them."""
    parts: list[tuple[list[tuple[str, str]], str]] = []
    tokens: list[tuple[str, str]] = []
    value, start, place = "", -1, 0

    def end_token() -> None:
        nonlocal value, start
        if start >= 0:
            tokens.append((value, line[start:place]))
        value, start = "", -1

    while place < len(line):
        char = line[place]
        if char in "'\"":
            start = place if start < 0 else start
            closing = _closing(line, place)
            value += line[place + 1 : closing]
            place = closing + 1
            continue
        operator = None if char not in "&|;\n" else next(each for each in _OPERATORS if line.startswith(each, place))
        if operator and not (char == "&" and operator == "&" and _is_redirected(line, place)):
            end_token()
            parts.append((tokens, operator))
            tokens = []
            place += len(operator)
        elif char in " \t()" and not (char == "(" and start >= 0):
            end_token()
            place += 1
        else:
            start = place if start < 0 else start
            is_escape = char == "\\" and place + 1 < len(line)
            value += "" if line[place : place + 2] == "\\\n" else line[place + 1] if is_escape else char
            place += 2 if is_escape else 1
    place = min(place, len(line))
    end_token()
    parts.append((tokens, ""))
    return parts


def _is_redirected(line: str, place: int) -> bool:
    """Whether this `&` belongs to `2>&1` or `&>`."""
    return (place > 0 and line[place - 1] in "<>") or line.startswith(">", place + 1)


def _closing(line: str, place: int) -> int:
    quote, place = line[place], place + 1
    while place < len(line) and line[place] != quote:
        place += 2 if quote == '"' and line[place] == "\\" else 1
    return min(place, len(line))
