"""Sessions with planted failures, each corrected later in the same session, made by each of the real agents."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
MISSING = next(
    name
    for name in ("python", "python2", "python1")
    if shutil.which(name, path=f"{SYSTEM_PATH}:/usr/sbin:/sbin") is None
)
"""An interpreter that this machine does not have."""


@dataclass(frozen=True, slots=True)
class Shell:
    """A command line."""

    command: str


@dataclass(frozen=True, slots=True)
class Read:
    """A file that is read."""

    path: str


@dataclass(frozen=True, slots=True)
class Edit:
    """A file in which one line is replaced by another."""

    path: str
    old: str
    new: str


Step = Shell | Read | Edit


@dataclass(frozen=True, slots=True)
class Plant:
    """A failure and its correction.

    Attributes:
        steps: what the agent does; the one at `fails` fails, the one at `works` is what it should have done.
        words: what the correction must name.
        error: what the failure says, if every agent says the same.
        exit_code: of the failing command, where it is one.
    """

    name: str
    steps: tuple[Step, ...]
    fails: int
    works: int
    words: tuple[str, ...]
    error: str
    exit_code: int | None = None


INTERPRETER = Plant(
    "interpreter",
    (Shell(f"{MISSING} scripts/report.py --month 3"), Shell("python3 scripts/report.py --month 3")),
    0, 1, ("python3",), "not found", 127,
)  # fmt: skip
DEPENDENCY = Plant(
    "dependency",
    (
        Shell("python3 tools/load.py"),
        Shell("ls -a"),
        Shell(".venv/bin/python tools/load.py"),
    ),
    0, 2, (".venv/bin/python",), "No module named 'ledgerlib'", 1,
)  # fmt: skip
WRONG_PATH = Plant(
    "wrong path",
    (
        Read("src/settings.ini"),
        Shell("find . -name settings.ini -not -path '*/node_modules/*'"),
        Read("conf/app/settings.ini"),
    ),
    0, 2, ("conf/app/settings.ini",), "",
)  # fmt: skip
FAILING_EDIT = Plant(
    "failing edit",
    (
        Read("conf/app/limits.ini"),
        Edit("conf/app/limits.ini", "max_rows = 50", "max_rows = 80"),
        Read("conf/app/limits.ini"),
        Edit("conf/app/limits.ini", "max_rows: 50", "max_rows: 80"),
    ),
    1, 3, ("limits.ini",), "",
)  # fmt: skip
TEST_COMMAND = Plant(
    "test command",
    (Shell("npm test"), Shell("ls web"), Shell("cd web && npm test")),
    0, 2, ("cd web", "npm test"), "package.json", 254,
)  # fmt: skip
PLANTS = (INTERPRETER, DEPENDENCY, WRONG_PATH, FAILING_EDIT, TEST_COMMAND)

CLEAN = (
    (Shell("ls -a"), Read("conf/app/limits.ini"), Edit("conf/app/limits.ini", "max_rows: 50", "max_rows: 60")),
    (Shell("python3 scripts/report.py --month 3"), Shell("git --version")),
    (Shell("grep -rn compute src | head -5"), Read("conf/app/settings.ini"), Shell("cd web && npm test")),
    (Shell(".venv/bin/python tools/load.py"), Shell("wc -l app.log"), Shell("tail -n3 app.log")),
    (Read("scripts/report.py"), Shell("python3 scripts/report.py --month 4"), Shell("grep -c FATAL app.log")),
)
"""Work in which nothing fails."""


def write_project(folder: Path) -> None:
    """The files that the plants speak of."""
    files = {
        "scripts/report.py": "import sys\n\nprint('report for month', sys.argv[-1])\n",
        "tools/load.py": "import ledgerlib\n\nprint('loaded', ledgerlib.VERSION)\n",
        ".venv/lib/ledgerlib.py": "VERSION = '2.1'\n",
        ".venv/bin/python": '#!/bin/sh\nPYTHONPATH="$(dirname "$0")/../lib" exec python3 "$@"\n',
        "conf/app/settings.ini": "[app]\nname = ledger\n",
        "conf/app/limits.ini": "[limits]\nmax_rows: 50\nmax_pages: 7\n",
        "web/package.json": json.dumps({"name": "web", "version": "1.0.0", "scripts": {"test": "echo 3 passed"}}),
    }
    for name, content in files.items():
        file = folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")
    (folder / ".venv" / "bin" / "python").chmod(0o755)


Tool = tuple[str, Mapping[str, Any]]
Speak = Callable[[Step, Path], Tool]
"""How an agent's model does a step in a folder."""


def patch(step: Edit) -> str:
    """An edit as Codex's patch."""
    return f"*** Begin Patch\n*** Update File: {step.path}\n@@\n-{step.old}\n+{step.new}\n*** End Patch"


def _claude(step: Step, folder: Path) -> Tool:
    if isinstance(step, Shell):
        return "Bash", {"command": step.command}
    path = {"file_path": str(folder / step.path)}
    return (
        ("Read", path) if isinstance(step, Read) else ("Edit", {**path, "old_string": step.old, "new_string": step.new})
    )


def _codex(step: Step, _folder: Path) -> Tool:
    if isinstance(step, Edit):
        return "apply_patch", {"input": patch(step)}
    return "exec_command", {"cmd": step.command if isinstance(step, Shell) else f"cat {step.path}"}


def _codex_script(step: Step, folder: Path) -> Tool:
    name, given = _codex(step, folder)
    argument = json.dumps(given["input"] if name == "apply_patch" else given)
    return "exec", {"input": f"const r = await tools.{name}({argument}); text(JSON.stringify(r))"}


def _copilot(step: Step, folder: Path) -> Tool:
    if isinstance(step, Shell):
        return "bash", {"command": step.command, "description": "run it"}
    path = {"path": str(folder / step.path)}
    return ("view", path) if isinstance(step, Read) else ("edit", {**path, "old_str": step.old, "new_str": step.new})


def _opencode(step: Step, folder: Path) -> Tool:
    if isinstance(step, Shell):
        return "bash", {"command": step.command, "description": "run it"}
    path = {"filePath": str(folder / step.path)}
    return (
        ("read", path) if isinstance(step, Read) else ("edit", {**path, "oldString": step.old, "newString": step.new})
    )


def _openclaw(step: Step, _folder: Path) -> Tool:
    if isinstance(step, Shell):
        return "exec", {"command": step.command}
    path = {"path": step.path}
    if isinstance(step, Read):
        return "read", path
    return "edit", {**path, "edits": [{"oldText": step.old, "newText": step.new}]}


DIALECTS: Mapping[str, Speak] = {
    "claude": _claude,
    "codex": _codex,
    "codex in code mode": _codex_script,
    "copilot": _copilot,
    "opencode": _opencode,
    "openclaw": _openclaw,
}


def prompt(words: str, steps: tuple[Step, ...], folder: Path, speak: Speak) -> str:
    """What a person asks, with the directives that make the emulated model do the steps."""
    calls = (speak(step, folder) for step in steps)
    return " ".join([words, *(f"[[tool {name} {json.dumps(given)}]]" for name, given in calls), "[[say done]]"])
