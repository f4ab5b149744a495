"""What ran out of time, and how it came to an end."""

from __future__ import annotations

from collections.abc import Iterator

from headroom_wrap.learn.events import Outcome, ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner import words
from headroom_wrap.learn.miner.commands import normal
from headroom_wrap.learn.miner.errors import line_of
from headroom_wrap.learn.miner.shell import Command
from headroom_wrap.learn.miner.trace import Step, Trace

_WINDOW = 10
_MAX_COMMAND = 100
_LIMITS = ("timeout", "timeout_ms", "timeoutMs", "yield_time_ms", "timeout_seconds", "initial_wait", "block_until_ms")
_BEHIND = ("run_in_background", "background", "is_background", "detach")


def mine(trace: Trace) -> Iterator[Sighting]:
    """The sightings of a session's commands that took too long."""
    told: set[str] = set()
    for step in trace.steps:
        if step.call.kind is not ToolKind.SHELL or step.call.outcome is not Outcome.TIMEOUT:
            continue
        command = step.works[-1] if step.works else None
        if command is None or len(command.shown) > _MAX_COMMAND or command.shown in told:
            continue
        way = _way(trace, step, command)
        if way:
            told.add(command.shown)
            quote = line_of(_line(step.call.text))
            subject = normal(command.shown)
            sighting = trace.sighting(FindingKind.TIMEOUT, subject, f"{way} ({quote[:80]}).", step, quote, 0.85)
            if sighting is not None:
                yield sighting


def _way(trace: Trace, step: Step, command: Command) -> str:
    for later in trace.after(step, _WINDOW):
        if later.call.kind is not ToolKind.SHELL or later.call.outcome not in (Outcome.OK, Outcome.UNKNOWN):
            continue
        other = next((each for each in later.works if _is_kin(command, each)), None)
        if other is None:
            continue
        if other.is_behind or any(later.call.input.get(name) for name in _BEHIND):
            return f"Run `{command.shown}` in the background (`{command.shown} &`)"
        if later.call.outcome is not Outcome.OK:
            continue
        if other.words != command.words and len(other.shown) <= _MAX_COMMAND:
            return f"Run `{other.shown}` instead of `{command.shown}`"
        limit = _limit(later)
        if other.words == command.words and limit > _limit(step):
            return f"Give `{command.shown}` a time limit of {_seconds(limit)} s"
        if other.words == command.words:
            return ""
    return ""


def _is_kin(first: Command, second: Command) -> bool:
    cores = words.core(first), words.core(second)
    if cores[0][0] != cores[1][0] and not (words.is_test(first) and words.is_test(second)):
        return False
    if words.asks_for_help(second) or words.verb(first) != words.verb(second):
        return False
    return words.overlap(first.words, second.words) > 0


def _limit(step: Step) -> float:
    values = [step.call.input.get(name) for name in _LIMITS]
    return max((float(value) for value in values if isinstance(value, (int, float))), default=0.0)


def _seconds(limit: float) -> int:
    return round(limit / 1000) if limit >= 1000 else round(limit)  # noqa: PLR2004 - milliseconds


def _line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    timed = [line for line in lines if "time" in line.lower()]
    return (timed or lines or ["it did not end in time"])[0]
