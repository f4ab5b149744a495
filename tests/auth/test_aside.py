"""Work beside the loop."""

from __future__ import annotations

import asyncio
import threading

import pytest

from headroom_wrap.auth.aside import aside


def test_what_blocks_gives_its_result_or_raises() -> None:
    assert asyncio.run(aside(lambda: 7)) == 7
    with pytest.raises(ZeroDivisionError):
        asyncio.run(aside(lambda: 1 // 0))


def test_a_loop_ends_while_a_keyring_still_waits_for_a_person() -> None:
    unlocked, asked = threading.Event(), threading.Event()

    def wait() -> None:
        asked.set()
        unlocked.wait(60)

    async def session() -> None:
        waiting = asyncio.ensure_future(aside(wait))
        await asyncio.to_thread(asked.wait, 10)
        waiting.cancel()

    asyncio.run(session())
    (thread,) = (thread for thread in threading.enumerate() if thread.name == "aside")
    assert thread.daemon
    unlocked.set()
    thread.join(10)
    assert not thread.is_alive()
