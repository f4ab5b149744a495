"""`headroom wrap demo`: the scripted agent, in a real session, against the emulated provider."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from headroom_wrap import paths
from headroom_wrap.cli.wrap import Words, run_agent
from headroom_wrap.emulator.demo import LOG_FILE, NEEDLE, agent_start, as_the_model_read_it
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.errors import Code, HeadroomError

_OPENING = """\
A scripted agent looks for the cause of a failure in a long log, in a session
like any other. The provider is emulated on this machine, with a prompt cache
by the published rules of the real one: no key, no network.

"""
_LINES_SHOWN = 12
_WIDTH = 78


def run_demo(words: Words) -> int:
    """Run the session as any other; only the provider, the folder and the data directory are the demo's own.

    Raises:
        HeadroomError: `BAD_REQUEST` for words that would take it elsewhere.
    """
    if words.args or "anthropic_url" in words.flags:
        message = "The demo has a provider and a task of its own, and takes neither a URL nor arguments."
        raise HeadroomError(Code.BAD_REQUEST, message, "Type: headroom wrap demo")
    with tempfile.TemporaryDirectory(prefix="headroom-demo-") as folder, EmulatedProvider() as provider:
        work = Path(folder) / "work"
        work.mkdir()
        start = agent_start(provider.url, work)
        words.args = [*start.args]
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("HEADROOM_")}
        env = {**theirs, **start.env, paths.HOME_VARIABLE: str(Path(folder) / "headroom")}
        _tell(_OPENING)
        code = run_agent(words, env, work)
        read = as_the_model_read_it(provider.model_requests)
        if code == 0 and read:
            _tell(_closing(read))
        return code


def _closing(read: list[str]) -> str:
    shown = "".join(f"  {line[: _WIDTH - 2]}\n" for line in read[:_LINES_SHOWN])
    where = next((number for number, line in enumerate(read, 1) if NEEDLE in line), None)
    found = f"The {NEEDLE} line is line {where} of it: it was never elided." if where else ""
    size = LOG_FILE.read_text(encoding="utf-8").count("\n")
    return (
        f"\nWhat the model read in place of the log: {len(read)} lines instead of {size}.\n\n{shown}  ...\n\n"
        f"{found}\nNothing of this demo is kept. With a real agent: headroom wrap claude\n"
    )


def _tell(text: str) -> None:
    sys.stdout.flush()
    sys.stderr.write(text)
    sys.stderr.flush()
