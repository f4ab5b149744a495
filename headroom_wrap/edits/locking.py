"""One process at a time: a lock on a file of ours, which ends with the process however that ends."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where nobody wraps
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def held(file: Path) -> Iterator[None]:
    """Wait for the lock and hold it; the file stays, private, in a folder that must be there.

    Raises:
        OSError: the file cannot be made.
    """
    lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if fcntl is not None:
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
