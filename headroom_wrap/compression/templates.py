"""Log lines by template: numbers and ids masked, then lines that differ in few words taken together.

After Drain (He, Zhu, Zheng, Lyu: An online log parsing approach with fixed depth tree, ICWS 2017), with the number
of words as the only fixed level.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import eq

_HEX = re.compile(
    r"[0-9a-fA-F](?<!\w.)(?:[0-9a-fA-F]{7}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}"
    r"|(?<=[0-9a-f])(?:(?<=\d)|(?=[a-f]*\d))[0-9a-f]{5,63})\b"
)
_NUMBER = re.compile(r"\d(?:(?<=0)[xX][0-9a-fA-F]+|\d*(?:[.:,]\d+)*)")
"""Both begin with a set of characters, to which the search can jump; what must stand before is looked at behind it."""
_CALENDAR = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun".split()
_PREAMBLE = re.compile(r"[\W\d_]|\S*#|\[|(?i:info|debug|trace|notice|warn(?:ing)?|error)\b")

_STAMP = re.compile(r"(?:[^\w\s]+ )+(?=\S)")
"""Words of a masked line before its first real word; they are alike in all lines and tell none from another."""
_MASK = "#"
_ANY = "*"
_ALIKE = 0.7
_WORDS_FROM_CHARS = 400
_CLUSTERS_PER_BRANCH = 64
_LAST_WORDS = 4
_SAMPLE_CHARS = 44


@dataclass(slots=True)
class Cluster:
    """Lines of one template: its words, with `*` where they differ, and how many lines it has."""

    words: list[str]
    n_lines: int = 0

    def sample(self) -> str:
        """The template after times, levels and the like, clipped; its last words where nothing else is left."""
        end = max(0, len(self.words) - _LAST_WORDS)
        start = next((index for index, word in enumerate(self.words) if not _PREAMBLE.match(word)), end)
        text = " ".join(self.words[start:])
        return text if len(text) <= _SAMPLE_CHARS else text[: _SAMPLE_CHARS - 1] + "…"


@dataclass(frozen=True, slots=True)
class Templates:
    """Attributes: for each line, the number of its exact masked form and of its cluster; and the clusters."""

    exact: list[int]
    cluster: list[int]
    clusters: list[Cluster] = field(repr=False)


def mask(text: str) -> str:
    """The text with `#` for numbers, hexadecimal ids, and names of months and days."""
    text = _NUMBER.sub(_MASK, _HEX.sub(_MASK, text))
    for name in _CALENDAR:
        text = text.replace(name + " ", "# ")
    return text


def mine(lines: Sequence[str]) -> Templates:
    """The templates of all lines, in one pass; time grows with the text, not with its square."""
    numbers: dict[str, int] = {}
    exact = [numbers.setdefault(masked, len(numbers)) for masked in mask("\n".join(lines)).split("\n")]
    clusters: list[Cluster] = []
    branches: dict[int, list[int]] = {}
    cluster_of = [_place(masked, clusters, branches) for masked in numbers]
    cluster = [cluster_of[number] for number in exact]
    for number in cluster:
        clusters[number].n_lines += 1
    return Templates(exact, cluster, clusters)


def _place(masked: str, clusters: list[Cluster], branches: dict[int, list[int]]) -> int:
    """The cluster of a masked line: the most alike of its branch, or a new one; a full branch is only read."""
    words = masked[:_WORDS_FROM_CHARS].split()
    if (stamp := _STAMP.match(masked)) is not None:
        words = masked[stamp.end() : _WORDS_FROM_CHARS].split()
    branch = branches.setdefault(len(words), [])
    best, best_alike = -1, 0
    for number in branch:
        alike = sum(map(eq, words, clusters[number].words))
        if alike > best_alike:
            best, best_alike = number, alike
    if best >= 0 and best_alike >= _ALIKE * len(words):
        known = clusters[best].words
        clusters[best].words = [word if word == other else _ANY for word, other in zip(words, known, strict=True)]
        return best
    if len(branch) < _CLUSTERS_PER_BRANCH:
        branch.append(len(clusters))
    clusters.append(Cluster(words))
    return len(clusters) - 1
