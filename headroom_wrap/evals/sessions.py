"""What whole sessions cost: recorded ones, sent turn by turn to a provider with a prompt cache, directly and by proxy.

`python -m headroom_wrap.evals.sessions DIR` measures every session below DIR. Nothing leaves this machine.

Costs count input alone, in prices of a fresh input token: read from the cache 0.1, written to it 1.25. Directly and
through the proxy the same sessions are billed by the same cache; the proxied requests also carry our tool, as an agent
under `headroom wrap` sends it, and its tokens count against us.
"""

from __future__ import annotations

import argparse
import http.client
import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path

from headroom_wrap.emulator.cache import OPENAI_STEP_TOKENS, AnthropicCache, OpenAICache, TokenMemo, Usage
from headroom_wrap.emulator.prefix import canonical_blocks, load_body
from headroom_wrap.emulator.provider import Options
from headroom_wrap.emulator.server import EmulatedProvider
from headroom_wrap.evals.clients import Prefix, agent_prefix, chat_turns, continues, messages_turns
from headroom_wrap.evals.trajectories import Trajectory, read
from headroom_wrap.proxy.config import ProxyConfig
from headroom_wrap.proxy.embedded import Compression, EmbeddedProxy
from headroom_wrap.proxy.server import bind
from headroom_wrap.store.savings import CACHE_READ_PRICE, CACHE_WRITE_PRICE
from headroom_wrap.tokens import count

N_WORKERS = 2
TIMEOUT_S = 60.0
_KEY = "0" * 64


class UnansweredError(Exception):
    """The provider or the proxy refused a recorded request."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A wire format, as these sessions use it."""

    path: str
    model: str
    headers: Mapping[str, str]
    turns: Callable[..., Iterator[bytes]]
    new_cache: Callable[[TokenMemo], AnthropicCache | OpenAICache]
    cache_step: int = 0


WIRES = {
    "anthropic": Wire(
        "/v1/messages",
        "claude-sonnet-5",
        {"x-api-key": "sk-ant-replay", "anthropic-version": "2023-06-01"},
        messages_turns,
        AnthropicCache,
    ),
    "openai_chat": Wire(
        "/v1/chat/completions",
        "gpt-5.5",
        {"authorization": "Bearer sk-replay"},
        chat_turns,
        OpenAICache,
        OPENAI_STEP_TOKENS,
    ),
}


@dataclass(frozen=True, slots=True)
class Setup:
    """One way of replaying: the wire format, with an agent's own prefix or not, with a new proxy half-way or not."""

    wire: str = "anthropic"
    has_prefix: bool = False
    restarts: bool = False

    def __str__(self) -> str:
        words = [self.wire, "12,000-token prefix" if self.has_prefix else "no prefix"]
        return ", ".join([*words, "restart"] if self.restarts else words)


SETUPS = (
    Setup(),
    Setup(has_prefix=True),
    Setup(restarts=True),
    Setup("openai_chat"),
    Setup("openai_chat", has_prefix=True),
)


@dataclass(frozen=True, slots=True)
class Row:
    """One session in one setup.

    Attributes:
        stable_turns: turns that began with every byte of the turn before; `n_turns - 1` at most.
        tokens_direct, tokens_sent: input tokens of all turns, however they were billed.
        cost_direct, cost_sent: what they cost, in fresh input tokens.
        cost_allowed: what going direct costs with our tool among the tools; where the provider's cache counts in steps,
            a step more, since a shorter prompt may end just below one.
    """

    setup: Setup
    session: str
    source: str
    n_turns: int
    stable_turns: int
    tokens_direct: int
    tokens_sent: int
    cost_direct: float
    cost_sent: float
    cost_allowed: float

    @property
    def relative_cost(self) -> float:
        """Of going direct."""
        return self.cost_sent / self.cost_direct

    @property
    def stability(self) -> float:
        """Share of turns that continue the one before byte for byte, 0 to 1."""
        return self.stable_turns / (self.n_turns - 1) if self.n_turns > 1 else 1.0

    @property
    def is_above_allowed(self) -> bool:
        """Whether compression made it dearer than our tool alone would."""
        return self.cost_sent > self.cost_allowed


def measure(
    folder: Path, setups: Sequence[Setup] = SETUPS, *, level: str = "balanced", n_workers: int = N_WORKERS
) -> list[Row]:
    """Replay every session below `folder` in every setup; what is skipped there, `trajectories.read` tells.

    Raises:
        UnansweredError: a request was refused.
    """
    jobs = [(session, setup, level) for session in read(folder).trajectories for setup in setups]
    jobs.sort(key=lambda job: -sum(len(result.text) for step in job[0].steps for result in step.results))
    with ProcessPoolExecutor(min(n_workers, max(1, len(jobs))), get_context("spawn")) as pool:
        rows = list(pool.map(_replay, jobs))
    order = {setup: number for number, setup in enumerate(setups)}
    return sorted(rows, key=lambda row: (order[row.setup], row.source, row.session))


def cost(usage: Usage) -> float:
    """In fresh input tokens."""
    return usage.rest + CACHE_WRITE_PRICE * usage.written + CACHE_READ_PRICE * usage.read


def replay(session: Trajectory, setup: Setup, level: str = "balanced") -> Row:
    """Send one session through a proxy of its own, and bill it as if it went direct.

    Raises:
        UnansweredError: a request was refused.
    """
    wire = WIRES[setup.wire]
    prefix = agent_prefix() if setup.has_prefix else Prefix()
    plain = list(wire.turns(session, wire.model, prefix, with_our_tool=False))
    ours = list(wire.turns(session, wire.model, prefix, with_our_tool=True))
    direct, allowed = _billed(wire, plain), _billed(wire, ours)
    sent = _proxied(wire, ours, level, restart_before=len(ours) // 2 if setup.restarts else 0)
    bodies = [body for body, _ in sent]
    return Row(
        setup,
        session.name,
        session.source,
        len(sent),
        sum(map(continues, bodies, bodies[1:])),
        sum(usage.total for usage in direct),
        sum(usage.total for _, usage in sent),
        sum(map(cost, direct)),
        sum(cost(usage) for _, usage in sent),
        sum(map(cost, allowed)) + wire.cache_step * (1 - CACHE_READ_PRICE),
    )


def _replay(job: tuple[Trajectory, Setup, str]) -> Row:
    return replay(*job)


def _billed(wire: Wire, bodies: Sequence[bytes]) -> list[Usage]:
    """What the provider would bill for these requests, by its own cache."""
    cache = wire.new_cache(TokenMemo(count))
    return [cache.bill("direct", load_body(body), canonical_blocks(body), now=0.0) for body in bodies]


def _proxied(wire: Wire, bodies: Sequence[bytes], level: str, restart_before: int) -> list[tuple[bytes, Usage]]:
    """What arrived at the provider, and what it billed."""
    # The clock stands, as in `_billed`: a busy machine must not let the provider forget what it would have kept.
    timeless = Options(clock=lambda: 0.0)
    with (
        EmulatedProvider(options=timeless) as provider,
        tempfile.TemporaryDirectory(prefix="headroom-sessions-") as data,
    ):
        halves = [bodies[:restart_before], bodies[restart_before:]] if restart_before else [bodies]
        for half in halves:
            with _proxy(provider.url, Path(data), level) as port:
                _send(wire, half, port)
        arrived = provider.model_requests
        return [(record.content, record.usage) for record in arrived if record.usage is not None]


@contextmanager
def _proxy(upstream: str, data: Path, level: str) -> Iterator[int]:
    """A proxy on a port, with its store in `data`."""
    config = ProxyConfig(
        _KEY, "replay", "proxy", {"anthropic": upstream, "openai": f"{upstream}/v1"}, require_key=False
    )
    proxy = EmbeddedProxy(config, Compression(level), bind(), data, {})
    try:
        proxy.start()
        yield proxy.server.port
    finally:
        proxy.stop()
        proxy.close()


def _send(wire: Wire, bodies: Sequence[bytes], port: int) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=TIMEOUT_S)
    try:
        for turn, body in enumerate(bodies):
            connection.request("POST", wire.path, body, {"content-type": "application/json", **wire.headers})
            answer = connection.getresponse()
            told = answer.read()
            if answer.status != http.client.OK:
                raise UnansweredError(f"turn {turn}: status {answer.status}: {told[:300].decode(errors='replace')}")
    finally:
        connection.close()


def table(rows: Sequence[Row], skipped: Mapping[str, str]) -> str:
    """The figures as aligned text: per setup and source, then what was skipped, and why."""
    lines = [f"{'':<46}{'sessions':>9}{'median':>8}{'best':>7}{'worst':>7}{'tokens':>8}{'stable':>8}{'above':>7}"]
    for setup in dict.fromkeys(row.setup for row in rows):
        chosen = [row for row in rows if row.setup == setup]
        lines.append(_line(str(setup), chosen))
        sources = dict.fromkeys(row.source for row in chosen)
        lines += [_line(f"  {source}", [row for row in chosen if row.source == source]) for source in sources]
    lines += [f"skipped {name}: {why}" for name, why in skipped.items()]
    return "\n".join(lines)


def details(rows: Sequence[Row]) -> str:
    """A line for each session."""
    return "\n".join(
        f"{row.setup!s:<44}{row.session:<44}{row.n_turns:>5}{row.relative_cost:>7.3f}{row.stability:>8.1%}"
        f"{row.tokens_direct:>10}{row.tokens_sent:>10}{' ABOVE' if row.is_above_allowed else ''}"
        for row in rows
    )


def _line(title: str, rows: Sequence[Row]) -> str:
    costs = [row.relative_cost for row in rows]
    share = sum(row.tokens_sent for row in rows) / sum(row.tokens_direct for row in rows)
    stable = sum(row.stable_turns for row in rows) / max(1, sum(row.n_turns - 1 for row in rows))
    above = sum(row.is_above_allowed for row in rows)
    return (
        f"{title:<46}{len(rows):>9}{statistics.median(costs):>8.3f}{min(costs):>7.3f}{max(costs):>7.3f}"
        f"{share:>8.3f}{stable:>8.1%}{above:>7}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Measure a folder's sessions; exit code 1 where a prefix broke, or compression made a session dearer."""
    parser = argparse.ArgumentParser(prog="python -m headroom_wrap.evals.sessions", description=__doc__)
    parser.add_argument("folder", type=Path, help="recorded sessions")
    parser.add_argument("-v", action="store_true", help="a line per session")
    parser.add_argument("--level", default="balanced")
    parser.add_argument("--json", type=Path, help="write the rows here too")
    parser.add_argument("--setup", type=int, action="append", help="only these setups, by number from 0")
    asked = parser.parse_args(argv)
    setups = [SETUPS[number] for number in asked.setup] if asked.setup else SETUPS
    rows = measure(asked.folder, setups, level=asked.level)
    shown = table(rows, read(asked.folder).skipped)
    sys.stdout.write((details(rows) + "\n" if asked.v else "") + shown + "\n")
    if asked.json:
        asked.json.write_text(json.dumps([asdict(row) for row in rows], indent=1), "utf-8")
    return int(any(row.stability < 1 or row.is_above_allowed for row in rows))


if __name__ == "__main__":
    sys.exit(main())
