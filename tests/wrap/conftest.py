from __future__ import annotations

from pathlib import Path

import pytest

from tests.wrap.running import Scene


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    """A folder in which one driver and its child leave their traces."""
    return Scene(tmp_path)
