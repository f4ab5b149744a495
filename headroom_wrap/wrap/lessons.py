"""What a session taught, written down when it is over: by `headroom learn` in a process that has a time to end by."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

from headroom_wrap import paths
from headroom_wrap.wrap.child import ChildExit
from headroom_wrap.wrap.plan import Launch

TIMEOUT_S = 10.0
_LAST_WORDS_S = 2.0
"""In which what was read so far is kept, so that the next session goes on from there."""
_COMMAND = (sys.executable, "-m", "headroom_wrap", "learn", "--apply", "--yes", "--json", "--project")


def learn(
    launch: Launch, ended: ChildExit, *, command: tuple[str, ...] = _COMMAND, timeout_s: float = TIMEOUT_S
) -> str:
    """Learn from the project's sessions; gives one line for the summary, "" after an agent that was killed.

    Args:
        launch: the session that is over.
        ended: how its agent ended; with a signal the user, too, wants an end.
        command: what learns; the project follows.
        timeout_s: how long that may take.
    """
    if ended.signal is not None:
        return ""
    env = {**launch.context.env, paths.HOME_VARIABLE: str(launch.data)}
    try:
        process = subprocess.Popen(
            (*command, str(launch.context.cwd)),
            # Python looks for modules where it is started: not in a folder that others write to.
            cwd=paths.make_private_dir(launch.data),
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError as error:
        return f"nothing was learned: {error.strerror}. headroom learn tries again."
    output = _output(process, timeout_s)
    if output is None:
        return f"nothing was learned within {timeout_s:.0f} s; headroom learn takes the time that it needs."
    try:
        found = json.loads(output)
        return _told(found, launch.context.cwd)
    except (ValueError, KeyError, TypeError):
        return "nothing was learned; headroom learn says why."


def _output(process: subprocess.Popen[bytes], timeout_s: float) -> bytes | None:
    """What it printed; None where it had to be ended."""
    try:
        return process.communicate(timeout=timeout_s)[0]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=_LAST_WORDS_S)
        return None
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()


def _told(found: Any, folder: Path) -> str:
    files = [each for project in found["projects"] for each in project["files"] if each["is_written"]]
    said = [_described(each, folder) for each in files]
    if found["new_facts"]:
        said.append(f"the memory ({found['new_facts']} new)")
    if not said:
        return "learned nothing new from this session."
    return f"learned: {', '.join(said)}; headroom learn --undo takes it back."


def _described(file: Any, folder: Path) -> str:
    path = Path(file["file"])
    name = path.relative_to(folder) if path.is_relative_to(folder) else path
    words = (("added", "new"), ("changed", "changed"), ("removed", "gone"))
    counts = [f"{len(ids)} {word}" for field, word in words if (ids := file[field])]
    return f"{name} ({', '.join(counts)})"
