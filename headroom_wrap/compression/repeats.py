"""Stretches of lines that stand in the same text already."""

from __future__ import annotations

from collections.abc import Sequence

from headroom_wrap.compression.lines import Sheet

_GRAM = 3
_CANDIDATES = 4
_MIN_LINES = 4
_MIN_CHARS = 200


def drop_repeats(
    sheet: Sheet, keys: Sequence[str], but_for: str, lasting: Sequence[bool] = (), offset: int = 0
) -> None:
    """Drop stretches of four or more lines whose keys follow each other above too, among lines that stay.

    Args:
        sheet: only lines that it keeps are compared; blank ones are passed over.
        keys: one per line; equal keys mean that one line may stand for the other.
        but_for: what equal keys leave out, for stretches that are not equal to the letter.
        lasting: for each line whether it stays, though it may be what a later one repeats; if empty, none does.
        offset: how many lines of the original stand before those of the sheet.
    """
    visible = [index for index in range(len(sheet.lines)) if sheet.is_plainly_kept(index)]
    names = [keys[index] for index in visible]
    stays = bytearray(lasting[index] for index in visible) if lasting else bytearray(len(visible))
    dropped = bytearray(len(visible))
    starts: dict[tuple[str, ...], list[int]] = {}
    at = 0
    while at + _GRAM <= len(visible):
        gram = tuple(names[at : at + _GRAM])
        known = starts.setdefault(gram, [])
        source, length = _longest(names, dropped, stays, known, at)
        if length >= _MIN_LINES and sum(len(sheet.shown[index]) for index in visible[at : at + length]) >= _MIN_CHARS:
            pairs = zip(visible[source : source + length], visible[at : at + length], strict=True)
            exact = all(sheet.shown[above] == sheet.shown[below] for above, below in pairs)
            span = f"{offset + visible[source] + 1}-{offset + visible[source + length - 1] + 1}"
            label = f"that repeat lines {span}" + ("" if exact else f" but for {but_for}")
            for index in visible[at : at + length]:
                sheet.drop(index, index, label)
            dropped[at : at + length] = b"\x01" * length
            at += length
        else:
            if len(known) < _CANDIDATES:
                known.append(at)
            at += 1


def _longest(
    names: Sequence[str], dropped: bytearray, stays: bytearray, known: Sequence[int], at: int
) -> tuple[int, int]:
    best = (0, 0)
    for source in known:
        length = 0
        while (
            source + length < at
            and at + length < len(names)
            and not dropped[source + length]
            and not stays[at + length]
            and names[source + length] == names[at + length]
        ):
            length += 1
        if length > best[1]:
            best = (source, length)
    return best
