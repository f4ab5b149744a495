"""From body to body through the real engine: conversations that the provider keeps."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.markers import PREFIX
from headroom_wrap.compression.model import Compressed, Hints, Level
from headroom_wrap.proxy.pipeline import EnginePipeline
from headroom_wrap.store import Store

LOG = "".join(f"2026-03-01T02:{i // 60:02d}:{i % 60:02d}Z INFO worker finished batch {i}\n" for i in range(400))
TOOLS = [{"type": "function", "name": "Bash", "parameters": {}}]
CALL = ("Bash", {"command": "cat app.log"})


def output(call_id: str, text: str = LOG) -> dict[str, Any]:
    return {"type": "function_call_output", "call_id": call_id, "output": text}


def call(call_id: str, arguments: str = '{"command": "cat app.log"}') -> dict[str, Any]:
    return {"type": "function_call", "call_id": call_id, "name": "Bash", "arguments": arguments}


def body(*items: dict[str, Any], **fields: Any) -> bytes:
    return json.dumps({"model": "m", "tools": TOOLS, "input": items, **fields}).encode()


def sent(pipeline: EnginePipeline, request: bytes) -> list[str]:
    """The outputs that the provider reads."""
    document = json.loads(pipeline.prepare("openai_responses", request).body)
    return [item["output"] for item in document["input"] if "output" in item]


@pytest.fixture
def hints() -> list[Hints]:
    return []


@pytest.fixture
def pipeline(store: Store, hints: list[Hints]) -> EnginePipeline:
    """A pipeline whose compressors only note what they are told."""

    def note(_text: str, told: Hints) -> tuple[str, Compressed] | None:
        hints.append(told)
        return None

    return EnginePipeline(Engine(store, compress=note), store, command="headroom retrieve")


def test_a_result_whose_call_stood_in_an_earlier_answer_has_its_name(
    pipeline: EnginePipeline, hints: list[Hints]
) -> None:
    assert pipeline.prepare("openai_responses", body()).is_linked
    pipeline.keep_call("c1", CALL)
    sent(pipeline, body(output("c1"), output("c2", LOG * 2), previous_response_id="resp_1"))
    assert [(told.tool_name, dict(told.tool_input)) for told in hints] == [CALL, ("", {})]


def test_a_result_whose_call_stood_open_in_an_earlier_request_has_its_name(
    pipeline: EnginePipeline, hints: list[Hints]
) -> None:
    sent(pipeline, body(call("c1")))
    sent(pipeline, body(output("c1"), previous_response_id="resp_1"))
    assert hints[0].tool_name == "Bash"


def test_what_the_client_does_not_let_the_provider_keep_is_not_kept_here(
    pipeline: EnginePipeline, store: Store
) -> None:
    assert not pipeline.prepare("openai_responses", body(call("c1"), store=False)).is_linked
    assert store.calls(["c1"]) == {}


def test_a_call_in_the_request_itself_counts_before_one_that_was_kept(
    pipeline: EnginePipeline, hints: list[Hints]
) -> None:
    pipeline.keep_call("c1", ("Other", {}))
    sent(pipeline, body(call("c1"), output("c1")))
    assert hints[0].tool_name == "Bash"


def test_of_a_call_with_endless_arguments_the_name_is_kept(pipeline: EnginePipeline, store: Store) -> None:
    pipeline.keep_call("c1", ("Write", {"path": "a", "text": "x" * 100_000}))
    assert store.calls(["c1"]) == {"c1": ("Write", {})}


def test_a_tool_excluded_by_name_is_left_alone_also_behind_a_link(store: Store) -> None:
    pipeline = EnginePipeline(Engine(store), store, command="headroom retrieve")
    for number, excluded in enumerate([(), ("Bash",)]):
        pipeline.keep_call(f"c{number}", CALL)
        request = body(output(f"c{number}"), previous_response_id="resp_1")
        assert (sent(replace(pipeline, excluded_tools=excluded), request) == [LOG]) is bool(excluded)


def test_nothing_refers_to_a_block_of_an_earlier_request_of_the_chain(store: Store) -> None:
    pipeline = EnginePipeline(Engine(store), store, command="headroom retrieve")
    for number in (1, 2):
        pipeline.keep_call(f"c{number}", CALL)
    (first,) = sent(pipeline, body(output("c1")))
    (second,) = sent(pipeline, body(output("c2"), previous_response_id="resp_1"))
    assert first == second
    assert first.startswith(PREFIX)
    assert "elided" in first
    # Within one request the second is the reference that the two above must not be.
    repeated = sent(pipeline, body(call("c3"), output("c3"), call("c4"), output("c4")))
    assert "the same" in repeated[1]


def test_a_closed_store_costs_an_answer_nothing(store: Store) -> None:
    pipeline = EnginePipeline(Engine(store), store)
    store.close()
    pipeline.keep_call("c1", CALL)


@pytest.mark.parametrize("wire", ["openai_chat", "anthropic"])
def test_a_chat_without_tools_goes_out_with_its_own_bytes_at_every_level(wire: str, store: Store) -> None:
    """As Aider sends it: files, and what it ran, in the user's messages."""
    asked = [{"role": "user", "content": f"Here are the files:\n{LOG}"}, {"role": "assistant", "content": "Ok."}] * 2
    last = {"role": "user", "content": [{"type": "text", "text": f"I ran the tests:\n{LOG}"}]}
    request = json.dumps({"model": "m", "max_tokens": 9, "messages": [*asked, last]}).encode()
    for level in Level:
        prepared = EnginePipeline(Engine(store), store, level=level, command="headroom retrieve").prepare(wire, request)
        assert prepared.body == request
