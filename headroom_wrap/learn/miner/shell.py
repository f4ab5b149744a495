"""Command lines: the simple commands of a line, and what each of them is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import PurePosixPath
from posixpath import normpath

MAX_LINE_CHARS = 2000
"""What is longer is read up to here: a script given on the command line is no command to repeat."""

_TOKEN = re.compile(
    r"(?P<redirect>\d?&?>>?(?:&\d|\|)?|<(?!<))|(?P<op>&&|\|\||\|&|[;|&\n()])"
    r"|(?P<word>(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|\\.|[^\s;|&()<>\"'\\])+)|(?P<here><<)|(?P<odd>\S)",
    re.DOTALL,
)
_PIECE = re.compile(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|\\(.)", re.DOTALL)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_VERSIONED = re.compile(r"(python|pip|node|ruby|php|java|gcc|g\+\+|clang|clang\+\+|lua|perl)[\d.-]+")

_FAMILIES = {
    "py": "python", "pypy": "python", "ipython": "python", "pnpm": "npm", "yarn": "npm", "bun": "npm",
    "docker-compose": "compose", "podman-compose": "compose", "gradlew": "gradle", "mvnw": "mvn", "py.test": "pytest",
    "nodejs": "node", "gmake": "make", "pnpx": "npx", "bunx": "npx", "egrep": "grep", "rg": "grep", "ag": "grep",
    "ack": "grep", "fd": "find", "fdfind": "find", "podman": "docker", "gsed": "sed", "gtimeout": "timeout",
    "bat": "cat", "batcat": "cat", "tree": "find", "gawk": "awk", "mawk": "awk",
}  # fmt: skip
"""Programs that stand for each other."""
_RUNNERS = {
    "uv": ("run",), "poetry": ("run",), "pipenv": ("run",), "hatch": ("run",), "pdm": ("run",), "rye": ("run",),
    "pixi": ("run",), "bundle": ("exec",), "npx": (), "time": (), "sudo": (), "env": (), "nice": (), "nohup": (),
    "xvfb-run": (), "exec": (), "command": (), "corepack": (), "winpty": (), "stdbuf": (), "dotenv": (),
}  # fmt: skip
"""Programs before another one, with the words between them."""
_RUNNERS_WITH_PLACE = {"conda": ("run", 2), "direnv": ("exec", 1), "mise": ("exec", 1), "timeout": ("", 1)}
"""Runner -> its verb, and how many words follow before the program, unless `--` stands before it."""
_SCRIPT_VERBS = frozenset({"run", "run-script", "exec", "dlx", "x"})
_JS_SHORT = {"t": "test", "tst": "test", "i": "install", "ci": "install", "add": "install"}
_OPTION_VALUES = frozenset({"-e", "-w", "-u", "--workdir", "--user", "--env", "-n", "-f", "--file", "-p", "--with"})
"""Options of runners that take a word."""


@dataclass(frozen=True, slots=True)
class Simple:
    """One command of a line.

    Attributes:
        words: program and arguments, without quotes.
        env: the assignments before it, in its own words or earlier on the line.
        folder: where the line's `cd`s lead before it, "" where there are none.
        is_piped: its output goes into another command.
        has_fallback: `||` stands behind it.
    """

    words: tuple[str, ...]
    env: tuple[str, ...] = ()
    folder: str = ""
    is_piped: bool = False
    has_fallback: bool = False

    @property
    def program(self) -> str:
        """Its first word."""
        return self.words[0]


@dataclass(frozen=True, slots=True)
class Core:
    """What a simple command is about, whatever runs it.

    Attributes:
        family: the program, one name for all that stand for each other.
        head: program as written, with its runners and what is between: `uv run pytest`, `python -m pytest`.
        args: what follows.
    """

    family: str
    head: str
    args: tuple[str, ...]

    @property
    def operands(self) -> frozenset[str]:
        """The arguments that are no options, paths without `./`."""
        return frozenset(normpath(arg) for arg in self.args if not arg.startswith("-") and arg)

    @property
    def options(self) -> frozenset[str]:
        """The arguments that are options, without their values."""
        return frozenset(arg.partition("=")[0] for arg in self.args if arg.startswith("-") and arg != "-")


@lru_cache(maxsize=8192)
def parse(line: str) -> tuple[Simple, ...]:
    """The simple commands of a line, in order, without its `cd`s and bare assignments."""
    found: list[Simple] = []
    words: list[str] = []
    env: list[str] = []
    folder = ""
    skip_next = False
    for token in _TOKEN.finditer(line[:MAX_LINE_CHARS]):
        kind = token.lastgroup
        if kind == "here":
            break
        if kind == "redirect":
            skip_next = "&" not in token[0] or token[0].startswith("&")
        elif kind == "word" and skip_next:
            skip_next = False
        elif kind == "word":
            assignment = _ASSIGNMENT.fullmatch(token[0]) if not words or words == ["export"] else None
            if assignment:
                env.append(unquoted(token[0]))
            else:
                words.append(unquoted(token[0]))
        elif kind == "op":
            folder = _close(found, words, env, folder, token[0])
            words = []
    _close(found, words, env, folder, "")
    return tuple(found)


def _close(found: list[Simple], words: list[str], env: list[str], folder: str, op: str) -> str:
    """Take in what stands before an operator; gives the folder for what follows."""
    if not words or words == ["export"]:
        return folder
    if words[0] in ("cd", "pushd"):
        return join(folder, words[1]) if len(words) > 1 and op != "|" else folder
    if words[0] != "export":
        found.append(Simple(tuple(words), tuple(env), folder, op in ("|", "|&"), op == "||"))
    return folder


def unquoted(word: str) -> str:
    """A word without its quotes."""
    if '"' not in word and "'" not in word and "\\" not in word:
        return word
    return _PIECE.sub(lambda match: next((part for part in match.groups() if part is not None), ""), word)


def join(folder: str, path: str) -> str:
    """A path in a folder, in its shortest form; "" stays the folder in which all begins."""
    joined = path if path.startswith(("/", "~", "$")) or not folder else f"{folder}/{path}"
    short = normpath(joined) if joined else ""
    return "" if short == "." else short


@lru_cache(maxsize=8192)
def core(words: tuple[str, ...]) -> Core:
    """What a simple command is about."""
    head: list[str] = []
    rest = list(words)
    while len(rest) > 1 and (n_words := _runner(rest)):
        head += rest[:n_words]
        rest = rest[n_words:]
    program = rest[0] if rest else ""
    family = family_of(program)
    used = 1
    if family == "python" and len(rest) > 2 and rest[1] == "-m":  # noqa: PLR2004 - python -m MODULE
        used, family = 3, family_of(rest[2])
    elif family == "docker" and len(rest) > 1 and rest[1] == "compose":
        used, family = 2, "compose"
    elif family == "npm" and len(rest) > 1:
        at = 2 if rest[1] in _SCRIPT_VERBS and len(rest) > 2 else 1  # noqa: PLR2004 - npm run SCRIPT
        used, family = at + 1, f"npm {_JS_SHORT.get(rest[at], rest[at])}"
    return Core(family, " ".join([*head, *rest[:used]]), tuple(rest[used:]))


def family_of(program: str) -> str:
    """One name for all programs that stand for each other."""
    name = PurePosixPath(program.replace("\\", "/")).name.removesuffix(".exe").removesuffix(".cmd").removesuffix(".bat")
    versioned = _VERSIONED.fullmatch(name)
    name = versioned[1] if versioned else name
    return _FAMILIES.get(name, name)


def _runner(words: list[str]) -> int:
    """How many words stand before the program that a runner runs; 0 where the first word is the program."""
    name = PurePosixPath(words[0]).name
    if name in ("docker", "docker-compose", "podman", "kubectl"):
        return _container(words)
    if name in _RUNNERS_WITH_PLACE:
        verb, n_more = _RUNNERS_WITH_PLACE[name]
        at = 1
        if verb and words[1] != verb:
            return 0
        at += 1 if verb else 0
        if "--" in words[at : at + 3]:
            return words.index("--", at) + 1
        while at < len(words) and words[at].startswith("-") and not verb:
            at += 2 if words[at] in ("-k", "-s") else 1
        return at + n_more if at + n_more < len(words) else 0
    verbs = _RUNNERS.get(name)
    if verbs is None or (verbs and words[1] not in verbs):
        return 0
    return _after_options(words, 1 + len(verbs))


def _container(words: list[str]) -> int:
    at = 2 if words[1] == "compose" else 1
    if len(words) <= at + 1 or words[at] not in ("exec", "run"):
        return 0
    at = _after_options(words, at + 1)
    # The container's name; then the program.
    at += 1
    if at < len(words) and words[at] == "--":
        at += 1
    return at if 0 < at < len(words) else 0


def _after_options(words: list[str], at: int) -> int:
    while at < len(words) and (words[at].startswith("-") or _ASSIGNMENT.fullmatch(words[at])):
        at += 2 if words[at] in _OPTION_VALUES else 1
    return at if at < len(words) else 0
