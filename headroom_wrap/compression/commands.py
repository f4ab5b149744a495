"""What a tool or a shell command is going to print, judged by its words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Flag, auto
from typing import Any


class Prints(Flag):
    """Kinds of output; a chain of commands prints several."""

    NOTHING_KNOWN = 0
    TESTS = auto()
    MATCHES = auto()
    LOGS = auto()
    FILES = auto()
    HISTORY = auto()


_BY_PROGRAM = {
    Prints.TESTS: "pytest py.test tox nox runtests.py unittest nose2 nosetests jest vitest mocha ava rspec phpunit "
    "ctest gotestsum nextest playwright cypress behave trial stestr",
    Prints.MATCHES: "grep egrep fgrep zgrep rg ag ack find fd ls tree locate",
    Prints.LOGS: "journalctl dmesg pip pip3 npm yarn pnpm apt apt-get brew conda mamba micromamba make cmake ninja "
    "meson gcc g++ clang cc tsc webpack vite rollup docker-compose terraform helm ansible-playbook wget bazel msbuild",
    Prints.FILES: "cat sed head tail nl less more awk bat batcat xxd od strings jq yq",
    Prints.HISTORY: "diff colordiff delta blame",
}
_KIND_OF_PROGRAM = {program: kind for kind, programs in _BY_PROGRAM.items() for program in programs.split()}
_KIND_OF_PAIR = {
    ("go", "test"): Prints.TESTS,
    ("cargo", "test"): Prints.TESTS,
    ("npm", "test"): Prints.TESTS,
    ("npm", "t"): Prints.TESTS,
    ("yarn", "test"): Prints.TESTS,
    ("pnpm", "test"): Prints.TESTS,
    ("bun", "test"): Prints.TESTS,
    ("deno", "test"): Prints.TESTS,
    ("dotnet", "test"): Prints.TESTS,
    ("make", "test"): Prints.TESTS,
    ("make", "check"): Prints.TESTS,
    ("django", "test"): Prints.TESTS,
    ("manage.py", "test"): Prints.TESTS,
    ("mvn", ""): Prints.TESTS | Prints.LOGS,
    ("gradle", ""): Prints.TESTS | Prints.LOGS,
    ("gradlew", ""): Prints.TESTS | Prints.LOGS,
    ("go", "build"): Prints.LOGS,
    ("cargo", "build"): Prints.LOGS,
    ("cargo", "check"): Prints.LOGS,
    ("kubectl", "logs"): Prints.LOGS,
    ("docker", "logs"): Prints.LOGS,
    ("docker", "build"): Prints.LOGS,
    ("docker", "compose"): Prints.LOGS,
    ("git", "clone"): Prints.LOGS,
    ("git", "fetch"): Prints.LOGS,
    ("git", "grep"): Prints.MATCHES,
    ("git", "ls-files"): Prints.MATCHES,
    ("git", "diff"): Prints.HISTORY,
    ("git", "show"): Prints.HISTORY,
    ("git", "log"): Prints.HISTORY,
    ("git", "blame"): Prints.HISTORY,
    ("git", "reflog"): Prints.HISTORY,
    ("git", "format-patch"): Prints.HISTORY,
    ("gh", "pr"): Prints.HISTORY,
}
_READERS = re.compile(
    r"(?:^|_)(?:notebook_?)?(?:read|view|open|cat|edit|write|update|create|multi_?edit|str_replace\w*|apply_patch)"
    r"(?:_?(?:text|multiple|many|media|notebook))?(?:_?files?)?$",
    re.IGNORECASE,
)
_WRAPPERS = frozenset(
    "sudo time timeout env nice nohup stdbuf xargs command exec bash sh zsh uv uvx poetry pipenv hatch pdm rye run npx "
    "bunx pnpx python python2 python3 node -m -lc -c -X dev".split()
)
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1.*?^\s*\2\s*$", re.DOTALL | re.MULTILINE)
_SHELL = re.compile(r"(?:\S*/)?(?:ba|z)?sh -l?c (['\"]?)(.*)\1\Z", re.DOTALL)
_QUOTED = re.compile(r"'[^']*'|\"[^\"\\]*(?:\\.[^\"\\]*)*\"", re.DOTALL)
_SEPARATOR = re.compile(r"(\|\|?|&&|;|\n|\$\(|`)")
_PYTHON = re.compile(r"(?:^|/)python3\.\d+\Z")
_LOG_FILE = re.compile(r"\.log\b|/log/|/logs/|\.out\b|syslog|messages\b")
_MAX_COMMAND_CHARS = 20_000


def is_reader(tool_name: str) -> bool:
    """Whether a tool, by its name, reads or writes files by their paths."""
    return _READERS.search(tool_name) is not None


def command_of(tool_input: Mapping[str, Any]) -> str:
    """The command line in a tool's arguments, or ""; lists of words are joined."""
    for name in ("command", "cmd", "script", "input"):
        value = tool_input.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, list) and all(isinstance(word, str) for word in value):
            return " ".join(value)
    return ""


def unwrapped(command: str) -> str:
    """What a shell is told to run by `bash -lc '...'`; any other command as it is."""
    wrapped = _SHELL.match(command)
    return wrapped[2] if wrapped else command


def prints(command: str) -> Prints:
    """What the output of a command line will hold; filters behind a pipe count for nothing."""
    text = _HEREDOC.sub("", unwrapped(command)[:_MAX_COMMAND_CHARS])
    text = _QUOTED.sub(lambda quoted: "Q" if re.search(r"[\s|;&]", quoted[0]) else quoted[0][1:-1], text)
    kinds = Prints.NOTHING_KNOWN
    piped = False
    for index, part in enumerate(_SEPARATOR.split(text)):
        if index % 2:
            piped = part == "|"
        elif not piped:
            kinds |= _kind(part)
    return kinds


def _kind(part: str) -> Prints:
    words = [word for word in part.split() if not re.match(r"\w+=|[\d.]+\Z|\d?>", word)]
    while words and (words[0].rsplit("/", 1)[-1] in _WRAPPERS or _PYTHON.search(words[0])):
        words.pop(0)
    if not words:
        return Prints.NOTHING_KNOWN
    program = words[0].rsplit("/", 1)[-1]
    arguments = [word for word in words[1:] if not word.startswith("-")]
    verb = next(iter(arguments), "")
    if words[0].endswith("bin/test"):
        return Prints.TESTS
    kind = _KIND_OF_PAIR.get((program, verb)) or _KIND_OF_PAIR.get((program, ""))
    if kind is None and program in ("npm", "yarn", "pnpm", "django-admin") and "test" in " ".join(arguments[:2]):
        kind = Prints.TESTS
    if kind is None and program in ("django", "manage.py", "setup.py") and "test" in arguments[:2]:
        kind = Prints.TESTS
    if kind is None:
        kind = _KIND_OF_PROGRAM.get(program, Prints.NOTHING_KNOWN)
    if kind is Prints.FILES:
        if not arguments:
            return Prints.NOTHING_KNOWN
        if _LOG_FILE.search(" ".join(arguments)):
            return Prints.LOGS
    return kind
