"""Golden files: `NAME.CASE.in` through compressor NAME gives `NAME.CASE.out`, and `.lossless` without a way back.

A change of these files is a change of what models read: read the difference, then write them anew with
`python -m tests.compression.test_golden`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom_wrap.compression import (
    blame,
    code,
    diffs,
    history,
    json_rows,
    listings,
    logs,
    markers,
    numbered,
    prose,
    search,
    sections,
    tables,
    test_runs,
    web_pages,
    yaml_text,
)
from headroom_wrap.compression.model import Compressor, Hints, Level

GOLDEN = Path(__file__).parent / "golden"
COMPRESSORS: dict[str, Compressor] = {
    "blame": blame.compress,
    "code": code.compress,
    "diffs": diffs.compress,
    "history": history.compress,
    "json_rows": json_rows.compress,
    "listings": listings.compress,
    "logs": logs.compress,
    "numbered": numbered.compress,
    "prose": prose.compress,
    "search": search.compress,
    "sections": sections.compress,
    "tables": tables.compress,
    "terminal": logs.tidy,
    "test_runs": test_runs.compress,
    "web_pages": web_pages.compress,
    "yaml_text": yaml_text.compress,
}
CALLS: dict[str, tuple[str, dict[str, str]]] = {
    "code.cat": (
        "Bash",
        {"command": "cat engine.py lines.py retrieval.py", "description": "Find _unwritten"},
    ),
    "sections.guide": ("Bash", {"command": "cat docs/guide.md"}),
    "sections.manual": ("Bash", {"command": "man cartd"}),
    "web_pages.guide": ("WebFetch", {"url": "https://shop.example/guide"}),
    "code.read": ("Read", {"file_path": "lines.py"}),
}
"""What was called, where a compressor asks for that."""
AGGRESSIVE = frozenset({"prose"})
"""Compressors that do nothing at the default level."""
CASES = sorted(path.stem for path in GOLDEN.glob("*.in"))


def read(path: Path) -> str:
    return path.read_bytes().decode("utf-8")


def render(case: str, *, may_elide: bool) -> str:
    """The output, with its figures as a last line that no output has."""
    tool_name, tool_input = CALLS.get(case, ("Bash", {}))
    name = case.partition(".")[0]
    level = Level.AGGRESSIVE if name in AGGRESSIVE else Level.BALANCED
    marker = markers.elision if may_elide else None
    hints = Hints(tool_name, tool_input, "why is the cart empty?", marker=marker, level=level)
    result = COMPRESSORS[name](read(GOLDEN / f"{case}.in"), hints)
    if result is None:
        return "left alone\n"
    return f"{result.text}\n== {result.reason}; {result.elided} of {result.total} {result.unit} elided\n"


@pytest.mark.parametrize("case", CASES)
def test_the_output_is_as_it_was_read_and_approved(case: str) -> None:
    assert render(case, may_elide=True) == read(GOLDEN / f"{case}.out")


@pytest.mark.parametrize("case", CASES)
def test_without_a_way_back_the_output_is_as_approved_and_nothing_is_elided(case: str) -> None:
    output = render(case, may_elide=False)
    assert output == read(GOLDEN / f"{case}.lossless")
    assert output == "left alone\n" or "; 0 of" in output.splitlines()[-1]
    assert " elided" not in "".join(output.splitlines()[:-1])


def test_every_compressor_has_a_golden_file() -> None:
    assert {case.partition(".")[0] for case in CASES} == set(COMPRESSORS)


if __name__ == "__main__":
    for each in CASES:
        (GOLDEN / f"{each}.out").write_bytes(render(each, may_elide=True).encode())
        (GOLDEN / f"{each}.lossless").write_bytes(render(each, may_elide=False).encode())
