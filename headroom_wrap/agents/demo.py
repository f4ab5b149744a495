"""The scripted agent of `headroom wrap demo`: it is pointed at the proxy exactly as Claude Code is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from headroom_wrap.agents.claude import CLAUDE

_PROGRAM = Path(__file__).parent.parent / "emulator" / "agent.py"


def _find(_: Mapping[str, str]) -> tuple[str, ...]:
    return (sys.executable, str(_PROGRAM))


DEMO = replace(CLAUDE, name="demo", title="the scripted agent", find=_find)
