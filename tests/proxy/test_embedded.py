"""The embedded proxy and its store: while it runs, what fell out of the limits goes."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from headroom_wrap import paths
from headroom_wrap.proxy.embedded import Compression, EmbeddedProxy
from headroom_wrap.proxy.server import bind
from headroom_wrap.store import Limits, Store
from tests.proxy.fakes import config


def n_originals(store: Store) -> int:
    return store.stats().originals.rows


@pytest.mark.parametrize("limits", [Limits(days=30), Limits(days=50), None])
def test_a_proxy_removes_what_was_not_used_for_the_days_that_it_is_told(tmp_path: Path, limits: Limits | None) -> None:
    old = Store(paths.store_file(tmp_path), clock=lambda: time.time() - 40 * 86_400)
    old.put_original("old")
    old.close()
    store = Store(paths.store_file(tmp_path))
    store.put_original("new")
    proxy = EmbeddedProxy(config(), Compression("balanced"), bind(), tmp_path, {}, limits)
    proxy.start()
    try:
        deadline = time.monotonic() + 20
        # The stamp of a sweep that has begun lies almost a day back; that of one that has ended does not.
        while limits is not None and (store.stats().swept or 0) < time.time() - 1000:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)
        is_short = limits is not None and limits.days < 40
        while is_short and n_originals(store) == 2:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)
        assert n_originals(store) == (1 if is_short else 2)
    finally:
        proxy.stop()
        proxy.close()
        store.close()
