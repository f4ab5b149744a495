"""The engine: one verdict per slot, decided when the block is first seen and replayed for ever (law 1).

A block's identity is its wire format, its way back, its call id, how many equal texts stand before it under that
call id, and its text; in the library also the words that it is judged by, since there each call decides anew. The key
of its decision adds the profile. A reference to an earlier block also records which block that was: where it no
longer stands earlier in the request, the block gets a second decision, taken without references, and keeps that one.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from headroom_wrap import tokens
from headroom_wrap.compression import markers, overlaps, router
from headroom_wrap.compression.commands import is_reader
from headroom_wrap.compression.model import Compressed, Hints, Level, Profile, Slot, SlotKind, Verdict, WayBack
from headroom_wrap.compression.references import call_key, is_same_call, refer, refer_with_difference
from headroom_wrap.errors import HeadroomError
from headroom_wrap.store import Decision, Store
from headroom_wrap.store.store import original_id

MIN_CHARS = 240
"""Below, hardly a re-spelling pays, and no marker does."""
_MIN_CHARS_OF_USER = 600
"""Of what the user wrote, only what is long enough to have been pasted."""
MAX_CHARS = 4_000_000
BIRTHS_BUDGET_S = 5.0
"""What is new in one request may cost this much; blocks beyond it are decided "left", and stay so."""
_REMEMBERED = 8192
_SHOW_LINES = frozenset({"", "code", "numbered", "overlap"})
"""Compressors whose results show a file's lines word for word, but for marked ones."""

T = TypeVar("T")
_Rendering = tuple[str, str, str, tuple[str, ...]]
"""The text to send instead, the reason, the compressor, and the families of the blocks that it depends on."""
_Router = Callable[[str, Hints], "tuple[str, Compressed] | None"]


@dataclass(frozen=True, slots=True)
class _Block:
    slot: Slot
    family: str
    key: str


@dataclass(frozen=True, slots=True)
class _Earlier:
    """Blocks that stand before another: one with the same text, one of the same call, and those of the same file.

    Those of the same file come with what is sent in their place, and the families that this itself stands on.
    `n_tokens` are those of the equal text, 0 where nobody has counted them.
    """

    equal: _Block | None = None
    n_tokens: int = 0
    like: _Block | None = None
    of_file: tuple[tuple[_Block, str | None, tuple[str, ...]], ...] = ()


class Engine:
    """Decides and replays. Safe for several threads.

    Args:
        store: where decisions and originals live.
        compress: the router; a parameter for tests.
        clock: seconds, monotonic; bounds the time spent on new blocks.
        births_budget_s: what is new in one request may cost this much.
        max_chars: longer texts are left alone; nobody waits for a program's as for an agent's.

    Raises:
        HeadroomError: `process` raises `STORE_FAILED` when the store cannot be read; the caller sends the original.
    """

    def __init__(
        self,
        store: Store,
        *,
        compress: _Router = router.compress,
        clock: Callable[[], float] = time.monotonic,
        births_budget_s: float = BIRTHS_BUDGET_S,
        max_chars: int = MAX_CHARS,
    ) -> None:
        self._store = store
        self._compress = compress
        self._clock = clock
        self._births_budget_s = births_budget_s
        self._max_chars = max_chars
        self._decisions: OrderedDict[str, Decision] = OrderedDict()
        self._profiles: OrderedDict[str, Profile] = OrderedDict()
        self._unwritten: dict[str, Decision] = {}

    def process(self, slots: Sequence[Slot], wire: str, profile: Profile) -> list[Verdict]:
        """One verdict per slot, in order.

        Args:
            slots: of one request.
            wire: name of the wire format.
            profile: what holds for a conversation that begins now; one that has begun keeps its own.
        """
        if profile.level is Level.OFF:
            return [Verdict(slot, None, "level off") for slot in slots]
        families = _families(slots, wire, profile.way_back)
        why_left = [_why_left(slot, self._max_chars) for slot in slots]
        eligible = [index for index, why in enumerate(why_left) if why is None]
        profile = self._frozen_profile([families[index] for index in eligible], profile)
        dumped = _dump(profile)
        blocks = {index: _Block(slots[index], families[index], _hash(families[index], dumped)) for index in eligible}
        decided, new = self._decide(list(blocks.values()), profile)
        return [
            _verdict(slot, decided[blocks[index].key], is_new=blocks[index].key in new)
            if index in blocks
            else Verdict(slot, None, why_left[index] or "")
            for index, slot in enumerate(slots)
        ]

    def _decide(self, blocks: Sequence[_Block], profile: Profile) -> tuple[dict[str, Decision], frozenset[str]]:
        """The decision for each block (by the block's key), and which of them were taken just now."""
        known = self._recall([key for block in blocks for key in (block.key, _alone(block.key))])
        decided: dict[str, Decision] = {}
        births: dict[str, Decision] = {}
        originals: dict[str, tuple[str, str]] = {}
        standing = _Standing()
        deadline = self._clock() + self._births_budget_s
        for block in blocks:
            decision = known.get(block.key)
            if decision is not None and not _holds(decision, standing.families):
                decision = known.get(_alone(block.key))
            if decision is None:
                is_alone = block.key in known or profile.way_back is WayBack.NONE
                earlier = _Earlier() if is_alone else standing.before(block, decided)
                key = _alone(block.key) if block.key in known else block.key
                in_time = self._clock() < deadline
                decision = self._birth(block, key, earlier, profile) if in_time else _left(block, key, profile)
                births[decision.key] = decision
                if decision.original_id is not None:
                    originals[decision.original_id] = (block.slot.text, block.slot.tool_name)
            decided[block.key] = decision
            standing.add(block)
        if births:
            won = self._commit(births, originals)
            decided = {key: won.get(decision.key, decision) for key, decision in decided.items()}
        return decided, frozenset(key for key, decision in decided.items() if decision.key in births)

    def _commit(self, births: Mapping[str, Decision], originals: Mapping[str, tuple[str, str]]) -> dict[str, Decision]:
        """What stands now. Where the store fails, what is known goes out as before, and what is new as it came.

        That is then its decision, in memory until the store takes it.
        """
        wanted = {**births, **self._unwritten}
        try:
            won = self._store.decide(list(wanted.values()), originals)
        except HeadroomError:
            won = {key: _unwritten(decision) for key, decision in wanted.items()}
            self._unwritten.update(won)
        else:
            for key in wanted:
                self._unwritten.pop(key, None)
        self._remember(won)
        return won

    def _birth(self, block: _Block, key: str, earlier: _Earlier, profile: Profile) -> Decision:
        slot = block.slot
        if slot.tool_name in profile.excluded_tools:
            # A decision like any other: a session without the exclusion that takes the conversation up keeps to it.
            return _left(block, key, profile, "excluded tool")
        before = earlier.n_tokens or tokens.count(slot.text)
        id_ = original_id(slot.text)
        best: Decision | None = None
        for rendered, reason, name, depends in self._renderings(slot, id_, earlier, profile):
            after = tokens.count(rendered)
            if after < (before if best is None else best.tokens_after) and len(rendered) < len(slot.text):
                best = Decision(
                    key, block.family, _dump(profile), rendered, reason, name, before, after, id_, depends
                )  # fmt: skip
        return _left(block, key, profile, "nothing to gain", before) if best is None else best

    def _renderings(self, slot: Slot, id_: str, earlier: _Earlier, profile: Profile) -> Iterator[_Rendering]:
        """What may stand for a text."""
        if earlier.equal is not None:
            rendered = refer(slot.text, earlier.equal.slot, id_, profile)
            yield rendered, "repeats an earlier result", "reference", (earlier.equal.family,)
            return
        if earlier.like is not None:
            told = refer_with_difference(slot, earlier.like.slot, id_, profile)
            if told is not None:
                yield told, "differs little from an earlier result", "difference", (earlier.like.family,)
        if earlier.of_file:
            yield from _overlap(slot, earlier, profile)
        outcome = self._try_compress(slot, profile)
        if outcome is not None:
            name, compressed = outcome
            yield _with_header(slot.text, compressed, profile), compressed.reason, name, ()

    def _try_compress(self, slot: Slot, profile: Profile) -> tuple[str, Compressed] | None:
        try:
            return self._compress(slot.text, _hints(slot, profile))
        except Exception:  # noqa: BLE001 - law 5: a compressor that fails costs nothing, and only its own block
            return None

    def _frozen_profile(self, families: Sequence[str], profile: Profile) -> Profile:
        if profile.way_back is WayBack.CALLER:
            return profile  # a program says for each call what it wants
        for family in families:
            if family in self._profiles:
                return self._profiles[family]
        stored = self._store.profile_of(families) if families else None
        frozen = profile if stored is None else _load(stored)
        for family in families:
            _keep(self._profiles, family, frozen)
        return frozen

    def _recall(self, keys: Sequence[str]) -> dict[str, Decision]:
        known = {key: self._decisions[key] for key in keys if key in self._decisions}
        self._store.used(known)
        missing = [key for key in keys if key not in known]
        # A block's second key is looked up only with its first: most blocks never have one.
        if any(not key.endswith(_ALONE) for key in missing):
            stored = self._store.decisions(missing)
            self._remember(stored)
            known.update(stored)
        return known

    def _remember(self, decisions: Mapping[str, Decision]) -> None:
        for key, decision in decisions.items():
            _keep(self._decisions, key, decision)


_ALONE = "/alone"


def _alone(key: str) -> str:
    """The key of the decision that a block gets when the block it referred to is gone."""
    return key + _ALONE


def _families(slots: Sequence[Slot], wire: str, way_back: WayBack) -> list[str]:
    counts: dict[tuple[str | None, bytes], int] = {}
    families = []
    for slot in slots:
        digest = hashlib.sha256(slot.text.encode("utf-8", "surrogatepass")).digest()
        occurrence = counts.get((slot.call_id, digest), 0)
        counts[slot.call_id, digest] = occurrence + 1
        parts = [wire, way_back.value, json.dumps(slot.call_id), str(occurrence), digest.hex()]
        if way_back is WayBack.CALLER:
            # No conversation is remembered for a program: the words that the block was judged by are part of its name.
            parts.append(slot.query)
        families.append(_hash(*parts))
    return families


def _hints(slot: Slot, profile: Profile) -> Hints:
    marker = markers.elision if profile.may_elide else None
    return Hints(slot.tool_name, slot.tool_input, slot.query, slot.is_error, marker, profile.level)


class _Standing:
    """The blocks that stand before another, found by their text, call or file: looking at each would take squared time.

    Attributes:
        families: of all of them.
    """

    def __init__(self) -> None:
        self.families: set[str] = set()
        self._unsorted: list[_Block] = []
        self._with_text: dict[str, _Block] = {}
        self._of_call: dict[tuple[str, frozenset[tuple[str, str]]], list[_Block]] = {}
        self._of_file: dict[str, list[_Block]] = {}

    def add(self, block: _Block) -> None:
        """Put a block behind the others."""
        self.families.add(block.family)
        self._unsorted.append(block)

    def before(self, block: _Block, decided: Mapping[str, Decision]) -> _Earlier:
        """What `block` may refer to. One that is itself told by another is no ground to stand on."""
        self._sort()
        slot = block.slot
        equal = self._with_text.get(slot.text)
        if equal is not None:
            return _Earlier(equal, decided[equal.key].tokens_before)
        calls = (other for other in reversed(self._of_call.get(call_key(slot), ())) if is_same_call(slot, other.slot))
        like = next((other for other in calls if not _is_told(decided[other.key])), None)
        of_file = tuple(
            (other, decided[other.key].rendered, decided[other.key].depends)
            for other in self._of_file.get(_path_read(slot), ())
            if decided[other.key].compressor in _SHOW_LINES and not _is_told(decided[other.key])
        )
        return _Earlier(None, 0, like, of_file)

    def _sort(self) -> None:
        for block in self._unsorted:
            self._with_text.setdefault(block.slot.text, block)
            self._of_call.setdefault(call_key(block.slot), []).append(block)
            if path := _path_read(block.slot):
                self._of_file.setdefault(path, []).append(block)
        self._unsorted.clear()


def _path_read(slot: Slot) -> str:
    return overlaps.path_of(slot.tool_input) if is_reader(slot.tool_name) else ""


def _is_told(decision: Decision) -> bool:
    return decision.rendered is not None and markers.tells_of_another(decision.rendered)


def _overlap(slot: Slot, earlier: _Earlier, profile: Profile) -> Iterator[_Rendering]:
    shown = [overlaps.Shown(block.slot.text, told) for block, told, _ in earlier.of_file]
    made = overlaps.compress(slot.text, _hints(slot, profile), shown)
    if made is not None:
        compressed, used = made
        # Where what an earlier block stands on is gone, it shows other lines than those counted on here.
        stood_on = (
            family for at in sorted(used) for family in (earlier.of_file[at][0].family, *earlier.of_file[at][2])
        )
        depends = tuple(dict.fromkeys(stood_on))
        yield _with_header(slot.text, compressed, profile), compressed.reason, "overlap", depends


def _why_left(slot: Slot, max_chars: int) -> str | None:
    """The pure rules that leave a slot alone without any decision; None where one must be taken."""
    is_result = slot.kind is SlotKind.TOOL_RESULT
    if len(slot.text) < (MIN_CHARS if is_result else _MIN_CHARS_OF_USER):
        return "too short"
    if len(slot.text) > max_chars:
        return "too long"
    if not is_result and slot.text.strip() in slot.query:
        return "it is the question"
    if slot.tool_name.endswith(markers.RETRIEVE_TOOL) or markers.carries_marker(slot.text):
        return "retrieved, or marked already"
    if markers.is_notes(slot.text):
        return "notes of the memory"
    return None


def _holds(decision: Decision, families: AbstractSet[str]) -> bool:
    return all(family in families for family in decision.depends)


def _left(block: _Block, key: str, profile: Profile, reason: str = "out of time", n_tokens: int = 0) -> Decision:
    return Decision(key, block.family, _dump(profile), None, reason, tokens_before=n_tokens, tokens_after=n_tokens)


def _unwritten(decision: Decision) -> Decision:
    n_tokens = decision.tokens_before
    return Decision(
        decision.key, decision.family, decision.profile, None, "the store failed",
        tokens_before=n_tokens, tokens_after=n_tokens,
    )  # fmt: skip


def _with_header(text: str, compressed: Compressed, profile: Profile) -> str:
    if compressed.elided == 0:
        return compressed.text
    head = markers.header(original_id(text), compressed.elided, compressed.total, compressed.unit, profile)
    return f"{head}\n{compressed.text}"


def _verdict(slot: Slot, decision: Decision, *, is_new: bool) -> Verdict:
    return Verdict(
        slot, decision.rendered, decision.reason, decision.compressor,
        decision.tokens_before, decision.tokens_after, decision.original_id, is_new,
    )  # fmt: skip


@lru_cache(64)
def _dump(profile: Profile) -> str:
    return json.dumps(
        {
            "level": profile.level.value,
            "excluded_tools": sorted(profile.excluded_tools),
            "way_back": profile.way_back.value,
            "command": profile.command,
            "renderer": profile.renderer,
        },
        sort_keys=True,
    )


def _load(dumped: str) -> Profile:
    fields = json.loads(dumped)
    return Profile(
        Level(fields["level"]),
        tuple(fields["excluded_tools"]),
        WayBack(fields["way_back"]),
        fields["command"],
        fields["renderer"],
    )


def _hash(*parts: str) -> str:
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _keep(memory: OrderedDict[str, T], key: str, value: T) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > _REMEMBERED:
        memory.popitem(last=False)
