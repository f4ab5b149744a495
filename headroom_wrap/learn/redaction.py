"""Nothing secret leaves a transcript: what looks like a credential is taken out of every text that is kept.

Beyond the shapes of known tokens that the memory refuses: headers, options and variables with names of secrets, the
user information of addresses, and long random words next to such names.
"""

from __future__ import annotations

import re
from collections import Counter
from math import log2

from headroom_wrap.memory import secrets

GONE = "[redacted]"
_NAME = (
    r"(?:pass(?:word|wd|phrase)?|pwd|secret|api[_-]?key|apikey|access[_-]?key|auth(?:[_-]?token)?|token|credentials?"
    r"|private[_-]?key|client[_-]?secret|session[_-]?(?:id|key)|cookie|signature|bearer|dsn|webhook)"
)
_RULES = (
    (re.compile(r"-----BEGIN [A-Z ]{0,30}PRIVATE KEY.{0,8000}?(?:-----END [A-Z ]{0,30}-----|\Z)", re.DOTALL), GONE),
    (
        re.compile(r"\b((?:proxy-)?authorization|x-api-key|api-key|x-auth-token|set-cookie|cookie)"
                   r"([\"']?\s{0,3}[:=]\s{0,3}[\"']?)(?:(?:bearer|basic|token|digest)\s{1,3})?[^\s\"',;]+",
                   re.IGNORECASE),
        rf"\1\2{GONE}",
    ),
    (re.compile(r"\b(bearer|basic)\s{1,3}[\w+/=.~-]{8,}", re.IGNORECASE), rf"\1 {GONE}"),
    (re.compile(r"(\b[a-z][a-z0-9+.-]{1,20}://)[^\s/@\"'`<>]{1,300}@", re.IGNORECASE), rf"\1{GONE}@"),
    (
        re.compile(rf"(?<![\w])(--?[\w-]{{0,30}}{_NAME}[\w-]{{0,10}})([= ]\s{{0,3}}[\"']?)(?![$<{{-])[^\s\"']{{3,}}",
                   re.IGNORECASE),
        rf"\1\2{GONE}",
    ),
    (re.compile(r"(?<![\w-])(-u|--user)([ =])[^\s:\"']{1,80}:[^\s\"']{2,}"), rf"\1\2{GONE}"),
    (re.compile(r"\b(mysql\w{0,10}\s(?:[^\n|;]{0,80}\s)?-p)(?=[^\s-])[^\s]{3,}"), rf"\1{GONE}"),
    (
        re.compile(rf"(?<![A-Za-z])((?:[A-Za-z][A-Za-z0-9]{{0,30}}[_-]){{0,5}}{_NAME}(?:[_-]?[A-Za-z0-9]{{1,12}}){{0,2}})"
                   r"([\"']?\s{0,3}[=:]\s{0,3}[\"']?)(?![$<{*\[])[^\s\"',;)}\]]{6,}", re.IGNORECASE),
        rf"\1\2{GONE}",
    ),
    (
        re.compile(r"\b([A-Z][A-Z0-9_]{0,40}(?:_KEY|_PAT|_PASS|_PW|_CREDS?))([=:]\s{0,2}[\"']?)(?![$<{*\[])"
                   r"[^\s\"',;]{6,}"),
        rf"\1\2{GONE}",
    ),
)  # fmt: skip
_HINT = re.compile(_NAME + r"|\bkeys?\b|\blogin\b|_KEY\b", re.IGNORECASE)
_LONG_WORD = re.compile(r"[A-Za-z0-9+/_=-]{20,200}")
_MIN_BITS = 3.6
_MIN_CLASSES = 3
_HEX = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}")
_NEAR_CHARS = 40
_CLASSES = (str.islower, str.isupper, str.isdigit)


def redact(text: str) -> str:
    """The text without what looks like a credential."""
    text = secrets.redacted(text)
    for pattern, instead in _RULES:
        text = pattern.sub(instead, text)
    return _LONG_WORD.sub(lambda match: GONE if _is_random(match, text) else match[0], text)


def is_clean(text: str) -> bool:
    """Whether nothing in a text looks like a credential."""
    return redact(text) == text


def _is_random(match: re.Match[str], text: str) -> bool:
    """Whether a long word is as mixed as a generated one; hexadecimal ones (hashes) only next to a telling name."""
    word = match[0]
    near = text[max(match.start() - _NEAR_CHARS, 0) : match.start()]
    if _HEX.fullmatch(word):
        return _HINT.search(near) is not None
    n_classes = sum(any(map(is_class, word)) for is_class in _CLASSES)
    mixed = n_classes == _MIN_CLASSES and "/" not in word and _bits(word) >= _MIN_BITS
    return mixed and (_HINT.search(near) is not None or _switches(word) > len(word) / 3)


def _bits(word: str) -> float:
    """Shannon's entropy of the characters of a word, in bits each."""
    return -sum(n / len(word) * log2(n / len(word)) for n in Counter(word).values())


def _switches(word: str) -> int:
    """How often the class of the character changes: rarely in names, at every second place in random words."""
    classes = [next((place for place, is_class in enumerate(_CLASSES) if is_class(char)), 3) for char in word]
    return sum(classes[place] != classes[place - 1] for place in range(1, len(classes)))
