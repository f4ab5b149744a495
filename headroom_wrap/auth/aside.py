"""Work that blocks, done beside the event loop on a thread that keeps nobody from ending.

The loop's own threads are joined when it ends: one that waits for a locked keyring would hold up the session's end.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def aside(work: Callable[[], T]) -> T:
    """What `work()` gives or raises."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def hand_over(deliver: Callable[[], None]) -> None:
        # A loop that has ended meanwhile needs no answer.
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(lambda: None if future.done() else deliver())

    def job() -> None:
        try:
            result = work()
        except Exception as error:  # noqa: BLE001 - handed to whoever awaits the future
            problem = error
            hand_over(lambda: future.set_exception(problem))
        else:
            hand_over(lambda: future.set_result(result))

    threading.Thread(target=job, name="aside", daemon=True).start()
    return await future
