"""What builds and CI jobs say of their own routine: checkouts, groups, settings, files copied, layers pulled."""

from __future__ import annotations

import re
from collections.abc import Sequence

_STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S{0,14} ")
_SETUPTOOLS = (
    r"running (?:egg_info|dist_info|sdist|develop|editable_wheel|(?:bdist|build|install)\w*)\Z"
    r"|(?:writing|creating|copying|adding|reading|removing|moving|hard linking|byte-compiling|installing to"
    r"|changing mode of|Copying) (?:[\w'-]+ ){0,4}'?\S*[/.]\S*"
)
_PIP = (
    r"[━╸╺]{4}|(?:Downloading|Using cached) \S+ \(|(?:Preparing metadata|Installing build dependencies"
    r"|Getting requirements to build \w+|Building \w+ for \S+) (?:\(\S+\))?:? ?(?:started|finished)?"
    r"|Requirement already satisfied: |Running command (?:pip subprocess|Getting|Preparing)"
    r"|Looking in (?:indexes|links): "
)
_GITHUB = (
    r"##\[(?:endgroup|(?:start|end)-action)|\[command\]\S*git |##\[command\]\S*(?:git|docker) (?:version|ps|network)\b"
    r"|Temporarily overriding HOME=|Adding repository directory to the temporary git|Entering '[^']+'\Z"
    r"|Removing (?:SSH command|HTTP extra header|includeIf)|Copying '[^']+' to '|Post job cleanup|Cleaning up orphan"
    r"|shell: \S|(?:env|with):\Z|GITHUB_EVENT_PATH |git version \d|Setting up auth|Determining the (?:checkout|default)"
)
_LAYERS = (
    r"[0-9a-f]{12}: (?:Pulling fs layer|Waiting|Verifying Checksum|Download complete|Pull complete|Already exists)"
    r"|\* \[new (?:branch|tag|ref)\] |remote: (?:Enumerating|Counting|Compressing|Total)\b"
)
_CHATTER = re.compile(rf"\s*(?:{_SETUPTOOLS}|{_PIP}|{_GITHUB}|{_LAYERS})")
_SETTINGS = re.compile(r"(?:shell: \S|env:\Z|with:\Z)")
_SETTING = re.compile(r"  [\w.-]{1,80}: ?")
_MIN_LINES = 4
"""Fewer cost nothing, and may be something else."""


def lines_of(shown: Sequence[str]) -> set[int]:
    """The lines that a reader skips unless they are what is asked for."""
    found: set[int] = set()
    in_settings = False
    for index, whole in enumerate(shown):
        line = _bare(whole)
        if in_settings and _SETTING.match(line):
            found.add(index)
            continue
        in_settings = _SETTINGS.match(line) is not None
        if in_settings or _CHATTER.match(line):
            found.add(index)
    return found if len(found) >= _MIN_LINES else set()


def _bare(line: str) -> str:
    """The line without the time that a CI system wrote before it."""
    stamp = _STAMP.match(line) if line[:2] == "20" else None
    return line if stamp is None else line[stamp.end() :]
