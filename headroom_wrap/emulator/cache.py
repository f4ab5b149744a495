"""The prompt caches of Anthropic and OpenAI, so that `usage` shows every miss. Pure: time and the token count come in.

Sources: the providers' documentation of prompt caching (breakpoints, look-back of 20 blocks, minimum lengths,
lifetimes of 5 minutes and 1 hour; OpenAI's automatic cache from 1,024 tokens in steps of 128).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headroom_wrap.emulator.prefix import Block

MAX_MARKS = 4
LOOK_BACK_BLOCKS = 20
LIFETIME_S = {"5m": 300.0, "1h": 3600.0}
DEFAULT_MINIMUM_TOKENS = 1024
MINIMUM_TOKENS = {
    "claude-opus-5": 512,
    "claude-fable-5": 512,
    "claude-mythos-5": 512,
    "claude-opus-4-7": 2048,
    "claude-opus-4-6": 4096,
    "claude-opus-4-5": 4096,
    "claude-haiku-4-5": 4096,
    "claude-3-5-haiku": 2048,
    "claude-3-haiku": 2048,
}
"""Shortest prefix that is cached, by the start of the model's name."""
OPENAI_MINIMUM_TOKENS = 1024
OPENAI_STEP_TOKENS = 128
OPENAI_LIFETIME_S = 600.0
_OPENAI_PROMPTS_KEPT = 64
_SAMPLE_CHARACTERS = 200_000

Count = Callable[[str], int]


class MarkError(Exception):
    """Marks that the provider refuses with status 400; the message is the provider's."""


@dataclass(frozen=True, slots=True)
class Usage:
    """How one prompt was billed, in tokens. The prompt has `read + written_5m + written_1h + rest` of them."""

    read: int = 0
    written_5m: int = 0
    written_1h: int = 0
    rest: int = 0

    @property
    def written(self) -> int:
        """Tokens that entered the cache, whatever their lifetime."""
        return self.written_5m + self.written_1h

    @property
    def total(self) -> int:
        """All tokens of the prompt."""
        return self.read + self.written + self.rest


@dataclass(slots=True)
class _Entry:
    expires: float
    lifetime_s: float


class TokenMemo:
    """Counts each block once, since a conversation sends its old blocks with every turn, and long ones by a sample."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._known: dict[bytes, int] = {}

    def __call__(self, text: str) -> int:
        """Tokens of `text`."""
        digest = hashlib.sha256(text.encode()).digest()
        n_tokens = self._known.get(digest)
        if n_tokens is None:
            sample = text[:_SAMPLE_CHARACTERS]
            n_tokens = self._known[digest] = round(self._count(sample) * len(text) / max(1, len(sample)))
        return n_tokens


class AnthropicCache:
    """Prefixes that ended at a mark, by credential and model.

    Args:
        count: tokens of a text.
        minimum_tokens: overrides the table of shortest cacheable prefixes, for every model.
    """

    def __init__(self, count: Count, minimum_tokens: int | None = None) -> None:
        self._count = count
        self._minimum_tokens = minimum_tokens
        self._entries: dict[tuple[str, str, bytes], _Entry] = {}

    def bill(self, credential: str, request: Mapping[str, Any], blocks: Sequence[Block], now: float) -> Usage:
        """Look the prompt up, write what its marks ask for, and say what was read, written and neither.

        Raises:
            MarkError: more than four marks, or a one-hour mark after a five-minute one.
        """
        lifetimes = _lifetimes(blocks)
        model = str(request.get("model", ""))
        digests = _digests(request, blocks)
        ends = _ends(blocks, self._count)
        minimum = self._minimum_tokens if self._minimum_tokens is not None else minimum_tokens(model)
        marks = [at for at in lifetimes if ends[at] >= minimum]
        hit = self._longest_hit(credential, model, digests, marks, now)
        for at in marks:
            self._keep(credential, model, digests[at], LIFETIME_S[lifetimes[at]], now)
        read = ends[hit] if hit is not None else 0
        hour = max((ends[at] for at in marks if lifetimes[at] == "1h"), default=0)
        last = max((ends[at] for at in marks), default=0)
        written_1h = max(0, hour - read)
        written_5m = max(0, last - max(read, hour))
        total = ends[-1] if ends else 0
        return Usage(read, written_5m, written_1h, total - read - written_5m - written_1h)

    def _longest_hit(
        self, credential: str, model: str, digests: Sequence[bytes], marks: Sequence[int], now: float
    ) -> int | None:
        for mark in reversed(marks):
            for at in range(mark, max(-1, mark - LOOK_BACK_BLOCKS), -1):
                entry = self._entries.get((credential, model, digests[at]))
                if entry and entry.expires > now:
                    entry.expires = max(entry.expires, now + entry.lifetime_s)
                    return at
        return None

    def _keep(self, credential: str, model: str, digest: bytes, lifetime_s: float, now: float) -> None:
        entry = self._entries.get((credential, model, digest))
        if entry is None or entry.expires <= now:
            self._entries[credential, model, digest] = _Entry(now + lifetime_s, lifetime_s)
            return
        entry.lifetime_s = max(entry.lifetime_s, lifetime_s)
        entry.expires = max(entry.expires, now + entry.lifetime_s)


class OpenAICache:
    """Whole prompts by credential, model and `prompt_cache_key`; a hit reaches to the first difference."""

    def __init__(self, count: Count) -> None:
        self._count = count
        self._prompts: dict[tuple[str, str, str], list[tuple[float, tuple[str, ...]]]] = {}

    def bill(self, credential: str, request: Mapping[str, Any], blocks: Sequence[Block], now: float) -> Usage:
        """Look the prompt up and keep it. `read` counts whole steps of 128 tokens, from 1,024 on."""
        key = (credential, str(request.get("model", "")), str(request.get("prompt_cache_key", "")))
        texts = tuple(block.text for block in blocks)
        alive = [kept for kept in self._prompts.get(key, []) if kept[0] > now]
        common = max((self._common_tokens(kept, texts) for _, kept in alive), default=0)
        alive = [kept for kept in alive if kept[1] != texts]
        alive.append((now + OPENAI_LIFETIME_S, texts))
        self._prompts[key] = alive[-_OPENAI_PROMPTS_KEPT:]
        total = sum(self._count(text) for text in texts)
        read = common // OPENAI_STEP_TOKENS * OPENAI_STEP_TOKENS if common >= OPENAI_MINIMUM_TOKENS else 0
        return Usage(read=read, rest=total - read)

    def _common_tokens(self, kept: Sequence[str], texts: Sequence[str]) -> int:
        n_tokens = 0
        for old, new in zip(kept, texts, strict=False):
            if old != new:
                shared = next((i for i, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), None)
                length = min(len(old), len(new)) if shared is None else shared
                # A cut inside a word can count one token more than the whole text has.
                return n_tokens + min(self._count(new[:length]), self._count(new))
            n_tokens += self._count(new)
        return n_tokens


def minimum_tokens(model: str) -> int:
    """The shortest prefix that the provider caches for `model`, in tokens."""
    return next((n for name, n in MINIMUM_TOKENS.items() if model.startswith(name)), DEFAULT_MINIMUM_TOKENS)


def _lifetimes(blocks: Sequence[Block]) -> dict[int, str]:
    marks = {at: str(block.mark.get("ttl", "5m")) for at, block in enumerate(blocks) if block.mark is not None}
    if len(marks) > MAX_MARKS:
        raise MarkError(f"A maximum of {MAX_MARKS} blocks with cache_control may be provided. Found {len(marks)}.")
    short_seen = False
    for at, lifetime in marks.items():
        if lifetime not in LIFETIME_S:
            raise MarkError(f"{blocks[at].place}.cache_control.ttl: Input should be '5m' or '1h'")
        if lifetime == "1h" and short_seen:
            raise MarkError(
                f"{blocks[at].place}.cache_control.ttl: a ttl='1h' cache_control block must not come after a"
                " ttl='5m' cache_control block. Note that blocks are processed in the following order:"
                " `tools`, `system`, `messages`."
            )
        short_seen = short_seen or lifetime == "5m"
    return marks


def _digests(request: Mapping[str, Any], blocks: Sequence[Block]) -> list[bytes]:
    """The running digest after each block: equal digests mean equal prefixes."""
    running = hashlib.sha256()
    digests = []
    in_messages = False
    for block in blocks:
        if not in_messages and block.place.startswith("messages"):
            in_messages = True
            # Documented: another tool_choice or thinking setting keeps tools and system, and drops the messages.
            choices = [request.get("tool_choice"), request.get("thinking")]
            running.update(json.dumps(choices).encode() + b"\0")
        running.update(block.text.encode() + b"\0")
        digests.append(running.digest())
    return digests


def _ends(blocks: Sequence[Block], count: Count) -> list[int]:
    ends: list[int] = []
    for block in blocks:
        ends.append((ends[-1] if ends else 0) + count(block.text))
    return ends
