"""The requests that an agent would send in a recorded session, turn by turn, in two wire formats."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from headroom_wrap import tokens
from headroom_wrap.compression.markers import RETRIEVE_TOOL
from headroom_wrap.evals.trajectories import Call, Step, Trajectory
from headroom_wrap.mcp.originals import RETRIEVE

MARK = {"type": "ephemeral"}
MARK_BYTES = b',"cache_control":{"type":"ephemeral"}'
"""As it stands in these requests, so that it can be taken out again."""
OUR_TOOL = f"mcp__headroom__{RETRIEVE_TOOL}"
PREFIX_TOKENS = 12_000
_N_TOOLS = 12
_SCHEMA = RETRIEVE.listed()["inputSchema"]
_RULE = "Rule {n}: before you {a} a {b} in part {m} of a project, {c} what it {d}, and say in one sentence why it {e}. "
_WORDS = (
    ("change", "move", "rename", "delete", "publish", "format", "split"),
    ("module", "test", "schema", "migration", "script", "fixture", "page", "workflow"),
    ("read", "list", "search", "note", "compare"),
    ("imports", "returns", "promises", "replaces", "costs", "documents"),
    ("matters", "is safe", "can wait", "needs a test", "was written so", "fails"),
)


@dataclass(frozen=True, slots=True)
class Prefix:
    """What an agent says before each conversation: its system prompt and its tools (name -> description)."""

    system: str = ""
    tools: Mapping[str, str] | None = None


@cache
def agent_prefix(n_tokens: int = PREFIX_TOKENS) -> Prefix:
    """A system prompt and tools of about `n_tokens` together, in the size of a real agent's."""
    per_tool = n_tokens // 2 // _N_TOOLS
    tools = {f"agent_tool_{number}": _rules(number * 1000, per_tool) for number in range(_N_TOOLS)}
    return Prefix(_rules(100_000, n_tokens - n_tokens // 2), tools)


def _rules(first: int, n_tokens: int) -> str:
    written, n = "", first
    while tokens.count(written) < n_tokens:
        a, b, c, d, e = (words[n * (7 + 2 * place) % len(words)] for place, words in enumerate(_WORDS))
        written += _RULE.format(n=n, a=a, b=b, m=n % 97, c=c, d=d, e=e)
        n += 1
    return written


def messages_turns(session: Trajectory, model: str, prefix: Prefix, *, with_our_tool: bool) -> Iterator[bytes]:
    """Bodies of Anthropic Messages, with Claude Code's marks: on the system prompt, and on the last block."""
    tools = [
        {"name": name, "description": text, "input_schema": schema} for name, text, schema in _tools(session, prefix)
    ]
    if with_our_tool:
        tools.append({"name": OUR_TOOL, "description": RETRIEVE.description, "input_schema": _SCHEMA})
    system = [{"type": "text", "text": text} for text in (prefix.system, session.system) if text]
    if system:
        system[-1]["cache_control"] = MARK  # type: ignore[assignment]
    head = {"model": model, "max_tokens": 1024, "tools": tools, "system": system}
    sent: list[bytes] = []
    for step in session.steps:
        blocks = _user_blocks(step)
        marked = [*blocks[:-1], {**blocks[-1], "cache_control": MARK}]
        yield _body(head, [*sent, _dump({"role": "user", "content": marked})])
        sent += [_dump({"role": "user", "content": blocks}), _dump({"role": "assistant", "content": _answer(step)})]


def chat_turns(session: Trajectory, model: str, prefix: Prefix, *, with_our_tool: bool) -> Iterator[bytes]:
    """Bodies of OpenAI Chat Completions."""
    tools = [_function(name, text, schema) for name, text, schema in _tools(session, prefix)]
    if with_our_tool:
        tools.append(_function(OUR_TOOL, RETRIEVE.description, _SCHEMA))
    system = "\n\n".join(filter(None, (prefix.system, session.system)))
    head = {"model": model, "prompt_cache_key": session.name, "tools": tools}
    sent = [_dump({"role": "system", "content": system})] if system else []
    for step in session.steps:
        sent += [_dump({"role": "tool", "tool_call_id": one.call_id, "content": one.text}) for one in step.results]
        sent += [_dump({"role": "user", "content": text}) for text in step.said]
        yield _body(head, sent)
        said: dict[str, Any] = {"role": "assistant", "content": "\n".join(step.spoken) or None}
        if step.calls:
            said["tool_calls"] = [_chat_call(call) for call in step.calls]
        sent.append(_dump(said))


def continues(previous: bytes, body: bytes) -> bool:
    """Whether `body` begins with every byte of `previous` up to the end of its messages, marks apart."""
    before, after = (one.replace(MARK_BYTES, b"") for one in (previous, body))
    return after.startswith(before.removesuffix(b"]}"))


def _tools(session: Trajectory, prefix: Prefix) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, description in (prefix.tools or {}).items():
        yield name, description, {"type": "object", "properties": {"path": {"type": "string"}}}
    for name in session.tool_names:
        yield name, f"Runs {name}.", {"type": "object"}


def _user_blocks(step: Step) -> list[dict[str, Any]]:
    results = [
        {"type": "tool_result", "tool_use_id": result.call_id, "content": result.text}
        | ({"is_error": True} if result.is_error else {})
        for result in step.results
    ]
    return [*results, *({"type": "text", "text": text} for text in step.said)]


def _answer(step: Step) -> list[dict[str, Any]]:
    calls = [{"type": "tool_use", "id": call.id, "name": call.name, "input": call.input} for call in step.calls]
    return [*({"type": "text", "text": text} for text in step.spoken), *calls]


def _function(name: str, description: str, schema: object) -> dict[str, Any]:
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def _chat_call(call: Call) -> dict[str, Any]:
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": json.dumps(call.input)}}


def _body(head: Mapping[str, Any], messages: list[bytes]) -> bytes:
    return _dump(head)[:-1] + b',"messages":[' + b",".join(messages) + b"]}"


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "surrogatepass")
