"""Transcripts as Claude Code writes them, with what a test needs in them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

FAILED = "/bin/bash: line 1: python: command not found"


def write_claude(
    home: Path, project: Path, session: str, calls: Sequence[tuple[str, int, str]], *, at: float = 0.0
) -> Path:
    """One session of shell calls.

    Args:
        home: the user's.
        project: where it ran.
        session: its id.
        calls: command, exit code and output of each.
        at: unix seconds of its beginning; now unless told.
    """
    at = at or time.time()
    common = {
        "sessionId": session,
        "cwd": str(project),
        "version": "2.1.197",
        "gitBranch": "main",
        "userType": "external",
    }
    lines = [{**common, "type": "user", "uuid": "u0", "message": {"role": "user", "content": "Go"}}]
    for number, (command, code, output) in enumerate(calls):
        id_ = f"toolu_{session}_{number}"
        use = {"type": "tool_use", "id": id_, "name": "Bash", "input": {"command": command}}
        text = f"Exit code {code}\n{output}" if code else output
        result = {"type": "tool_result", "tool_use_id": id_, "content": text, "is_error": bool(code)}
        message = {"id": f"msg_{number}", "type": "message", "role": "assistant", "content": [use]}
        lines.append({**common, "type": "assistant", "uuid": f"a{number}", "message": message})
        lines.append({**common, "type": "user", "uuid": f"r{number}", "message": {"role": "user", "content": [result]}})
    for number, line in enumerate(lines):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(at + number))
        line["timestamp"] = stamp
    folder = home / ".claude" / "projects" / str(project).replace("/", "-").replace("_", "-").replace(".", "-")
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{session}.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return file


def wrong_interpreter(home: Path, project: Path, session: str, *, at: float = 0.0) -> Path:
    """A session in which `python` is not there and `python3` is."""
    calls = [
        ("python scripts/report.py --month 3", 127, FAILED),
        ("python3 scripts/report.py --month 3", 0, "total 4711"),
    ]
    return write_claude(home, project, session, calls, at=at)
