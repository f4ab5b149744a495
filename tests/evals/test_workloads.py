"""The bundled workloads: well-formed, of all kinds, free of one machine's names, and measured."""

from __future__ import annotations

import re

import pytest

from headroom_wrap.compression.model import Level
from headroom_wrap.evals import workloads
from headroom_wrap.evals.reading import reader
from headroom_wrap.evals.workloads import FOLDER, Workload, WorkloadRow, bundled

ALL = bundled()
KINDS = {
    "build", "diff", "file", "files", "history", "install", "json", "listing", "prose", "search", "service log",
    "table", "tests",
}  # fmt: skip
MACHINE = re.compile(r"/roo[t]\b|/wor[k]/main|npmj[s]|pypi\.|pythonhoste[d]|crates\.i[o]")


@pytest.mark.parametrize("workload", ALL, ids=lambda workload: workload.name)
def test_each_needle_stands_in_its_output(workload: Workload) -> None:
    text = workload.text()
    assert 2 <= len(workload.needles) <= 6
    assert [needle for needle in workload.needles if needle not in text] == []


@pytest.mark.parametrize("workload", ALL, ids=lambda workload: workload.name)
def test_each_output_is_long_has_a_source_and_names_no_machine(workload: Workload) -> None:
    text = workload.text()
    assert 15_000 <= len(text.encode()) <= 130_000
    assert workload.goal
    assert workload.source
    assert workload.licence
    assert workload.arguments.get("command", workload.command) == workload.command
    assert MACHINE.search(text) is None


def test_there_are_thirty_of_all_kinds_and_no_file_besides() -> None:
    assert len(ALL) == len({workload.name for workload in ALL}) == 30
    assert {workload.kind for workload in ALL} == KINDS
    files = {file.name for file in FOLDER.iterdir()}
    assert files == {f"{workload.name}.txt.gz" for workload in ALL} | {"manifest.json", "licences.txt"}


def test_level_off_saves_nothing_and_loses_no_needle() -> None:
    with reader(Level.OFF) as own:
        rows = workloads.measure(own)
    assert [row.name for row in rows] == [workload.name for workload in ALL]
    assert all(row.tokens_after == row.tokens_before and not row.missing for row in rows)


def test_at_the_default_level_most_tokens_go_and_the_rows_say_which_needles_went_with_them() -> None:
    with reader(Level.BALANCED) as own:
        rows = {row.name: row for row in workloads.measure(own)}
    saved_in_all, at_the_median, needles = workloads.figures(list(rows.values()))
    assert saved_in_all.value > 0.5
    assert at_the_median.value > 0.4
    assert needles.value > 0.9
    for workload in ALL:
        assert set(rows[workload.name].missing) <= set(workload.needles)


def test_a_lost_needle_lowers_the_figure_and_is_named_below_the_table() -> None:
    kept = WorkloadRow("a", "json", 100, 20, "json_rows", 1.0, 3, ())
    lossy = WorkloadRow("b", "diff", 300, 280, "", 1.0, 1, ("x" * 100,))
    in_all, median, needles = workloads.figures([kept, lossy])
    assert [in_all.value, median.value, needles.value] == pytest.approx([0.25, (0.8 + 20 / 300) / 2, 0.75])
    assert not needles.is_met
    assert workloads.notes([kept, lossy]) == [f"not visible in b: {'x' * 59}…"]
