"""The scripted agent of `headroom wrap demo`: it is pointed at the proxy exactly as Claude Code is."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace

from headroom_wrap.agents.claude import CLAUDE

_MODULE = "headroom_wrap.emulator.agent"


def _find(_: Mapping[str, str]) -> tuple[str, ...]:
    return (sys.executable, "-m", _MODULE)


DEMO = replace(CLAUDE, name="demo", title="A scripted agent with an emulated provider", find=_find)
