"""Long sources read whole: what stays, what goes, and what is never touched."""

from __future__ import annotations

import re
import sysconfig
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import code, markers, router
from headroom_wrap.compression.model import Compressed, Hints, Level
from tests.compression.test_code_syntax import SUFFIXES, source_of
from tests.compression.tracing import trace_code

_VARIED = re.compile(r"\b(item|price|count|rates|country|name|net|cart|error)\b")


DEFINITION = re.compile(
    r"\s*(?:export |pub |public |static |async |template |typedef |abstract )*"
    r"(?:class|def|fn|func|function|sub|struct|interface|enum|trait|impl|record|type|import|use|#include) "
)


def long_source(suffix: str, n_chars: int = 24_000) -> str:
    """Variations on a theme: as long as sources are, and with lines that differ."""
    theme = source_of(suffix)
    parts = [_VARIED.sub(rf"\g<1>{n}", theme) for n in range(1 + n_chars // len(theme))]
    return "".join(parts)


def cat(suffix: str, query: str = "", **arguments: Any) -> Hints:
    return Hints("Bash", {"command": f"cat src/cart.{suffix}", **arguments}, query, marker=markers.elision)


def read(query: str = "", path: str = "src/cart.py", **arguments: Any) -> Hints:
    return Hints("Read", {"file_path": path, **arguments}, query, marker=markers.elision)


def numbered_by(text: str, style: str = "{:6d}→", start: int = 1) -> str:
    return "\n".join(style.format(number) + line for number, line in enumerate(text.split("\n"), start))


def compressed(text: str, hints: Hints) -> Compressed:
    result = code.compress(text, hints)
    assert result is not None
    trace_code(text, result)
    assert len(result.text) < len(text)
    return result


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_a_long_source_loses_a_fifth_and_more_and_none_of_its_definitions(suffix: str) -> None:
    text = long_source(suffix)
    result = compressed(text, cat(suffix))
    assert len(result.text) < 0.8 * len(text)
    shown = set(result.text.split("\n"))
    definitions = [
        line
        for line in text.split("\n")
        if DEFINITION.match(line) and not line.startswith("    struct") and "def apply" not in line
    ]
    assert len(definitions) > 10
    assert [line for line in definitions if line not in shown] == []


@pytest.mark.parametrize("suffix", ["py", "js", "go", "rs", "java", "c", "cpp", "pl", "ts"])
def test_a_definition_that_the_question_names_stays_whole(suffix: str) -> None:
    text = long_source(suffix)
    body = {
        "py": "def add_rebate(self):\n    a = 1\n" + "    a = other(a)\n" * 3,
        "js": "function add_rebate(x) {\n  const a = 1\n  const b = [a, 2]\n  return other(b)\n}\n",
        "ts": "function add_rebate(x: number) {\n  const a = 1\n  const b = [a, 2]\n  return other(b)\n}\n",
        "go": "func add_rebate(x int) int {\n\ta := 1\n\tb := a + x\n\ta = b * 2\n\treturn other(b, a)\n}\n",
        "rs": "fn add_rebate(x: u8) -> u8 {\n    let a = 1;\n    let b = a + x;\n    let c = b;\n    other(c)\n}\n",
        "java": "class R {\n  int add_rebate(int x) {\n    int a = 1;\n    int b = x;\n    return other(b);\n  }\n}\n",
        "c": "int add_rebate(int x)\n{\n    int a = 1;\n    int b = a + x;\n    return other(b);\n}\n",
        "cpp": "int R::add_rebate(int x) {\n    int a = 1;\n    int b = a + x;\n    return other(b);\n}\n",
        "pl": "sub add_rebate {\n    my ($x) = @_;\n    my $a = 1;\n    my $b = $x;\n    return other($b);\n}\n",
    }[suffix]
    where = text.index("\n\n", len(text) // 2) + 2 if suffix in ("c", "js") else len(text)
    text = text[:where] + body + text[where:]
    assert body in compressed(text, cat(suffix, "Why does `add_rebate` give too much?")).text
    assert body in compressed(text, cat(suffix, symbol="add_rebate")).text


def test_lines_with_the_rare_words_of_the_question_stay_where_their_body_goes() -> None:
    steps = [f"    step_{n}(cart, {n})\n" for n in range(400)]
    steps[200] = "    rotate_after = 41  # days until the deploy key expires\n"
    text = long_source("py") + "\n\ndef settle(cart):\n" + "".join(steps)
    result = compressed(text, cat("py", "After how many days does the deploy key rotate?"))
    assert "rotate_after = 41" in result.text
    assert "step_100(" not in result.text


def test_constants_stay_and_data_goes() -> None:
    rows = "".join(f'    "country {n}": {n},\n' for n in range(90))
    result = compressed(long_source("py") + "DATA = {\n" + rows + "}\n", cat("py"))
    assert "elided: rows of a table]" in result.text
    assert '    "nl": 21,' in result.text
    assert '    "it": 22,' in result.text


def test_remarks_stay() -> None:
    result = compressed(long_source("py"), cat("py"))
    assert result.text.count("# TODO: a limit per item") == long_source("py").count("# TODO: a limit per item")


def test_a_long_gap_says_whose_body_it_was_and_a_short_one_costs_no_name() -> None:
    text = "".join(
        f"def f_{n}():\n" + "".join(f"    x = call_of_something({n}, {m}) + 1\n" for m in range(5 + n))
        for n in range(40)
    )
    result = compressed(text, cat("py"))
    assert "elided: body of f_29]" in result.text
    assert "elided: body]" in result.text


def test_numbers_stay_right_after_every_gap() -> None:
    source = long_source("py", 48_000)
    result = compressed(numbered_by(source), read())
    numbers = re.findall(r"elided: [^\n]*\]\n(\d+)→", result.text)
    gaps = re.findall(r"lines? (?:\d+-)?(\d+) elided", result.text)
    assert len(gaps) > 20
    assert [int(last) + 1 for last in gaps if int(last) < source.count("\n")] == [int(number) for number in numbers]
    assert result.text.startswith("[headroom: line numbers")
    assert result.text.count("[headroom: line numbers") == 1


def test_where_numbers_and_lines_differ_a_gap_names_both() -> None:
    text = "<file>\n" + numbered_by(long_source("py", 48_000)) + "\n</file>"
    result = compressed(text, read())
    gap = re.search(r"lines (\d+)-(\d+) elided: .*numbered (\d+)-(\d+)\]", result.text)
    assert gap is not None
    assert (int(gap[1]) - 1, int(gap[2]) - 1) == (int(gap[3]), int(gap[4]))
    assert result.text.endswith("</file>")


def test_reads_with_numbers_lose_less_than_listings_of_the_same_length() -> None:
    source = long_source("py")
    assert compressed(source, cat("py")).elided
    assert code.compress(numbered_by(source), read()) is None


SHORT = "\n".join(source_of("py").split("\n")[:80])
RANGED: list[Callable[[], Hints]] = [
    lambda: read(offset=40),
    lambda: read(limit=900),
    lambda: read(view_range=[1, 400]),
    lambda: read(start_line=3, end_line=500),
    lambda: Hints("Bash", {"command": "sed -n 1,800p cart.py"}, marker=markers.elision),
    lambda: Hints("Bash", {"command": "cat cart.py | head -800"}, marker=markers.elision),
    lambda: Hints("Bash", {"command": "cat a.py && sed -n 1,9p b.py"}, marker=markers.elision),
    lambda: Hints("Bash", {"command": "cat cart.py | grep -v x"}, marker=markers.elision),
    lambda: Hints("Bash", {"command": "python show.py"}, marker=markers.elision),
    lambda: Hints("Bash", {"command": "git show HEAD:cart.py"}, marker=markers.elision),
    lambda: Hints("str_replace_editor", {"command": "str_replace", "path": "cart.py"}, marker=markers.elision),
    lambda: Hints("Edit", {"file_path": "cart.py"}, marker=markers.elision),
    lambda: Hints("Write", {"file_path": "cart.py"}, marker=markers.elision),
    lambda: read("Now let me verify my changes to the file"),
    lambda: read(path="src/cart.json"),
    lambda: read(path="notes.md"),
    lambda: Hints("Bash", {"command": "cat cart.py README.md"}, marker=markers.elision),
    lambda: Hints("Bash", {"command": "cat src/cart.py"}, marker=None, level=Level.SAFE),
]


@pytest.mark.parametrize("hints", RANGED)
def test_ranges_edits_filters_and_data_are_never_touched(hints: Callable[[], Hints]) -> None:
    assert code.compress(long_source("py", 50_000), hints()) is None


@pytest.mark.parametrize(
    "command",
    [
        "cat src/cart.py",
        "cd /src && cat cart.py shop.py",
        "cat a.py; echo '--- b.py'; cat b.py",
        "for f in a.py b.py; do echo $f; cat $f; done",
        "find . -name '*.py' | xargs cat",
        "bash -lc 'cat src/cart.py'",
        "cat src/cart.py 2>/dev/null",
    ],
)
def test_listings_of_whole_files_are_known(command: str) -> None:
    outcome = router.compress(long_source("py"), Hints("Bash", {"command": command}, marker=markers.elision))
    assert outcome is not None
    assert outcome[0] == "code"


@pytest.mark.parametrize("arguments", [{"offset": 0}, {"limit": None}, {"offset": 1}, {"view_range": [1, -1]}])
def test_ranges_that_leave_nothing_out_are_whole(arguments: dict[str, Any]) -> None:
    assert code.compress(numbered_by(long_source("py", 48_000)), read(**arguments))


@pytest.mark.parametrize(
    "text",
    [
        SHORT,
        "# Code generated by protoc. DO NOT EDIT.\n" + long_source("py"),
        "var a=1;" + "function f(){return 1};" * 2_000,
        "x = 1\n" * 9_000,
        long_source("go"),
        "",
    ],
    ids=["short", "generated", "minified", "repeated", "another language", "empty"],
)
def test_short_generated_minified_and_foreign_texts_are_left_alone(text: str) -> None:
    assert code.compress(text, cat("py")) is None


def test_a_text_that_carries_our_marker_is_left_alone() -> None:
    result = compressed(long_source("py"), cat("py"))
    assert code.compress(result.text, cat("py")) is None
    assert code.compress(result.text * 3, cat("py")) is None


def test_windows_line_ends_stay() -> None:
    text = long_source("py").replace("\n", "\r\n")
    result = compressed(text, cat("py"))
    assert result.text.count("\r\n") == result.text.count("\n") - result.text.count("[headroom")


def test_small_files_read_together_count_as_small() -> None:
    files = [f"=== {n}.py ===\n{numbered_by(long_source('py', 8_000))}" for n in range(5)]
    hints = Hints("read_multiple_files", {"filePaths": [f"{n}.py" for n in range(5)]}, marker=markers.elision)
    assert code.compress("\n\n".join(files), hints) is None
    assert code.compress("\n\n".join([*files, numbered_by(long_source("py", 48_000))]), hints)


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_notes_of_a_tool_keep_their_bytes_wherever_the_file_was_cut(suffix: str) -> None:
    note = (
        "\n[Showing the first lines. Use 'offset' to read more.]\n\n<system-reminder>Mind the\ntests.</system-reminder>"
    )
    source = long_source(suffix, 96_000).split("\n")
    followed = 0
    for cut in range(len(source) - 70, len(source) - 50):
        text = numbered_by("\n".join(source[:cut])) + "\n" + note
        result = code.compress(text, read(path=f"a.{suffix}"))
        if result is not None:
            trace_code(text, result)
            assert result.text.endswith(note)
            followed += 1
    assert followed > 10


def test_the_aggressive_level_elides_bodies_of_shorter_sources() -> None:
    text = long_source("py", 10_000)
    assert code.compress(text, cat("py")) is None
    assert code.compress(text, replace(cat("py"), level=Level.AGGRESSIVE))


def test_the_router_elides_where_it_may_and_renumbers_where_it_may_not() -> None:
    text = numbered_by(long_source("py", 48_000))
    for level, name in ((Level.BALANCED, "code"), (Level.SAFE, "numbered")):
        marker = markers.elision if level.may_elide else None
        outcome = router.compress(text, Hints("Read", {"file_path": "cart.py"}, marker=marker, level=level))
        assert outcome is not None
        assert outcome[0] == name


words = st.sampled_from("total net rate cart x_1 é \ud800 # TODO 'a' f(1) [1] NOTE return".split())
statement = st.lists(words, min_size=1, max_size=9).map(lambda each: "x = '" + " ".join(each).replace("'", "") + "'")
function = st.tuples(st.integers(0, 99), st.lists(statement, min_size=1, max_size=30), st.booleans()).map(
    lambda parts: (
        f"def f_{parts[0]}(a, b):\n"
        + ('    """Do it.\n\n    At length, and so on.\n    """\n' if parts[2] else "")
        + "".join(f"    {each} + str({n + parts[0]})\n" for n, each in enumerate(parts[1]))
    )
)
queries = st.sampled_from(["", "why is `f_7` slow?", "total rate"])


@given(st.lists(function, min_size=30, max_size=60), queries, st.sampled_from(["read", "cat"]))
@settings(max_examples=20, deadline=None)
def test_generated_sources_are_followed_line_by_line(functions: list[str], query: str, how: str) -> None:
    source = "\n\n".join(functions)
    text, hints = (numbered_by(source), read(query)) if how == "read" else (source, cat("py", query))
    result = code.compress(text, hints)
    if result is not None:
        trace_code(text, result)
        assert code.compress(text, hints) == result


def test_modules_of_the_standard_library_save_half_and_keep_their_signatures() -> None:
    folder = Path(sysconfig.get_path("stdlib"))
    before = after = 0
    for name in ("argparse.py", "tarfile.py", "traceback.py", "inspect.py", "subprocess.py", "typing.py"):
        text = (folder / name).read_text("utf-8")
        result = compressed(text, cat("py"))
        before, after = before + len(text), after + len(result.text)
        shown = set(result.text.split("\n"))
        signatures = [line for line in text.split("\n") if re.match(r"(?:class|def|import|from) ", line)]
        assert [line for line in signatures if line not in shown] == []
    assert after < 0.5 * before
