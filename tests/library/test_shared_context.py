"""Texts that agents of one program share."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom import HeadroomError, SharedContext
from tests.library.test_compress import LOG


def test_what_one_agent_puts_another_gets_short_or_whole(tmp_path: Path) -> None:
    with SharedContext(store=tmp_path / "s.sqlite3") as context:
        shared = context.put("log", LOG, agent="researcher", query="the error")
        assert context.get("log") == shared.text
        assert "ERROR cannot open /var/lib/queue.db" in shared.text
        assert shared.tokens_after < 0.4 * shared.tokens_before
        assert context.get("log", full=True) == LOG
        assert shared.original_id in shared.text
        assert (shared.key, shared.agent) == ("log", "researcher")


def test_a_short_text_stays_and_a_key_can_be_put_again(tmp_path: Path) -> None:
    with SharedContext(store=tmp_path / "s.sqlite3") as context:
        context.put("plan", "first")
        context.put("log", LOG)
        context.put("plan", "second")
        assert context.get("plan") == context.get("plan", full=True) == "second"
        assert context.keys() == ["plan", "log"]


def test_a_key_that_was_never_put_is_named_with_those_that_were(tmp_path: Path) -> None:
    with SharedContext(store=tmp_path / "s.sqlite3") as context:
        context.put("plan", "x")
        with pytest.raises(HeadroomError, match="Keys so far: plan"):
            context.get("log")
