"""The light MCP server: the official SDK's client can use it, and no line can break it."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import ClientSession, StdioServerParameters
from mcp.client.stdio import stdio_client

import headroom_wrap.mcp
from headroom_wrap import paths
from headroom_wrap.mcp.server import Server
from headroom_wrap.store import Store

PROGRAM = str(Path(headroom_wrap.mcp.__file__).parent / "__main__.py")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "data"


def server(home: Path) -> Server:
    return Server(paths.store_file(home), "s1")


def ask(home: Path, message: object) -> Any:
    return server(home).answer(json.dumps(message).encode())


def call(home: Path, arguments: object, name: str = "headroom_retrieve") -> Any:
    params = {"name": name, "arguments": arguments}
    return ask(home, {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})


def test_the_official_client_lists_and_calls_the_tool(home: Path) -> None:
    store = Store(paths.store_file(home))
    id_ = store.put_original("one\ntwo\nthree")

    async def use() -> tuple[list[str], str, bool]:
        env = {**os.environ, paths.HOME_VARIABLE: str(home), "HEADROOM_SESSION": "s1"}
        parameters = StdioServerParameters(command=sys.executable, args=[PROGRAM], env=env)
        async with stdio_client(parameters) as (reading, writing), ClientSession(reading, writing) as session:
            await session.initialize()
            tools = await session.list_tools()
            good = await session.call_tool("headroom_retrieve", {"id": id_, "lines": "2"})
            bad = await session.call_tool("headroom_retrieve", {"id": "h0"})
            return [tool.name for tool in tools.tools], good.content[0].text, bool(bad.model_dump().get("is_error"))

    names, text, is_error = asyncio.run(use())
    assert names == ["headroom_retrieve"]
    assert text == f"[headroom original {id_}: lines 2 of 3]\ntwo"
    assert is_error
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
    ("arguments", "name"),
    [({}, "headroom_retrieve"), ({"id": 7}, "headroom_retrieve"), ([], "headroom_retrieve"), ({"id": "h"}, "other"),
     ({"id": "h", "nonsense": "1"}, "headroom_retrieve")],
)  # fmt: skip
def test_wrong_calls_are_invalid_params(home: Path, arguments: object, name: str) -> None:
    assert call(home, arguments, name)["error"]["code"] == -32602


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
