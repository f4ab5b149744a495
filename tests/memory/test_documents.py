"""What an agent reads by itself is not told a second time."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom_wrap.memory import Memory
from headroom_wrap.memory.documents import said_in
from headroom_wrap.store import Scope, Store


@pytest.mark.parametrize(
    ("text", "is_told"),
    [
        ("# Rules\n\n- Use pnpm, never npm.\n", False),
        ("We are tidy. Use `pnpm`, never `npm`. Thanks.\n", False),
        ("1. use pnpm, never npm\n", False),
        ("- Use pnpm, never yarn.\n", True),
        ("- Do not say: use pnpm, never npm\n", True),
        ("", True),
    ],
)
def test_a_fact_that_stands_in_a_file_of_the_agents_is_left_out(
    text: str, store: Store, tmp_path: Path, *, is_told: bool
) -> None:
    file = tmp_path / "CLAUDE.md"
    file.write_text(text, encoding="utf-8")
    memory = Memory(store, Scope(str(tmp_path), "me"))
    memory.save("Use pnpm, never npm")
    assert ("pnpm" in memory.brief(said_in([file, tmp_path / "missing.md", tmp_path]))) is is_told
    assert file.read_text(encoding="utf-8") == text
