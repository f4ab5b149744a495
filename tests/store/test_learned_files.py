"""What is kept of transcripts: by file and miner, until it is forgotten or purged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from headroom_wrap.store import Cut, LearnedFile, Store

NOW = 1_790_000_000.0
FILE = LearnedFile("/home/ann/a.jsonl", "claude", 10, int(NOW * 1e9), "1", 2, 1, '["/w"]', '[["/w", "torn page 7713"]]')


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store(tmp_path / "store.db", clock=lambda: NOW)
    yield store
    store.close()


def test_a_file_is_kept_as_it_was_read_last_and_only_for_the_miner_that_read_it(store: Store) -> None:
    files = store.learned_files
    files.put([replace(FILE, size=5), replace(FILE, file="/home/ann/b.jsonl", miner="0")])
    files.put([FILE])
    assert files.get(FILE.file) == FILE
    assert files.stamps("1") == {FILE.file: (10, int(NOW * 1e9))}
    files.forget([FILE.file])
    assert files.get(FILE.file) is None
    assert files.stamps("0").keys() == {"/home/ann/b.jsonl"}


def test_a_name_and_a_text_that_are_no_unicode_can_be_kept(store: Store) -> None:
    odd = replace(FILE, file="/home/ann/\udcff.jsonl", mined='["\ud800"]')
    store.learned_files.put([odd])
    kept = store.learned_files.get(odd.file)
    assert kept is not None
    assert kept.mined == '["?"]'


def test_a_purge_removes_what_was_mined_and_overwrites_it(store: Store) -> None:
    old = replace(FILE, file="/home/ann/old.jsonl", mtime_ns=int((NOW - 100) * 1e9))
    store.learned_files.put([replace(FILE, mined="[]"), old])
    swept = store.purge(Cut(unused_since=0.0, figures_before=NOW - 50))
    assert swept.is_overwritten
    assert store.learned_files.stamps("1").keys() == {FILE.file}
    assert all(b"torn page 7713" not in file.read_bytes() for file in store.path.parent.iterdir())
