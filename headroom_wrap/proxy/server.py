"""The server: uvicorn on a loopback socket, in a thread of this process, replaceable in mid-use."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TYPE_CHECKING, Any, Protocol

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.ports import Receive, Scope, Send
from headroom_wrap.proxy.workers import DaemonExecutor

if TYPE_CHECKING:
    import uvicorn

HOST = "127.0.0.1"
START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 2.5
GRACE_S = 1
CLIENT_KEEP_ALIVE_S = 3600
"""Long: an agent must not find its idle connection closed just when it sends on it."""

_N_RESOLVERS = 4
_SWITCH_S = 0.0005
"""While the engine works, events of other streams wait for the interpreter: p95 0.06 ms so, 5.2 ms by default."""

_log = logging.getLogger(__name__)


class Application(Protocol):
    """What is served."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request (ASGI 3)."""

    async def aclose(self) -> None:
        """Let go of what the application holds; called on its event loop."""


def bind(port: int = 0) -> socket.socket:
    """A listening socket on loopback, not inherited by children; port 0 takes a free one.

    Raises:
        HeadroomError: `PORT_TAKEN`.
    """
    # With its protocol named: asyncio sets TCP_NODELAY on such sockets only, and each answer waits 40 ms without it.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        raise HeadroomError(
            Code.PORT_TAKEN,
            f"Headroom cannot listen on {HOST}:{port} ({error}).",
            "Choose another port with --port; --port 0 takes a free one.",
        ) from error
    return listener


class ProxyServer:
    """Serves an application on a bound socket; the socket outlives every (re)start, and so the port is kept.

    Args:
        app_factory: makes the application; called on the event loop of each start.
        listener: see `bind`. `stop` closes it.
    """

    def __init__(self, app_factory: Callable[[], Application], listener: socket.socket) -> None:
        self._app_factory = app_factory
        self._listener = listener
        self._run: _Run | None = None
        self.port: int = listener.getsockname()[1]
        self.url = f"http://{HOST}:{self.port}"

    @property
    def is_alive(self) -> bool:
        """Whether the server's thread runs; whether it answers is for `control.probe` to tell."""
        return self._run is not None and self._run.is_alive

    def start(self) -> None:
        """Start serving, and return when connections are taken.

        Raises:
            HeadroomError: `PROXY_FAILED`.
        """
        sys.setswitchinterval(_SWITCH_S)
        self._run = _Run(self._app_factory, self._listener.dup())
        self._run.wait_started()

    def restart(self) -> None:
        """Serve again on the same port. Requests under way are cut off, also where the old thread hangs.

        Raises:
            HeadroomError: `PROXY_FAILED`.
        """
        if self._run is not None:
            self._run.end()
        self.start()

    def stop(self) -> None:
        """End the server: requests under way have a second to finish. The port is free afterwards."""
        self._listener.close()
        if self._run is not None:
            self._run.end()


class _Run:
    """One start of the server: its thread, its event loop, its duplicate of the listening socket."""

    def __init__(self, app_factory: Callable[[], Application], listener: socket.socket) -> None:
        self._app_factory = app_factory
        self._listener = listener
        self._server: uvicorn.Server | None = None
        self._is_settled = threading.Event()
        with DaemonExecutor(1, "headroom-proxy") as thread:
            self._end: Future[None] = thread.submit(self._main)

    @property
    def is_alive(self) -> bool:
        return not self._end.done()

    def wait_started(self) -> None:
        is_settled = self._is_settled.wait(START_TIMEOUT_S)
        if is_settled and self.is_alive:
            return
        reason = self._end.exception() if self._end.done() else None
        raise HeadroomError(
            Code.PROXY_FAILED,
            f"The proxy did not start: {reason or 'it did not come up in time'}.",
            "Run the command again with -v.",
        ) from reason

    def end(self) -> None:
        """Ask the thread to end; if it does not, cut its connections, so that clients do not wait for it."""
        if self._server is None:
            return
        self._server.should_exit = True
        wait((self._end,), STOP_TIMEOUT_S)
        if not self.is_alive:
            return
        for connection in list(self._server.server_state.connections):
            with contextlib.suppress(OSError):
                connection.transport.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def _main(self) -> None:
        try:
            asyncio.run(self._serve())
        finally:
            self._listener.close()
            self._is_settled.set()

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(DaemonExecutor(_N_RESOLVERS, "headroom-resolver"))
        loop.set_exception_handler(_note)
        app = self._app_factory()
        self._server = _make_server(app, self._is_settled.set)
        try:
            await self._server.serve(sockets=[self._listener])
        finally:
            await app.aclose()


def _make_server(app: Application, on_started: Callable[[], None]) -> uvicorn.Server:
    import uvicorn  # noqa: PLC0415 - takes 0.06 s; nobody else needs it

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_started()

    config = uvicorn.Config(
        app,
        interface="asgi3",
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="critical",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=CLIENT_KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
    )
    return Server(config)


def _note(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Keep asyncio's complaints (a connection that ended in mid-write) off the terminal, which is the agent's."""
    _log.debug("event loop: %s", context.get("message"), exc_info=context.get("exception"))
