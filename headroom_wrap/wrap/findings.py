"""What a look at something finds, for `headroom doctor`."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    """How a finding is to be read."""

    OK = "ok"
    NOTE = "note"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one subject.

    Attributes:
        about: the subject, a word or two.
        state: whether it is as it should be.
        says: what was found.
        fix: what to type or change; empty where nothing is wrong.
    """

    about: str
    state: State
    says: str
    fix: str = ""
