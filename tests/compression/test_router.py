from __future__ import annotations

import json
from typing import Any

import pytest

from headroom_wrap import tokens
from headroom_wrap.compression import markers, router
from headroom_wrap.compression.commands import Prints, command_of, prints
from headroom_wrap.compression.model import Hints

MATCHES = "".join(f"/home/dev/projects/shop/server/app/models/order.py:{n}:    total_{n} = 0\n" for n in range(40))
RUN = "".join(f"test_{n} (shop.tests.OrderTests.test_{n}) ... ok\n" for n in range(90)) + "\nRan 90 tests in 1s\n\nOK\n"
LOG = "".join(f"2025-03-04 11:00:{n % 60:02d} INFO queue.Poller: polled {n} jobs\n" for n in range(300))
ROWS = json.dumps([{"identifier": n, "state": "open", "title": f"Order number {n}"} for n in range(60)])
PODS = "NAME      READY   STATUS    AGE\n" + "".join(f"web-{n:<5d} 1/1     Running   {n}d\n" for n in range(90))
MANIFEST = "items:\n" + "".join(f"- kind: Pod\n  metadata:\n    name: web-{n}\n  phase: Running\n" for n in range(90))
DIFF = "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,200 +1,200 @@\n" + "-    old = 1\n+    new = 1\n" * 90
WIDE_DIFF = (
    "diff --git a/x.py b/x.py\n--- a/x.py\n+++ b/x.py\n@@ -1,201 +1,201 @@\n"
    + "".join(f"     value_{n} = compute({n})\n" for n in range(200))
    + "-old\n+new\n"
)
BLAME = "".join(f"1234567 (Ada Moreau 2025-03-01 10:13:00 +0100 {n:3d}) value_{n} = 1\n" for n in range(1, 90))
NUMBERED = "".join(f"{n:6d}→    self.total_{n} = 0\n" for n in range(1, 200))
CODE = "".join(f"def function_{n}(value):\n    return value\n\n\n" for n in range(80))
TRACE = "Traceback (most recent call last):\n" + "".join(
    f'  File "/usr/lib/python3.12/unittest/case.py", line {n}, in run\n    self.callTestMethod(testMethod)\n'
    for n in range(30)
)


def bash(command: str | list[str]) -> dict[str, Any]:
    return {"command": command}


def chosen(text: str, tool_name: str, tool_input: dict[str, Any] | None = None) -> str | None:
    outcome = router.compress(text, Hints(tool_name, tool_input or {}, marker=markers.elision))
    return None if outcome is None else outcome[0]


@pytest.mark.parametrize(
    ("text", "tool_name", "tool_input", "name"),
    [
        (MATCHES, "Grep", {"pattern": "total"}, "search"),
        (MATCHES, "Bash", bash("cd /x && rg -n total | head -40"), "search"),
        (MATCHES, "shell", bash(["bash", "-lc", "git grep -n total"]), "search"),
        (RUN, "Bash", bash("python manage.py test 2>&1 | tail -100"), "test_runs"),
        (RUN, "Bash", bash("./run-everything.sh"), "test_runs"),
        (LOG, "Bash", bash("kubectl logs web-1"), "logs"),
        (LOG, "Bash", bash("tail -300 /tmp/out.txt"), "logs"),
        (LOG, "mcp__cluster__fetch_logs", {"pod": "web-1"}, "logs"),
        (ROWS, "Bash", bash("gh api repos/x/y/issues"), "json_rows"),
        (ROWS, "mcp__tracker__list_issues", {}, "json_rows"),
        ("Fetching\n" + ROWS + "\n", "Bash", bash("curl -s https://a.b/orders"), "json_rows"),
        (ROWS, "Bash", bash("npm ls --json"), "json_rows"),
        (ROWS * 3, "Bash", bash("cat rows.json"), None),
        (json.dumps(json.loads(ROWS) * 3), "Bash", bash("cat rows.json"), "json_rows"),
        (json.dumps(json.loads(ROWS) * 3), "Bash", bash("cat tsconfig.base.json"), None),
        (json.dumps(json.loads(ROWS) * 3), "Read", {"file_path": "/x/rows.json"}, None),
        (ROWS, "Bash", bash("jq .items rows.json"), "json_rows"),
        (PODS, "Bash", bash("kubectl get pods"), "tables"),
        (PODS, "mcp__cluster__pods", {}, "tables"),
        (MANIFEST, "Bash", bash("kubectl get pods -o yaml"), "yaml_text"),
        (MANIFEST, "Bash", bash("cat pods.yaml"), None),
        (TRACE + "ValueError: no\n", "Bash", bash("python -c 'import shop'"), "test_runs"),
        (WIDE_DIFF, "Bash", bash("git diff -U200"), "diffs"),
        (WIDE_DIFF, "Bash", bash("./review.sh"), "diffs"),
        (WIDE_DIFF, "mcp__git__git_diff", {"repo_path": "/x"}, "diffs"),
        ("".join(f"{n:07x} Fix number {n}\n" for n in range(400)), "Bash", bash("git log --oneline"), "history"),
        ("".join(f"?? src/parts/view_{n}.ts\n" for n in range(90)), "Bash", bash("git status --short"), "history"),
        (BLAME, "Bash", bash("git blame x.py"), "blame"),
        ("waiting for the lock\n" * 60, "Bash", bash("./deploy"), "terminal"),
        (
            "".join(f"./src/components/parts/{n}.ts\n" for n in range(90)),
            "Bash",
            bash("find . -name '*.ts'"),
            "listings",
        ),
    ],
)
def test_a_text_goes_to_the_compressor_of_its_kind(
    text: str, tool_name: str, tool_input: dict[str, Any], name: str | None
) -> None:
    assert chosen(text, tool_name, tool_input) == name


@pytest.mark.parametrize(
    ("text", "tool_name", "tool_input"),
    [
        (CODE, "Read", {"file_path": "/x/order.py", "offset": 40, "limit": 200}),
        (LOG, "read_text_file", {"path": "app.log"}),
        (MATCHES, "mcp__files__read_multiple_files", {}),
        (RUN, "str_replace_based_edit_tool", {"command": "view"}),
        (NUMBERED.replace("→", "\t"), "Bash", bash("python show.py")),
        (CODE, "Bash", bash("sed -n 1,200p order.py")),
        (CODE, "Bash", bash("cat order.py")),
        (ROWS, "Bash", bash("cat rows.json")),
        (DIFF, "Bash", bash("git diff HEAD~1")),
        (DIFF, "Bash", bash("./review.sh")),
        (WIDE_DIFF, "Bash", bash("cat change.patch")),
        (WIDE_DIFF, "Read", {"file_path": "change.patch"}),
        ("src/parts/view.ts\n" * 90, "Bash", bash("git show HEAD~2:docs/files.txt")),
        ("1a2b3c4 Fix the build\n" * 90, "Bash", bash("git log --oneline | grep Fix")),
        ("The quick brown fox jumps over the lazy dog, again and again. " * 90, "WebFetch", {"url": "https://a.b"}),
        (MATCHES + markers.elision(1, 2, "") + "\n", "Grep", {}),
    ],
)
def test_reads_diffs_history_prose_and_our_own_texts_are_never_touched(
    text: str, tool_name: str, tool_input: dict[str, Any]
) -> None:
    assert chosen(text, tool_name, tool_input) is None


def test_a_small_gain_is_none() -> None:
    assert chosen("a/b.py:1:x\na/b.py:2:y\na/b.py:3:z\n", "Grep") is None


def test_a_gain_counts_after_the_header_that_elision_needs() -> None:
    outcome = router.compress(LOG, Hints("Bash", bash("docker logs web"), marker=markers.elision))
    assert outcome is not None
    assert tokens.count(outcome[1].text) + router.HEADER_TOKENS <= 0.85 * tokens.count(LOG)


@pytest.mark.parametrize(
    ("command", "kinds"),
    [
        ("cd x && FOO=1 timeout 300 python3.12 -m pytest -x 2>&1 | tail -40", Prints.TESTS),
        ("npm run test:unit -- --watch=false", Prints.TESTS),
        ("go test ./... | grep FAIL", Prints.TESTS),
        ("cat Makefile && make test", Prints.FILES | Prints.TESTS),
        ("find . -name '*.py' | xargs grep -n foo", Prints.MATCHES),
        ("git stash && cargo test; git stash pop", Prints.TESTS),
        ("grep -rn 'git diff | cat' docs", Prints.MATCHES),
        ("python - <<'EOF'\nimport grep\ngrep x\nEOF\nls", Prints.MATCHES),
        ("bash -lc 'rg foo | head'", Prints.MATCHES),
        ("git log -p -- a.py", Prints.HISTORY),
        ("tail -f /var/log/syslog", Prints.LOGS),
        ("head -20 a.py", Prints.FILES),
        ("echo done", Prints.NOTHING_KNOWN),
        ("", Prints.NOTHING_KNOWN),
    ],
)
def test_a_command_tells_what_it_prints(command: str, kinds: Prints) -> None:
    assert prints(command) == kinds


def test_a_command_is_found_in_the_arguments_of_different_tools() -> None:
    assert command_of({"command": "ls"}) == "ls"
    assert command_of({"cmd": ["bash", "-lc", "ls"]}) == "bash -lc ls"
    assert command_of({"path": "x"}) == ""
