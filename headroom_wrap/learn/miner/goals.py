"""Whether two commands are after the same thing, and what prepares the ground for one."""

from __future__ import annotations

import re

from headroom_wrap.learn.miner.shell import Core, Simple, core, family_of

_PURPOSES = (
    (
        "test",
        re.compile(
            r"(?:^|[\s:/_-])(?:pytest|tests?|jest|vitest|mocha|ava|tap|unittest|nose2?|tox|nox|rspec|minitest|phpunit|ctest"
            r"|nextest|gotestsum|karma|cypress|playwright|runtests(?:\.py)?|spec|check)(?:$|[\s:_-])"
        ),
    ),
    ("lint", re.compile(
        r"(?:^|[\s:/_-])(?:lint|eslint|flake8|ruff|pylint|clippy|golangci-lint|rubocop|biome)(?:$"
        r"|[\s:_-])")),
    ("types", re.compile(r"(?:^|[\s:/_-])(?:mypy|pyright|tsc|typecheck|type-check|types)(?:$|[\s:_-])")),
    ("format", re.compile(r"(?:^|[\s:/_-])(?:format|fmt|prettier|black)(?:$|[\s:_-])")),
    ("build", re.compile(r"(?:^|[\s:/_-])(?:build|compile|assemble|package|bundle|dist)(?:$|[\s:_-])")),
    ("install", re.compile(r"(?:^|[\s:/_-])(?:install|ci|sync|bootstrap|setup)(?:$|[\s:_-])")),
    ("serve", re.compile(r"(?:^|[\s:/_-])(?:dev|serve|start|runserver|up)(?:$|[\s:_-])")),
)  # fmt: skip
"""What a command is for, by the words of its beginning."""
_PROBES = frozenset(
    "which type command hash whereis test [ [[ ls stat file find locate grep rg echo printf curl wget nc ping "
    "http telnet pgrep ps lsof diff cmp false true exit kill pkill sleep ssh cat head tail less wc".split()
)
"""Programs that ask a question: a failure is their answer."""
READERS = frozenset("cat head tail sed less more nl bat batcat wc awk".split())
"""Programs that show a file."""
_PREPARES = re.compile(
    r"(?:^|[\s/])(?:pip[\d.]*|pipx|uv|poetry|pdm|hatch|npm|pnpm|yarn|bun|gem|bundle|composer|cargo|brew|apt|apt-get|dnf|yum"
    r"|apk|pacman|choco|winget|scoop|conda|mamba|rustup|go|luarocks|opam|mix|cpanm|npx|playwright|mvn|make|just|nix-env)"
    r"\s(?:.*\s)?(?:install|i|ci|sync|add|get|tidy|download|bootstrap|setup|deps|deps\.get|vendor|component|target|-S|require"
    r"|update|develop|requirements|env|build|generate|prepare)(?:\s|$)"
    r"|^(?:source|\.)\s\S|(?:^|\s)-m\s(?:venv|virtualenv)\s|^(?:uv\s)?(?:venv|virtualenv)\b|^(?:nvm|fnm|volta|pyenv|rbenv|asdf"
    r"|mise|sdk|corepack|direnv)\s|^git\ssubmodule\s|^(?:bun|yarn|pnpm)$|^npm\srun\s\S*build|^cmake\s|^\./configure|^autoreconf"
    r"|^\S*(?:setup|bootstrap|install)\S*\.sh|^(?:bash|sh)\s\S*(?:setup|bootstrap|install)\S*\.sh|^sudo\sapt"
)
_STARTS = re.compile(
    r"(?:docker[\s-]compose|docker|podman)\s(?:.*\s)?(?:up|start|run)(?:\s|$)|^(?:sudo\s)?(?:systemctl|service|brew\sservices"
    r"|pg_ctl\w*|redis-server|mongod|colima|minikube|open\s-a|dockerd|supervisorctl|rc-service)\b|^make\s(?:up|start|db|services)"
)
_OPENS = re.compile(r"^(?:sudo\s)?chmod\s")


def purpose_of(simple: Simple) -> str:
    """What a command is for: test, lint, types, format, build, install, serve; "" where that is not plain."""
    line = " ".join(core(simple.words).head.split()[-2:] + list(simple.words[1:3]))
    return next((name for name, pattern in _PURPOSES if pattern.search(line)), "")


def is_probe(simple: Simple) -> bool:
    """Whether a command asks a question, to which a failure is an answer."""
    program = family_of(simple.program)
    if program in _PROBES or simple.program in _PROBES:
        return True
    flags = simple.words[1:]
    return len(flags) == 1 and flags[0] in ("--version", "-V", "-v", "version", "-version", "--help", "-h")


def is_preparation(simple: Simple) -> bool:
    """Whether a command installs, activates, builds, starts or permits something."""
    line = " ".join(simple.words)[:300]
    return any(pattern.search(line) for pattern in (_PREPARES, _STARTS, _OPENS))


def are_alike(one: Core, other: Core) -> bool:
    """Whether two commands work on the same things: no operands, or some in common."""
    mine, theirs = one.operands, other.operands
    if not mine or not theirs:
        return mine == theirs or bool(one.family == other.family and (one.family in _WITHOUT_OPERANDS))
    return len(mine & theirs) * 2 >= min(len(mine), len(theirs))


_WITHOUT_OPERANDS = frozenset({"pytest", "jest", "vitest", "mypy", "ruff", "eslint", "tsc", "unittest", "tox"})
"""Where operands only narrow what is looked at."""
