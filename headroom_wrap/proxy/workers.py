"""Threads for work that may block, none of which can hold up the end of the process."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class DaemonExecutor(ThreadPoolExecutor):
    """An executor of daemon threads.

    The standard one joins its threads when the interpreter ends: a name lookup without network, or a compressor that
    hangs, would keep a session's terminal for that long. (A subclass, since event loops take nothing else as default.)
    """

    def __init__(self, max_workers: int, name: str) -> None:
        super().__init__(max_workers, name)
        self._name = name
        self._n_unstarted = max_workers
        self._n_started = 0
        self._is_shut = False
        self._idle = threading.Semaphore(0)
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Queue a call; a thread is started only when none is idle. Raises RuntimeError after `shutdown`."""
        if self._is_shut:
            raise RuntimeError("the executor has been shut down")
        future: Future[T] = Future()

        def job() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - not handled here but handed to whoever awaits the future
                future.set_exception(error)
            else:
                future.set_result(result)

        self._jobs.put(job)
        if not self._idle.acquire(blocking=False):
            self._start_thread()
        return future

    def replace_stuck(self) -> None:
        """Put a fresh thread in the place of one that is lost to a call that does not end."""
        self._n_unstarted += 1
        if not self._jobs.empty():
            self._start_thread()

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - inherited
        """Return at once: threads end when they have nothing left to do, or with the process."""
        if not self._is_shut:
            self._is_shut = True
            for _ in range(self._n_started):
                self._jobs.put(None)

    def _start_thread(self) -> None:
        if self._n_unstarted > 0:
            self._n_unstarted -= 1
            self._n_started += 1
            threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                self._idle.release()
                job = self._jobs.get()
            if job is None:
                return
            job()
            del job
