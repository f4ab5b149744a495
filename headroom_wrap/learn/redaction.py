"""No secret leaves a transcript: what is learned is written into files, shown, and may be sent to a model."""

from __future__ import annotations

import re
from dataclasses import replace

from headroom_wrap.learn.findings import Sighting
from headroom_wrap.memory import secrets

REDACTED = "[redacted]"
_TELLING = (
    r"(?:[A-Za-z0-9_.-]{0,40}(?:SECRET|TOKEN|PASSW(?:OR)?D|PASSPHRASE|API[_-]?KEY|ACCESS[_-]?KEY|PRIVATE[_-]?KEY|CREDENTIALS?"
    r"|AUTH[_-]?KEY|SIGNING[_-]?KEY|ENCRYPTION[_-]?KEY|_PWD|_PASS|_KEY|DSN|CONNECTION[_-]?STRING)[A-Za-z0-9_]{0,20})"
)
_PATTERNS = (
    # A header, with whatever scheme.
    re.compile(r"(?i)(\b(?:proxy-)?authorization\s*[:=]\s*[\"']?)(?:[A-Za-z]{2,20}\s+)?[^\s\"'`,;]+"),
    re.compile(r"(?i)(\b(?:x-api-key|api-key|x-auth-token|private-token|cookie|set-cookie)\s*[:=]\s*[\"']?)[^\s\"'`]+"),
    re.compile(r"(?i)(\b(?:bearer|basic)\s+)(?=[\w.+/=~-]{8,})[\w.+/=~-]+"),
    # An option with its value.
    re.compile(
        r"(?i)((?:^|\s)--?(?:[\w-]{0,30}(?:token|password|passwd|passphrase|secret|api-?key|access-?key|credential|auth))(?:\s+|=)[\"']?)"
        r"(?![-$<{])[^\s\"'`]+"
    ),
    re.compile(
        r"((?:^|\s)(?:mysql|mysqldump|mariadb|psql|sshpass|redis-cli)\b[^|;&\n]{0,200}?\s-[pa]\s?)(?![-\s$])[^\s\"'`]+"
    ),
    re.compile(r"((?:^|\s)curl\b[^|;&\n]{0,200}?\s(?:-u|--user)[\s=]?)[^\s\"'`]+"),
    # A variable or field with a name that says so.
    re.compile(rf"(?i)(\b{_TELLING}[\"']?\s*[=:]\s*[\"']?)(?![$<{{*\s])[^\s\"'`,;}}]+"),
    # Who signs in, within an address.
    re.compile(r"(://)[^\s/@:\"'`]{1,200}(?::[^\s/@\"'`]{0,200})?(?=@)"),
)
_SHAPES = re.compile(
    r"""-----BEGIN\ [A-Z ]*PRIVATE\ KEY-----.*
    | \b(?:sk|rk|pk)[-_][\w-]{16,}
    | \bgh[pousr]_\w{20,} | \bgithub_pat_\w{20,} | \bglpat-[\w-]{16,} | \bxox[abeprs]-[\w-]{10,} | \bxapp-[\w-]{10,}
    | \b(?:AKIA|ASIA|AROA|AIDA)[0-9A-Z]{12,} | \bAIza[\w-]{30,} | \bya29\.[\w-]{20,} | \bGOCSPX-[\w-]{20,}
    | \bhf_[A-Za-z0-9]{20,} | \bnpm_\w{20,} | \bpypi-[\w-]{20,} | \bdop_v1_\w{20,} | \bSG\.[\w-]{10,}\.[\w-]{10,}
    | \beyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)? | \bwhsec_\w{16,} | \bdckr_pat_[\w-]{16,} | \bhvs\.[\w-]{16,}
    | \bAGE-SECRET-KEY-\w{10,} | \bsntrys_\w{20,} | \blin_api_\w{20,} | \b(?:tvly|pplx|gsk|xai|fw|r8)[-_][\w-]{20,}
    | \bAccountKey=[\w+/=]{20,}
    | (?<![\w/+.-])(?=[\w+/-]*[A-Z])(?=[\w+/-]*[a-z])(?=[\w+/-]*\d)[A-Za-z0-9+_-]{32,}={0,2}(?![\w/+.-])
    """,
    re.VERBOSE,
)
"""Shapes of well-known tokens; last, what is long and mixes capitals, small letters and digits as only keys do."""


def redacted(text: str) -> str:
    """The text with what looks like a credential taken out; names and options before it stay."""
    for pattern in _PATTERNS:
        text = pattern.sub(lambda match: match[1] + REDACTED, text)
    return secrets.redacted(_SHAPES.sub(REDACTED, text))


def cleaned(sighting: Sighting) -> Sighting | None:
    """The sighting with a quote that holds no secret; None where the correction itself depends on one."""
    if redacted(sighting.text) != sighting.text or redacted(sighting.subject) != sighting.subject:
        return None
    return replace(sighting, quote=redacted(sighting.quote))
