"""Why a command failed, where the reason lies in how it was run and not in what the task is about.

A red test, a compile error, a finding of a linter and a search without a match have no cause here.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from typing import Final

_HEAD_CHARS = 1200
_TAIL_CHARS = 2400
_MAX_LINE_CHARS = 400


class Why(Enum):
    """What was wrong with how a command was run."""

    PROGRAM = "program"
    """A program that is not there."""
    MODULE = "module"
    """A module, package or library that is not there."""
    FOLDER = "folder"
    """It must run in another folder."""
    FILE = "file"
    """A file that it was given is not there."""
    TARGET = "target"
    """A script, task or target of that name is not there."""
    OPTION = "option"
    """An option that it does not have, or one that it needs."""
    VARIABLE = "variable"
    """An environment variable that is not set."""
    RIGHTS = "rights"
    """It may not be run like that."""
    VERSION = "version"
    """It needs another version of something."""
    SERVICE = "service"
    """What it talks to is not running."""
    PORT = "port"
    """Another process has its port."""
    MANAGER = "manager"
    """The project uses another package manager or another environment."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Why, and what it is about: the program, the module, the option; and the line that says so."""

    why: Why
    what: str
    line: str


_Rule = tuple[Why, tuple[str, ...], re.Pattern[str]]


def _rule(why: Why, needles: str, pattern: str) -> _Rule:
    return why, tuple(needles.split("|")), re.compile(pattern)


_NAME = r"[\w.@+/~:-]+"
_QUOTE = "[\"'`\u2018\u2019]?"
_RULES: Final = (
    _rule(Why.PROGRAM, "not found", rf"(?:^|: )(?P<what>{_NAME}): (?:command )?not found\s*$"),
    _rule(Why.PROGRAM, "ommand not found", rf"[Cc]ommand not found: (?P<what>{_NAME})"),
    _rule(Why.PROGRAM, "Unknown command", rf"^fish: Unknown command:? (?P<what>{_NAME})"),
    _rule(Why.PROGRAM, "is not recognized", rf"{_QUOTE}(?P<what>{_NAME}){_QUOTE} is not recognized as "),
    _rule(Why.PROGRAM, "executable file not found", rf"exec: \"?(?P<what>{_NAME})\"?: executable file not found"),
    _rule(Why.PROGRAM, "ENOENT", rf"spawn (?P<what>{_NAME}) ENOENT"),
    _rule(
        Why.PROGRAM, "o such file or directory",
        rf"^(?:/usr/bin/)?(?:env|time|timeout|nohup|xargs|sudo)(?:: failed to run command)?: "
        rf"{_QUOTE}(?P<what>{_NAME}){_QUOTE}: No such file or directory",
    ),
    _rule(Why.PROGRAM, "ailed to spawn", rf"[Ff]ailed to spawn: `?(?P<what>{_NAME})"),
    _rule(Why.PROGRAM, "no such command", rf"no such (?:sub)?command: `?(?P<what>{_NAME}?)`?$"),
    _rule(Why.PROGRAM, "is not a docker command", rf"'(?P<what>{_NAME})' is not a docker command"),
    _rule(Why.PROGRAM, "make: ", rf"^g?make(?:\[\d+\])?: (?P<what>{_NAME}): No such file or directory"),
    _rule(Why.PROGRAM, "ould not determine executable", r"npm (?:error|ERR!) (?P<what>could not determine executable)"),
    _rule(
        Why.FOLDER, "ENOENT", r"ENOENT:? .*(?P<what>package\.json)|ENOENT: Could not read (?P<other>package\.json)"
    ),
    _rule(Why.FOLDER, "ERR_PNPM_NO_IMPORTER", r"No (?P<what>package\.json)"),
    _rule(Why.FOLDER, "package.json", r"(?:[Nn]o|[Cc]ouldn't find a|Missing|find a) (?P<what>package\.json)\b"),
    _rule(Why.FOLDER, "could not find `", r"could not find `(?P<what>Cargo\.toml)` in"),
    _rule(Why.FOLDER, "go.mod", r"(?P<what>go\.mod) file not found|no (?P<other>go\.mod) file"),
    _rule(Why.FOLDER, "main module", r"cannot find (?P<what>main module)"),
    _rule(Why.FOLDER, "not a git repository", r"(?P<what>not a git repository)"),
    _rule(Why.FOLDER, "no makefile found", r"(?P<what>no makefile found)"),
    _rule(Why.FOLDER, "there is no POM", r"there is no (?P<what>POM) in this directory"),
    _rule(Why.FOLDER, "does not contain a Gradle build", r"does not contain a (?P<what>Gradle build)"),
    _rule(Why.FOLDER, "o configuration file provided", r"no (?P<what>configuration file) provided"),
    _rule(Why.FOLDER, "CMakeLists.txt", r"does not appear to contain (?P<what>CMakeLists\.txt)"),
    _rule(Why.FOLDER, "pyproject.toml", r"(?:could not|couldn't|No) (?:find )?a? ?`?(?P<what>pyproject\.toml)"),
    _rule(Why.FOLDER, "requirements", r"Could not open (?P<what>requirements file)"),
    _rule(Why.FOLDER, "Gemfile", r"Could not locate (?P<what>Gemfile)"),
    _rule(Why.FOLDER, "Composer could not find", r"could not find a (?P<what>composer\.json)"),
    _rule(Why.FOLDER, "MSB1003", r"(?P<what>MSB1003)"),
    _rule(Why.TARGET, "issing script", rf"[Mm]issing script:? [\"']?(?P<what>{_NAME})"),
    _rule(Why.TARGET, "ERR_PNPM_NO_SCRIPT", rf"Missing script: (?P<what>{_NAME})"),
    _rule(Why.TARGET, "not found", rf"(?:[Cc]ommand|[Ss]cript|[Tt]ask|Recipe) [\"'](?P<what>{_NAME})[\"'] not found"),
    _rule(Why.TARGET, "No rule to make target", rf"No rule to make target {_QUOTE}(?P<what>{_NAME})"),
    _rule(Why.TARGET, "does not contain recipe", rf"does not contain recipe `(?P<what>{_NAME})`"),
    _rule(Why.TARGET, "not found in root project", rf"Task '(?P<what>{_NAME})' not found in"),
    _rule(Why.TARGET, "Unknown lifecycle phase", rf"Unknown lifecycle phase \"(?P<what>{_NAME})\""),
    _rule(Why.TARGET, "no bin target named", rf"no (?:bin|test|example|bench) target named `(?P<what>{_NAME})`"),
    _rule(Why.TARGET, "did not match any packages", rf"`(?P<what>{_NAME})` did not match any packages"),
    _rule(Why.TARGET, "no such service", rf"no such service: (?P<what>{_NAME})"),
    _rule(Why.TARGET, "pathspec", r"pathspec '(?P<what>main|master|develop|trunk)' did not match"),
    _rule(Why.TARGET, "src refspec", r"src refspec (?P<what>main|master|develop|trunk) does not match"),
    _rule(Why.TARGET, "ambiguous argument", r"ambiguous argument '(?P<what>(?:origin/)?(?:main|master))\b"),
    _rule(Why.TARGET, "n't find remote ref", r"couldn't find remote ref (?P<what>main|master)"),
    _rule(Why.MODULE, "No module named", rf"No module named {_QUOTE}(?P<what>[\w.-]+)"),
    _rule(Why.MODULE, "annot find module", rf"Cannot find module {_QUOTE}(?P<what>@?[A-Za-z][\w./@-]*)['\"]"),
    _rule(Why.MODULE, "annot find package", rf"[Cc]annot find package {_QUOTE}(?P<what>@?[A-Za-z][\w./@-]*)"),
    _rule(Why.MODULE, "o required module provides", rf"no required module provides package (?P<what>{_NAME})"),
    _rule(Why.MODULE, "issing go.sum entry", rf"missing go\.sum entry for module providing package (?P<what>{_NAME})"),
    _rule(Why.MODULE, "annot load such file", rf"cannot load such file -- (?P<what>{_NAME})"),
    _rule(Why.MODULE, "Could not find ", rf"Could not find (?P<what>{_NAME}) in (?:any of the sources|locally)"),
    _rule(Why.MODULE, "node_modules", r"(?P<what>node_modules) (?:missing|not found|is missing|does not exist)"),
    _rule(Why.MODULE, "vendor/autoload.php", r"Failed opening required '.*(?P<what>vendor/autoload\.php)'"),
    _rule(Why.MODULE, ".h: No such file", r"fatal error: (?P<what>[\w./+-]+\.h(?:pp)?): No such file or directory"),
    _rule(Why.MODULE, "annot find -l", r"cannot find -l(?P<what>[\w+-]+)"),
    _rule(Why.MODULE, "pkg-config", rf"Package '?(?P<what>{_NAME}?)'?,? .*not found"),
    _rule(Why.MODULE, "Could not find a package configuration", r"provided by \"(?P<what>[\w+-]+)\" with any of"),
    _rule(Why.MODULE, "target may not be installed", r"the `(?P<what>[\w-]+)` target may not be installed"),
    _rule(Why.MODULE, "is not installed", rf"{_QUOTE}(?P<what>{_NAME}){_QUOTE} is not installed(?! as)"),
    _rule(Why.MODULE, "Executable doesn't exist", r"(?P<what>Executable doesn't exist)"),
    _rule(Why.MODULE, "there is no package called", r"there is no package called .(?P<what>[\w.]+)"),
    _rule(Why.FILE, "can't open file", r"can't open file {}(?P<what>[^'\"]+)".format("['\"]")),
    _rule(Why.FILE, "file or directory not found", rf"file or directory not found: (?P<what>{_NAME})"),
    _rule(Why.FILE, "annot find module", r"Cannot find module '(?P<what>/[^']+)'"),
    _rule(Why.FILE, "o such file or directory",
        rf"(?P<what>(?:\.{{0,2}}/)?{_NAME}){_QUOTE}?: No such file or directory"),
    _rule(Why.FILE, "os error 2", rf"(?P<what>{_NAME}){_QUOTE}?: .*\(os error 2\)"),
    _rule(Why.FILE, "not found or load main class", rf"not find or load main class (?P<what>{_NAME})"),
    _rule(Why.FILE, "nable to access jarfile", rf"nable to access jarfile (?P<what>{_NAME})"),
    _rule(Why.FILE, "no such file or directory", rf"(?:open|stat|chdir) (?P<what>{_NAME}): no such file or directory"),
    _rule(Why.FILE, "annot stat", rf"cannot stat {_QUOTE}(?P<what>{_NAME})"),
    _rule(Why.OPTION, "nrecognized",
        rf"[Uu]nrecognized (?:arguments?|options?|command[- ]line option):? {_QUOTE}(?P<what>-[\w=-]+)"),
    _rule(Why.OPTION, "nknown",
        rf"[Uu]nknown (?:cli |command line )?(?:options?|flag|argument"
        rf"|parameter)s?:? {_QUOTE}(?P<what>-[\w=-]*\w)"),
    _rule(Why.OPTION, "ption",
        rf"(?:[Ii]nvalid|[Ii]llegal|[Nn]o such|[Bb]ad"
        rf"|[Uu]nsupported) (?:command[- ]line )?option(?: --)?:? ?(?:-- )?{_QUOTE}(?P<what>-{{0,2}}\w[\w-]*)"),
    _rule(Why.OPTION, "provided but not defined", r"flag provided but not defined: (?P<what>-[\w-]+)"),
    _rule(Why.OPTION, "unexpected argument", r"unexpected argument '(?P<what>--?[\w-]+)"),
    _rule(Why.OPTION, "bad option", r"bad option: (?P<what>-[\w-]+)"),
    _rule(Why.OPTION, "arguments are required", r"the following (?P<what>arguments are required: [^\n]{1,80})"),
    _rule(Why.OPTION, "arguments were not provided", r"the following (?P<what>required arguments were not provided)"),
    _rule(Why.OPTION, "equired option", rf"(?:[Mm]issing )?[Rr]equired option:? {_QUOTE}(?P<what>-[\w-]+)"),
    _rule(Why.OPTION, "issing option", rf"[Mm]issing option {_QUOTE}(?P<what>-[\w-]+)"),
    _rule(Why.OPTION, "required flag", r"required flag\(s\) \"(?P<what>[\w-]+)"),
    _rule(Why.OPTION, "without ", r"(?P<what>refusing to \w+(?: \w+){0,4} without [\w'\" -]+)"),
    _rule(Why.OPTION, "legacy-peer-deps", r"(?P<what>--legacy-peer-deps)"),
    _rule(Why.OPTION, "requires the ", r"requires the (?P<what>--[\w-]+) (?:flag|option)"),
    _rule(Why.OPTION, "se --", r"[Uu]se (?P<what>--[\w-]+) to "),
    _rule(Why.VARIABLE, "not set",
        rf"{_QUOTE}\$?(?P<what>[A-Z][A-Z0-9]*_[A-Z0-9_]+|JAVA_HOME"
        rf"|GOPATH){_QUOTE}? (?:environment variable )?(?:is |was |are )?not (?:been )?(?:set|defined)"),
    _rule(Why.VARIABLE, "nvironment variable", rf"nvironment variable:? {_QUOTE}\$?(?P<what>[A-Z][A-Z0-9_]{{2,}})\b"),
    _rule(Why.VARIABLE, "KeyError: '", r"^KeyError: '(?P<what>[A-Z][A-Z0-9]*_[A-Z0-9_]+)'"),
    _rule(Why.VARIABLE, "DJANGO_SETTINGS_MODULE", r"(?P<what>DJANGO_SETTINGS_MODULE)"),
    _rule(Why.VARIABLE, "must be set", rf"(?P<what>[A-Z][A-Z0-9]*_[A-Z0-9_]+){_QUOTE} must be set"),
    _rule(Why.VARIABLE, "unbound variable", r"(?P<what>[A-Z][A-Z0-9_]+): unbound variable"),
    _rule(Why.VARIABLE, "is required", r"(?P<what>[A-Z][A-Z0-9]*_[A-Z0-9_]+) is required"),
    _rule(Why.VARIABLE, 'not found: "', r"[Ee]nvironment variable not found: (?P<what>[A-Z][A-Z0-9_]+)"),
    _rule(Why.VARIABLE, "ERR_OSSL_EVP_UNSUPPORTED", r"(?P<what>ERR_OSSL_EVP_UNSUPPORTED)"),
    _rule(Why.VARIABLE, "heap out of memory", r"(?P<what>heap out of memory)"),
    _rule(Why.RIGHTS, "ermission denied",
        rf"^(?:\w+: |/\S+: )?(?:line \d+: |\d+: )?(?P<what>{_NAME}): Permission denied"),
    _rule(Why.RIGHTS, "docker", r"permission denied while trying to connect to (?:the|)\s*(?P<what>[Dd]ocker)"),
    _rule(Why.RIGHTS, "EACCES", r"(?P<what>EACCES)"),
    _rule(Why.RIGHTS, "are you root", r"(?P<what>are you root)"),
    _rule(Why.MANAGER, "externally-managed-environment", r"(?P<what>externally-managed-environment)"),
    _rule(Why.MANAGER, "o virtual environment found", r"[Nn]o (?P<what>virtual environment) found"),
    _rule(Why.MANAGER, "configured to use", r"configured to use (?P<what>yarn|pnpm|npm|bun)"),
    _rule(Why.MANAGER, "EUNSUPPORTEDPROTOCOL",
        r"(?P<what>Unsupported URL Type \"?(?:workspace|catalog)|EUNSUPPORTEDPROTOCOL)"),
    _rule(Why.MANAGER, "only-allow", r"(?P<what>only-allow \w+)"),
    _rule(Why.MANAGER, 'se "', r"Use \"(?P<what>(?:pnpm|yarn|bun) install)\" for installation"),
    _rule(Why.VERSION, "requires a different", r"(?P<what>requires a different Python)"),
    _rule(Why.VERSION, 'ngine "node" is incompatible', r"engine \"(?P<what>node)\" is incompatible"),
    _rule(Why.VERSION, "Unsupported engine", r"(?P<what>Unsupported engine)"),
    _rule(Why.VERSION, "requires rustc", r"requires (?P<what>rustc) "),
    _rule(Why.VERSION, "class file version", r"(?P<what>class file version)"),
    _rule(Why.VERSION, "invalid source release", r"invalid (?:source|target) release: (?P<what>\d+)"),
    _rule(Why.VERSION, "requires go", r"requires (?P<what>go) ?>?=? ?\d"),
    _rule(Why.VERSION, "ode.js version",
        r"requires (?:a minimum |at least )?(?P<what>Node\.js) version|Node\.js version .* is required"),
    _rule(Why.VERSION, "only be used on the nightly", r"(?P<what>nightly) (?:channel|release)"),
    _rule(Why.SERVICE, "onnection refused", r"[Cc]onnection refused.*?(?P<what>:?\b\d{2,5}\b)?"),
    _rule(Why.SERVICE, "ECONNREFUSED", r"ECONNREFUSED\s*(?P<what>[\w.:\[\]]*)"),
    _rule(Why.SERVICE, "annot connect to the Docker daemon", r"connect to the (?P<what>Docker daemon)"),
    _rule(Why.SERVICE, "could not connect to server", r"could not (?P<what>connect to server)"),
    _rule(Why.PORT, "EADDRINUSE", r"EADDRINUSE.*?(?P<what>\d{2,5})\s*$"),
    _rule(Why.PORT, "ddress already in use", r"(?:.*?[: ](?P<what>\d{2,5})\b)?.*[Aa]ddress already in use"),
    _rule(Why.PORT, "ort is already allocated", r"(?::(?P<what>\d+) failed: )?port is already allocated"),
    _rule(Why.PORT, "is already in use", r"[Pp]ort (?P<what>\d+) is (?:already )?in use"),
)  # fmt: skip
_CONTINUES: Final = ("| ", "  at ", "> ", "$ ", "E   File")


def cause_of(text: str) -> Cause | None:
    """Why a command failed; None where it is not known, or is the task itself.

    The line that comes last decides, save that a missing program comes before all that follows from it.
    """
    found: Cause | None = None
    for line in _lines(text):
        cause = _cause_of_line(line)
        if cause is None:
            continue
        if cause.why is Why.PROGRAM:
            return cause
        if found is None or (found.why in _VAGUE and cause.why not in _VAGUE):
            found = cause
    return found


_VAGUE = frozenset({Why.FILE, Why.SERVICE, Why.RIGHTS})


def _lines(text: str) -> list[str]:
    """The lines in which a cause may stand: those of the beginning and of the end."""
    if len(text) > _HEAD_CHARS + _TAIL_CHARS:
        text = f"{text[:_HEAD_CHARS]}\n{text[-_TAIL_CHARS:]}"
    return [line[:_MAX_LINE_CHARS] for line in text.splitlines()]


def _cause_of_line(line: str) -> Cause | None:
    for why, needles, pattern in _RULES:
        for needle in needles:
            if needle in line and (match := pattern.search(line)):
                groups = match.groupdict()
                what = groups.get("what") or groups.get("other") or ""
                return Cause(why, what.strip("'\"`\u2018\u2019"), " ".join(line.split()))
    return None
