"""What the classes that hold one kind of thing share: how they read and write."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any

Read = Callable[[str, Sequence[object]], list[Any]]
Write = Callable[[Callable[[sqlite3.Connection], Any]], "Future[Any]"]


class Table:
    """One kind of thing in the store, got from a property of `Store`. Writes are committed when they return.

    Raises:
        HeadroomError: `STORE_FAILED` where the file cannot be read or written.
    """

    def __init__(self, read: Read, write: Write) -> None:
        self._read = read
        self._write = write
