"""Logs: what is said once, what goes, and that all is followed back to where it stood."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import history, markers
from headroom_wrap.compression.model import Hints
from tests.compression.following import follow

ELIDING = Hints("Bash", {"command": "git log"}, "what was done?", marker=markers.elision)
LOSSLESS = Hints("Bash", {"command": "git log"}, "what was done?")
ADA, BO = "Ada Moreau <ada@example.org>", "Bo Lindqvist <bo@example.org>"


def commit(number: int, author: str = ADA, body: str = "", *, merge: bool = False) -> str:
    return (
        f"commit {number:040x}\n" + "Merge: 1234567 89abcde\n" * merge + f"Author: {author}\n"
        f"Date:   Sun Mar 2 10:{number % 60:02d}:00 {2025 - number // 50} +0100\n\n    Change number {number}\n{body}\n"
    )


def out_of(text: str, hints: Hints = ELIDING) -> str:
    result = history.compress(text, hints)
    assert result is not None
    follow(text, result)
    return result.text


stat = st.lists(
    st.sampled_from([
        " shop/rules/tax.py  |  4 +-", " shop/rules/ship.py | 40 ++++", " logo.png | Bin 12 -> 40 bytes",
        " top.py | 1 +", " shop/{old => new}/cart.py | 0", " shop/rules/", "  odd | 3 +", " 1 file changed", "",
    ]), max_size=8,
).map("\n".join)  # fmt: skip
diff = st.sampled_from(
    ["", "diff --git a/x.py b/x.py\nindex 1..2 100644\n--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-a\n+commit 1234567\n"]
)
trailers = st.sampled_from(["", f"    Signed-off-by: {ADA}\n    Reviewed-by: {BO}\n", "    Fixes: #4\n"])
commits = st.lists(
    st.builds(
        lambda number, author, merge, *words: commit(number, author, "".join(words), merge=merge),
        st.integers(0, 99), st.sampled_from([ADA, ADA, BO]), st.booleans(), trailers, stat, st.just("\n"), diff,
    ), max_size=40,
).map("".join)  # fmt: skip


@given(
    commits,
    st.sampled_from(
        ["", "", "commit 1234567\n", "commit 1234567\nDate: now\n", "Author: x\n", "Date: Sun Mar 2 10:03:00\n"]
    ),
)
@settings(max_examples=150)
def test_a_log_is_followed_back_line_by_line(log: str, stray: str) -> None:
    for text in (log + stray, stray + log, log * 5):
        for hints in (ELIDING, LOSSLESS):
            result = history.compress(text, hints)
            assert result == history.compress(text, hints)
            if result is not None:
                assert len(result.text) < len(text)
                assert hints.marker is not None or result.elided == 0
                follow(text, result)


def test_an_author_is_named_where_it_changes() -> None:
    log = "".join(commit(n, BO if n == 7 else ADA, merge=n == 3) for n in range(12))
    out = out_of(log, LOSSLESS)
    assert out.startswith("[headroom: a commit without Author has that of the commit shown above it; a Date without")
    assert [line for line in out.split("\n") if line.startswith("Author")] == [
        f"Author: {ADA}", f"Author: {BO}", f"Author: {ADA}",
    ]  # fmt: skip
    assert "Merge: 1234567 89abcde\nDate:   Sun Mar 2 10:03:00\n" in out
    assert out.count("2025 +0100") == 1


def test_stat_rows_stand_below_their_directory_and_sums_stay() -> None:
    rows = "".join(f" headroom/some/long/folder/file_{n}.py | {n} +\n" for n in range(9)) + " top.py | 1 +\n"
    out = out_of(rows + " 10 files changed, 37 insertions(+)\n", LOSSLESS)
    assert "\n headroom/some/long/folder/\n  file_0.py | 0 +\n  file_1.py | 1 +\n" in out
    assert out.endswith("  file_8.py | 8 +\n top.py | 1 +\n 10 files changed, 37 insertions(+)\n")


def test_of_a_very_long_stat_the_middle_goes_but_for_what_is_asked_for() -> None:
    rows = "".join(f" lib/part_{n}.py | {n} +\n" for n in range(70)) + " lib/voucher.py | 4 +\n"
    rows += "".join(f" lib/rest_{n}.py | {n} +\n" for n in range(70)) + " 141 files changed, 9999 insertions(+)\n"
    asked = Hints("Bash", {"command": "git diff --stat"}, "did voucher.py change?", marker=markers.elision)
    out = out_of(rows, asked)
    assert "\n lib/voucher.py | 4 +\n" in out
    assert "part_60" not in out
    assert "part_3.py" in out
    assert "rest_69.py" in out
    assert "112 rows of the stat]" in out
    assert out.endswith(" 141 files changed, 9999 insertions(+)\n")


def test_trailers_fold_but_issues_stay() -> None:
    body = f"    \n    Fixes: #12\n    Signed-off-by: {ADA}\n    Co-authored-by: {BO}\n"
    out = out_of("".join(commit(n, body=body) for n in range(12)))
    assert out.count("Fixes: #12") == 12
    assert "Signed-off-by" not in out
    assert out.count("elided: trailers]") == 1


def test_of_a_very_long_log_both_ends_stay_and_what_is_asked_for() -> None:
    log = "".join(f"{n:07x} Tune the price of article {n}\n" for n in range(300))
    log = log.replace("Tune the price of article 150", "Let vouchers expire")
    asked = Hints("Bash", {"command": "git log --oneline"}, "when did vouchers expire first?", marker=markers.elision)
    lines = out_of(log, asked).split("\n")
    assert lines[:60] == log.split("\n")[:60]
    assert lines[60:] == [
        "[headroom: lines 61-150 elided: 90 commits]",
        f"{150:07x} Let vouchers expire",
        "[headroom: lines 152-295 elided: 144 commits]",
        *log.split("\n")[295:],
    ]
    assert history.compress(log[: log.index("article 190")], asked) is None


def test_a_very_long_log_with_bodies_loses_whole_commits_from_its_middle() -> None:
    log = "".join(commit(n, BO if n % 2 else ADA, "    \n    And why.\n") for n in range(130))
    out = out_of(log)
    assert "elided: 65 commits]" in out
    assert out.count("\ncommit ") + out.startswith("commit ") == 65
    assert out.count("And why.") == 65


def test_the_diffs_in_a_log_are_shortened_too() -> None:
    far = "".join(f"     value_{n} = compute({n})\n" for n in range(40))
    patch = f"diff --git a/x.py b/x.py\nindex 1..2 100644\n--- a/x.py\n+++ b/x.py\n@@ -1,41 +1,41 @@\n{far}-a\n+b\n"
    out = out_of("".join(commit(n, body="\n" + patch.replace("-a", f"-a{n}")) for n in range(6)))
    assert out.count("elided: 37 of context]") == 6
    assert all(f"-a{n}\n+b\n" in out for n in range(6))
    assert "without Author" in out.split("\n")[0]
    assert "diff --git line left out" in out.split("\n")[0]


def test_a_blame_is_no_log() -> None:
    text = "".join(f"1234567{n % 9} (Ada Moreau 2025-03-01 10:13:00 +0100 {n}) x = 1\n" for n in range(300))
    assert history.compress(text, ELIDING) is None


def test_paths_of_one_directory_share_braces_in_long_lists() -> None:
    rows = "".join(f"M\tshop/rules/tax_{n}.py\n" for n in range(30)) + "A\tshop/rules/new.py\nR100\ta/b.py\ta/c.py\n"
    rows += "".join(f"A\tshop/views/page_{n}.html\n" for n in range(30))
    out = out_of(rows, LOSSLESS)
    assert out.startswith("[headroom: paths of one directory share braces]\nM\tshop/rules/{tax_0.py,tax_1.py,")
    assert "}\nA\tshop/rules/new.py\nR100\ta/b.py\ta/c.py\nA\tshop/views/{page_0.html," in out
    assert history.compress(rows[:400], LOSSLESS) is None


def test_a_long_status_is_folded_as_it_stands() -> None:
    text = "On branch main\nChanges not staged for commit:\n"
    text += "".join(f"\tmodified:   src/parts/view_{n}.ts\n" for n in range(40))
    text += "\nUntracked files:\n" + "".join(f"\tsrc/new/{n}.ts\n" for n in range(9))
    out = out_of(text, LOSSLESS)
    assert "\tmodified:   src/parts/{view_0.ts,view_1.ts," in out
    assert "\n\tsrc/new/{0.ts,1.ts," in out


path_row = st.builds(
    "{}{}{}".format,
    st.sampled_from(["M\t", "?? ", " M ", "\tmodified:   ", "\t", " create mode 100644 ", "", "x "]),
    st.sampled_from(["src/", "src/a/", "", "a b/", "{x}/", "/"]),
    st.sampled_from(["a.py", "b.py", "c,d", "{a,b}", "é.ts"]),
)  # fmt: skip


@given(st.lists(st.tuples(path_row, st.integers(1, 20)).map(lambda run: [run[0]] * run[1]), max_size=30))
@settings(max_examples=100)
def test_rows_with_paths_come_back(runs: list[list[str]]) -> None:
    text = "\n".join(row for run in runs for row in run)
    result = history.compress(text, LOSSLESS)
    if result is not None:
        assert len(result.text) < len(text)
        follow(text, result)
