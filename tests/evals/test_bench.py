"""The benchmark's pure parts, its load loop against a provider on loopback, and servers that cannot be started."""

from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headroom_wrap.compression.engine import Engine
from headroom_wrap.compression.model import Level
from headroom_wrap.evals.bench import kinds, provider, servers
from headroom_wrap.evals.bench.__main__ import Bench
from headroom_wrap.evals.bench.figures import BUDGETS, Budget, Report, budget_table, p50, p95, table, with_added
from headroom_wrap.evals.bench.load import Bounds, Way, compare, compare_delays, conversation
from headroom_wrap.evals.bench.servers import NotRunError, Start, serving
from headroom_wrap.evals.bench.wrk import parse
from headroom_wrap.evals.workloads import bundled
from headroom_wrap.proxy.pipeline import EnginePipeline
from headroom_wrap.store import Store

WRK = """\
Running 6s test @ http://127.0.0.1:1/v1/messages
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     1.20ms    3.00ms  90.00ms   95.00%
  Latency Distribution
     50%  842.00us
     75%    1.10ms
     99%    1.50s
  6000 requests in 6.00s, 1.00MB read
  Socket errors: connect 1, read 2, write 0, timeout 4
  Non-2xx or 3xx responses: 5
Requests/sec:   1234.50
Transfer/sec:    170.00KB
"""


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The provider that does next to nothing, with few events."""
    monkeypatch.setattr(provider, "N_EVENTS", 3)
    with ThreadingHTTPServer(("127.0.0.1", 0), provider.Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_at_least_half_and_95_in_100_values_are_below_the_percentiles(values: list[float]) -> None:
    assert sum(value <= p50(values) for value in values) >= len(values) / 2
    assert sum(value <= p95(values) for value in values) >= len(values) * 0.95
    assert p95(values) in values


def test_percentiles_of_a_known_list() -> None:
    assert (p50([3, 1, 2]), p50([4, 1, 2, 3]), p95(list(range(1, 101))), p95([7])) == (2, 2.5, 95, 7)


def test_wrk_is_read_with_its_units_and_failures() -> None:
    assert parse(WRK) == {"requests_per_s": 1234.5, "p50_ms": 0.842, "p99_ms": 1500, "failed": 12}


def test_what_wrk_does_not_print_gives_no_figures() -> None:
    with pytest.raises(NotRunError, match="unable to connect"):
        parse("unable to connect to 127.0.0.1:1\n")


def test_what_a_way_adds_is_over_direct_in_its_own_turn() -> None:
    rows = with_added(
        {"direct": {"p50_ms": 2.0, "n": 1.0}, "nginx": {"p50_ms": 2.5, "n": 1.0}, "other": "no such thing"}
    )
    assert rows["nginx"] == {"p50_ms": 2.5, "n": 1.0, "added_p50_ms": 0.5}
    assert rows["other"] == "no such thing"


def test_the_table_says_why_there_is_no_figure() -> None:
    report: Report = {"1 KB, known": {"direct": {"p50_ms": 0.5, "n": 9}, "headroom-ai": "not listening after 60 s"}}
    _, direct, peer = table(report).splitlines()
    assert direct.split() == ["1", "KB,", "known", "direct", "0.50", "n", "9"]
    assert peer.split() == ["headroom-ai", *"not run: not listening after 60 s".split()]


@pytest.mark.parametrize(("value", "verdict"), [(699.0, "ok"), (700.0, "ok"), (701.0, "over")])
def test_a_budget_is_kept_or_over(value: float, verdict: str) -> None:
    lines = budget_table({"wrap: start to exec": {"headroom": {"p50_ms": value}}}).splitlines()
    assert [line.split()[-1] for line in lines if line.startswith("wrap")] == [verdict]
    assert sum(line.endswith("not measured") for line in lines) == len(BUDGETS) - 1


def test_more_throughput_is_better() -> None:
    budget = Budget("throughput", "requests_per_s", 1_000, at_least=True)
    assert (budget.keeps(1_001), budget.keeps(999)) == (True, False)


@pytest.mark.parametrize("size", [1_000, 50_000, 500_000])
def test_a_conversation_has_the_size_asked_for_and_answers_every_call(size: int) -> None:
    body = conversation(size, "a ")
    assert size * 0.99 < len(body) < size + 500
    blocks = [m["content"][0] for m in json.loads(body)["messages"][1:]]
    assert [b["id"] for b in blocks[::2]] == [b["tool_use_id"] for b in blocks[1::2]]
    assert blocks
    assert conversation(size, "b ") != body


def test_what_is_measured_is_compressed(store: Store) -> None:
    pipeline = EnginePipeline(Engine(store), store, command="headroom retrieve")
    body = conversation(50_000, "a ")
    assert len(pipeline.prepare("anthropic", body).body) < 0.8 * len(body)


def test_every_request_of_a_comparison_is_counted_but_those_that_warm_up(url: str) -> None:
    numbers: list[int] = []

    def body(number: int) -> bytes:
        numbers.append(number)
        return conversation(1_000)

    with closing(Way(url)) as direct, closing(Way(url)) as again:
        rows = compare({"direct": direct, "again": again}, body, Bounds(3, warm_up=1))
    assert [row["n"] for row in rows.values() if not isinstance(row, str)] == [3, 3]
    assert numbers == list(range(8))
    assert [row["provider_got_kb"] for row in rows.values() if not isinstance(row, str)] == [
        len(conversation(1_000)) / 1e3
    ] * 2


def test_a_way_that_fails_is_told_with_the_reason_and_the_others_go_on(url: str) -> None:
    closed = Way(f"http://127.0.0.1:{servers.free_port()}")
    with closing(Way(url)) as direct:
        rows = compare({"direct": direct, "closed": closed}, lambda _: conversation(1_000), Bounds(2, warm_up=0))
    assert not isinstance(rows["direct"], str)
    assert "ConnectionRefusedError" in str(rows["closed"])


def test_a_loop_ends_in_time_but_measures_once() -> None:
    bounds = Bounds(1_000, limit_s=-1, warm_up=2)
    assert [bounds.go_on(done) for done in range(4)] == [True, True, True, False]


def test_the_delay_of_every_event_is_measured_once(url: str) -> None:
    with closing(Way(url)) as direct:
        row = compare_delays({"direct": direct}, conversation(1_000, stream=True), Bounds(2, warm_up=0))["direct"]
    assert not isinstance(row, str)
    assert row["n"] == 6
    assert 0 <= row["p50_ms"] < 5_000


def test_a_server_that_ends_at_once_is_told_with_its_last_words(tmp_path: Path) -> None:
    argv = [sys.executable, "-c", "raise SystemExit('no model found')"]
    with (
        pytest.raises(NotRunError, match="ended with 1: no model found"),
        serving(argv, servers.free_port(), servers.environment(tmp_path), tmp_path / "log"),
    ):
        pass


def test_a_server_that_never_listens_is_given_up_and_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "START_LIMIT_S", 0.2)
    argv = [sys.executable, "-c", "import time; time.sleep(60)"]
    start = time.monotonic()
    with (
        pytest.raises(NotRunError, match="not listening"),
        serving(argv, servers.free_port(), servers.environment(tmp_path), tmp_path / "log"),
    ):
        pass
    assert time.monotonic() - start < 30


def test_a_program_that_is_missing_is_told_with_the_package_that_has_it() -> None:
    with pytest.raises(NotRunError, match=r"no-such-program is not installed \(Debian: a-package\)"):
        servers.tool("no-such-program", "a-package")


def test_a_way_that_cannot_be_started_stands_in_every_row_with_the_reason(tmp_path: Path) -> None:
    report: Report = {}
    missing = tmp_path / "no-environment"
    starts: dict[str, Start] = {"headroom-ai": servers.peer(missing)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(servers, "nginx_provider", servers.plain_provider)
        Bench(starts, 1, tmp_path / "bench", report).run()
    assert len(report) > 12
    assert {str(row["headroom-ai"]) for row in report.values()} == {f"{missing} has no command headroom"}


def test_the_time_of_a_kind_is_that_of_the_asked_length(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    monkeypatch.setattr("headroom_wrap.compression.router.compress", lambda text, _: seen.append(len(text)))
    assert kinds.milliseconds(bundled()[0], Level.BALANCED, 2, 5_000) >= 0
    assert seen == [5_000] * 3
