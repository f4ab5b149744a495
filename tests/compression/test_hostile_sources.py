"""Texts on which grammars and tables took time that grew with the square of the text: each is left, or done in time."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

import pytest

from headroom_wrap.compression import code, markers, router
from headroom_wrap.compression.model import Hints

pytestmark = pytest.mark.timeout(20)
_NAMES = ["binary", "all", "half"]


def _garbage(n_lines: int) -> str:
    source = random.Random(5)  # noqa: S311 - no secret
    return "\n".join("".join(source.choices(string.printable[:95], k=source.randint(0, 60))) for _ in range(n_lines))


def _binary() -> str:
    return random.Random(2).randbytes(900_000).decode("latin-1")  # noqa: S311 - no secret


def _sources_then_garbage() -> str:
    return "".join(f"def f{n}(a):\n    return a + {n}\n\n" for n in range(2000)) + _garbage(12_000)


@pytest.mark.parametrize("suffix", ["py", "js", "ts", "tsx", "go", "rs", "java", "c", "cpp", "pl"])
@pytest.mark.parametrize("make", [_binary, lambda: _garbage(9_000), _sources_then_garbage], ids=_NAMES)
def test_no_grammar_reads_garbage_to_its_end(suffix: str, make: Callable[[], str]) -> None:
    assert code.compress(make(), Hints("Read", {"file_path": f"a.{suffix}"}, marker=markers.elision)) is None


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_tables_of_very_many_columns_take_time_as_their_text_does(separator: str) -> None:
    text = "".join(f"row {number}{separator * 60_000}!\n" for number in range(11))
    hints = Hints("Bash", {"command": "ps aux"}, "find the error", marker=markers.elision)
    outcome = router.compress(text, hints)
    assert outcome is None or len(outcome[1].text) < len(text)
