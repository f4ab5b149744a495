"""The scripted agent's tools: Bash and Read, run for real, and those of stdio MCP servers."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headroom_wrap.emulator.agent_settings import McpServer

_BASH_TIMEOUT_S = 120.0
_MCP_TIMEOUT_S = 30.0
_MCP_PROTOCOL = "2025-06-18"
_READ_LINES = 2000
_ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

BASH = {
    "name": "Bash",
    "description": (
        "Executes a given bash command in a fresh shell and returns its output, standard error included. The working"
        " directory is that of the session. A command that fails returns its exit code before its output. Quote paths"
        " that contain spaces. Prefer one command that prints what you need over several that print less, and never"
        " start a program that waits for input. Commands that run longer than two minutes are ended."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "command": {"type": "string", "description": "The command to execute"},
            "description": {"type": "string", "description": "What the command does, in five to ten words"},
        },
        "required": ["command"],
        "additionalProperties": False,
    },
}
READ = {
    "name": "Read",
    "description": (
        "Reads a file from the local file system. Lines come with their numbers, as `cat -n` prints them. By default"
        " the first 2,000 lines are read; give offset and limit to read a part of a longer file. Read a file before you"
        " edit it, and read only what you need."
    ),
    "input_schema": {
        "type": "object",
        "properties": {
            "file_path": {"type": "string", "description": "The path of the file to read"},
            "offset": {"type": "integer", "description": "The line to start at, counted from 1"},
            "limit": {"type": "integer", "description": "How many lines to read"},
        },
        "required": ["file_path"],
        "additionalProperties": False,
    },
}


class McpError(Exception):
    """An MCP server that does not start, answer, or know what is asked."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool returned: a text, or the content blocks of an MCP tool."""

    content: str | list[dict[str, Any]]
    is_error: bool = False

    @property
    def n_characters(self) -> int:
        """The length of its text."""
        if isinstance(self.content, str):
            return len(self.content)
        return sum(len(str(part.get("text", ""))) for part in self.content)


class McpConnection:
    """A stdio MCP server that was started for this agent."""

    def __init__(self, server: McpServer, env: Mapping[str, str]) -> None:
        self._server = server
        self._pending = b""
        self._n_requests = 0
        try:
            self._process = subprocess.Popen(
                [server.command, *server.args],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env={**env, **server.env},
                start_new_session=True,
            )
        except OSError as problem:
            raise McpError(f"MCP server {server.name} does not start: {problem}") from problem

    def tools(self) -> list[dict[str, Any]]:
        """Shake hands and list the tools, named as Claude Code names them.

        Raises:
            McpError: the server does not answer.
        """
        client = {"name": "scripted-agent", "version": "1"}
        self._request("initialize", {"protocolVersion": _MCP_PROTOCOL, "capabilities": {}, "clientInfo": client})
        self._send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        return [
            {
                "name": f"mcp__{self._server.name}__{tool['name']}",
                "description": tool.get("description", ""),
                "input_schema": tool.get("inputSchema", {"type": "object"}),
            }
            for tool in self._request("tools/list", {})["tools"]
        ]

    def call(self, name: str, arguments: Mapping[str, Any]) -> Result:
        """Call a tool by its own name; a failure comes back as the result."""
        try:
            answer = self._request("tools/call", {"name": name, "arguments": arguments})
        except McpError as problem:
            return Result(str(problem), is_error=True)
        return Result(answer.get("content", []), bool(answer.get("isError")))

    def close(self) -> None:
        """Close its input and see that it ends."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                with contextlib.suppress(OSError):
                    pipe.close()
        try:
            self._process.wait(1.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _request(self, method: str, params: Mapping[str, Any]) -> dict[str, Any]:
        self._n_requests += 1
        number = self._n_requests
        self._send({"jsonrpc": "2.0", "id": number, "method": method, "params": params})
        for message in self._messages():
            if message.get("id") != number:
                continue
            if "error" in message:
                raise McpError(f"MCP error: {message['error'].get('message')}")
            result: dict[str, Any] = message["result"]
            return result
        raise McpError(f"MCP server {self._server.name} does not answer {method}")

    def _send(self, message: Mapping[str, Any]) -> None:
        pipe = self._process.stdin
        try:
            if pipe:
                pipe.write(json.dumps(message).encode() + b"\n")
                pipe.flush()
        except OSError as problem:
            raise McpError(f"MCP server {self._server.name} is gone: {problem}") from problem

    def _messages(self) -> Iterator[dict[str, Any]]:
        pipe = self._process.stdout
        deadline = time.monotonic() + _MCP_TIMEOUT_S
        while pipe:
            *lines, self._pending = self._pending.split(b"\n", 1) if b"\n" in self._pending else [self._pending]
            for line in lines:
                if line.strip():
                    yield json.loads(line)
            if lines:
                continue
            ready, _, _ = select.select([pipe], [], [], max(0.0, deadline - time.monotonic()))
            chunk = os.read(pipe.fileno(), 65536) if ready else b""
            if not chunk:
                return
            self._pending += chunk


class Tools:
    """All tools of one run of the agent."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = dict(env)
        self._connections: dict[str, McpConnection] = {}
        self.schemas: list[dict[str, Any]] = [BASH, READ]

    def connect(self, server: McpServer) -> str:
        """Start an MCP server and offer its tools; what went wrong, if it does not start or answer."""
        try:
            connection = McpConnection(server, self._env)
            self._connections[server.name] = connection
            self.schemas.extend(connection.tools())
        except McpError as problem:
            return str(problem)
        return ""

    def run(self, name: str, arguments: Mapping[str, Any]) -> Result:
        """Run one tool; whatever goes wrong is its result."""
        if name == "Bash":
            return self._bash(str(arguments.get("command", "")))
        if name == "Read":
            return _read(arguments)
        for server, connection in self._connections.items():
            prefix = f"mcp__{server}__"
            if name.startswith(prefix):
                return connection.call(name.removeprefix(prefix), arguments)
        return Result(f"No such tool available: {name}", is_error=True)

    def close(self) -> None:
        """End the MCP servers."""
        for connection in self._connections.values():
            connection.close()

    def _bash(self, command: str) -> Result:
        process: subprocess.Popen[bytes] | None = None
        try:
            with _signals_held():
                process = subprocess.Popen(
                    ["bash", "-c", command],  # noqa: S607 - the bash of the user
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.STDOUT,
                    env=self._env,
                    start_new_session=True,
                    preexec_fn=_release_signals,  # noqa: PLW1509 - this process has one thread
                )
            output, _ = process.communicate(timeout=_BASH_TIMEOUT_S)
        except BaseException as problem:
            if process:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            if isinstance(problem, subprocess.TimeoutExpired):
                return Result(f"Command timed out after {_BASH_TIMEOUT_S:.0f} s", is_error=True)
            raise
        text = output.decode("utf-8", "replace").rstrip("\n")
        if process.returncode:
            return Result(f"Exit code {process.returncode}\n{text}", is_error=True)
        return Result(text)


@contextlib.contextmanager
def _signals_held() -> Iterator[None]:
    """Let no interrupt come between the start of a process and the moment when we know its id."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _ENDING_SIGNALS)
    try:
        yield
    finally:
        _release_signals()


def _release_signals() -> None:
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _ENDING_SIGNALS)


def _read(arguments: Mapping[str, Any]) -> Result:
    try:
        lines = Path(str(arguments.get("file_path", ""))).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as problem:
        return Result(f"{problem.strerror}: {problem.filename}", is_error=True)
    first = max(1, int(arguments.get("offset", 1)))
    chosen = lines[first - 1 : first - 1 + int(arguments.get("limit", _READ_LINES))]
    return Result("\n".join(f"{number:6}\t{line}" for number, line in enumerate(chosen, first)))
