"""`headroom wrap demo`: the scripted agent, in a real session, against the emulated provider."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from headroom_wrap import paths
from headroom_wrap.cli.wrap import Words, run_agent
from headroom_wrap.emulator.demo import agent_start
from headroom_wrap.emulator.server import EmulatedProvider


def run_demo(words: Words) -> int:
    """Run the session as any other; only the provider, the folder and the data directory are the demo's own."""
    with tempfile.TemporaryDirectory(prefix="headroom-demo-") as folder, EmulatedProvider() as provider:
        work = Path(folder) / "work"
        work.mkdir()
        start = agent_start(provider.url, work)
        words.args = [*start.args, *words.args]
        theirs = {name: value for name, value in os.environ.items() if not name.startswith("HEADROOM_")}
        env = {**theirs, **start.env, paths.HOME_VARIABLE: str(Path(folder) / "headroom")}
        return run_agent(words, env, work)
