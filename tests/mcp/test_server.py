"""The light MCP server: the official SDK's client can use it, and no line can break it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.client import Client
from mcp.client.stdio import stdio_client

import headroom_wrap.mcp
from headroom_wrap import paths
from headroom_wrap.mcp.originals import RETRIEVE
from headroom_wrap.mcp.protocol import Server
from headroom_wrap.mcp.tool import Scene
from headroom_wrap.store import Store

KEY = "io.modelcontextprotocol/"
PROGRAM = str(Path(headroom_wrap.mcp.__file__).parent / "__main__.py")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "data"


def server(home: Path) -> Server:
    return Server(Scene(paths.store_file(home), "s1"), (RETRIEVE,))


def ask(home: Path, message: object) -> Any:
    return server(home).answer(json.dumps(message).encode())


def call(home: Path, arguments: object, name: str = "headroom_retrieve") -> Any:
    params = {"name": name, "arguments": arguments}
    return ask(home, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})


async def use(home: Path, id_: str, mode: Any) -> tuple[str, list[Any], Any, Any]:
    env = {**os.environ, paths.HOME_VARIABLE: str(home), "HEADROOM_SESSION": "s1"}
    parameters = StdioServerParameters(command=sys.executable, args=[PROGRAM], env=env)
    async with Client(stdio_client(parameters), mode=mode) as client:
        tools = (await client.list_tools()).tools
        good = await client.call_tool("headroom_retrieve", {"id": id_, "grep": "^t", "context": 1})
        bad = await client.call_tool("headroom_retrieve", {"id": "h0"})
        return client.protocol_version, tools, good, bad


@pytest.mark.parametrize(("mode", "version"), [("legacy", "2025-11-25"), ("auto", "2026-07-28")])
def test_the_official_client_lists_and_calls_the_tool(home: Path, mode: str, version: str) -> None:
    store = Store(paths.store_file(home))
    id_ = store.put_original("one\ntwo\nthree")
    agreed, (tool,), good, bad = asyncio.run(use(home, id_, mode))
    assert agreed == version
    assert tool.name == "headroom_retrieve"
    assert tool.annotations.read_only_hint
    assert tool.meta == {"anthropic/alwaysLoad": True}
    assert not good.is_error
    assert good.content[0].text == f"[headroom original {id_}: lines 1-3 of 3, 2 match '^t']\n1- one\n2: two\n3: three"
    assert bad.is_error
    totals = store.totals("s1")
    store.close()
    assert totals.retrievals == 1


@pytest.mark.parametrize("wanted", ["2024-11-05", "2025-11-25", "1999-01-01", None])
def test_the_protocol_version_is_the_clients_if_known_and_else_ours(home: Path, wanted: str | None) -> None:
    params = {"protocolVersion": wanted, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    answer = ask(home, {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params})
    known = wanted if wanted and wanted.startswith("202") else "2025-11-25"
    assert answer["result"]["protocolVersion"] == known


def test_a_missing_store_is_the_tools_error_and_not_the_servers_end(home: Path) -> None:
    answer = call(home, {"id": "h1"})
    assert answer["result"]["isError"] is True
    assert "no store" in answer["result"]["content"][0]["text"]


@pytest.mark.parametrize(
    "arguments",
    [{}, {"id": 7}, [], None, {"id": "h", "nonsense": "1"}, {"id": "h", "context": "x"}, {"id": "h", "context": -1}],
)
def test_wrong_arguments_are_answered_for_the_model_to_mend(home: Path, arguments: object) -> None:
    result = call(home, arguments)["result"]
    assert result["isError"] is True
    assert "Its arguments are id, lines" in result["content"][0]["text"]


def test_empty_arguments_are_as_good_as_none(home: Path) -> None:
    store = Store(paths.store_file(home))
    id_ = store.put_original("one\ntwo")
    store.close()
    result = call(home, {"id": id_, "lines": "", "grep": None})["result"]
    assert result == {
        "content": [{"type": "text", "text": f"[headroom original {id_}: lines 1-2 of 2]\none\ntwo"}],
        "isError": False,
    }


def test_an_unknown_tool_is_an_error_of_the_protocol(home: Path) -> None:
    assert call(home, {"id": "h"}, "other")["error"]["code"] == -32602


@pytest.mark.parametrize(
    ("meta", "code"),
    [
        ({f"{KEY}protocolVersion": "2099-01-01", f"{KEY}clientCapabilities": {}}, -32022),
        ({f"{KEY}protocolVersion": ["x"], f"{KEY}clientCapabilities": {}}, -32022),
        ({f"{KEY}protocolVersion": "2026-07-28"}, -32602),
    ],
)
def test_a_stateless_request_must_say_a_version_that_is_spoken_here(home: Path, meta: object, code: int) -> None:
    answer = ask(home, {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {"_meta": meta}})
    assert answer["error"]["code"] == code


def test_a_store_that_may_only_be_read_is_read(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(paths.store_file(home))
    id_ = store.put_original("one")
    store.close()

    def open_for_reading_only(path: Path, *, read_only: bool = False) -> Store:
        if not read_only:
            raise PermissionError(13, "a sandbox")
        return Store(path, read_only=True)

    monkeypatch.setattr("headroom_wrap.mcp.originals.Store", open_for_reading_only)
    assert call(home, {"id": id_})["result"]["isError"] is False


@pytest.mark.parametrize(
    ("line", "code"),
    [(b"{", -32700), (b"\xff\xfe", -32700), (b"[" * 100_000, -32700), (b"7", -32600), (b"[]", -32600), (b'"x"', -32600),
     (b'{"jsonrpc":"2.0","id":1,"method":7}', -32600), (b'{"jsonrpc":"2.0","id":1,"method":"no/such"}', -32601),
     (b'{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}', -32602)],
)  # fmt: skip
def test_malformed_lines_get_the_codes_of_the_protocol(home: Path, line: bytes, code: int) -> None:
    assert server(home).answer(line)["error"]["code"] == code


def test_notifications_and_answers_are_not_answered(home: Path) -> None:
    assert ask(home, {"jsonrpc": "2.0", "method": "notifications/initialized"}) is None
    assert ask(home, {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}}) is None
    assert ask(home, {"jsonrpc": "2.0", "id": 3, "result": {}}) is None


def test_it_ends_when_the_client_closes_its_end_and_says_nothing_else(home: Path) -> None:
    lines = b'not json\n\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n'
    env = {**os.environ, paths.HOME_VARIABLE: str(home)}
    done = subprocess.run([sys.executable, PROGRAM], input=lines, env=env, capture_output=True, timeout=30, check=False)
    assert done.returncode == 0
    assert done.stderr == b""
    assert [json.loads(line).get("id") for line in done.stdout.splitlines()] == [None, 1]


def test_it_ends_quietly_when_nobody_reads_its_answers(home: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, PROGRAM],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, paths.HOME_VARIABLE: str(home)},
    )
    assert process.stdout is not None
    process.stdout.close()
    _, complaint = process.communicate(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n' * 2, timeout=30)
    assert (process.returncode, complaint) == (0, b"")


def test_a_batch_is_answered_as_a_batch_without_its_notifications(home: Path) -> None:
    ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
    assert ask(home, [ping, note]) == [{"jsonrpc": "2.0", "id": 1, "result": {}}]
    assert ask(home, [note]) is None


def test_the_session_is_told_when_the_tools_have_been_told_and_not_before(home: Path, tmp_path: Path) -> None:
    ready = tmp_path / "tools-told"
    env = {**os.environ, paths.HOME_VARIABLE: str(home), "HEADROOM_READY_FILE": str(ready)}
    with subprocess.Popen([sys.executable, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=env) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        existed = []
        for method in ("ping", "tools/list", "ping"):
            process.stdin.write(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method}).encode() + b"\n")
            process.stdin.flush()
            assert process.stdout.readline()
            existed.append(ready.exists())
        # The file follows the answer to `tools/list`: only the next answer proves that it had its turn.
        assert (existed[0], existed[2]) == (False, True)


def test_a_session_that_is_over_is_not_told(home: Path, tmp_path: Path) -> None:
    answers = io.BytesIO()
    gone = tmp_path / "gone" / "tools-told"
    Server(Scene(paths.store_file(home)), (RETRIEVE,), gone).serve(
        io.BytesIO(b'{"jsonrpc":"2.0","id":1,"method":"tools/list"}\n'), answers
    )
    assert json.loads(answers.getvalue())["result"]["tools"]


def read(home: Path, uri: object) -> Any:
    return ask(home, {"jsonrpc": "2.0", "id": 1, "method": "resources/read", "params": {"uri": uri}})


def test_an_original_is_a_resource_too(home: Path) -> None:
    store = Store(paths.store_file(home))
    id_ = store.put_original("one\ntwo\nthree")
    uri = f"headroom://original/{id_}?lines=2-3"
    answer = read(home, uri)
    templates = ask(home, {"jsonrpc": "2.0", "id": 1, "method": "resources/templates/list"})["result"]
    assert templates["resourceTemplates"][0]["uriTemplate"] == "headroom://original/{id}{?lines,rows,grep}"
    text = f"[headroom original {id_}: lines 2-3 of 3]\ntwo\nthree"
    assert answer["result"]["contents"] == [{"uri": uri, "mimeType": "text/plain", "text": text}]
    assert store.totals("s1").retrievals == 1
    store.close()


@pytest.mark.parametrize(
    "uri", ["headroom://original/h0", "headroom://original/", "file:///etc/passwd", "headroom://original/h?x=1", None]
)
def test_what_is_no_original_is_no_resource(home: Path, uri: object) -> None:
    Store(paths.store_file(home)).close()
    assert read(home, uri)["error"]["code"] == -32002
