"""What looks like a credential is not remembered: a fact is read by every agent, and may be exported."""

from __future__ import annotations

import re

from headroom_wrap.errors import Code, HeadroomError

_SECRET = re.compile(
    r"""-----BEGIN\ [A-Z ]*PRIVATE\ KEY
    | \b(?:sk|rk|pk)[-_](?:ant-|proj-|live_|test_)?[\w-]{20,}
    | \bgh[pousr]_\w{30,} | \bgithub_pat_\w{30,} | \bglpat-[\w-]{20,} | \bxox[abprs]-[\w-]{10,}
    | \b(?:AKIA|ASIA)[0-9A-Z]{16}\b | \bAIza[\w-]{30,} | \bhf_[A-Za-z]{30,} | \bnpm_\w{30,}
    | \beyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}
    | ://[^\s:/@]+:[^\s:/@$<{]{3,}@
    | (?:pass(?:word|wd|phrase)|secret|(?:api|access|secret|private)[_-]?key|token|credential)s?
      ["']?\s*[=:]\s*["']?(?![$<{*])(?=\S*\d)[^\s"']{8,}
    """,
    re.VERBOSE | re.IGNORECASE,
)


def redacted(text: str) -> str:
    """The text with what looks like a credential taken out."""
    return _SECRET.sub("[redacted]", text)


def is_secret(text: str) -> bool:
    """Whether a text holds what looks like a credential."""
    return _SECRET.search(text) is not None


def refuse(text: str) -> None:
    """Do nothing for a text without a credential.

    Raises:
        HeadroomError: `BAD_REQUEST`, without the text.
    """
    if is_secret(text):
        message = "The fact holds what looks like a password, key or token; nothing was saved."
        raise HeadroomError(Code.BAD_REQUEST, message, "Say where it is kept instead.")
