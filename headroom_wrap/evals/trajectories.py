"""Recorded sessions of agents, whatever their format, as one: steps of what the model read and what it did.

Formats: OpenAI-style messages (`{"messages": [...]}`, or a list of episodes with `traj`, as tau-bench writes them),
SWE-agent's `.traj.json`, and the JSON lines of the agent pi.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Call:
    """One tool call."""

    id: str
    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    """What a tool answered to the call of this id."""

    call_id: str
    text: str
    is_error: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One model call: what is new for the model since the last one, and what it answered."""

    results: list[Result]
    said: list[str]
    spoken: list[str]
    calls: list[Call]

    @property
    def is_answer(self) -> bool:
        """Whether the model said or called anything."""
        return bool(self.spoken or self.calls)


@dataclass(frozen=True, slots=True)
class Trajectory:
    """One session.

    Attributes:
        source: the folder or file that it belongs to, for tables.
    """

    name: str
    source: str
    system: str
    steps: tuple[Step, ...]

    @property
    def tool_names(self) -> tuple[str, ...]:
        """Every tool that was called, in the order of first use."""
        return tuple(dict.fromkeys(call.name for step in self.steps for call in step.calls))


@dataclass(frozen=True, slots=True)
class Found:
    """What a folder holds: its sessions, and the files that are none, each with the reason."""

    trajectories: tuple[Trajectory, ...]
    skipped: Mapping[str, str]


def read(folder: Path) -> Found:
    """Every session below `folder`, in the order of their names."""
    found: list[Trajectory] = []
    skipped: dict[str, str] = {}
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        name = file.relative_to(folder).as_posix()
        try:
            sessions = list(_sessions(file, name))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            skipped[name] = f"not read: {type(error).__name__}: {error}"
            continue
        with_results = [session for session in sessions if any(step.results for step in session.steps)]
        found += with_results
        if not sessions:
            skipped[name] = "no session in a format that is known here"
        elif len(with_results) < len(sessions):
            skipped[name] = f"{len(sessions) - len(with_results)} of {len(sessions)} sessions: no tool results in them"
    return Found(tuple(found), skipped)


def _sessions(file: Path, name: str) -> Iterator[Trajectory]:
    source = name.partition("/")[0] if "/" in name else file.stem
    if file.suffix == ".jsonl":
        lines = [json.loads(line) for line in file.read_text("utf-8").splitlines() if line.strip()]
        yield _trajectory(file.stem, source, [_of_pi(line["message"]) for line in lines if line["type"] == "message"])
    elif file.suffix == ".json":
        content = json.loads(file.read_text("utf-8"))
        if isinstance(content, list):
            for number, episode in enumerate(content, 1):
                yield _trajectory(f"{file.stem}-{number}", source, [_of_openai(message) for message in episode["traj"]])
        elif "history" in content:
            yield _trajectory(file.name.partition(".")[0], source, list(_of_swe_agent(content["history"])))
        elif "messages" in content:
            yield _trajectory(file.stem, source, [_of_openai(message) for message in content["messages"]])


@dataclass(frozen=True, slots=True)
class _Message:
    """One entry of a recording. Role `tool` has an id where the recording has one, and what is known of its call."""

    role: str
    text: str
    calls: tuple[Call, ...] = ()
    call_id: str = ""
    name: str = ""
    input: Mapping[str, Any] = field(default_factory=dict)
    is_error: bool = False


def _of_openai(message: Mapping[str, Any]) -> _Message:
    calls = tuple(
        Call(str(call["id"]), *_named(call.get("function", call))) for call in message.get("tool_calls") or ()
    )
    return _Message(
        message["role"],
        _text(message["content"]),
        calls,
        message.get("tool_call_id") or "",
        message.get("name") or "",
        message.get("arguments") or {},
    )


def _of_swe_agent(history: Sequence[Mapping[str, Any]]) -> Iterator[_Message]:
    """Without tool calls the action is the model's last words, and the next message from the user its result."""
    action = ""
    for entry in history:
        if entry["role"] == "tool":
            yield _Message("tool", _text(entry["content"]), call_id=entry["tool_call_ids"][0])
        elif entry["role"] == "user" and action:
            yield _Message("tool", _text(entry["content"]), name="bash", input={"command": action})
        elif entry["role"] == "assistant" and not entry.get("tool_calls"):
            yield _Message("assistant", _text(entry.get("thought") or entry["content"]))
        else:
            yield _of_openai(entry)
        action = entry.get("action") or "" if entry["role"] == "assistant" and not entry.get("tool_calls") else ""


def _of_pi(message: Mapping[str, Any]) -> _Message:
    parts = message["content"] if isinstance(message["content"], list) else []
    calls = tuple(Call(part["id"], part["name"], part["arguments"]) for part in parts if part["type"] == "toolCall")
    if message["role"] == "toolResult":
        return _Message(
            "tool",
            _text(message["content"]),
            call_id=message["toolCallId"],
            name=message["toolName"],
            is_error=message.get("isError") is True,
        )
    return _Message(message["role"], _text(message["content"]), calls)


def _named(function: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    given = function["arguments"]
    loaded = json.loads(given) if isinstance(given, str) else given
    return str(function["name"]), loaded if isinstance(loaded, dict) else {"input": given}


def _text(content: object) -> str:
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "\n".join(str(part["text"]) for part in parts if isinstance(part, dict) and part.get("type") == "text")


def _trajectory(name: str, source: str, messages: Sequence[_Message]) -> Trajectory:
    """Make steps that a provider accepts: each call is answered right behind its step, each result has its call.

    Recordings of several agents at once have results far behind their calls, or without an id: such a result moves its
    call to the step before it. A call that is never answered is left out.
    """
    system = "\n\n".join(message.text for message in messages if message.role == "system")
    known = {call.id: call for message in messages for call in message.calls}
    steps: list[Step] = []
    results: list[Result] = []
    said: list[str] = []
    for index, message in enumerate(messages):
        if message.role == "tool" and steps:
            call_id = message.call_id or f"call_{index:04d}"
            steps[-1].calls.append(known.get(call_id) or Call(call_id, message.name or "tool", message.input))
            results.append(Result(call_id, message.text, message.is_error))
        elif message.role == "user" and message.text.strip():
            said.append(message.text)
        elif message.role == "assistant":
            if (results or said) and (not steps or steps[-1].is_answer):
                steps.append(Step(results, said, [], []))
                results, said = [], []
            elif steps:
                # It spoke twice in a row, or was cut off before it said anything.
                steps[-1].said.extend(said)
                said = []
            if steps and message.text.strip():
                steps[-1].spoken.append(message.text.strip())
    return Trajectory(name, source, system, tuple(step for step in steps if step.is_answer))
