"""Diffs: what stays, what goes, and that all is followed back to where it stood."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import diffs, markers
from headroom_wrap.compression.model import Hints, Level
from tests.compression.following import follow

ELIDING = Hints("Bash", {"command": "git diff"}, "review this", marker=markers.elision)
LOSSLESS = Hints("Bash", {"command": "git diff"}, "review this")


@dataclass(frozen=True)
class Written:
    """A diff and the changed lines of the files in it that people write."""

    text: str
    changed: tuple[str, ...]


def diff_of(path: str, body: list[str], *, head: str = "", start: int = 1) -> str:
    n_old = sum(1 for line in body if line[:1] in ("-", " "))
    n_new = sum(1 for line in body if line[:1] in ("+", " "))
    return (
        f"diff --git a/{path} b/{path}\n{head}index 1234567..89abcde 100644\n--- a/{path}\n+++ b/{path}\n"
        f"@@ -{start},{n_old} +{start},{n_new} @@ def around(self):\n" + "".join(f"{line}\n" for line in body)
    )


def context(n: int, name: str = "value") -> list[str]:
    return [f"     self.{name}_{number} = compute({number})" for number in range(n)]


def out_of(text: str, hints: Hints = ELIDING) -> str:
    result = diffs.compress(text, hints)
    assert result is not None
    follow(text, result)
    return result.text


@st.composite
def written(draw: st.DrawFn) -> Written:
    """Files with runs of context of any length; each changed line stands once, so that no two hunks are alike."""
    out = []
    changed: list[str] = []
    for number in range(draw(st.integers(1, 9))):
        path = draw(st.sampled_from(["src/a.py", "b/c d.ts", "Makefile", "yarn.lock", "x/poetry.lock", "vendor/v.go"]))
        is_human = path in ("src/a.py", "b/c d.ts", "Makefile")
        body: list[str] = []
        for at in range(draw(st.integers(1, 4))):
            body += draw(st.sampled_from([[], [" "], context(2), context(3), context(9), context(40)]))
            signs = draw(st.text("+-", min_size=1, max_size=6))
            lines = [f"{sign}    item_{number}_{at}_{n} = {sign}version(1)" for n, sign in enumerate(signs)]
            body += lines
            changed += lines if is_human else []
        body += draw(st.sampled_from([[], context(3, "end"), context(30, "end"), [" def last():", *context(9)]]))
        head = draw(st.sampled_from(["", "old mode 100644\nnew mode 100755\n"]))
        out.append(diff_of(path, body, head=head, start=draw(st.integers(1, 500))))
        out.append(draw(st.sampled_from(["", "", "\n", "commit 0123456\n\n    words\n\n", "Only in a: b\n"])))
    return Written("".join(out) * draw(st.sampled_from([1, 1, 4])), tuple(changed))


@given(written())
@settings(max_examples=150)
def test_every_changed_line_of_human_files_stays_in_order_and_all_else_is_accounted_for(diff: Written) -> None:
    for hints in (ELIDING, LOSSLESS, Hints(marker=markers.elision, level=Level.AGGRESSIVE)):
        result = diffs.compress(diff.text, hints)
        assert result == diffs.compress(diff.text, hints)
        if result is None:
            continue
        assert len(result.text) < len(diff.text)
        gone = follow(diff.text, result)
        if hints.marker is None:
            assert gone == []
        out = iter(result.text.split("\n"))
        assert all(line in out for line in diff.changed)
        for head in re.findall(r"^(?:diff --git|@@ -1).*", diff.text, re.MULTILINE):
            assert head in result.text


@given(
    st.lists(
        st.sampled_from(
            [
                "diff --git a/x b/x",
                "index 1..2",
                "--- a/x",
                "+++ b/x",
                "@@ -1,2 +1,2 @@",
                "@@ -1,9 +1 @@",
                "@@@ -1 -1 +1 @@@",
                " a",
                "-b",
                "+c",
                "",
                "\\ No newline at end of file",
                "commit 1234567",
                "-- ",
                "GIT binary patch",
                "literal 9",
                "zcmZQzU|?Wi00RysNcmZQzU|?Wi00Rys",
                "diff --cc x",
                " " + "long context " * 5,
            ]
        ),
        max_size=90,
    )
)
@settings(max_examples=200)
def test_any_order_of_a_diffs_lines_is_followed_back(lines: list[str]) -> None:  # fmt: skip
    text = "\n".join(lines)
    for hints in (ELIDING, LOSSLESS):
        result = diffs.compress(text, hints)
        if result is not None:
            follow(text, result)


def test_a_short_diff_with_the_usual_context_stays_word_for_word() -> None:
    text = diff_of("src/a.py", [*context(3), "-old", "+new", *context(3)])
    assert diffs.compress(text, ELIDING) is None


def test_whole_file_context_becomes_three_lines_on_each_side() -> None:
    out = out_of(diff_of("src/a.py", [*context(50), "-old", "+new", *context(50)]))
    assert out.split("\n")[5:] == [
        "[headroom: lines 6-52 elided: 47 of context]",
        *context(50)[-3:], "-old", "+new", *context(50)[:3],
        "[headroom: lines 61-107 elided: 47 of context]",
        "",
    ]  # fmt: skip


def test_a_large_diff_keeps_one_line_of_context() -> None:
    files = [diff_of(f"src/{n}.py", [*context(3), f"-old {n}", f"+new {n}", *context(3, "z")]) for n in range(60)]
    out = out_of("".join(files))
    assert out.count("self.value_2") == out.count("self.z_0") == 60
    assert "self.value_1 " not in out
    assert out.count("elided: context]") == 60
    assert all(f"-old {n}\n+new {n}\n" in out for n in range(60))


def test_the_definition_that_a_change_is_in_stays_in_a_long_gap() -> None:
    body = [*context(20), "     def total(self):", *context(20), "-old", "+new"]
    out = out_of(diff_of("src/a.py", body))
    assert "     def total(self):" in out
    assert out.count(" of context]") == 2


def test_context_that_the_user_asks_for_stays() -> None:
    body = [*context(20), "     discount = self.voucher_percentage", *context(20), "-old", "+new"]
    text = diff_of("src/a.py", body)
    asked = Hints("Bash", {}, "where is voucher_percentage read?", marker=markers.elision)
    assert "voucher_percentage" not in out_of(text)
    assert "voucher_percentage" in out_of(text, asked)


LOCK = [
    '     "node_modules/ms": {',
    '-      "version": "2.1.2",',
    '+      "version": "2.1.3",',
    '-      "integrity": "sha512-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"',
    '+      "integrity": "sha512-bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"',
]


def test_a_lock_file_shows_which_versions_of_what_changed_and_how_much_else_did() -> None:
    out = out_of(diff_of("web/package-lock.json", LOCK * 5))
    assert out.count('"node_modules/ms"') == out.count('"2.1.2"') == out.count('"2.1.3"') == 5
    assert "elided: lock file, in all +10 -10 in 1 hunk]" in out
    assert "sha512" not in out


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("Cargo.lock", [' name = "serde"', '-version = "1.0.1"', '+version = "1.0.2"'], 3),
        ("yarn.lock", [" ms@^2.0.0:", '-  version "2.1.2"', '+  version "2.1.3"'], 3),
        ("pnpm-lock.yaml", ["-  /ms@2.1.2:", "+  /ms@2.1.3:", "+    dev: true, engines: node, and more of it"], 2),
        ("go.sum", ["-x.org/y v1.0.0 h1:aaaa=", "+x.org/y v1.0.1 h1:bbbb=", "+x.org/y v1.0.1/go.mod h1:bbbbbb="], 2),
        ("Gemfile.lock", ["-    rails (6.0.0)", "+    rails (6.1.0)", "+      actionpack (= 6.1.0) etc."], 2),
    ],
)  # fmt: skip
def test_versions_are_found_in_lock_files_of_many_tools(path: str, before: list[str], after: int) -> None:
    noise = [f'+    checksum = "{n:060d}"' for n in range(40)]
    out = out_of(diff_of(path, [*before, *noise]))
    assert [line in out for line in before] == [n < after for n in range(3)]
    assert "checksum" not in out


def test_a_lock_file_that_the_command_names_is_wanted() -> None:
    hints = Hints("Bash", {"command": "git diff -- web/package-lock.json"}, "", marker=markers.elision)
    assert diffs.compress(diff_of("web/package-lock.json", LOCK * 5), hints) is None


@pytest.mark.parametrize("path", ["app.min.js", "api_pb2.py", "node_modules/x/index.js", "a/__snapshots__/x.snap"])
def test_built_and_vendored_files_show_their_first_lines_and_counts(path: str) -> None:
    out = out_of(diff_of(path, [f"+line {n} of a file that no hand wrote" for n in range(90)]))
    assert "+line 0 of" in out
    assert "+line 80 of" not in out
    assert "in all +90 -0 in 1 hunk]" in out


def test_a_file_that_says_it_is_generated_is_believed() -> None:
    body = [
        "+// Code generated by protoc. DO NOT EDIT.",
        *[f"+var field_{n} = {n} // of the message" for n in range(60)],
    ]
    assert "elided: generated file" in out_of(diff_of("api/x.go", body))


def test_a_deleted_file_shows_its_first_lines_and_its_definitions() -> None:
    body = [
        "-import os",
        *[f"-    value_{n} = os.environ['{n}']" for n in range(50)],
        "-def late():",
        *["-    pass"] * 9,
    ]
    out = out_of(diff_of("old.py", body, head="deleted file mode 100644\n"))
    assert "-import os" in out
    assert "-def late():" in out
    assert "value_30" not in out


def test_of_the_same_change_in_many_files_three_are_shown_and_every_path_stays() -> None:
    text = "".join(diff_of(f"pages/{n}.py", [*context(3), "-old()", "+new()", *context(3)], start=n) for n in range(9))
    out = out_of(text)
    assert out.count("-old()\n+new()") == 3
    assert all(f"a/pages/{n}.py" in out and f"@@ -{n},7 +{n},7 @@" in out for n in range(9))
    assert "hunks with the same changes as lines 6-13]" in out


def added(n: int) -> list[str]:
    lines = [f"+    row_{number} = table[{number}] * factor" for number in range(n)]
    lines[n // 2] = "+def in_the_middle(table):"
    lines[n // 2 + 9] = "+        raise ValueError('no table')"
    return lines


def test_the_middle_of_a_long_addition_goes_only_in_very_large_diffs() -> None:
    one = diff_of("big.py", added(300))
    assert diffs.compress(one, ELIDING) is None
    out = out_of("".join(diff_of(f"big_{n}.py", added(300 + n)) for n in range(8)))
    assert out.count("+def in_the_middle") == out.count("raise ValueError") == 8
    assert "row_39 " in out
    assert "row_60 " not in out
    assert "of 307 added lines]" in out


def test_a_file_whose_hunks_are_counted_wrongly_is_left_whole() -> None:
    wrong = diff_of("src/a.py", [*context(60), "-old", "+new"]).replace(",61 @@", ",9 @@")
    good = diff_of("src/b.py", [*context(60), "-old", "+new"])
    assert diffs.compress(wrong, ELIDING) is None
    assert out_of(wrong + good).startswith(wrong)


def test_one_line_of_a_megabyte_goes_with_its_number_told() -> None:
    out = out_of(diff_of("src/data.py", [*context(3), "-x", "+y = '" + "z" * 1_000_000 + "'", *context(3)]))
    assert "[headroom: line 10 elided: longer than 5000 characters]" in out
    assert "-x" in out


def test_repeated_headers_are_said_once_and_come_back() -> None:
    text = "".join(diff_of(f"src/some/long/path/to/module_{n}.py", [f"-a{n}", f"+b{n}"]) for n in range(6))
    out = out_of(text, LOSSLESS)
    assert out.startswith("[headroom: --- and +++ lines that repeat a diff --git line left out]\ndiff --git")
    assert "\n---" not in out
    assert out.count("a/src/some/long/path/to/module_3.py") == 1


def test_other_texts_are_left_alone() -> None:
    assert diffs.compress("no diff here\n" * 90, ELIDING) is None
    assert diffs.compress("--- a\n+++ b\n" * 90, ELIDING) is None
