"""Start the agent, and end as it ended."""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from headroom_wrap.errors import Code, HeadroomError

# posix_spawn cannot change the directory, and chdir here would move every thread of ours. Python ignores SIGPIPE and
# SIGXFSZ and may set LC_CTYPE at its start: the program must not inherit that.
_IN_DIRECTORY = """
import os, signal, sys
directory, locale, program, *argv = sys.argv[1:]
for number in (signal.SIGPIPE, signal.SIGXFSZ):
    signal.signal(number, signal.SIG_DFL)
os.environ.pop("LC_CTYPE", None)
if locale:
    os.environ["LC_CTYPE"] = locale
os.chdir(directory)
os.execv(program, argv)
"""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """What to run: `argv[0]` is a path or a name looked up in PATH of `env`; `cwd` None inherits ours."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path | None = None


@dataclass(frozen=True, slots=True)
class ChildExit:
    """How the agent ended: an exit code, or a signal."""

    code: int | None = None
    signal: int | None = None

    @classmethod
    def from_status(cls, status: int) -> ChildExit:
        """Read a status of waitpid."""
        code = os.waitstatus_to_exitcode(status)
        return cls(code=code) if code >= 0 else cls(signal=-code)

    @property
    def crashed(self) -> bool:
        """Whether it had no chance to tidy the terminal; shells and launchers report a signal as 128 + its number."""
        return self.signal is not None or (self.code or 0) > 128  # noqa: PLR2004


def require_posix(platform: str = sys.platform) -> None:
    """Refuse Windows, which has neither signals nor job control.

    Raises:
        HeadroomError: `Code.PLATFORM`.
    """
    if platform == "win32":
        message = "headroom wrap cannot supervise an agent on Windows: it needs POSIX signals and terminals."
        hint = "Run it inside WSL, or run `headroom proxy` and point the agent at it."
        raise HeadroomError(Code.PLATFORM, message, hint)


def spawn(spec: ChildSpec, changed_signals: Collection[int]) -> int:
    """Start the child in a process group of its own, with our changes to signals undone. Returns its pid (and group).

    Raises:
        HeadroomError: the program or the directory does not exist, or cannot be run.
    """
    program = shutil.which(spec.argv[0], path=spec.env.get("PATH", os.defpath))
    if program is None:
        message = f"{spec.argv[0]} is not a program that can be run."
        raise HeadroomError(Code.AGENT_NOT_FOUND, message, "Install it, or put it on PATH.")
    program = str(Path(program).absolute())
    argv = spec.argv
    if spec.cwd is not None and not _is_here(spec.cwd):
        inside = (str(spec.cwd), spec.env.get("LC_CTYPE", ""), program)
        program = sys.executable
        argv = (program, "-I", "-S", "-c", _IN_DIRECTORY, *inside, *argv)
    default = {*changed_signals, signal.SIGPIPE, signal.SIGXFSZ}
    try:
        return os.posix_spawn(program, argv, spec.env, setpgroup=0, setsigmask=(), setsigdef=default)
    except OSError as error:
        message = f"{spec.argv[0]} could not be started: {error.strerror}."
        raise HeadroomError(Code.AGENT_NOT_FOUND, message, f"Try to run {spec.argv[0]} by itself.") from error


def _is_here(directory: Path) -> bool:
    if not directory.is_dir():
        raise HeadroomError(Code.BAD_REQUEST, f"{directory} is not a directory.", "Start the agent in one that exists.")
    return directory.samefile(os.curdir)


def reraise(ended: ChildExit) -> int:
    """End as the child ended: return its exit code, or die by its signal (without a core of our own)."""
    if ended.signal is None:
        return ended.code or 0
    import resource  # noqa: PLC0415  (does not exist on Windows, where this module must still import)

    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    # On Linux a limit of 1 also stops cores that are piped to a program; 0 does not (core(5)).
    wanted = 1 if sys.platform == "linux" else 0
    hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
    resource.setrlimit(resource.RLIMIT_CORE, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))
    if ended.signal not in (signal.SIGKILL, signal.SIGSTOP):
        signal.signal(ended.signal, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, (ended.signal,))
    os.kill(os.getpid(), ended.signal)
    return 128 + ended.signal
