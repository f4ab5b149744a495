"""What a failure says went wrong, where it is not the work itself: found by words in short lines of its text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum

from headroom_wrap.learn.redaction import redact

_FIRST_LINES, _LAST_LINES, _LINE_CHARS = 14, 26, 300
_QUOTE_CHARS = 200


class Trouble(Enum):
    """What stands in the way of a command, in the order in which it is looked for."""

    RUNNER = "runner"
    """Another package manager or launcher is wanted."""
    PROGRAM = "program"
    """A program is missing."""
    VERSION = "version"
    """A program is there in the wrong version."""
    VARIABLE = "variable"
    """An environment variable is missing."""
    READY = "ready"
    """Something must be done first, and the message says so."""
    TESTS = "tests"
    """The runner found no tests where it looked, or its task is not there."""
    SERVICE = "service"
    """A service does not answer, or its port is taken."""
    PLACE = "place"
    """It ran in the wrong folder, or names a file that is not there."""
    MODULE = "module"
    """A module, library or header is missing."""
    PERMISSION = "permission"
    """The file, socket or folder may not be used so."""
    USAGE = "usage"
    """Options, arguments or subcommands that are not known or missing."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a text says of its failure: the trouble, its name (program, module, variable; or ""), and the line."""

    trouble: Trouble
    name: str
    line: str


_N = r"['\"`‘]?(?P<n>{})['\"`’]?"  # noqa: RUF001 - quotes of GNU
_WORD = _N.format(r"[\w./@+-]+")
_BRANCH = r"(?P<n>main|master|develop|trunk)"
_TABLE: tuple[tuple[Trouble, str, str], ...] = (
    (Trouble.RUNNER, "eunsupportedprotocol", r"EUNSUPPORTEDPROTOCOL"),
    (Trouble.RUNNER, "unsupported url type", r"Unsupported URL Type"),
    (Trouble.RUNNER, "for installation in this project", r"Use .?(?P<n>pnpm|yarn|npm|bun)\b"),
    (Trouble.RUNNER, '"packagemanager"', r"\"packageManager\"(?:: \"(?P<n>\w+))?"),
    (Trouble.RUNNER, "configured to use", r"configured to use (?P<n>pnpm|yarn|npm|bun)\b"),
    (Trouble.PROGRAM, "command not found", rf"(?:^|[:\s]){_WORD}: command not found\s*$"),
    (Trouble.PROGRAM, "command not found", rf"command not found: {_WORD}\s*$"),
    (Trouble.PROGRAM, "env: ", rf"^\S*env: {_WORD}: No such file or directory\s*$"),
    (Trouble.PROGRAM, "not found", rf"^\S*sh(?:\.exe)?: (?:line )?\d+: {_WORD}: not found\s*$"),
    (Trouble.PROGRAM, "unknown command", rf"^(?:fish: )?Unknown command:? {_WORD}\s*$"),
    (Trouble.PROGRAM, "is not recognized as", rf"{_WORD} is not recognized as"),
    (Trouble.PROGRAM, "no such file", rf"^(?:/usr/bin/)?env: {_WORD}: No such file or directory"),
    (Trouble.PROGRAM, "executable file not found", rf"{_WORD}: executable file not found in"),
    (Trouble.PROGRAM, "failed to spawn", rf"Failed to spawn: {_WORD}"),
    (Trouble.PROGRAM, "spawn ", rf"\bspawn {_WORD} ENOENT"),
    (Trouble.PROGRAM, "but can be installed with", rf"^Command {_WORD} not found, but"),
    (Trouble.PROGRAM, "make", rf"^make(?:\[\d+\])?: {_WORD}: (?:No such file or directory|Command not found)"),
    (Trouble.VERSION, "ebadengine", r"EBADENGINE|Unsupported engine"),
    (Trouble.VERSION, "unsupported engine", r"Unsupported engine"),
    (Trouble.VERSION, "requires a different python", r"requires a different Python"),
    (
        Trouble.VERSION,
        "requires-python",
        r"(?:incompatible|unsatisf|not compatible|does not satisf|requires-python).{0,80}",
    ),
    (Trouble.VERSION, "requires python", r"requires Python\s*[<>=~!\d]"),
    (Trouble.VERSION, "class file", r"UnsupportedClassVersionError|[Uu]nsupported class file major version"),
    (Trouble.VERSION, "target release", r"invalid (?:target|source) release: (?P<n>\S+)"),
    (Trouble.VERSION, "requires go", r"requires go >= ?\S+"),
    (Trouble.VERSION, "requires rustc", r"requires rustc \S+"),
    (
        Trouble.VERSION,
        "node.js version",
        r"(?:requires|required|need|minimum|use).{0,40}Node\.js version|Node\.js version \S+ (?:is )?required",
    ),
    (Trouble.VERSION, "is incompatible with this module", r"engine .{1,20} is incompatible"),
    (Trouble.VARIABLE, "keyerror", r"^(?:\w+\.)?KeyError: '(?P<n>[A-Z][A-Z0-9]*_[A-Z0-9_]+)'\s*$"),
    (Trouble.VARIABLE, "environment variable", r"environment variables? ['\"`]?(?P<n>[A-Z][A-Z0-9_]{2,})\b"),
    (Trouble.VARIABLE, "environment variable", r"\b(?P<n>[A-Z][A-Z0-9_]{2,})['\"`]? environment variable"),
    (
        Trouble.VARIABLE,
        " set",
        r"\b(?P<n>[A-Z][A-Z0-9]*_[A-Z0-9_]+)['\"`]? (?:is not|must be|is un|not|needs to be|isn't) ?set\b",
    ),
    (Trouble.VARIABLE, "required", r"\b(?P<n>[A-Z][A-Z0-9]*_[A-Z0-9_]+)['\"`]? (?:is|are) required\b"),
    (Trouble.VARIABLE, "unbound variable", r"\b(?P<n>[A-Z][A-Z0-9_]{2,}): unbound variable"),
    (Trouble.VARIABLE, "parameter", r"\b(?P<n>[A-Z][A-Z0-9_]{2,}): parameter (?:null or )?not set"),
    (
        Trouble.READY,
        "run ",
        (
            r"(?:please |need to |have to |must |try |to (?:fix|install|create|generate|download|initialize) \w+,? "
            r"|^\s*)"
            r"run(?:ning)?:? [\"'`](?P<n>[^\"'`]{4,60})[\"'`]"
        ),
    ),
    (Trouble.READY, "playwright install", r"(?P<n>npx playwright install|playwright install)"),
    (Trouble.READY, "did not initialize yet", r"did not initialize yet"),
    (Trouble.READY, "could not load cache", r"could not load cache"),
    (Trouble.READY, "unapplied migration", r"unapplied migration"),
    (Trouble.READY, "no such table", r"no such table: (?P<n>\S+)"),
    (Trouble.READY, "autoload.php", r"(?P<n>vendor/autoload\.php)"),
    (Trouble.SERVICE, "connection refused", r"Connection refused|connection refused"),
    (Trouble.SERVICE, "econnrefused", r"ECONNREFUSED"),
    (Trouble.SERVICE, "docker daemon", r"Cannot connect to the Docker daemon|docker daemon is not running"),
    (Trouble.SERVICE, "address already in use", r"[Aa]ddress already in use"),
    (Trouble.SERVICE, "eaddrinuse", r"EADDRINUSE"),
    (Trouble.SERVICE, "port is already allocated", r"port is already allocated"),
    (Trouble.SERVICE, "already in use", r"\b[Pp]ort \d+ is (?:already )?in use"),
    (
        Trouble.PLACE,
        "package.json",
        r"(?:ENOENT|[Cc]ould(?:n't| not) (?:find|read)|No|no such file).{0,120}package\.json",
    ),
    (Trouble.PLACE, "err_pnpm_no", r"ERR_PNPM_NO_(?:IMPORTER_MANIFEST|PKG_MANIFEST)"),
    (Trouble.PLACE, "cargo.toml", r"could not find `Cargo\.toml`|manifest path .{0,200} does not exist"),
    (Trouble.PLACE, "go.mod", r"go\.mod file not found"),
    (Trouble.PLACE, "main module", r"cannot find main module|does not contain main module|outside main module"),
    (Trouble.PLACE, "no makefile", r"[Nn]o makefile found"),
    (Trouble.PLACE, "no rule to make", r"No rule to make target"),
    (Trouble.PLACE, "no pom", r"there is no POM in this directory"),
    (Trouble.PLACE, "gradle build", r"does not contain a Gradle build"),
    (Trouble.PLACE, "no configuration file", r"no configuration file provided"),
    (Trouble.PLACE, "not a git repository", r"not a git repository"),
    (Trouble.PLACE, "cmakelists", r"does not appear to contain CMakeLists"),
    (Trouble.PLACE, "dockerfile", r"failed to read dockerfile|unable to prepare context"),
    (Trouble.PLACE, "file or directory not found", r"file or directory not found: (?P<n>\S+)"),
    (Trouble.PLACE, "can't open file", r"can't open file '(?P<n>[^']+)'"),
    (Trouble.PLACE, "cannot find module", r"Cannot find module '(?P<n>/[^']+)'"),
    (Trouble.PLACE, "msb1003", r"MSB1003|MSB1009"),
    (Trouble.PLACE, "gemfile", r"Could not locate Gemfile"),
    (
        Trouble.PLACE,
        "pyproject.toml",
        r"(?:could not find|no|not found).{0,60}pyproject\.toml|neither 'setup\.py' nor 'pyproject\.toml'",
    ),
    (Trouble.PLACE, "requirements", r"Could not open requirements file"),
    (Trouble.PLACE, "composer.json", r"could not find a composer\.json"),
    (Trouble.PLACE, "directory not found", r"(?:stat )?(?P<n>\S+): directory not found"),
    (Trouble.PLACE, "config file", r"No config(?:uration)? file '?\S+'? found"),
    (Trouble.PLACE, "terraform configuration", r"No (?:Terraform )?configuration files"),
    (Trouble.MODULE, "is not installed for the toolchain", rf"{_WORD} is not installed for the toolchain"),
    (Trouble.MODULE, "no module named", rf"No module named {_WORD}"),
    (Trouble.MODULE, "cannot find module", r"Cannot find module '(?P<n>[^'./][^']*)'"),
    (Trouble.MODULE, "cannot find package", r"[Cc]annot find package ['\"]?(?P<n>[^'\"\s]+)"),
    (Trouble.MODULE, "no required module", r"no required module provides package (?P<n>[^\s;]+)"),
    (Trouble.MODULE, "missing go.sum", r"missing go\.sum entry"),
    (Trouble.MODULE, "cannot load such file", r"cannot load such file -- (?P<n>\S+)"),
    (Trouble.MODULE, "gem", r"[Cc](?:an't|ould not) find gem '?(?P<n>[\w-]+)"),
    (Trouble.MODULE, "in @inc", r"Can't locate (?P<n>\S+) in @INC"),
    (Trouble.MODULE, "fatal error", r"fatal error: '?(?P<n>[\w./+-]+\.h(?:pp)?)'?(?:: No such file| file not found)"),
    (Trouble.MODULE, "there is no package", r"there is no package called .?(?P<n>[\w.]+)"),
    (Trouble.MODULE, "shared librar", r"error while loading shared libraries: (?P<n>\S+?):"),
    (Trouble.MODULE, "shared object", r"(?P<n>lib\S+\.so\S*): cannot open shared object"),
    (Trouble.MODULE, "attempted relative import", r"attempted relative import"),
    (Trouble.MODULE, "pkg-config", r"[Pp]ackage '?(?P<n>[\w.+-]+)'? was not found in the pkg-config"),
    (Trouble.MODULE, "no such command", r"no such command: `(?P<n>[\w-]+)`"),
    (Trouble.MODULE, "linker", r"linker `(?P<n>\w+)` not found"),
    (Trouble.PERMISSION, "permission denied", r"[Pp]ermission denied"),
    (Trouble.PERMISSION, "eacces", r"EACCES"),
    (Trouble.PERMISSION, "root", r"are you root\?|must be run as root|requires? root"),
    (Trouble.PERMISSION, "externally-managed", r"externally-managed-environment"),
    (Trouble.TESTS, "no tests", r"[Nn]o tests (?:ran|found|were found|to run)\b|NO TESTS RAN"),
    (Trouble.TESTS, "collected 0 items", r"collected 0 items\b"),
    (Trouble.TESTS, "no test ", r"no test specified|No test (?:files|suites?) found|No test configuration file"),
    (Trouble.TESTS, "no test is available", r"No test is available"),
    (Trouble.TESTS, "0 test", r"\b0 tests? (?:run|ran|found|executed|collected)\b|Ran 0 tests"),
    (Trouble.TESTS, "know how to build task", r"Don't know how to build task"),
    (Trouble.TESTS, "provided environments not found", r"provided environments not found"),
    (Trouble.USAGE, "missing script", r"[Mm]issing script:? \"?(?P<n>[\w:-]+)"),
    (Trouble.USAGE, "no rule", r"Command \"(?P<n>[\w:-]+)\" not found"),
    (Trouble.USAGE, "err_pnpm_no_script", r"ERR_PNPM_NO_SCRIPT"),
    (Trouble.USAGE, "unrecognized", r"[Uu]n[Rr]ecogni[sz]ed (?:arguments?|options?|CLI Parameter|flag)"),
    (
        Trouble.USAGE,
        "unknown",
        r"[Uu]nknown (?:option|argument|flag|switch|command|arguments|shorthand flag|cli config)\b",
    ),
    (Trouble.USAGE, "invalid", r"[Ii]nvalid (?:option|flag|argument|choice)\b|option -- "),
    (Trouble.USAGE, "bad ", r"\b[Bb]ad (?:option|flag|argument|switch)\b"),
    (Trouble.USAGE, "unsupported ", r"[Uu]nsupported (?:option|flag|argument|command)\b"),
    (Trouble.USAGE, "not recogni", r"(?:option|flag|argument|command|subcommand).{0,40} (?:is )?not recogni[sz]ed"),
    (Trouble.USAGE, "illegal option", r"illegal option"),
    (Trouble.USAGE, "unexpected argument", r"unexpected argument"),
    (Trouble.USAGE, "no such", r"[Nn]o such (?:option|command|subcommand|flag)"),
    (Trouble.USAGE, "flag provided but not", r"flag provided but not defined"),
    (
        Trouble.USAGE,
        "required",
        r"(?:the following|following|[Mm]issing|required) (?:required )?(?:arguments?|options?|flag\(s\)|parameters?)",
    ),
    (Trouble.USAGE, "missing", r"[Mm]issing (?:argument|option|operand|parameter)"),
    (Trouble.USAGE, "extra characters at the end", r"^sed: .*(?:extra characters|invalid command code)"),
    (Trouble.USAGE, "retry this command with", r"retry this command with .{0,20}(?P<n>--\S+)"),
    (Trouble.USAGE, "invalid upstream", rf"invalid upstream '(?:\w+/)?{_BRANCH}'"),
    (Trouble.USAGE, "pathspec", rf"pathspec '{_BRANCH}' did not match"),
    (Trouble.USAGE, "ambiguous argument", rf"ambiguous argument '(?:\w+/)?{_BRANCH}\b"),
    (Trouble.USAGE, "remote ref", rf"find remote ref {_BRANCH}\b"),
    (Trouble.USAGE, "no upstream branch", r"has no upstream branch"),
    (Trouble.USAGE, "requires an argument", r"requires an argument"),
    (Trouble.USAGE, "is not a ", r"is not a (?:\w+ )?command"),
    (
        Trouble.PLACE,
        "no such file",
        r"(?P<n>[\w./@+-]+)['\"’]?: No such file or directory|[Nn]o such file or directory",  # noqa: RUF001
    ),
)
_PATTERNS = tuple((trouble, needle, re.compile(pattern)) for trouble, needle, pattern in _TABLE)
_TESTED = re.compile(
    r"\bassert(?:ion)?\b|AssertionError|--- FAIL|^FAIL(?:ED)?\b(?!:)|\b\d+ failed\b|test result: FAILED"
    r"|^\s*(?:[✕✗]\s|● .*›)|Tests:\s",  # noqa: RUF001
    re.IGNORECASE | re.MULTILINE,
)
_ONLY_SETUP = frozenset({Trouble.SERVICE, Trouble.READY})
_MARKS = re.compile(
    r"^\S+: line \d+: |^(?:\S*/)?(?:ba|z|da|k|fi)?sh: (?:line )?(?:\d+: )?|^E\s{2,}"
    r"|^(?:npm (?:error|ERR!)|error:|ERROR:?)\s+"
)


def failure_of(text: str) -> Failure | None:
    """What a failed call says of its trouble; None where it says nothing that is known here, or speaks of tests."""
    lines = _lines(text)
    head = "\n".join(lines)
    lowered = head.lower()
    is_tested = _TESTED.search(head) is not None
    for trouble, needle, pattern in _PATTERNS:
        if needle in lowered and not (is_tested and trouble not in _ONLY_SETUP):
            for line in lines:
                if (match := pattern.search(line)) is not None:
                    return Failure(trouble, match.groupdict().get("n") or "", line_of(line))
    return None


def hidden_failure_of(text: str) -> Failure | None:
    """A missing program or module in an answer whose exit code says nothing, as that of a pipe."""
    lines = _lines(text)
    for line in (*lines[:2], *lines[-2:]):
        for trouble, needle, pattern in _PATTERNS:
            if trouble is Trouble.PROGRAM and needle == "command not found" and needle in line:
                match = pattern.search(line)
                if match and "assert" not in line:
                    return Failure(trouble, match["n"], line_of(line))
    last = lines[-1] if lines else ""
    match = re.match(r"(?:ModuleNotFoundError: |\S*python[\d.]*: )No module named '?(?P<n>[\w.]+)", last)
    return match and Failure(Trouble.MODULE, match["n"], line_of(last))


def line_of(text: str) -> str:
    """A line of a failure as a quote: without what the shell puts in front, one line, short.

    Redacted before it is cut: what is left of a cut credential looks like none.
    """
    return redact(" ".join(_MARKS.sub("", text.strip()).split()))[:_QUOTE_CHARS]


def first_line(text: str) -> str:
    """The line of a failure that says most, where it is not known what it is: the last that names an error."""
    lines = [line for line in _lines(text) if line.strip()]
    named = [line for line in lines if re.search(r"error|fail|not |cannot|denied|fatal", line, re.IGNORECASE)]
    return line_of((named or lines or [""])[-1 if not named else 0])


def _lines(text: str) -> list[str]:
    lines = text.splitlines()
    if len(lines) > _FIRST_LINES + _LAST_LINES:
        lines = lines[:_FIRST_LINES] + lines[-_LAST_LINES:]
    return [line[:_LINE_CHARS] for line in lines if line.strip()]
