"""The measure of how long a history takes to read: its transcripts are read like real ones."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headroom_wrap.evals import history


def test_a_generated_history_is_read_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert history.main(["--generate", "20MB", str(tmp_path)]) == 0
    _, first, second, memory = capsys.readouterr().out.splitlines()
    files = len(list(tmp_path.rglob("*.jsonl")))
    assert files > 1
    assert f"{files} transcripts, {files} sessions" in first
    assert ", 0 bad lines" in first
    found = re.search(r"(\d+) sightings", first)
    assert found is not None
    assert int(found[1]) >= files
    assert f"{found[1]} sightings" in second
    assert " s  0 MB, " in second
    assert memory.startswith("memory ")


def test_a_size_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        history.main(["--generate", "much", str(tmp_path)])
    assert "'much' is no size: 200MB, 1GB" in capsys.readouterr().err
