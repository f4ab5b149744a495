from __future__ import annotations

import pytest

from headroom_wrap.compression.patches import FilePart, Hunk, parse

GIT = (
    "diff --git a/shop/cart.py b/shop/cart.py\nindex 1234567..89abcde 100644\n--- a/shop/cart.py\n+++ b/shop/cart.py\n"
)


def only(text: str) -> FilePart:
    (part,) = parse(text.split("\n"))
    return part


def test_a_file_has_its_path_and_its_hunks() -> None:
    part = only(GIT + "@@ -1,3 +1,3 @@ class Cart:\n a\n-b\n+c\n d\n@@ -9 +9,2 @@\n-x\n+y\n+z\n")
    assert (part.path, part.start, part.end) == ("shop/cart.py", 0, 13)
    assert part.hunks == (Hunk(4, 5, 8), Hunk(9, 10, 12))
    assert part.is_sound


def test_what_stands_between_files_belongs_to_none() -> None:
    text = "commit 1234567\n\n" + GIT + "@@ -1 +1 @@\n-b\n+c\n\ncommit 89abcde\n\n" + GIT + "@@ -1 +1 @@\n-b\n+c\n"
    assert [(part.start, part.end) for part in parse(text.split("\n"))] == [(2, 9), (12, 19)]


def test_a_diff_inside_a_diff_is_text_of_the_outer_one() -> None:
    inner = "+diff --git a/x b/x\n+--- a/x\n++++ b/x\n+@@ -1 +1 @@\n+-a\n++b\n"
    part = only(GIT + "@@ -0,0 +1,6 @@\n" + inner)
    assert part.hunks == (Hunk(4, 5, 10),)


@pytest.mark.parametrize(
    "body",
    [
        "@@ -1,4 +1,4 @@\n a\n-b\n+c\n d\ndiff --git a/y b/y\n",
        "@@ -1,2 +1,2 @@\n a\n-b\n+c\n d\n",
        "@@ -1,3 +1,3 @@\n a\n... 40 lines truncated ...\n d\n",
        "@@ -1,3 +1 @@\n+a\n+b\n",
        "@@@ -1,2 +1,2 @@@\n a\n-b\n+c\n",
    ],
)
def test_a_hunk_with_other_lines_than_its_header_promises_makes_its_file_unsound(body: str) -> None:
    assert not parse((GIT + body).split("\n"))[0].is_sound


def test_a_text_that_ends_within_a_hunk_is_sound() -> None:
    part = only(GIT + "@@ -1,9 +1,9 @@\n a\n-b\n")
    assert part.is_sound
    assert part.hunks[0].first == 5


def test_a_missing_newline_at_the_end_is_told_within_the_hunk() -> None:
    part = only(GIT + "@@ -1 +1 @@\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file\n")
    assert part.hunks == (Hunk(4, 5, 8),)


def test_blank_lines_that_lost_their_blank_are_context() -> None:
    assert only(GIT + "@@ -1,3 +1,3 @@\n\n-b\n+c\n d\n").is_sound


def test_a_merge_has_a_column_per_parent() -> None:
    text = "diff --cc a.py\nindex 1,2..3\n--- a/a.py\n+++ b/a.py\n@@@ -1,2 -1,2 +1,2 @@@\n  a\n- b\n -c\n++d\n"
    part = only(text)
    assert part.is_sound
    assert part.hunks == (Hunk(4, 5, 8, 2),)


@pytest.mark.parametrize(
    ("head", "path", "is_new", "is_deleted"),
    [
        ("diff --git a/n b/n\nnew file mode 100644\nindex 0..1\n--- /dev/null\n+++ b/n\n", "n", True, False),
        ("diff --git a/n b/n\ndeleted file mode 100644\nindex 0..1\n--- a/n\n+++ /dev/null\n", "n", False, True),
        ("diff --git a/o b/n\nsimilarity index 90%\nrename from o\nrename to n\n--- a/o\n+++ b/n\n", "n", False, False),
        (
            "Index: x/y.c\n=================\n--- x/y.c\t(revision 1)\n+++ x/y.c\t(working copy)\n",
            "x/y.c",
            False,
            False,
        ),
        ("diff -ruN old/y.c new/y.c\n--- old/y.c\t2025\n+++ new/y.c\t2025\n", "new/y.c", False, False),
        ("--- y.c\t2025\n+++ y.c\t2025\n", "y.c", False, False),
        (
            'diff --git "a/gr\\303.py" "b/gr\\303.py"\n--- "a/gr\\303.py"\n+++ "b/gr\\303.py"\n',
            "gr\\303.py",
            False,
            False,
        ),
    ],
)
def test_heads_of_all_kinds_tell_path_and_fate(head: str, path: str, is_new: bool, is_deleted: bool) -> None:  # noqa: FBT001
    part = only(head + "@@ -1 +1 @@\n-b\n+c\n")
    assert (part.path, part.is_new, part.is_deleted) == (path, is_new, is_deleted)
    assert len(part.hunks) == 1


def test_a_binary_patch_has_bodies_and_a_mode_change_has_nothing() -> None:
    body = "GIT binary patch\nliteral 20\nccmZQzU|?Wi00Ry\nzcmZQzU|?Wi00Rys\n\nliteral 3\nKcmZQzU|?Wi\n\n"
    parts = parse(
        (f"diff --git a/i b/i\nindex 0..1\n{body}diff --git a/r b/r\nold mode 100644\nnew mode 100755\n").split("\n")
    )
    assert parts[0].base85 == (4, 5, 8)
    assert (parts[1].path, parts[1].hunks) == ("r", ())
