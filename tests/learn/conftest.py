"""A project to write into."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom_wrap.store import Store
from tests.learn.making import Project


@pytest.fixture
def project(tmp_path: Path, store: Store) -> Project:
    root, home = tmp_path / "project", tmp_path / "data"
    root.mkdir()
    (root / "CLAUDE.md").write_text("# Rules\n\nUse tabs.\n", encoding="utf-8")
    return Project(root, home, store)
