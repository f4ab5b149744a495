"""A scripted agent that behaves like a small Claude Code: `python -m headroom_wrap.emulator.agent -p PROMPT`.

It sends what Claude Code sends (a HEAD first, streamed Messages calls, moving cache marks, system entries inside the
messages), runs its tools for real, and tells a person each step on standard error. The answer is on standard output.
"""

from __future__ import annotations

import copy
import json
import os
import signal
import sys
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headroom_wrap.emulator.agent_client import ApiError, Client
from headroom_wrap.emulator.agent_settings import (
    DEFAULT_BASE_URL,
    Options,
    auth_headers,
    effective_env,
    is_oauth,
    mcp_servers,
    parse,
)
from headroom_wrap.emulator.agent_tools import Result, Tools

EXIT_FAILED = 1
EXIT_INTERRUPTED = 130
_BILLING = "x-anthropic-billing-header: cc_version=scripted; cc_entrypoint=sdk-cli;"
_IDENTITY = "You are a scripted agent, built on the ways of Claude Code."
_SYSTEM_FILE = Path(__file__).parent / "data" / "system.md"
_MAX_TOKENS = 64000
_SHOWN_CHARACTERS = 100


@dataclass(slots=True)
class Conversation:
    """Messages as they are sent, without cache marks, and the session that they belong to."""

    session_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    messages: list[dict[str, Any]] = field(default_factory=list)

    @classmethod
    def load(cls, file: Path) -> Conversation:
        """Read a conversation that `save` wrote."""
        data = json.loads(file.read_text(encoding="utf-8"))
        return cls(data["session_id"], data["messages"])

    def save(self, file: Path) -> None:
        """Write the conversation, readable by the user alone."""
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
            json.dump({"session_id": self.session_id, "messages": self.messages}, stream)

    def add_prompt(self, prompt: str) -> None:
        """A new prompt, with the reminder and the system entry that Claude Code puts around a first one."""
        blocks = [{"type": "text", "text": prompt}]
        if self.messages:
            self.messages.append({"role": "user", "content": blocks})
            return
        reminder = "<system-reminder>\nThe user works in a terminal. Answer briefly.\n</system-reminder>"
        self.messages.append({"role": "user", "content": [{"type": "text", "text": reminder}, *blocks]})
        self.messages.append({"role": "system", "content": "No skills and no subagents are available."})


class Agent:
    """One run: a client, tools and a conversation."""

    def __init__(self, options: Options, env: Mapping[str, str], conversation: Conversation) -> None:
        self._options = options
        self._env = env
        self._conversation = conversation
        self._tools = Tools(env)
        self._client = Client(env.get("ANTHROPIC_BASE_URL") or DEFAULT_BASE_URL, auth_headers(env), options.max_retries)
        self.usage: dict[str, int] = {}
        self.n_turns = 0

    def start(self) -> bool:
        """Greet the provider and start the MCP servers; False if nobody is logged in."""
        self._client.greet()
        for server in mcp_servers(self._options):
            problem = self._tools.connect(server)
            if problem:
                self._tell(problem)
        return bool(auth_headers(self._env))

    def answer(self, prompt: str) -> str:
        """Do what `prompt` asks, tool call by tool call, and return the final text.

        Raises:
            ApiError: the provider failed.
        """
        self._conversation.add_prompt(prompt)
        for _ in range(self._options.max_turns):
            message = self._ask()
            calls = [block for block in message["content"] if block["type"] == "tool_use"]
            if not calls:
                return "".join(block["text"] for block in message["content"] if block["type"] == "text")
            results = [self._run(call) for call in calls]
            self._conversation.messages.append({"role": "user", "content": results})
            self._save()
        raise ApiError(0, f"gave up after {self._options.max_turns} turns")

    def close(self) -> None:
        """End what was started."""
        self._tools.close()
        self._client.close()

    def _ask(self) -> dict[str, Any]:
        message = self._client.ask(self._body(), {"X-Claude-Code-Session-Id": self._conversation.session_id})
        self.n_turns += 1
        for name, value in message.get("usage", {}).items():
            if isinstance(value, int):
                self.usage[name] = self.usage.get(name, 0) + value
        self._conversation.messages.append({"role": "assistant", "content": message["content"]})
        self._save()
        return message

    def _run(self, call: Mapping[str, Any]) -> dict[str, Any]:
        result = self._tools.run(call["name"], call["input"])
        self._tell(_line(self.n_turns, call, result))
        block: dict[str, Any] = {"type": "tool_result", "tool_use_id": call["id"], "content": result.content}
        return {**block, "is_error": True} if result.is_error else block

    def _body(self) -> dict[str, Any]:
        mark = {"type": "ephemeral", "ttl": "1h"} if is_oauth(self._env) else {"type": "ephemeral"}
        messages = copy.deepcopy(self._conversation.messages)
        last = next(message for message in reversed(messages) if message["role"] == "user")
        last["content"][-1]["cache_control"] = mark
        tools = [*self._tools.schemas[:-1], {**self._tools.schemas[-1], "cache_control": mark}]
        system = [_BILLING, _IDENTITY, _SYSTEM_FILE.read_text(encoding="utf-8")]
        blocks: list[dict[str, Any]] = [{"type": "text", "text": text} for text in system]
        blocks[-1]["cache_control"] = mark
        session = self._conversation.session_id
        user = {"device_id": "0" * 64, "account_uuid": "", "session_id": session}
        return {
            "model": self._options.model,
            "messages": messages,
            "system": blocks,
            "tools": tools,
            "metadata": {"user_id": json.dumps(user, separators=(",", ":"))},
            "max_tokens": _MAX_TOKENS,
            "thinking": {"type": "adaptive"},
            "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
            "output_config": {"effort": "high"},
            "stream": True,
        }

    def _save(self) -> None:
        if self._options.transcript:
            self._conversation.save(self._options.transcript)

    def _tell(self, line: str) -> None:
        if not self._options.quiet:
            end = "\r\n" if self._options.interactive else "\n"
            print(line, file=sys.stderr, end=end, flush=True)  # noqa: T201


def main() -> int:
    """Run the agent; exit code 0, 1 if the provider failed, 130 if interrupted."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda received, _: sys.exit(128 + received))
    options = parse(sys.argv[1:])
    env = effective_env(os.environ, options, Path.cwd())
    resumed = Conversation.load(options.transcript) if options.resume and options.transcript else None
    agent = Agent(options, env, resumed or Conversation())
    try:
        if not agent.start():
            print("Not logged in: set ANTHROPIC_API_KEY", file=sys.stderr)  # noqa: T201
            return EXIT_FAILED
        return _interact(agent, options) if options.interactive else _once(agent, options)
    except ApiError as failure:
        print(f"API Error: {failure.message}", file=sys.stderr)  # noqa: T201
        return EXIT_FAILED
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    finally:
        agent.close()


def _once(agent: Agent, options: Options) -> int:
    text = agent.answer(options.prompt or sys.stdin.read())
    if options.output_format == "json":
        text = json.dumps({"result": text, "is_error": False, "num_turns": agent.n_turns, "usage": agent.usage})
    print(text, flush=True)  # noqa: T201
    return 0


def _interact(agent: Agent, options: Options) -> int:
    # Imported here: there are no terminals of this kind on Windows.
    from headroom_wrap.emulator.agent_terminal import Terminal  # noqa: PLC0415

    with Terminal() as terminal:
        if options.prompt:
            terminal.show(agent.answer(options.prompt))
        for prompt in terminal.prompts():
            terminal.show(agent.answer(prompt))
    return 0


def _line(turn: int, call: Mapping[str, Any], result: Result) -> str:
    """One step for a person: which tool, with what, and how much came back."""
    arguments = call["input"]
    said = (
        arguments.get("command")
        or arguments.get("file_path")
        or " ".join(f"{key}={value}" for key, value in arguments.items())
    )
    shown = said if len(said) <= _SHOWN_CHARACTERS else said[: _SHOWN_CHARACTERS - 1] + "…"
    name = call["name"].rpartition("__")[2]
    failed = " (failed)" if result.is_error else ""
    return f"step {turn}: {name} {shown} -> {result.n_characters:,} characters{failed}"


if __name__ == "__main__":
    raise SystemExit(main())
