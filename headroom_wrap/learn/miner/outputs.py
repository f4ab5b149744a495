"""Large outputs that were not used: the same was asked again, narrower, right after."""

from __future__ import annotations

from collections.abc import Iterator

from headroom_wrap.learn.events import Outcome, ToolKind
from headroom_wrap.learn.findings import FindingKind, Sighting
from headroom_wrap.learn.miner.commands import normal
from headroom_wrap.learn.miner.errors import line_of
from headroom_wrap.learn.miner.shell import Command, is_setup
from headroom_wrap.learn.miner.trace import Step, Trace

_LARGE_CHARS = 20_000
_WINDOW = 3
_FEWER = 4
"""By how much the narrower output must be smaller."""
_MAX_COMMAND = 100
_NARROW_FIELDS = ("offset", "limit", "view_range", "start_line", "end_line", "lines")
_FILTERS = frozenset({"head", "tail", "grep", "rg", "sed", "awk", "jq", "wc", "cut", "sort", "uniq", "less"})
_TOO_LARGE = ("exceeds maximum allowed", "too large to read", "output too large", "file too large")


def mine(trace: Trace) -> Iterator[Sighting]:
    """The sightings of a session's wasted outputs."""
    told: set[str] = set()
    for step in trace.steps:
        call = step.call
        is_refused = call.outcome is Outcome.FAILED and any(word in call.text[:300].lower() for word in _TOO_LARGE)
        if not is_refused and (call.outcome is not Outcome.OK or call.n_chars < _LARGE_CHARS):
            continue
        subject, text = _narrowed(trace, step)
        if text and subject not in told:
            told.add(subject)
            quote = line_of(call.text[:300]) if is_refused else f"{call.n_chars:,} characters, and then asked narrower"
            sighting = trace.sighting(FindingKind.OUTPUT, subject, text, step, quote, 0.8 if is_refused else 0.6)
            if sighting is not None:
                yield sighting


def _narrowed(trace: Trace, step: Step) -> tuple[str, str]:
    for later in trace.after(step, _WINDOW):
        if later.call.kind is not step.call.kind or not later.worked or not _is_fewer(step, later):
            continue
        if step.call.kind is ToolKind.READ and later.path == step.path and _is_narrow(later) and not _is_narrow(step):
            return step.path, f"Read `{step.path}` in parts, not whole: it is large."
        if step.call.kind is ToolKind.SHELL:
            first, second = _main(step), _main(later)
            if first and second and first.words == second.words and _filters(later) > _filters(step):
                shown = _shown(later)
                if len(shown) <= _MAX_COMMAND and len(first.shown) <= _MAX_COMMAND:
                    size = f"{step.call.n_chars // 1000} kB"
                    return normal(first.shown), f"Run `{shown}`, not `{first.shown}` alone: that prints {size}."
    return "", ""


def _is_fewer(step: Step, later: Step) -> bool:
    """Whether the later answer is much shorter; anything is, where the first was refused."""
    return step.call.outcome is Outcome.FAILED or later.call.n_chars * _FEWER <= step.call.n_chars


def _is_narrow(step: Step) -> bool:
    return any(step.call.input.get(name) for name in _NARROW_FIELDS)


def _main(step: Step) -> Command | None:
    return step.works[0] if len(step.works) == 1 else None


def _filters(step: Step) -> int:
    return sum(command.is_piped and command.name in _FILTERS for command in step.commands)


def _shown(step: Step) -> str:
    return " | ".join(command.text for command in step.commands if not is_setup(command))
