"""A light MCP server over standard input and output: the tool `headroom_retrieve`, and originals as resources.

Protocol: https://modelcontextprotocol.io/specification/2026-07-28 (JSON-RPC 2.0, a message per line; every request
says its version in `_meta`), and the revisions before it, which begin with `initialize`. It is ours and not the SDK's
because every session starts it and the SDK alone takes most of a second to import.
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
from headroom_wrap.compression.retrieval import MAX_CHARS, retrieve
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.mcp.resources import TEMPLATE, parse_uri
from headroom_wrap.store import Store

PROTOCOL_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
STATELESS_VERSIONS = ("2026-07-28",)
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
UNSUPPORTED_VERSION = -32022
RESOURCE_NOT_FOUND = -32002

_KEY = "io.modelcontextprotocol/"
_SERVER = {"name": "headroom", "version": __version__}
_CAPABILITIES: dict[str, Any] = {"tools": {}, "resources": {}}
_CACHEABLE = {"ttlMs": 86_400_000, "cacheScope": "public"}
_CONSTANT = frozenset({"tools/list", "resources/list", "resources/templates/list", "server/discover"})

_ARGUMENTS = {
    "id": {"type": "string"},
    "lines": {"type": "string"},
    "rows": {"type": "string"},
    "chars": {"type": "string"},
    "grep": {"type": "string"},
    "context": {"type": "integer"},
}
"""Explained in the tool's description, once for all: every request pays for these words."""
TOOL = {
    "name": RETRIEVE_TOOL,
    "title": "Read elided output",
    "description": (
        "Returns what was elided from a tool result, word for word. A line [headroom ID: ...] in the result names the"
        ' id. Ask for the lines, rows or chars that you need (from 1: "40-90" or "1-5,40-"), or for a grep'
        " (regular expression) with lines of context."
    ),
    "inputSchema": {"type": "object", "properties": _ARGUMENTS, "required": ["id"]},
    "annotations": {"readOnlyHint": True, "destructiveHint": False, "idempotentHint": True, "openWorldHint": False},
    "_meta": {"anthropic/alwaysLoad": True},
}


class _RpcError(Exception):
    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.fields = {"code": code, "message": message, **({} if data is None else {"data": data})}


class Server:
    """Answers messages; opens the store for the length of each call.

    Args:
        store_file: the store of this user; it need not exist yet.
        session: to which retrievals are counted.
        ready_file: created when the tools have been told, if the session waits for that.
    """

    def __init__(self, store_file: Path, session: str, ready_file: Path | None = None) -> None:
        self._store_file = store_file
        self._session = session
        self._ready_file = ready_file
        self._has_told_tools = False
        self._methods: dict[str, Callable[[Mapping[str, Any]], dict[str, Any]]] = {
            "initialize": _initialize,
            "ping": lambda _params: {},
            "server/discover": lambda _params: {"supportedVersions": STATELESS_VERSIONS, "capabilities": _CAPABILITIES},
            "tools/list": self._list,
            "tools/call": self._call,
            "resources/list": lambda _params: {"resources": []},
            "resources/templates/list": lambda _params: {"resourceTemplates": [TEMPLATE]},
            "resources/read": self._read,
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
            return _failure(None, _RpcError(PARSE_ERROR, "This line is not JSON."))
        if isinstance(message, list) and message:
            answers = [answer for answer in map(self._answer_one, message) if answer is not None]
            return answers or None
        return self._answer_one(message)

    def _answer_one(self, message: Any) -> dict[str, Any] | None:
        if not isinstance(message, dict) or not isinstance(message.get("method", ""), str):
            return _failure(None, _RpcError(INVALID_REQUEST, "This is no JSON-RPC message."))
        if "id" not in message or "method" not in message:
            return None  # a notification, or an answer to a question that was never asked
        try:
            return {"jsonrpc": "2.0", "id": message["id"], "result": self._result(message)}
        except _RpcError as error:
            return _failure(message["id"], error)

    def _result(self, message: Mapping[str, Any]) -> dict[str, Any]:
        name, params = message["method"], message.get("params", {})
        if not isinstance(params, dict):
            raise _RpcError(INVALID_PARAMS, "params must be an object.")
        is_stateless = _is_stateless(params.get("_meta"))
        method = self._methods.get(name)
        if method is None:
            raise _RpcError(METHOD_NOT_FOUND, f"There is no method {name!r} here.")
        result = method(params)
        if not is_stateless:
            return result
        cacheable = _CACHEABLE if name in _CONSTANT else {}
        return {"resultType": "complete", **cacheable, **result, "_meta": {f"{_KEY}serverInfo": _SERVER}}

    def _list(self, _params: Mapping[str, Any]) -> dict[str, Any]:
        self._has_told_tools = True
        return {"tools": [TOOL]}

    def _call(self, params: Mapping[str, Any]) -> dict[str, Any]:
        if params.get("name") != RETRIEVE_TOOL:
            raise _RpcError(INVALID_PARAMS, f"There is no tool {params.get('name')!r} here.")
        try:
            id_, part = _arguments(params.get("arguments", {}))
            text, is_error = read_and_note(self._store_file, self._session, id_, part), False
        except (HeadroomError, OSError) as error:
            text, is_error = str(error), True  # for the model, which can mend its call
        return {"content": [{"type": "text", "text": text}], "isError": is_error}

    def _read(self, params: Mapping[str, Any]) -> dict[str, Any]:
        uri = str(params.get("uri"))
        try:
            id_, part = parse_uri(uri)
            text = read_and_note(self._store_file, self._session, id_, part)
        except (HeadroomError, OSError) as error:
            raise _RpcError(RESOURCE_NOT_FOUND, str(error)) from error
        return {"contents": [{"uri": uri, "mimeType": "text/plain", "text": text}]}


def read_and_note(store_file: Path, session: str, id_: str, part: Mapping[str, Any], max_chars: int = MAX_CHARS) -> str:
    """Retrieve from the store, and count it for `session` as far as this process may write there.

    Raises:
        HeadroomError: as `retrieve` does, and `STORE_FAILED` where there is no store.
    """
    store = Store(store_file, read_only=True)
    try:
        text = retrieve(store, id_, **part, max_chars=max_chars)
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
    """Serve until the client closes its end; gives the exit code."""
    store_file = paths.store_file(paths.home(os.environ))
    ready = os.environ.get("HEADROOM_READY_FILE")
    server = Server(store_file, os.environ.get("HEADROOM_SESSION", ""), Path(ready) if ready else None)
    try:
        server.serve(sys.stdin.buffer, sys.stdout.buffer)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # What is still buffered must not be tried again at the interpreter's end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _is_stateless(meta: Any) -> bool:
    """Whether a request speaks a revision without handshake."""
    version = meta.get(f"{_KEY}protocolVersion") if isinstance(meta, dict) else None
    if version is None:
        return False
    if version not in STATELESS_VERSIONS:
        data = {"supported": [*STATELESS_VERSIONS, *PROTOCOL_VERSIONS], "requested": version}
        raise _RpcError(UNSUPPORTED_VERSION, "Unsupported protocol version", data)
    if f"{_KEY}clientCapabilities" not in meta:
        raise _RpcError(INVALID_PARAMS, f"_meta has no {_KEY}clientCapabilities.")
    return True


def _initialize(params: Mapping[str, Any]) -> dict[str, Any]:
    wanted = params.get("protocolVersion")
    agreed = wanted if wanted in PROTOCOL_VERSIONS else PROTOCOL_VERSIONS[0]
    return {"protocolVersion": agreed, "capabilities": _CAPABILITIES, "serverInfo": _SERVER}


def _arguments(given: Any) -> tuple[str, dict[str, Any]]:
    known = f"Its arguments are {', '.join(_ARGUMENTS)}."
    if not isinstance(given, dict) or not isinstance(given.get("id"), str):
        raise HeadroomError(Code.BAD_REQUEST, "The argument id is missing.", known)
    unknown = sorted(set(given) - set(_ARGUMENTS))
    if unknown:
        raise HeadroomError(Code.BAD_REQUEST, f"There is no argument {', '.join(unknown)}.", known)
    part = {name: str(value) for name, value in given.items() if value not in (None, "")}
    id_ = part.pop("id", "")
    if "context" not in part:
        return id_, dict(part)
    if not part["context"].isdecimal():
        raise HeadroomError(Code.BAD_REQUEST, f"context={part['context']} is no number of lines.", known)
    return id_, {**part, "context": int(part["context"][:6])}


def _failure(id_: object, error: _RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "error": error.fields}
