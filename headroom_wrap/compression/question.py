"""What a conversation asks of a source: the words to look for, and the definitions that it names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from headroom_wrap.compression.model import Hints
from headroom_wrap.compression.relevance import terms_of

_IDENTIFIER = re.compile(r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|#)[A-Za-z_$][\w$]*)*")
_SPLIT = re.compile(r"\.|::|->|#")
_PART = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_QUOTED = re.compile(
    r"`([^`\n]{1,80})`|\b([A-Za-z_$][\w$]*)\(|\b(?:function|method|def|fn|func|sub) ([A-Za-z_$][\w$]*)"
)
_MIN_PART_CHARS = 4
_IDENTIFIER_WEIGHT = 3.0
_MAX_SCANNED_CHARS = 20_000
_MAX_TERMS = 80
_PLACES = frozenset(
    "command cmd script input path paths file_path filepath filename file files target_file cwd".split()
)


@dataclass(frozen=True, slots=True)
class Question:
    """The words, lower case, with their weights; and the identifiers that are surely meant as names."""

    terms: Mapping[str, float]
    identifiers: frozenset[str]

    def names(self, definition: str) -> bool:
        """Whether a definition, by its dotted name, is one of those spoken of."""
        return bool(definition) and definition.rsplit(".", 1)[-1] in self.identifiers


def asked(hints: Hints) -> Question:
    """What the query and the tool's arguments ask, but for the places that the tool reads."""
    arguments = [
        value for name, value in hints.tool_input.items() if isinstance(value, str) and name.lower() not in _PLACES
    ]
    text = " ".join([hints.query[-_MAX_SCANNED_CHARS:], *arguments])[:_MAX_SCANNED_CHARS]
    terms = dict.fromkeys(terms_of(replace(hints, query=text, tool_input={})), 1.0)
    identifiers: set[str] = set()
    for found in _IDENTIFIER.findall(text):
        for name in _SPLIT.split(found):
            parts = _PART.findall(name)
            if (len(parts) > 1 or name.startswith("_")) and len(name) >= _MIN_PART_CHARS:
                identifiers.add(name)
                terms[name.lower()] = _IDENTIFIER_WEIGHT
                for part in parts:
                    if len(part) >= _MIN_PART_CHARS:
                        terms.setdefault(part.lower(), 1.0)
    for groups in _QUOTED.findall(text):
        for quoted in filter(None, groups):
            identifiers.update(name for name in _SPLIT.split(quoted.strip("() ")) if name)
    return Question(dict(list(terms.items())[:_MAX_TERMS]), frozenset(identifiers))
