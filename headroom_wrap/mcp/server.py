"""A light MCP server over standard input and output, with one tool: `headroom_retrieve`.

Protocol: https://modelcontextprotocol.io/specification/2025-11-25 (JSON-RPC 2.0, a message per line). It is ours and
not the SDK's because every session starts it and the SDK alone takes most of a second to import.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

from headroom_wrap import __version__, paths
from headroom_wrap.compression.markers import RETRIEVE_TOOL
from headroom_wrap.errors import HeadroomError
from headroom_wrap.mcp.retrieve import retrieve
from headroom_wrap.store import Store

PROTOCOL_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602

_TEXT = {"type": "string"}
TOOL = {
    "name": RETRIEVE_TOOL,
    "title": "Read elided output",
    "description": (
        "Returns text that Headroom elided from a tool result, word for word. Lines of the form"
        " [headroom ID: ...] in a result name the id. Ask for the lines (or rows) you need, or grep."
    ),
    "inputSchema": {
        "type": "object",
        "properties": {
            "id": {**_TEXT, "description": "The id in the marker, for example h1a2b3c4d5e6f."},
            "lines": {**_TEXT, "description": "1-based, inclusive: 40-90, 40-, or 1-5,40-90. Default: all."},
            "rows": {**_TEXT, "description": "The same for the objects of a JSON array, where the marker speaks of rows."},
            "grep": {**_TEXT, "description": "Only lines that match this regular expression, with their numbers."},
        },
        "required": ["id"],
        "additionalProperties": False,
    },
    "annotations": {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False},
    "_meta": {"anthropic/alwaysLoad": True},
}
_ARGUMENTS = frozenset(TOOL["inputSchema"]["properties"])  # type: ignore[index]  # a literal, just above


class _RpcError(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Server:
    """Answers messages; opens the store at the first call that needs it.

    Args:
        store_file: the store of this user.
        session: to which retrievals are counted.
        ready_file: created when the tools have been told, if the session waits for that.
    """

    def __init__(self, store_file: Path, session: str, ready_file: Path | None = None) -> None:
        self._store_file = store_file
        self._session = session
        self._ready_file = ready_file
        self._has_told_tools = False
        self._methods: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "initialize": self._initialize,
            "ping": lambda _params: {},
            "tools/list": self._list,
            "tools/call": self._call,
        }

    def serve(self, reading: IO[bytes], writing: IO[bytes]) -> None:
        """Answer line by line until the client closes its end."""
        for line in reading:
            if line.strip():
                answer = self.answer(line)
                if answer is not None:
                    writing.write(json.dumps(answer).encode() + b"\n")
                    writing.flush()
                if self._has_told_tools and self._ready_file is not None:
                    with contextlib.suppress(OSError):  # the session may be over
                        self._ready_file.touch(mode=0o600)
                    self._ready_file = None

    def answer(self, line: bytes) -> Any:
        """The answer to one line, or None where there is none to give."""
        try:
            message = json.loads(line)
        except (ValueError, RecursionError):
            return _error(None, _RpcError(PARSE_ERROR, "This line is not JSON."))
        if isinstance(message, list) and message:
            answers = [answer for answer in map(self._answer_one, message) if answer is not None]
            return answers or None
        return self._answer_one(message)

    def _answer_one(self, message: Any) -> dict[str, Any] | None:
        if not isinstance(message, dict) or not isinstance(message.get("method", ""), str):
            return _error(None, _RpcError(INVALID_REQUEST, "This is no JSON-RPC message."))
        if "id" not in message or "method" not in message:
            return None  # a notification, or an answer to a question that was never asked
        try:
            method = self._methods.get(message["method"])
            if method is None:
                raise _RpcError(METHOD_NOT_FOUND, f"There is no method {message['method']!r} here.")
            params = message.get("params", {})
            if not isinstance(params, dict):
                raise _RpcError(INVALID_PARAMS, "params must be an object.")
            return {"jsonrpc": "2.0", "id": message["id"], "result": method(params)}
        except _RpcError as error:
            return _error(message["id"], error)

    def _initialize(self, params: Mapping[str, Any]) -> dict[str, Any]:
        wanted = params.get("protocolVersion")
        return {
            "protocolVersion": wanted if wanted in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[0],
            "capabilities": {"tools": {}},
            "serverInfo": {"name": "headroom", "version": __version__},
        }

    def _list(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        self._has_told_tools = True
        return {"tools": [TOOL]}

    def _call(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if params.get("name") != RETRIEVE_TOOL:
            raise _RpcError(INVALID_PARAMS, f"There is no tool {params.get('name')!r} here.")
        arguments = params.get("arguments", {})
        try:
            return _content(self._retrieve(arguments))
        except HeadroomError as error:
            return {**_content(str(error)), "isError": True}

    def _retrieve(self, arguments: Any) -> str:
        if not isinstance(arguments, dict) or not isinstance(arguments.get("id"), str):
            raise _RpcError(INVALID_PARAMS, "The argument id is missing.")
        unknown = sorted(set(arguments) - _ARGUMENTS)
        if unknown:
            raise _RpcError(INVALID_PARAMS, f"Unknown arguments: {', '.join(unknown)}.")
        given = {name: str(value) for name, value in arguments.items() if value is not None}
        id_ = given.pop("id")
        return read_and_note(self._store_file, self._session, id_, given)


def read_and_note(store_file: Path, session: str, id_: str, part: Mapping[str, str]) -> str:
    """Retrieve from the store and count it, as far as this process may write there.

    Args:
        part: `lines`, `rows` or `grep`, as `retrieve` takes them.

    Raises:
        HeadroomError: as `retrieve` does, and `STORE_FAILED` where there is no store.
    """
    store = Store(store_file, read_only=True)
    try:
        text = retrieve(store, id_, **part)
    finally:
        store.close()
    try:
        store = Store(store_file)
    except (HeadroomError, OSError):
        return text  # a sandbox: reading is what matters
    try:
        store.record_retrieval(session, id_, " ".join(f"{name}={value}" for name, value in part.items()), len(text))
    except HeadroomError:
        return text
    finally:
        store.close()
    return text


def main() -> int:
    """Serve until the client closes its end."""
    store_file = paths.store_file(paths.home(os.environ))
    ready = os.environ.get("HEADROOM_READY_FILE")
    server = Server(store_file, os.environ.get("HEADROOM_SESSION", ""), Path(ready) if ready else None)
    server.serve(sys.stdin.buffer, sys.stdout.buffer)
    return 0


def _content(text: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": text}]}


def _error(id_: object, error: _RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "error": {"code": error.code, "message": error.message}}
