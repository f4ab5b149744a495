"""The server's life: start, restart, stop, and the probe that asks for it."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy.control import probe
from headroom_wrap.proxy.ports import Receive, Scope, Send
from headroom_wrap.proxy.relay import respond
from headroom_wrap.proxy.server import ProxyServer, bind
from tests.proxy.fakes import KEY, FakePipeline, FakeUpstream, app
from tests.proxy.sockets import STREAM_HEAD, Received, chunk, rigged, run, soon

HANG_PATH = b"/hang"


class Numbered:
    """Answers with the number of its start; hangs the whole event loop on `HANG_PATH` until `release` is set."""

    def __init__(self, number: int, release: threading.Event) -> None:
        self.number = number
        self.release = release
        self.is_closed = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["raw_path"] == HANG_PATH:
            self.release.wait(30)
        await receive()
        await respond(send, 200, "text/plain", b"%d" % self.number)

    async def aclose(self) -> None:
        self.is_closed = True


@contextmanager
def numbered_server() -> Iterator[tuple[ProxyServer, list[Numbered], threading.Event]]:
    starts: list[Numbered] = []
    release = threading.Event()

    def make() -> Numbered:
        starts.append(Numbered(len(starts), release))
        return starts[-1]

    server = ProxyServer(make, bind())
    server.start()
    try:
        yield server, starts, release
    finally:
        release.set()
        server.stop()


@contextmanager
def asked(port: int, path: bytes = b"/") -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(b"GET %b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n" % path)
        yield connection


def answer_of(port: int) -> bytes:
    with asked(port) as connection, connection.makefile("rb") as answer:
        return answer.read().rpartition(b"\r\n\r\n")[2]


def wait_until(condition: Callable[[], object], timeout_s: float = 5.0) -> None:
    pause = threading.Event()
    for _ in range(int(timeout_s / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("the condition did not come about")


def test_a_started_server_answers_at_its_url() -> None:
    with numbered_server() as (server, _, _):
        assert server.is_alive
        assert server.url == f"http://127.0.0.1:{server.port}"
        assert answer_of(server.port) == b"0"


def test_a_port_that_is_taken_is_an_error_that_says_what_to_type() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(HeadroomError) as caught:
        bind(taken.getsockname()[1])
    assert caught.value.code is Code.PORT_TAKEN
    assert "--port" in caught.value.hint


@pytest.mark.parametrize("port", [-1, 65536])
def test_a_port_that_does_not_exist_is_refused(port: int) -> None:
    with pytest.raises(HeadroomError) as caught:
        bind(port)
    assert caught.value.code is Code.PORT_TAKEN


def test_children_do_not_inherit_the_socket() -> None:
    with bind() as listener, listener.dup() as duplicate:
        assert not listener.get_inheritable()
        assert not duplicate.get_inheritable()


def test_asyncio_sends_on_our_sockets_without_delay() -> None:
    with bind() as listener:
        assert listener.proto == socket.IPPROTO_TCP


def test_stopping_frees_the_port_and_closes_the_application() -> None:
    with numbered_server() as (server, starts, _):
        server.stop()
        assert not server.is_alive
        assert starts[0].is_closed
        with pytest.raises(ConnectionRefusedError), asked(server.port):
            pass
        bind(server.port).close()


def test_a_server_that_never_started_can_be_stopped() -> None:
    listener = bind()
    server = ProxyServer(lambda: Numbered(0, threading.Event()), listener)
    assert not server.is_alive
    server.stop()
    bind(server.port).close()


def test_a_restart_keeps_the_port() -> None:
    with numbered_server() as (server, starts, _):
        for number in range(3):
            assert answer_of(server.port) == b"%d" % number
            server.restart()
        assert answer_of(server.port) == b"3"
        assert [start.is_closed for start in starts] == [True, True, True, False]


def test_a_restart_leaves_no_thread_behind() -> None:
    def n_threads() -> int:
        return sum(thread.name.startswith("headroom-proxy") for thread in threading.enumerate())

    before = n_threads()
    with numbered_server() as (server, _, _):
        server.restart()
        server.restart()
    wait_until(lambda: n_threads() == before)


def test_a_hung_server_is_replaced_on_its_port() -> None:
    with numbered_server() as (server, _, _), asked(server.port, HANG_PATH) as hanging:
        assert not probe("127.0.0.1", server.port, KEY, 0.1)
        server.restart()
        assert hanging.recv(100) == b""
        assert answer_of(server.port) == b"1"


def test_requests_that_come_while_no_server_runs_wait_for_the_next_one() -> None:
    release = threading.Event()
    listener = bind()
    server = ProxyServer(lambda: Numbered(7, release), listener)
    with asked(server.port) as early, early.makefile("rb") as answer:
        server.start()
        assert answer.read().endswith(b"7")
    server.stop()


def test_a_restart_in_mid_stream_cuts_the_stream_and_serves_the_next_request() -> None:
    async def script(request: Received, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(STREAM_HEAD + chunk(b"x"))
        if request.body == b"long":
            await reader.read()
        writer.write(chunk(b""))

    async def scenario() -> None:
        async with rigged(script) as rig:
            client = await rig.post(body=b"long")
            await client.head()
            assert await client.chunk() == b"x"
            await asyncio.to_thread(rig.server.restart)
            assert await client.rest() == b""
            assert (await soon((await rig.post(body=b"short")).answer()))[2] == b"x"
        assert [row.error for row in rig.pipeline.rows] == ["proxy-stopped", ""]

    run(scenario())


def test_an_application_that_cannot_be_made_is_an_error_with_its_reason() -> None:
    def fail() -> Any:
        raise HeadroomError(Code.BAD_SETTING, "no base URL")

    server = ProxyServer(fail, bind())
    with pytest.raises(HeadroomError) as caught:
        server.start()
    assert caught.value.code is Code.PROXY_FAILED
    assert "no base URL" in caught.value.message
    assert not server.is_alive
    server.stop()


def test_the_probe_knows_its_own_proxy() -> None:
    server = ProxyServer(lambda: app(FakePipeline(), FakeUpstream(), require_key=True), bind())
    server.start()
    try:
        assert probe("127.0.0.1", server.port, KEY, 5)
        assert not probe("127.0.0.1", server.port, "00" * 32, 5)
    finally:
        server.stop()
    assert not probe("127.0.0.1", server.port, KEY, 5)


@contextmanager
def impostor(act: Callable[[socket.socket, bytes], None]) -> Iterator[tuple[int, list[bytes]]]:
    heard: list[bytes] = []

    def serve() -> None:
        connection, _ = listener.accept()
        with connection:
            heard.append(connection.recv(65536))
            act(connection, heard[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield listener.getsockname()[1], heard
        thread.join(5)


def lie(connection: socket.socket, request: bytes) -> None:
    head = {name: value for name, _, value in (line.partition(b": ") for line in request.split(b"\r\n"))}
    proof = hmac.new(b"guess", head[b"x-headroom-nonce"], hashlib.sha256).hexdigest()
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n" + json.dumps({"proof": proof}).encode())


def echo(connection: socket.socket, request: bytes) -> None:
    head = {name: value for name, _, value in (line.partition(b": ") for line in request.split(b"\r\n"))}
    connection.sendall(
        b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n" + json.dumps({"proof": head[b"x-headroom-claim"].decode()}).encode()
    )


def be_silent(connection: socket.socket, _request: bytes) -> None:
    connection.recv(1)


def say_nonsense(connection: socket.socket, _request: bytes) -> None:
    connection.sendall(b"\xff\x00" * 100)


def send_a_list(connection: socket.socket, _request: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: y\r\n\r\n[1]")


@pytest.mark.parametrize("act", [lie, echo, be_silent, say_nonsense, send_a_list])
def test_the_probe_is_not_taken_in_and_does_not_give_the_key_away(act: Callable[[socket.socket, bytes], None]) -> None:
    with impostor(act) as (port, heard):
        assert not probe("127.0.0.1", port, KEY, 0.2)
    assert KEY.encode() not in heard[0]


QUIET_PROGRAM = """
import asyncio
from tests.proxy.sockets import STREAM_HEAD, chunk, rigged

async def script(request, reader, writer):
    writer.write(STREAM_HEAD + chunk(b"x"))
    await writer.drain()
    if request.body == b"reset":
        writer.transport.abort()
    else:
        await reader.read()

async def scenario():
    async with rigged(script) as rig:
        client = await rig.post(body=b"reset")
        await client.rest()
        client = await rig.post(body=b"leave")
        await client.head()
        client.writer.transport.abort()
        client = await rig.client()
        client.writer.write(b"nonsense\\r\\n\\r\\n")
        await client.rest()
        client = await rig.client()
        client.send("GET /x", [rig.host, (b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")])
        await client.rest()
        client = await rig.post(body=b"stay")
        await client.head()
        await asyncio.to_thread(rig.server.restart)
        rig.pipeline.hook = lambda: 1 / 0
        rig.pipeline.record = lambda row: asyncio.get_running_loop().call_soon(divmod, 1, 0)
        client = await rig.post(body=b"reset")
        await client.rest()

asyncio.run(scenario())
"""


def test_nothing_is_written_to_the_terminal() -> None:
    done = subprocess.run(
        [sys.executable, "-c", QUIET_PROGRAM], capture_output=True, text=True, timeout=30, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
