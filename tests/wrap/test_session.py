"""A session as a whole, with an agent that only ends."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom_wrap import settings
from headroom_wrap.agents import Context, agent_named
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.embedded import EmbeddedProxy
from headroom_wrap.wrap import session
from headroom_wrap.wrap.child import ChildExit
from headroom_wrap.wrap.plan import Launch


def test_a_store_that_fails_at_the_end_does_not_cost_the_agents_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "bin" / "claude"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nexit 7\n", encoding="utf-8")
    program.chmod(0o755)
    env = {"PATH": f"{program.parent}:/usr/bin:/bin", "HEADROOM_HOME": str(tmp_path / "data")}

    def full(_proxy: EmbeddedProxy) -> None:
        raise HeadroomError(Code.STORE_FAILED, "database or disk is full")

    monkeypatch.setattr(EmbeddedProxy, "totals", full)
    said: list[str] = []
    launch = Launch(agent_named("claude"), Context((), env, tmp_path, tmp_path), settings.load({}, env))
    assert session.run(launch, said.append) == ChildExit(code=7)
    assert said == ["headroom: no figures for this session: database or disk is full"]
