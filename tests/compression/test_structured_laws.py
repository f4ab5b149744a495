"""The laws of structured data, on generated JSON, tables and YAML: what is shown is what stood there, gaps are true."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import json_rows, markers, tables, yaml_text
from headroom_wrap.compression.json_text import minified
from headroom_wrap.compression.model import Compressed, Hints, Level
from tests.compression.tracing import as_it_is, trace, trace_json
from tests.compression.unfolding import expand

LOSSLESS = Hints(tool_name="Bash", tool_input={"command": "ps aux"}, query="why does order 17 fail?")
ELIDING = replace(LOSSLESS, marker=markers.elision)

scalar = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 40), st.integers(10**30, 10**31),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["open", "closed", "fatal error", "\ud800", "a,b", "[", "]]", '"', "\\", "$A", "é", "x\ny", "",
                     "https://example.com/a/b/c/d/e/f/g", "https://example.com/a/b/c/d/e/f/h"]),
)  # fmt: skip
long_text = st.one_of(
    st.integers(20, 80).map(
        lambda n: "It is as it was; nothing of note. " * n + "Then an error came. " + "More. \n" * n
    ),
    st.integers(40, 400).map(lambda n: "iVBORw0KGgo" * n),
    st.integers(80, 200).map(lambda n: '\\"\n\ud83d\ude00é' * n),
)
links = st.integers(1, 9).map(
    lambda n: {
        f"{name}_url": f"https://example.com/repos/{n}/{name}"
        for name in ("keys", "forks", "tags", "teams", "html", "hooks")
    }
)
noise = st.integers(1, 9).map(
    lambda n: {"managedFields": [{"manager": f"m{n}", "fieldsV1": {f"f:{k}": {} for k in range(30)}}]}
)
key = st.sampled_from(["id", "name", "state", "user", 'q"uote', "é", "", "url", "rules"])
flat = st.dictionaries(key, scalar, min_size=1, max_size=6)


@st.composite
def alike(draw: st.DrawFn, inner: st.SearchStrategy[object] = scalar) -> list[object]:
    """Rows with the same keys in the same order, some of which lack one; numbers and links that follow from them."""
    keys = draw(st.lists(key, min_size=1, max_size=5, unique=True))
    values = draw(st.lists(st.lists(inner, min_size=5, max_size=5), min_size=1, max_size=4))
    n_rows = draw(st.sampled_from([2, 5, 14, 60]))
    rows: list[object] = []
    for number in range(n_rows):
        row: dict[str, object] = dict(zip(keys, values[number % len(values)], strict=False))
        row["number"] = number
        row["link"] = f"https://example.com/orders/{number}/lines"
        if number % 17 == draw(st.sampled_from([3, 5])):
            row.pop(keys[0], None)
        rows.append(row)
    return rows


document = st.recursive(
    st.one_of(scalar, flat, alike(), long_text, links, noise, st.lists(st.integers(0, 9), max_size=900)),
    lambda inner: st.one_of(
        alike(inner),
        st.lists(inner, max_size=4),
        st.dictionaries(key, inner, max_size=4),
        alike().map(lambda rows: {f"u{index}": row for index, row in enumerate(rows)}),
        st.lists(alike(), min_size=2, max_size=4).map(
            lambda groups: [{"name": n, "rules": g} for n, g in enumerate(groups)]
        ),
    ),
    max_leaves=5,
).filter(lambda value: isinstance(value, list | dict))
indent = st.sampled_from([None, 0, 2, "\t"])


@given(st.lists(document, min_size=1, max_size=3), indent)
@settings(max_examples=60, deadline=None)
def test_documents_of_json_expand_to_themselves(documents: list[object], step: int | str | None) -> None:
    text = "\n".join(json.dumps(each, indent=step) for each in documents)
    result = json_rows.compress(text, LOSSLESS)
    if result is not None:
        assert len(result.text) < len(text)
        assert result.elided == 0
        assert " elided" not in result.text
        assert expand(result.text) == "".join(minified(json.dumps(each, indent=step)) for each in documents)


@given(st.lists(document, min_size=1, max_size=2), indent, st.sampled_from([Level.BALANCED, Level.AGGRESSIVE]))
@settings(max_examples=60, deadline=None)
def test_rows_and_strings_that_go_are_named_by_true_numbers(
    documents: list[object], step: int | str | None, level: Level
) -> None:
    text = "Found:\n" + "\n".join(json.dumps(each, indent=step) for each in documents)
    hints = replace(ELIDING, level=level)
    result = json_rows.compress(text, hints)
    assert result == json_rows.compress(text, hints)
    if result is not None:
        assert len(result.text) < len(text)
        assert result.text.split("\n").count("Found:") == 1
        trace_json(text, result)
        if result.elided:
            assert json_rows.compress(result.text, hints) is None


word = st.sampled_from(
    ["web-1", "0/1", "1/1", "Running", "Error", "97.5", "0", "17", "4096", "x.y/z", "<none>", "naïve"]
)


@st.composite
def cells(draw: st.DrawFn) -> list[list[str]]:
    n_columns = draw(st.integers(3, 6))
    kinds = draw(st.lists(st.lists(word, min_size=n_columns, max_size=n_columns), min_size=1, max_size=5))
    n_rows = draw(st.sampled_from([3, 7, 20, 90]))
    head = ["NAME", "READY", "STATUS", "CPU%", "NODE", "AGE"][:n_columns]
    return [head, *([f"n{index}", *kinds[index * index % len(kinds)][1:]] for index in range(n_rows))]


def aligned(rows: Sequence[Sequence[str]], gap: str = "   ") -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "".join(
        gap.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def drawn(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+\n"
    body = [
        "|" + "|".join(f" {cell:<{width}} " for cell, width in zip(row, widths, strict=True)) + "|\n" for row in rows
    ]
    return rule + body[0] + rule + "".join(body[1:]) + rule


def of_psql(rows: Sequence[Sequence[str]]) -> str:
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    body = [" " + " | ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) + "\n" for row in rows]
    return (
        body[0]
        + "+".join("-" * (width + 2) for width in widths)
        + "\n"
        + "".join(body[1:])
        + f"({len(rows) - 1} rows)\n"
    )


def in_markdown(rows: Sequence[Sequence[str]]) -> str:
    body = ["| " + " | ".join(row) + " |\n" for row in rows]
    return body[0] + "|" + "---|" * len(rows[0]) + "\n" + "".join(body[1:])


def separated(rows: Sequence[Sequence[str]]) -> str:
    return "".join(",".join(row) + "\n" for row in rows)


def trace_table(original: str, rows: Sequence[Sequence[str]], result: Compressed) -> None:
    """Follow every cell: what a row shows, with what all rows share, is what stood in the row's line."""
    lines = original.split("\n")
    where = {tuple(row): [n for n, line in enumerate(lines, 1) if sorted(words(line)) == sorted(row)] for row in rows}
    shared: list[tuple[str, str]] = []
    covered: list[int] = []
    elided = 0
    for line in result.text.split("\n"):
        if gap := re.match(r"\[headroom: lines? (\d+)(?:-(\d+))? elided(?:: .*)?\]\Z", line):
            first, last = int(gap[1]), int(gap[2] or gap[1])
            covered += range(first, last + 1)
            elided += last - first + 1
        elif said := re.match(r"\[headroom: (\d+) rows; (?:in every row ([^;\]]*))?", line):
            assert int(said[1]) == len(rows) - 1
            pairs = (pair.partition("=") for pair in (said[2] or "").split(", ") if pair)
            shared = [(name, value) for name, _, value in pairs]
            check_tallies(line, rows)
        else:
            for index, row in enumerate(rows):
                names = [name if index == 0 else value for name, value in shared]
                if Counter(words(line)) + Counter(names) == Counter(row):
                    covered += where[tuple(row)][:1]
                    break
            else:
                assert line in lines, line
    assert elided == result.elided
    assert {line for found in where.values() for line in found} <= set(covered)


def check_tallies(line: str, rows: Sequence[Sequence[str]]) -> None:
    for column, name in enumerate(rows[0]):
        said = re.search(rf"; {re.escape(name)}: ([^;\]]*)", line)
        if said is not None:
            counts = Counter(row[column] for row in rows[1:])
            assert sorted(said[1].split(", ")) == sorted(f"{count} {value}" for value, count in counts.items())


def words(line: str) -> list[str]:
    return re.findall(r"[^\s|,]+", line)


@given(
    cells(), st.sampled_from([aligned, drawn, of_psql, in_markdown, separated]), st.sampled_from([LOSSLESS, ELIDING])
)
@settings(max_examples=100, deadline=None)
def test_every_cell_of_a_table_is_shown_shared_or_in_a_gap(
    rows: list[list[str]], spelling: object, hints: Hints
) -> None:
    assert callable(spelling)
    text = "The list:\n\n" * (spelling is not separated) + spelling(rows)
    result = tables.compress(text, hints)
    assert result == tables.compress(text, hints)
    if result is None:
        return
    assert len(result.text) < len(text)
    trace_table(text, rows, result)
    if hints.marker is None:
        assert result.elided == 0
    if result.elided:
        assert tables.compress(result.text, hints) is None


@given(st.text("ab ,;|\t\"'-+=\nX1", max_size=400))
@settings(max_examples=200, deadline=None)
def test_texts_that_are_hardly_tables_keep_their_words(text: str) -> None:
    result = tables.compress(text, LOSSLESS)
    if result is not None:
        ours = [line for line in result.text.split("\n") if line.startswith("[headroom: ")]
        shown = set(re.findall(r"[abX1]+", result.text))
        assert set(re.findall(r"[abX1]+", text)) <= shown | set(re.findall(r"[abX1]+", "".join(ours)))


@st.composite
def manifests(draw: st.DrawFn) -> str:
    n_items = draw(st.sampled_from([1, 3, 12, 40]))
    reasons = draw(st.lists(st.sampled_from(["Ready", "CrashLoopBackOff", "Completed"]), min_size=1, max_size=4))
    out = ["apiVersion: v1", "items:"]
    for index in range(n_items):
        out += ["- kind: Pod", "  metadata:"]
        if draw(st.booleans()):
            out += ["    managedFields:", "    - manager: kubelet", "      fieldsV1:"]
            out += [f"        f:field{number}: {{}}" for number in range(draw(st.integers(1, 9)))]
        out += [f"    name: web-{index}", "", "  spec:", "    env:", "    - name: PORT", '      value: "80"']
        out += ["    - name: HOST", "      value: 0.0.0.0", f"    image: shop/web:{index % 3}"]
        out += ["  status:", f"    reason: {reasons[index % len(reasons)]}"]
    return "\n".join([*out, "kind: List", ""])


@given(manifests())
@settings(max_examples=60, deadline=None)
def test_yaml_is_its_own_lines_in_order_and_true_markers(text: str) -> None:
    result = yaml_text.compress(text, ELIDING)
    assert yaml_text.compress(text, LOSSLESS) is None
    if result is not None:
        assert len(result.text) < len(text)
        trace(text, result, as_it_is)
        for line in result.text.split("\n"):
            if same := re.search(r"lines (\d+)-(\d+) elided: the same as lines (\d+)-(\d+)\]", line):
                first, last, other_first, other_last = (int(number) for number in same.groups())
                lines = text.split("\n")
                here, there = lines[first - 1 : last], lines[other_first - 1 : other_last]
                assert [each.strip() for each in here] == [each.strip() for each in there]
        assert yaml_text.compress(result.text, ELIDING) is None
