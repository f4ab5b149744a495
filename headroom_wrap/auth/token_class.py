"""The kinds of tokens, told apart by how they begin.

Source: https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/about-authentication-to-github
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum


class Way(str, Enum):
    """How a token reaches Copilot's API."""

    DIRECT = "direct"
    EXCHANGE = "exchange"


@dataclass(frozen=True, slots=True)
class TokenClass:
    """A kind of token.

    Attributes:
        prefix: how such a token begins.
        name: for people.
        way: which way it is tried first; None if Copilot never takes it.
    """

    prefix: str
    name: str
    way: Way | None


OAUTH = TokenClass("gho_", "OAuth app token (gho_)", Way.DIRECT)
APP = TokenClass("ghu_", "GitHub app token (ghu_)", Way.EXCHANGE)
FINE_GRAINED = TokenClass("github_pat_", "fine-grained token (github_pat_)", Way.DIRECT)
CLASSIC = TokenClass("ghp_", "classic token (ghp_)", None)
COPILOT = TokenClass("tid=", "token of Copilot's API (tid=)", Way.DIRECT)
"""What the exchange gives; lives half an hour."""
UNKNOWN = TokenClass("", "token of an unknown class", Way.DIRECT)

CLASSES = (OAUTH, APP, FINE_GRAINED, CLASSIC, COPILOT)

_SECRETS = re.compile(r"\b(?:gh[a-z]_|github_pat_)\w+|\btid=[^\s\"']+|(?i:\b(?:bearer|token)\s+)\S{16,}")


def class_of(token: str) -> TokenClass:
    """The class of a token."""
    return next((found for found in CLASSES if token.startswith(found.prefix)), UNKNOWN)


def redacted(text: str) -> str:
    """Foreign text without what looks like a token."""
    return _SECRETS.sub("(token)", text)
