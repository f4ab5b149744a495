"""The Model Context Protocol over standard input and output, as far as a server of tools and resources needs it.

Protocol: https://modelcontextprotocol.io/specification/2026-07-28 (JSON-RPC 2.0, a message per line; every request
says its version in `_meta`), and the revisions before it, which begin with `initialize`. It is ours and not the SDK's
because every session starts it and the SDK alone takes most of a second to import.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from headroom_wrap import __version__
from headroom_wrap.errors import HeadroomError
from headroom_wrap.mcp.originals import read_and_note
from headroom_wrap.mcp.resources import TEMPLATE, parse_uri
from headroom_wrap.mcp.tool import Scene, Tool

PROTOCOL_VERSIONS = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
STATELESS_VERSIONS = ("2026-07-28",)
PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS = -32700, -32600, -32601, -32602
UNSUPPORTED_VERSION = -32022
RESOURCE_NOT_FOUND = -32002

_SHOWN_CHARS = 60
_KEY = "io.modelcontextprotocol/"
_SERVER = {"name": "headroom", "version": __version__}
_CAPABILITIES: dict[str, Any] = {"tools": {}, "resources": {}}
_CACHEABLE = {"ttlMs": 86_400_000, "cacheScope": "public"}
_CONSTANT = frozenset({"tools/list", "resources/list", "resources/templates/list", "server/discover"})


class _RpcError(Exception):
    def __init__(self, code: int, message: str, data: object = None) -> None:
        super().__init__(message)
        self.fields = {"code": code, "message": message, **({} if data is None else {"data": data})}


class Server:
    """Answers messages; the store is open for the length of a call only.

    Args:
        scene: for whom.
        tools: what is offered.
        ready_file: created when the tools have been told, if the session waits for that.
    """

    def __init__(self, scene: Scene, tools: Sequence[Tool], ready_file: Path | None = None) -> None:
        self._scene = scene
        self._tools = {tool.name: tool for tool in tools}
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
        return {"tools": [tool.listed() for tool in self._tools.values()]}

    def _call(self, params: Mapping[str, Any]) -> dict[str, Any]:
        name = params.get("name")
        tool = self._tools.get(name) if isinstance(name, str) else None
        if tool is None:
            message = f"There is no tool {str(name)[:_SHOWN_CHARS]!r} here, only {', '.join(self._tools)}."
            raise _RpcError(INVALID_PARAMS, message)
        answer, is_error = tool.call(self._scene, params.get("arguments", {}))
        data = {} if answer.data is None or tool.output is None else {"structuredContent": answer.data}
        return {"content": [{"type": "text", "text": answer.text}], **data, "isError": is_error}

    def _read(self, params: Mapping[str, Any]) -> dict[str, Any]:
        uri = str(params.get("uri"))
        try:
            id_, part = parse_uri(uri)
            text = read_and_note(self._scene.store_file, self._scene.session, id_, part)
        except (HeadroomError, OSError) as error:
            raise _RpcError(RESOURCE_NOT_FOUND, str(error)) from error
        return {"contents": [{"uri": uri, "mimeType": "text/plain", "text": text}]}


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


def _failure(id_: object, error: _RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id_, "error": error.fields}
