"""Long beginnings of strings and long values that stand many times in JSON: said once, then named."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from headroom_wrap.compression.markers import PREFIX

_SIGILS = "$~§@"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_STRING = re.compile(r'"([^"\\\n]{24,600})"')
_MIN_PREFIX_CHARS, _MIN_VALUE_CHARS = 20, 60
_MIN_TIMES = 4
_MIN_PATHS = 60
"""Of fewer paths each stays whole: agents copy them."""
_PATH = re.compile(r"(?!\w+://)[^\s:]*/[^\s]*\Z")
_LEGEND_CHARS, _NAME_CHARS = 44, 4
_MIN_GAIN_CHARS = 80
_MAX_ALIASES = 12
_MAX_CANDIDATES = 200
_MAX_STRINGS = 20_000


def aliased(lines: Sequence[str], is_json: Sequence[bool], values: Iterable[str]) -> list[str]:
    """The lines with names for what repeats, below a line of ours for each name that says what it stands for.

    Args:
        lines: of a text.
        is_json: which of them are JSON, where names may stand.
        values: objects and arrays that may stand in them more than once, as spelled there.
    """
    text = "\n".join(lines)
    sigil = next((sign for sign in _SIGILS if not re.search(re.escape(sign) + "[A-Z]", text)), None)
    if sigil is None:
        return list(lines)
    places = [index for index, flag in enumerate(is_json) if flag]
    body = "\n".join(lines[index] for index in places)
    legends: list[str] = []
    for value in _repeated(body, values):
        name = sigil + _LETTERS[len(legends)]
        body = body.replace(value, name)
        legends.append(value)
    n_values = len(legends)
    whole = "\n".join([*legends, body])
    for prefix in _prefixes(whole, _MAX_ALIASES):
        name = sigil + _LETTERS[len(legends)]
        whole = whole.replace(f'"{prefix}', f'"{name}')
        legends.append(prefix)
    if not legends:
        return list(lines)
    spelled = whole.split("\n")
    said = [*spelled[:n_values], *legends[n_values:]]
    out = list(lines)
    for index, line in zip(places, spelled[n_values:], strict=True):
        out[index] = line
    head = [f"{PREFIX}: {sigil}{letter} below stands for {what}]" for letter, what in zip(_LETTERS, said, strict=False)]
    # Names of beginnings come first: the values above may use them.
    return [*head[n_values:], *head[:n_values], *out]


def _repeated(body: str, values: Iterable[str]) -> list[str]:
    """The values that are worth a name, the most rewarding first; none that stands in another one."""
    counted = Counter(value for value in values if len(value) >= _MIN_VALUE_CHARS)
    often = [value for value, times in counted.items() if times > 1]
    often.sort(key=lambda value: (-counted[value] * len(value), value))
    found: list[str] = []
    for value in often[:_MAX_CANDIDATES]:
        if len(found) == _MAX_ALIASES:
            break
        times = body.count(value)
        if (times - 1) * len(value) - times * _NAME_CHARS - _LEGEND_CHARS >= _MIN_GAIN_CHARS:
            body = body.replace(value, "\0")
            found.append(value)
    return found


def _prefixes(text: str, limit: int) -> list[str]:
    """The beginnings of strings that are worth a name, each ending after a slash or with its string."""
    strings = Counter(_STRING.findall(text)[:_MAX_STRINGS])
    found: list[str] = []
    while len(found) < limit:
        counts: Counter[str] = Counter()
        for string, times in strings.items():
            at = string.find("/", _MIN_PREFIX_CHARS - 1)
            while 0 <= at < len(string) - 1:
                counts[string[: at + 1]] += times
                at = string.find("/", at + 1)
            counts[string] += times
        best = max(counts, key=lambda prefix: (_gain(prefix, counts[prefix]), prefix), default="")
        if not best or _gain(best, counts[best]) < _MIN_GAIN_CHARS:
            break
        found.append(best)
        strings = Counter({string: times for string, times in strings.items() if not string.startswith(best)})
    return found


def _gain(prefix: str, times: int) -> int:
    least = _MIN_PATHS if _PATH.match(prefix) else _MIN_TIMES
    return (times - 1) * len(prefix) - times * _NAME_CHARS - _LEGEND_CHARS if times >= least else 0
