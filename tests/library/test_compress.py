"""The library: any provider's messages in, the same messages with shorter results out."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import headroom
from headroom import Config, Headroom, HeadroomError, Level, compress, retrieve
from headroom_wrap.compression import markers

LOG = "\n".join(
    f"2026-01-02 10:{number // 60:02d}:{number % 60:02d} INFO worker polled {number % 7} jobs" for number in range(300)
).replace("10:02:07 INFO worker polled 1 jobs", "10:02:07 ERROR cannot open /var/lib/queue.db")
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "journalctl -u worker"}}


def anthropic(content: Any = LOG) -> list[dict[str, Any]]:
    return [
        {"role": "user", "content": "Why is the queue empty?"},
        {"role": "assistant", "content": [CALL]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": content}]},
    ]


CHAT = [
    {"role": "user", "content": "Why is the queue empty?"},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "Bash", "arguments": json.dumps({"command": "journalctl -u worker"})},
            }
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": LOG},
]
RESPONSES = [
    {"role": "user", "content": [{"type": "input_text", "text": "Why is the queue empty?"}]},
    {"type": "function_call", "call_id": "c1", "name": "shell", "arguments": '{"cmd": "journalctl -u worker"}'},
    {"type": "function_call_output", "call_id": "c1", "output": LOG},
]


@pytest.fixture
def library(tmp_path: Path) -> Iterator[Headroom]:
    with Headroom(tmp_path / "library.sqlite3") as opened:
        yield opened


def result_of(message: dict[str, Any]) -> str:
    part = message["content"][0] if isinstance(message.get("content"), list) else message
    content = part.get("content") or part.get("output")
    assert isinstance(content, str)
    return content


@pytest.mark.parametrize("messages", [anthropic(), CHAT, RESPONSES], ids=["anthropic", "chat", "responses"])
def test_a_result_is_shortened_in_the_messages_of_each_provider(library: Headroom, messages: list[Any]) -> None:
    given_ = copy.deepcopy(messages)
    result = library.compress(messages, model="any")
    assert messages == given_
    assert result.messages[:2] == messages[:2]
    assert all(ours is theirs for ours, theirs in zip(result.messages[:2], messages, strict=False))
    text = result_of(result.messages[2])
    assert "ERROR cannot open /var/lib/queue.db" in text
    assert result.tokens_after < 0.3 * result.tokens_before
    assert result.tokens_saved == result.tokens_before - result.tokens_after
    (verdict,) = result.verdicts
    assert verdict.original_id is not None
    assert f'retrieve("{verdict.original_id}", lines="A-B")' in text
    assert library.retrieve(verdict.original_id).split("\n", 1)[1] == LOG


def test_the_functions_use_the_users_store_or_the_one_that_is_named(tmp_path: Path) -> None:
    for where in (None, tmp_path / "mine.sqlite3"):
        (verdict,) = compress(anthropic(), store=where).verdicts
        assert verdict.original_id is not None
        given_back = retrieve(verdict.original_id, lines="128", store=where)
        assert given_back.endswith("ERROR cannot open /var/lib/queue.db")
        assert "1 match" in retrieve(verdict.original_id, grep="ERROR", store=where)
    with pytest.raises(HeadroomError):
        retrieve("h000000000000")


def test_the_same_messages_give_the_same_and_more_messages_change_nothing_before(library: Headroom) -> None:
    first = library.compress(anthropic()).messages
    longer: list[dict[str, Any]] = [
        *anthropic(),
        {"role": "assistant", "content": "It cannot open a file."},
        {"role": "user", "content": "Mend it."},
        {"role": "assistant", "content": [{**CALL, "id": "toolu_2"}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_2", "content": LOG}]},
    ]
    second = library.compress(longer).messages
    assert second[:3] == first
    assert "the same 300 lines as the earlier result" in result_of(second[6])


def test_a_new_query_or_level_is_a_new_decision_for_a_program(library: Headroom) -> None:
    asked = library.compress(anthropic(), query="What was polled at 10:03:20?").messages
    other = library.compress(anthropic(), query="What was polled at 10:04:40?").messages
    safe = library.compress(anthropic(), level="safe").messages
    assert "10:03:20" in result_of(asked[2])
    assert "10:04:40" in result_of(other[2])
    assert markers.PREFIX + " h" not in result_of(safe[2])
    assert library.compress(anthropic(), level=Level.OFF).messages == anthropic()


def test_counts_are_those_of_the_model_and_say_whether_they_are_exact(library: Headroom) -> None:
    newer, older = library.compress(anthropic(), model="gpt-5"), library.compress(anthropic(), model="gpt-4")
    assert newer.is_exact
    assert older.is_exact
    assert newer.messages == older.messages
    assert newer.tokens_before != older.tokens_before
    assert not library.compress(anthropic(), model="claude-opus-4-8").is_exact


def test_lossless_and_excluded_tools_are_obeyed(library: Headroom) -> None:
    lossless = library.compress(anthropic(), config=Config(lossless=True)).messages
    assert "elided" not in result_of(lossless[2])
    excluded = library.compress(anthropic(), config=Config(exclude_tools=("Bash",)))
    assert excluded.messages == anthropic()
    assert excluded.verdicts[0].reason == "excluded tool"


def test_the_users_own_words_are_touched_only_on_request_and_only_when_aggressive(library: Headroom) -> None:
    pasted: list[dict[str, Any]] = [{"role": "user", "content": "Look at this:\n" + LOG}]
    for level in ("safe", "balanced", "aggressive"):
        assert library.compress(pasted, level=level).messages == pasted
    assert library.compress(pasted, query="the error", level="balanced").messages == pasted
    shortened = library.compress(pasted, query="the error", level="aggressive")
    assert "ERROR cannot open /var/lib/queue.db" in shortened.messages[0]["content"]
    assert shortened.tokens_after < 0.5 * shortened.tokens_before
    assert library.compress(pasted, level="aggressive", config=Config(user_text=True)).messages != pasted
    kept = Config(user_text=False)
    assert library.compress(pasted, query="the error", level="aggressive", config=kept).messages == pasted


def test_documents_and_parts_of_the_users_text_are_shortened_in_their_places(library: Headroom) -> None:
    document = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": LOG}, "title": "t"}
    image = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": "A" * 900}}
    message = {"role": "user", "content": [document, image, {"type": "text", "text": LOG + "\n"}, {"type": "text"}]}
    (shortened,) = library.compress([message], query="the error", level="aggressive").messages
    first, second, third, fourth = shortened["content"]
    assert len(first["source"]["data"]) < len(LOG) // 2
    assert (first["title"], first["source"]["media_type"]) == ("t", "text/plain")
    assert (second, fourth) == (image, {"type": "text"})
    assert len(third["text"]) < len(LOG) // 2


def test_tools_schemas_and_calls_pass_as_they_are(library: Headroom) -> None:
    call = {"type": "tool_use", "id": "t", "name": "save", "input": {"text": LOG, "big": 10**30, "rate": 1.50}}
    messages: list[dict[str, Any]] = [{"role": "assistant", "content": [call]}, {"role": "assistant", "content": LOG}]
    assert library.compress(messages, level="aggressive", query="x").messages == messages


@pytest.mark.parametrize(
    ("messages", "word"),
    [
        ([{"role": "user", "content": {1, 2}}], "no JSON"),
        (["text"], "a str"),
        ([{"role": "user", "content": object()}], "model_dump"),
    ],
)
def test_what_is_no_conversation_is_refused_with_a_hint(library: Headroom, messages: list[Any], word: str) -> None:
    with pytest.raises(HeadroomError, match=word):
        library.compress(messages)


def test_an_unknown_level_is_refused_with_the_known_ones(library: Headroom) -> None:
    with pytest.raises(HeadroomError, match="off, safe, balanced, aggressive"):
        library.compress(anthropic(), level="much")


def test_a_store_that_cannot_be_opened_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(HeadroomError, match="cannot be made"):
        compress(anthropic(), store=tmp_path / "file" / "store.sqlite3")


def test_threads_get_what_one_gets(library: Headroom) -> None:
    expected = library.compress(anthropic()).messages
    found: list[list[dict[str, Any]]] = []
    threads = [threading.Thread(target=lambda: found.append(library.compress(anthropic()).messages)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 8


json_value = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=8), inner, max_size=3)),
    max_leaves=8,
)
message_ = st.fixed_dictionaries(
    {"role": st.sampled_from(["user", "assistant", "system", "tool"]), "content": json_value},
    optional={"type": st.sampled_from(["message", "function_call_output", "x"]), "tool_calls": json_value},
)


@given(st.lists(message_, max_size=4))
@settings(max_examples=80)
def test_messages_of_any_shape_come_back_equal_where_nothing_is_worth_it(messages: list[dict[str, Any]]) -> None:
    assert compress(messages, level="aggressive", query="x").messages == messages


def test_the_public_names_are_those_of_the_package() -> None:
    assert headroom.__version__
    for name in headroom.__all__:
        assert getattr(headroom, name) is not None


def test_a_process_gives_what_another_gave_whatever_its_seed(tmp_path: Path) -> None:
    program = (
        "import json, sys; from headroom import compress\n"
        "print(json.dumps(compress(json.load(sys.stdin), store=sys.argv[1]).messages))"
    )
    found = set()
    for seed in "12":
        run = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / f"{seed}.sqlite3")],
            input=json.dumps(anthropic()), capture_output=True, text=True, check=True,
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": ":".join(sys.path), "HOME": str(tmp_path)},
        )  # fmt: skip
        found.add(run.stdout)
    assert len(found) == 1
