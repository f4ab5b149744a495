"""What commands are for, by their words: launchers, tests, preparations, probes, changes."""

from __future__ import annotations

import posixpath
import re
from difflib import SequenceMatcher

from headroom_wrap.learn.miner.shell import Command

_PYTHON = re.compile(r"(?:python|pypy|py)[\d.]*")
_PACKAGE_RUNNERS = frozenset({"npm", "pnpm", "yarn", "bun", "npx", "pnpx", "bunx", "corepack"})
_LAUNCHERS = frozenset(
    "uv uvx poetry pipenv pdm rye hatch pixi bundle sudo doas winpty dotenv direnv tox nox conda mamba "
    "micromamba mise asdf "
    "docker podman docker-compose composer bash sh zsh node nodejs ts-node tsx deno ruby php perl".split()
) | _PACKAGE_RUNNERS  # fmt: skip
_LAUNCH_WORDS = frozenset(
    {"run", "exec", "run-script", "-m", "-T", "compose", "x", "dlx", "-c", "--", "-u", "--rm", "tool"}
)
_CONTAINERS = frozenset({"docker", "docker-compose", "podman", "podman-compose"})
_TESTS = frozenset(
    "test tests check pytest tox nox jest vitest mocha ava unittest nextest ctest rspec phpunit nosetests "
    "playwright cypress "
    "karma minitest gtest spec e2e".split()
)  # fmt: skip
_FAMILIES = (
    frozenset({"python", "python2", "python3", "py", "uv", "poetry", "pipenv"}),
    frozenset({"pip", "pip3", "uv", "pipx", "python", "python3", "poetry"}),
    frozenset({"npm", "pnpm", "yarn", "bun", "npx", "corepack"}),
    frozenset({"rg", "grep", "ag", "ack", "egrep", "git"}),
    frozenset({"fd", "fdfind", "find"}),
    frozenset({"docker-compose", "docker", "podman", "podman-compose"}),
    frozenset({"gradle", "gradlew"}),
    frozenset({"mvn", "mvnw"}),
    frozenset({"make", "gmake", "ninja"}),
    frozenset({"node", "nodejs", "bun", "deno"}),
    frozenset({"wget", "curl"}),
    frozenset({"bat", "batcat", "cat"}),
    frozenset({"tree", "find", "ls", "eza", "exa"}),
    frozenset({"netstat", "ss", "lsof"}),
    frozenset({"ifconfig", "ip"}),
    frozenset({"jq", "python3", "python", "node"}),
    frozenset({"psql", "docker"}),
    frozenset({"sed", "gsed", "perl"}),
    frozenset({"timeout", "gtimeout"}),
    frozenset({"pytest", "py.test", "python", "python3", "uv", "poetry", "tox", "hatch", "pdm"}),
)
"""Programs that do one another's work."""
READING = frozenset("cat head tail less more sed nl bat view wc stat file awk od xxd ls tree tac".split())
_PROBES = frozenset(
    "curl wget http https nc ping telnet ssh grep egrep rg ag ack diff cmp test [ [[ which whereis command type "
    "hash pgrep "
    "pkill kill killall lsof find fd rm rmdir mv cp ln touch man whatis ps".split()
)  # fmt: skip
_GIT_WORK = frozenset(
    "diff merge rebase bisect apply am cherry-pick commit stash checkout switch revert grep show".split()
)
_HELP = frozenset({"--help", "-h", "help", "--version", "-V", "-help", "--usage"})
_INSTALLERS = frozenset(
    "pip pip3 pipx uv poetry pipenv pdm rye npm pnpm yarn bun apt apt-get brew dnf yum apk pacman gem bundle "
    "cargo go composer "
    "conda mamba nvm fnm rustup corepack pyenv asdf mise sdk dotnet mix opam cabal stack luarocks npx "
    "playwright prisma "
    "terraform tofu git docker docker-compose podman service systemctl pg_ctl redis-server mysqld rails rake "
    "alembic flyway "
    "make just task nix nix-env choco winget scoop vcpkg conan cpanm flutter dart pod swift gradle gradlew mvn "
    "mvnw pg_ctlcluster cmake meson".split()
)  # fmt: skip
_INSTALL_WORDS = frozenset(
    "install i ci add sync get tidy download use enable up start init generate migrate update restore fetch "
    "bootstrap require "
    "setup prepare build compile upgrade run-daemon vendor db:migrate db:setup db:create deps deps.get develop ensure "
    "submodule upgrade-head component target toolchain pull create -B".split()
)  # fmt: skip
_WRITERS = frozenset({"patch", "tee", "apply_patch", "dd", "mv", "cp", "rm", "ed", "ex", "truncate"})
_GIT_WRITERS = frozenset(
    {
        "apply",
        "checkout",
        "stash",
        "restore",
        "reset",
        "revert",
        "merge",
        "rebase",
        "cherry-pick",
        "am",
        "pull",
        "switch",
    }
)
_SAME_WORD = 0.6


def name_of(word: str) -> str:
    """A program's name, without folder and without what Windows puts behind."""
    return posixpath.basename(word).removesuffix(".exe").removesuffix(".cmd").removesuffix(".bat")


def core(command: Command) -> tuple[str, ...]:
    """What is really run: the words without launchers and interpreters, the first one without its folder."""
    words = list(command.words)
    while words:
        name = name_of(words[0])
        if not (name in _LAUNCHERS or _PYTHON.fullmatch(name)):
            break
        words = words[1:]
        verbs: set[str] = set()
        while words and (words[0] in _LAUNCH_WORDS or (words[0].startswith("-") and len(words) > 1)):
            verbs.add(words[0])
            words = words[1:]
        # In a container: its name comes before the program.
        if name in _CONTAINERS and verbs & {"exec", "run"} and len(words) > 1:
            words = words[1:]
    return (name_of(words[0]), *words[1:]) if words else (name_of(command.words[0]),)


def launcher(command: Command) -> tuple[str, ...]:
    """The words before the core."""
    return command.words[: len(command.words) - len(core(command))]


def verb(command: Command) -> str:
    """What a program of many verbs is to do (`git gc`, `npm run`); "" for a path, an option or nothing."""
    second = core(command)[1:2]
    is_word = bool(second) and second[0].isalpha() and command.name not in ("python", "python3", "node")
    return second[0] if is_word else ""


def is_test(command: Command) -> bool:
    """Whether it runs tests."""
    words = {word for each in core(command)[:2] for word in re.split(r"[:._/-]", each)}
    return bool(words & _TESTS) or command.name in _TESTS


def is_probe(command: Command) -> bool:
    """Whether a failure of it is an answer: nothing found, no difference, nobody there."""
    if command.name == "git":
        return len(command.words) > 1 and command.words[1] in _GIT_WORK
    return command.name in _PROBES


def asks_for_help(command: Command) -> bool:
    """Whether it only asks how a program is used, or whether it is there."""
    return bool(_HELP & set(command.words[1:]))


def are_kin(first: str, second: str) -> bool:
    """Whether two programs do one another's work."""
    first, second = name_of(first), name_of(second)
    return first != second and any(first in family and second in family for family in _FAMILIES)


def is_preparation(command: Command) -> bool:
    """Whether it installs, starts, makes or switches what later commands need."""
    words = [word for word in command.words if word not in ("sudo", "-y", "doas")]
    name = name_of(words[0]) if words else ""
    if name.endswith("-server") or name in ("mongod", "postgres", "memcached"):
        return True
    if name in ("chmod", "export", "source", ".", "mkdir", "cd", "pushd", "nvm"):
        return True
    if _PYTHON.fullmatch(name) and words[1:2] == ["-m"]:
        words, name = words[2:], words[2] if len(words) > 2 else ""  # noqa: PLR2004 - python, -m, module
    return (name in _INSTALLERS or "manage.py" in words) and bool(_INSTALL_WORDS & set(words[1:5]))


def changes_files(command: Command) -> bool:
    """Whether a command changes files in place."""
    name = command.name
    if name in ("sed", "perl", "gsed"):
        return any(word.startswith(("-i", "--in-place", "-pi")) for word in command.words[1:3])
    if name == "git":
        return len(command.words) > 1 and command.words[1] in _GIT_WRITERS
    return name in _WRITERS


def overlap(first: tuple[str, ...], second: tuple[str, ...]) -> float:
    """How many of the words of both stand in both: 0 to 1; 1 where neither has any."""
    if not first and not second:
        return 1.0
    rest, common = list(second), 0
    for word in first:
        if word in rest:
            rest.remove(word)
            common += 1
    return common / max(len(first), len(second))


def alike(first: str, second: str) -> bool:
    """Whether two words may mean one thing: paths with one last part, or nearly the same letters."""
    ends = posixpath.basename(first.rstrip("/")), posixpath.basename(second.rstrip("/"))
    return ends[0] == ends[1] or SequenceMatcher(None, first[:100], second[:100]).ratio() >= _SAME_WORD
