"""The control routes: what they tell and do, to whom, and that nobody pays for them who does not ask."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
import psutil
import pytest
from fastapi.openapi.models import OpenAPI

from headroom_wrap import __version__
from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import Level
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.proxy import control, gate
from headroom_wrap.proxy.app import ProxyApp
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.control_api import BlockVerdict, Compressed, Stats, control_api
from headroom_wrap.proxy.grep import retrieve_apart
from headroom_wrap.proxy.pipeline import EnginePipeline, PassThrough
from headroom_wrap.proxy.ports import Headers
from headroom_wrap.store import LedgerRow, Store
from tests.proxy.fakes import KEY, Answer, FakeUpstream, ask, scope

T = TypeVar("T")
ROOT = Path(__file__).parent.parent.parent
KEYED: Headers = [(b"x-headroom-key", KEY.encode()), (b"content-type", b"application/json")]
ROUTES = [("GET", b"/stats"), ("GET", b"/openapi.json"), ("POST", b"/v1/compress"), ("POST", b"/v1/retrieve")]
LOG = "".join(f"2026-03-01T02:{i // 60:02d}:{i % 60:02d}Z INFO worker finished batch {i}\n" for i in range(400))
CATASTROPHE = r"(a+)+$b"
CONFIG = ProxyConfig(
    key=KEY,
    session="s1",
    agent="claude",
    upstreams={"anthropic": "https://gw.test:8443/token-5ecret/v1", "openai": "http://127.0.0.1:9/v1"},
)


def run(scenario: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(scenario, 30))


def application(pipeline: EnginePipeline | None, why: str = "") -> ProxyApp:
    return ProxyApp(
        CONFIG,
        pipeline or PassThrough(),
        FakeUpstream,
        lambda workers: control_api(CONFIG, pipeline, why, lambda: 12.5, workers),
    )


@pytest.fixture
def pipeline(store: Store) -> EnginePipeline:
    return EnginePipeline(Engine(store), store)


@pytest.fixture
def app(pipeline: EnginePipeline) -> Iterator[ProxyApp]:
    made = application(pipeline)
    yield made
    asyncio.run(made.aclose())


async def asked(app: ProxyApp, path: bytes, document: object = None, headers: Headers = KEYED) -> Answer:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return await ask(
        app, scope("GET" if document is None else "POST", path, headers), b"" if document is None else body
    )


def told(app: ProxyApp, path: bytes, document: object = None, headers: Headers = KEYED, status: int = 200) -> Any:
    answer = run(asked(app, path, document, headers))
    assert answer.status == status, answer.body
    assert (answer.header(b"content-type") or b"").startswith(b"application/json")
    return json.loads(answer.body)


def failure(app: ProxyApp, path: bytes, document: object, status: int, headers: Headers = KEYED) -> dict[str, str]:
    """The error of an answer, which must have its form."""
    answer = told(app, path, document, headers, status)
    assert set(answer) == {"error"}
    assert set(answer["error"]) == {"code", "message", "hint"}
    error: dict[str, str] = answer["error"]
    return error


def anthropic(*texts: str) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = [{"role": "user", "content": "why does it fail?"}]
    for number, text in enumerate(texts):
        use = {"type": "tool_use", "id": f"toolu_{number}", "name": "Bash", "input": {"command": "cat app.log"}}
        result = {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": text}
        messages += [{"role": "assistant", "content": [use]}, {"role": "user", "content": [result]}]
    return messages


def openai_chat(text: str) -> list[dict[str, Any]]:
    call = {
        "id": "toolu_0",
        "type": "function",
        "function": {"name": "Bash", "arguments": '{"command": "cat app.log"}'},
    }
    return [
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "toolu_0", "content": text},
    ]


def openai_responses(text: str) -> list[dict[str, Any]]:
    return [
        {"type": "function_call", "call_id": "toolu_0", "name": "Bash", "arguments": '{"command": "cat app.log"}'},
        {"type": "function_call_output", "call_id": "toolu_0", "output": text},
    ]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "headers", [[], [(b"x-headroom-key", b"0" * 64)], [*KEYED, (b"origin", b"https://evil.example")]]
)
def test_a_control_route_refuses_strangers_in_its_own_form(
    app: ProxyApp, method: str, path: bytes, headers: Headers
) -> None:
    answer = run(ask(app, scope(method, path, headers), b"{}"))
    assert answer.status == 403
    assert json.loads(answer.body)["error"]["code"] == "gate-refused"


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_claim_is_good_for_health_only(app: ProxyApp, method: str, path: bytes) -> None:
    headers = [(gate.NONCE_HEADER, b"ab" * 16), (gate.CLAIM_HEADER, gate.claim(KEY, "ab" * 16).encode())]
    assert run(ask(app, scope("GET", b"/health", headers))).status == 200
    assert run(ask(app, scope(method, path, headers), b"{}")).status == 403


def test_stats_tell_the_sessions_figures(app: ProxyApp, store: Store) -> None:
    row = LedgerRow("s1", "claude", "anthropic", "m", 200, 900, 100, 900, 100, blocks_replaced=1, input_tokens=200)
    store.record(row)
    store.record(dataclasses.replace(row, session="another"))
    stats = told(app, b"/stats")
    Stats.model_validate(stats)
    assert stats["totals"] == {**dataclasses.asdict(store.totals("s1")), "failures": []}
    assert stats["totals"]["requests"] == 1
    assert stats["savings"] == {"tokens": 800, "of_input": 0.8, "of_cost": 0.8, "cache_hit": 0.0}
    assert (stats["version"], stats["session"], stats["agent"]) == (__version__, "s1", "claude")
    assert (stats["level"], stats["uptime_s"], stats["why_not_compressing"]) == ("balanced", 12.5, "")


def test_stats_tell_what_changed_in_prefixes(app: ProxyApp, pipeline: EnginePipeline) -> None:
    assert told(app, b"/stats")["prefix_changes"] == []
    words = {"type": "text", "text": "hi", "cache_control": {"type": "ephemeral"}}
    for day in (27, 28):
        said = [{"role": "user", "content": [words]}] * (day - 26)
        pipeline.prepare("anthropic", json.dumps({"system": f"2026-11-{day}", "messages": said}).encode())
    stats = told(app, b"/stats")
    Stats.model_validate(stats)
    (change,) = stats["prefix_changes"]
    assert (change["where"], change["kind"], change["times"]) == ("system", "a date", 1)
    assert (change["old"], change["new"]) == ("2026-11-27", "2026-11-28")


def test_stats_tell_no_secrets(app: ProxyApp) -> None:
    stats = told(app, b"/stats")
    assert stats["upstreams"] == {"anthropic": "https://gw.test:8443", "openai": "http://127.0.0.1:9"}
    assert "5ecret" not in str(stats)
    assert KEY not in str(stats)


def test_an_original_comes_back_whole_or_in_part_and_is_counted(app: ProxyApp, store: Store) -> None:
    id_ = store.put_original("one\ntwo\nthree\n")
    assert told(app, b"/v1/retrieve", {"id": id_})["text"].endswith("lines 1-3 of 3]\none\ntwo\nthree")
    part = told(app, b"/v1/retrieve", {"id": id_, "lines": 2})
    assert part == {"id": id_, "text": f"[headroom original {id_}: lines 2 of 3]\ntwo"}
    assert told(app, b"/stats")["totals"]["retrievals"] == 2


def test_rows_and_characters_and_empty_arguments_are_taken_as_the_tool_takes_them(app: ProxyApp, store: Store) -> None:
    id_ = store.put_original(json.dumps([{"n": number} for number in range(1, 9)]))
    assert told(app, b"/v1/retrieve", {"id": id_, "rows": "2", "lines": "", "grep": ""})["text"].endswith('\n{"n":2}')
    assert told(app, b"/v1/retrieve", {"id": id_, "chars": "1-3", "rows": None})["text"].endswith('\n[{"')


def test_a_lone_surrogate_comes_back_as_it_is(app: ProxyApp, store: Store) -> None:
    id_ = store.put_original("a \ud800 b")
    for asked_for in ({}, {"grep": "a"}):
        assert "a \ud800 b" in told(app, b"/v1/retrieve", {"id": id_, **asked_for})["text"]


def test_a_pattern_gives_the_lines_that_match(app: ProxyApp, store: Store) -> None:
    id_ = store.put_original(LOG)
    found = told(app, b"/v1/retrieve", {"id": id_, "grep": "batch 7$", "lines": "1-50", "context": 1})["text"]
    assert [line.partition(" ")[0] for line in found.splitlines()[1:]] == ["7-", "8:", "9-"]


def test_a_catastrophic_pattern_ends_while_others_are_answered(app: ProxyApp, store: Store) -> None:
    id_ = store.put_original("a" * 30_000)

    async def scenario() -> Answer:
        searching = asyncio.ensure_future(asked(app, b"/v1/retrieve", {"id": id_, "grep": CATASTROPHE}))
        while not psutil.Process().children():
            assert (await asyncio.wait_for(asked(app, b"/health"), 1)).status == 200
        assert not searching.done()
        assert (await asyncio.wait_for(asked(app, b"/health"), 1)).status == 200
        return await searching

    answer = run(scenario())
    assert (answer.status, json.loads(answer.body)["error"]["code"]) == (400, "bad-request")
    assert b"too long" in answer.body
    assert psutil.Process().children() == []


def test_a_search_runs_no_code_of_the_folder_in_which_it_runs(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run(retrieve_apart(store.path, store.put_original("one\ntwo"), {"grep": "two"})).endswith("2: two")


def test_a_process_that_does_not_end_by_itself_is_ended(store: Store) -> None:
    id_ = store.put_original("a" * 30_000)
    with pytest.raises(HeadroomError) as caught:
        run(retrieve_apart(store.path, id_, {"grep": CATASTROPHE}, limit_s=0.05))
    assert caught.value.code is Code.BAD_REQUEST
    assert psutil.Process().children() == []


def test_a_search_that_is_cancelled_leaves_no_process(store: Store) -> None:
    id_ = store.put_original("a" * 30_000)

    async def scenario() -> None:
        searching = asyncio.ensure_future(retrieve_apart(store.path, id_, {"grep": CATASTROPHE}))
        while not psutil.Process().children():
            await asyncio.wait([searching], timeout=0.01)
        searching.cancel()
        await asyncio.wait([searching])
        assert searching.cancelled()

    run(scenario())
    assert psutil.Process().children() == []


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        ({"id": "h000000000000"}, 404, "original-not-found"),
        ({"id": "h000000000000", "grep": "x"}, 404, "original-not-found"),
        ({"id": "h000000000000", "line": "1"}, 400, "bad-request"),
        ({"lines": "1"}, 400, "bad-request"),
        ({"id": "h0", "context": -1}, 400, "bad-request"),
        ([], 400, "bad-request"),
        (b"", 400, "bad-request"),
        (b"{", 400, "bad-request"),
        (b"\xff\xfe", 400, "bad-request"),
        (b"[" * 100_000, 400, "bad-request"),
    ],
)
def test_a_retrieval_that_cannot_be_is_an_error_with_a_code(
    app: ProxyApp, document: object, status: int, code: str
) -> None:
    error = failure(app, b"/v1/retrieve", document, status)
    assert error["code"] == code
    assert error["message"]
    assert error["hint"]


def test_a_range_outside_is_an_error_that_names_the_range(app: ProxyApp, store: Store) -> None:
    error = failure(app, b"/v1/retrieve", {"id": store.put_original("one\n"), "lines": "9"}, 400)
    assert "1-1" in error["hint"]


def test_what_is_not_called_json_is_refused(app: ProxyApp, store: Store) -> None:
    document = {"id": store.put_original("one\n")}
    assert "application/json" in failure(app, b"/v1/retrieve", document, 400, KEYED[:1])["hint"]


@pytest.mark.parametrize(
    ("wire", "conversation"),
    [("anthropic", anthropic), ("openai_chat", openai_chat), ("openai_responses", openai_responses)],
)
def test_a_conversation_comes_back_shorter_with_a_way_back(
    app: ProxyApp, wire: str, conversation: Callable[[str], list[dict[str, Any]]]
) -> None:
    messages = conversation(LOG)
    answer = told(app, b"/v1/compress", {"messages": messages, "wire": wire, "model": "m"})
    Compressed.model_validate(answer)
    (verdict,) = (BlockVerdict.model_validate(verdict) for verdict in answer["verdicts"])
    assert (verdict.call_id, verdict.tool, verdict.compressor) == ("toolu_0", "Bash", "logs")
    assert answer["tokens_before"] == verdict.tokens_before > 3 * verdict.tokens_after
    assert answer["tokens_after"] == verdict.tokens_after
    assert f'headroom_retrieve(id=\\"{verdict.original_id}\\"' in json.dumps(answer["messages"]).replace('\\\\"', '\\"')
    assert answer["messages"][:-1] == messages[:-1]
    assert told(app, b"/v1/retrieve", {"id": verdict.original_id})["text"].partition("\n")[2] == LOG.rstrip("\n")


def test_a_conversation_is_compressed_as_a_request_with_our_tool_would_be(
    app: ProxyApp, pipeline: EnginePipeline
) -> None:
    messages = anthropic(LOG, LOG, "short")
    answer = told(app, b"/v1/compress", {"messages": messages})
    sent = json.dumps({"tools": [{"name": "headroom_retrieve"}], "messages": messages}).encode()
    assert answer["messages"] == json.loads(pipeline.prepare("anthropic", sent).body)["messages"]
    assert [verdict["compressor"] for verdict in answer["verdicts"]] == ["logs", "reference", ""]
    assert answer["verdicts"][2]["reason"] == "too short"


def test_a_longer_conversation_begins_with_the_same_messages(app: ProxyApp) -> None:
    first = told(app, b"/v1/compress", {"messages": anthropic(LOG)})
    longer = told(app, b"/v1/compress", {"messages": anthropic(LOG, LOG.replace("batch", "lot"))})
    assert longer["messages"][:3] == first["messages"]


def test_a_level_holds_for_conversations_that_begin_with_it(app: ProxyApp) -> None:
    for level in ("safe", "balanced"):
        answer = told(app, b"/v1/compress", {"messages": anthropic(LOG), "level": level})
        assert "elided" not in json.dumps(answer["messages"])
    fresh = told(app, b"/v1/compress", {"messages": anthropic(LOG.replace("batch", "lot")), "level": "balanced"})
    assert "elided" in json.dumps(fresh["messages"])


@pytest.mark.parametrize("given", [{"level": "off"}, {}])
def test_where_compression_is_off_messages_come_back_as_they_are(store: Store, given: dict[str, str]) -> None:
    app = application(EnginePipeline(Engine(store), store, Level.OFF))
    answer = told(app, b"/v1/compress", {"messages": anthropic(LOG), **given})
    assert answer["messages"] == anthropic(LOG)
    assert (answer["tokens_before"], answer["tokens_after"]) == (0, 0)
    asyncio.run(app.aclose())


def test_messages_keep_what_we_do_not_understand(app: ProxyApp) -> None:
    messages = [{"role": "\ud800", "content": [{"type": "new", "n": 2**70, "deep": json.loads("[" * 300 + "]" * 300)}]}]
    assert told(app, b"/v1/compress", {"messages": messages})["messages"] == messages


def test_compression_is_no_model_call(app: ProxyApp) -> None:
    told(app, b"/v1/compress", {"messages": anthropic(LOG)})
    assert told(app, b"/stats")["totals"]["requests"] == 0


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"messages": "text"},
        {"messages": ["text"]},
        {"messages": [], "wire": "gemini"},
        {"messages": [], "level": "max"},
        {"messages": [], "tools": []},
    ],
)
def test_what_cannot_be_compressed_is_refused_with_the_fields_name(app: ProxyApp, document: dict[str, Any]) -> None:
    error = failure(app, b"/v1/compress", document, 400)
    assert any(name in error["message"] for name in ("messages", "wire", "level", "tools"))


def test_a_body_that_is_too_long_is_refused_and_one_that_breaks_off_gets_no_answer(app: ProxyApp) -> None:
    piece = b" " * (control.MAX_BODY_BYTES // 2 + 1)
    assert run(ask(app, scope("POST", b"/v1/compress", KEYED), [piece, piece])).status == 413
    assert run(ask(app, scope("POST", b"/v1/compress", KEYED), [piece], is_cut=True)) == Answer()


def test_without_a_store_the_figures_are_none_and_the_rest_says_why() -> None:
    app = application(None, "The disk is full.")
    stats = told(app, b"/stats")
    assert (stats["level"], stats["why_not_compressing"]) == ("off", "The disk is full.")
    assert stats["totals"].pop("failures") == []
    assert {value for name, value in stats["totals"].items() if name != "counted"} == {0}
    for path, document in ((b"/v1/compress", {"messages": []}), (b"/v1/retrieve", {"id": "h0"})):
        error = failure(app, path, document, 503)
        assert (error["code"], error["message"]) == ("store-failed", "The disk is full.")
    asyncio.run(app.aclose())


def test_a_fault_of_ours_is_said_in_the_same_form(app: ProxyApp, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_store: Store, _session: str) -> None:
        raise HeadroomError(Code.STORE_FAILED, "The store failed.", "Free disk space.")

    monkeypatch.setattr(Store, "totals", fail)
    error = told(app, b"/stats", status=503)["error"]
    assert error == {"code": "store-failed", "message": "The store failed.", "hint": "Free disk space."}


def test_the_document_describes_every_route_its_answers_and_the_key(app: ProxyApp) -> None:
    document = told(app, b"/openapi.json")
    OpenAPI.model_validate(document)
    assert document["openapi"].startswith("3.")
    routes = {(method, path) for path, item in document["paths"].items() for method in item}
    assert routes == {("get", "/health"), ("get", "/stats"), ("post", "/v1/compress"), ("post", "/v1/retrieve")}
    (scheme,) = document["components"]["securitySchemes"].items()
    assert scheme[1] == {
        "type": "apiKey",
        "in": "header",
        "name": "x-headroom-key",
        "description": "The session's key.",
    }
    for item in document["paths"].values():
        for operation in item.values():
            assert operation["security"] == [{scheme[0]: []}]
            assert set(operation["responses"]) == {"200", "4XX", "5XX"}
            assert operation["description"]
    fields = document["components"]["schemas"]["Retrieve"]["properties"].values()
    assert all(field.get("description") for field in fields)


def test_health_answers_as_the_document_says(app: ProxyApp, pipeline: EnginePipeline) -> None:
    headers = [*KEYED, (gate.NONCE_HEADER, b"ab" * 16)]

    async def documented() -> Answer:
        with ThreadPoolExecutor() as workers:
            api = control_api(CONFIG, pipeline, "", lambda: 0.0, workers)
            return await ask(api, {**scope("GET", b"/health", headers), "path": "/health"})

    assert json.loads(run(documented()).body) == told(app, b"/health", headers=headers)


def test_the_page_that_loads_scripts_from_a_network_is_not_served(app: ProxyApp) -> None:
    for path in (b"/docs", b"/redoc"):
        assert run(ask(app, scope("GET", path, KEYED))).body == b"{}"  # the upstream's


def test_no_thread_of_the_library_outlives_a_request(app: ProxyApp) -> None:
    told(app, b"/stats")
    told(app, b"/v1/compress", {"messages": []})
    assert all(thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread())


SESSION = """
import http.client, json, sys
from pathlib import Path
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.embedded import Compression, EmbeddedProxy
from headroom_wrap.proxy.server import bind

config = ProxyConfig("5e", "s1", "claude", {"anthropic": "http://127.0.0.1:9"})
proxy = EmbeddedProxy(config, Compression("balanced"), bind(), Path(sys.argv[1]), {})
proxy.start()

def ask(method, path, body=None):
    connection = http.client.HTTPConnection("127.0.0.1", proxy.server.port)
    connection.request(method, path, body, {"x-headroom-key": "5e"})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status

def loaded():
    return sorted({"fastapi", "starlette", "pydantic"} & set(sys.modules))

told = [proxy.answers(), ask("GET", "/health"), ask("POST", "/v1/messages", "{}"), loaded()]
told += [ask("GET", "/stats"), loaded()]
proxy.stop()
proxy.close()
print(json.dumps(told))
"""


def test_a_session_loads_the_library_only_when_it_is_asked_for(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SESSION, str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == [True, 200, 502, [], 200, ["fastapi", "pydantic", "starlette"]]


@pytest.fixture
def stand_alone() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "headroom_wrap", "proxy", "--port", "0"]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_the_stand_alone_proxy_serves_them_to_whoever_reads_its_key_file(stand_alone: subprocess.Popen[str]) -> None:
    assert stand_alone.stderr is not None
    found = re.search(r"(http://\S+), .* is in (\S+)", stand_alone.stderr.readline())
    assert found is not None
    key = Path(found[2]).read_text(encoding="utf-8")
    with httpx.Client(base_url=found[1], headers={"x-headroom-key": key}) as client:
        answer = client.post("/v1/compress", json={"messages": anthropic(LOG)}).raise_for_status().json()
        (verdict,) = answer["verdicts"]
        asked_for = {"id": verdict["original_id"], "grep": "batch 399$"}
        assert client.post("/v1/retrieve", json=asked_for).json()["text"].endswith("INFO worker finished batch 399")
        assert client.get("/stats").json()["totals"]["retrievals"] == 1
        assert client.get("/openapi.json").json()["info"]["version"] == __version__
        assert httpx.get(f"{found[1]}/stats").status_code == 403
    stand_alone.send_signal(signal.SIGINT)
    stand_alone.communicate(timeout=10)
    assert stand_alone.returncode == 0
