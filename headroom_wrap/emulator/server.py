"""The emulated provider on a loopback socket, in a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable
from types import TracebackType

from aiohttp import web

from headroom_wrap.emulator.faults import Faults
from headroom_wrap.emulator.provider import MAX_BODY_BYTES, Options, Provider
from headroom_wrap.emulator.recording import CacheReport, RecordedRequest

_STOP_TIMEOUT_S = 5.0
_MAX_HEADER_BYTES = 64 * 1024


class EmulatedProvider:
    """A provider on loopback: `with EmulatedProvider() as p: ... p.url, p.requests, p.faults`.

    Args:
        port: the port to listen on; 0 for any free one.
        options: codings, cache and clock; see `Options`.
    """

    def __init__(self, port: int = 0, options: Options | None = None) -> None:
        self._provider = Provider(options or Options())
        self._port = port
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None

    @property
    def url(self) -> str:
        """The base URL, as an agent's settings take it: without `/v1` and without a slash at the end."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def requests(self) -> list[RecordedRequest]:
        """Every request since the start or the last reset, in order of arrival."""
        return self._provider.requests

    @property
    def model_requests(self) -> list[RecordedRequest]:
        """Those among them that asked a model for an answer."""
        return [record for record in tuple(self.requests) if record.is_model_request]

    @property
    def faults(self) -> Faults:
        """What goes wrong with coming model requests."""
        return self._provider.faults

    def cache_report(self) -> CacheReport:
        """How the prompt cache billed each answered model request, and where its prefix broke."""
        return self._provider.cache_report()

    def reset(self) -> None:
        """Forget requests, plans of faults, and all cached prompts."""
        self._provider.reset()

    def wait_for(self, condition: Callable[[], bool], timeout_s: float = 5.0) -> bool:
        """Wait until `condition()` holds, looking whenever a record changes; False after `timeout_s`."""
        with self._provider.changed:
            return self._provider.changed.wait_for(condition, timeout_s)

    def __enter__(self) -> EmulatedProvider:  # noqa: PYI034 - Python 3.10 has no Self
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self._port))
        listener.listen(128)
        self._port = listener.getsockname()[1]
        started = threading.Event()
        self._thread = threading.Thread(
            target=self._run, args=(listener, started), name="emulated-provider", daemon=True
        )
        self._thread.start()
        if not started.wait(_STOP_TIMEOUT_S):
            raise RuntimeError("the emulated provider did not start")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.faults.clear()
        if self._loop and self._stop and self._thread:
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(_STOP_TIMEOUT_S)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        return await self._provider.handle(request)

    def _run(self, listener: socket.socket, started: threading.Event) -> None:
        asyncio.run(self._serve(listener, started))

    async def _serve(self, listener: socket.socket, started: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        application = web.Application(client_max_size=MAX_BODY_BYTES)
        application.router.add_route("*", "/{path:.*}", self._handle)
        runner = web.AppRunner(
            application,
            access_log=None,
            auto_decompress=False,  # raw bodies are recorded
            handler_cancellation=True,
            shutdown_timeout=0.1,
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )
        await runner.setup()
        await web.SockSite(runner, listener).start()
        started.set()
        await self._stop.wait()
        self._provider.closing = True
        with contextlib.suppress(ConnectionError):
            await runner.cleanup()
