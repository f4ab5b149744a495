"""Outputs of every kind, made from a seed: realistic in shape, and with what no program should print now and then."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

_WORDS = (
    "cart order total user cache error failed retry parser empty file worker queue poll ready http index config token "
    "module price naïve stock invoice session warning timeout path node batch"
).split()
_ODD = ["\x1b[31mred\x1b[0m", "\0", "\ud800", "é…→", "\r", "a\rb\rdone", "\t", "]", "…", "~", "$A", "{", "}", "\u2028"]
_STATES = ["Running", "Pending", "Failed", "Completed"]


@dataclass(frozen=True)
class Output:
    """A text with the call that printed it."""

    kind: str
    text: str
    tool_name: str = "Bash"
    tool_input: dict[str, Any] = field(default_factory=dict)


def _words(source: random.Random, least: int = 1, most: int = 9) -> str:
    return " ".join(source.choices(_WORDS, k=source.randint(least, most)))


def _path(source: random.Random) -> str:
    folder = source.choice(["src", "src/shop", "tests", "lib/deep/er", "/srv/app", "a b"])
    return f"{folder}/{source.choice(_WORDS)}_{source.randint(1, 9)}.{source.choice(['py', 'ts', 'go'])}"


def _time(source: random.Random, at: int) -> str:
    return f"2024-01-{at // 86400 % 28 + 1:02d} {at // 3600 % 24:02d}:{at // 60 % 60:02d}:{at % 60:02d},{source.randint(0, 999):03d}"


def python_source(source: random.Random, n_functions: int | None = None) -> list[str]:
    lines = ["import os", "import re", "", "LIMIT = 17", ""]
    for number in range(source.randint(2, 60) if n_functions is None else n_functions):
        lines += [f"def {source.choice(_WORDS)}_{number}({source.choice(_WORDS)}: int) -> int:"]
        if source.random() < 0.5:
            lines += [f'    """{_words(source, 3, 12)}."""']
        for _ in range(source.randint(1, 14)):
            lines.append(
                f"    {source.choice(_WORDS)} = {source.choice(_WORDS)}({source.randint(0, 99)}, '{_words(source)}')"
            )
        lines += [f"    return {source.randint(0, 9)}", "", ""]
    return lines


def read_numbered(source: random.Random) -> Output:
    start = source.choice([1, 1, 40, 995])
    lines = python_source(source)
    style = source.choice(["{n:6d}→{line}", "{n:6d}\t{line}", "{n}\t{line}"])
    text = "\n".join(style.format(n=start + index, line=line) for index, line in enumerate(lines))
    arguments = {"file_path": "src/shop/cart.py"} | ({"offset": start, "limit": len(lines)} if start > 1 else {})
    return Output("read", text, "Read", arguments)


def cat_source(source: random.Random) -> Output:
    text = "\n".join(python_source(source, source.choice([5, 40, 90])))
    return Output("source", text, "Bash", {"command": "cat src/shop/cart.py"})


def _hunk(source: random.Random, start: int) -> list[str]:
    body = []
    old = new = 0
    for _ in range(source.randint(3, source.choice([8, 60]))):
        sign = source.choice("     +-")
        body.append(sign + _words(source))
        old, new = old + (sign != "+"), new + (sign != "-")
    return [f"@@ -{start},{old} +{start},{new} @@ def {source.choice(_WORDS)}", *body]


def _diff(source: random.Random) -> list[str]:
    lines = []
    same = _hunk(source, 3)
    for number in range(source.randint(1, 14)):
        path = source.choice(
            [_path(source).replace("a b", "ab").lstrip("/"), f"src/f{number}.py", "package-lock.json", "dist/x.min.js"]
        )
        lines += [f"diff --git a/{path} b/{path}", "index 1234567..89abcde 100644", f"--- a/{path}", f"+++ b/{path}"]
        for at in range(source.randint(1, 3)):
            lines += same if source.random() < 0.4 else _hunk(source, 1 + 70 * at)
    return lines


def diff(source: random.Random) -> Output:
    return Output("diff", "\n".join(_diff(source)) + "\n", "Bash", {"command": "git diff"})


def git_log(source: random.Random) -> Output:
    lines = []
    for number in range(source.choice([6, 30, 130])):
        lines += [
            f"commit {source.getrandbits(160):040x}",
            f"Author: {source.choice(['Ada <ada@example.com>', 'Bob <bob@example.com>'])}",
            f"Date:   Mon Jan {number % 28 + 1} 10:{number % 60:02d}:00 2024 +0100",
            "",
            f"    {_words(source, 2)}",
            "",
        ]
        if source.random() < 0.3:
            lines += ["    Signed-off-by: Ada <ada@example.com>", ""]
        if source.random() < 0.3:
            lines += [f" {_path(source)} | {source.randint(1, 40)} ++--" for _ in range(source.randint(1, 6))]
            lines += [" 3 files changed, 4 insertions(+), 2 deletions(-)", ""]
        if source.random() < 0.1:
            lines += [*_diff(source), ""]
    return Output("git_log", "\n".join(lines), "Bash", {"command": "git log --stat -p"})


def git_oneline(source: random.Random) -> Output:
    lines = [f"{source.getrandbits(40):010x} {_words(source, 2)}" for _ in range(source.choice([20, 400]))]
    return Output("oneline", "\n".join(lines), "Bash", {"command": "git log --oneline"})


def blame(source: random.Random) -> Output:
    commits = [f"{source.getrandbits(32):08x} ({name} 2024-01-02 10:11:12 +0100" for name in ("Ada", "Bob", "Cy ")]
    lines = [f"{source.choice(commits)} {n:4d}) {_words(source)}" for n in range(1, source.randint(10, 90))]
    return Output("blame", "\n".join(lines), "Bash", {"command": "git blame src/cart.py"})


def _row(source: random.Random, number: int) -> dict[str, Any]:
    row: dict[str, Any] = {
        "id": number, "name": f"{source.choice(_WORDS)}-{number}", "state": source.choice(_STATES), "ok": True,
        "url": f"https://example.com/api/v1/orders/{number}", "user": {"login": source.choice(_WORDS), "type": "User"},
        "big": 12345678901234567890, "ratio": source.choice([1.0, 0.5, 1e30]),
    }  # fmt: skip
    if source.random() < 0.1:
        row["error"] = _words(source)
    if source.random() < 0.1:
        row["body"] = _words(source, 100, 300)
    return row


def json_value(source: random.Random) -> Output:
    rows = [_row(source, number) for number in range(source.choice([3, 20, 120]))]
    value: Any = source.choice([rows, {"items": rows, "next": None}, {f"k{row['id']}": row for row in rows}])
    text = json.dumps(value, indent=source.choice([None, 2]), ensure_ascii=source.random() < 0.5)
    text = source.choice(["", "", "Found these:\n", "$ curl\n"]) + text + source.choice(["", "\n", "\ndone\n"])
    return Output("json", text, "Bash", {"command": "curl -s https://example.com/api/orders"})


def json_lines(source: random.Random) -> Output:
    text = "\n".join(json.dumps(_row(source, number)) for number in range(source.choice([4, 40, 200])))
    return Output(
        "ndjson", source.choice(["", "", "# head\n"]) + text, "Bash", {"command": "cat rows.ndjson | jq -c ."}
    )


def csv_rows(source: random.Random) -> Output:
    lines = ["id,name,state,total,note"]
    for number in range(source.choice([5, 60, 300])):
        note = source.choice(["", "as usual", '"a, b"', '"two\nlines"', _words(source)])
        lines.append(f"{number},{source.choice(_WORDS)},{source.choice(_STATES)},{source.randint(1, 999)},{note}")
    return Output("csv", "\n".join(lines) + "\n", "Bash", {"command": "cat orders.csv"})


def table(source: random.Random) -> Output:
    rows = [["NAME", "READY", "STATUS", "RESTARTS", "AGE", "NODE"]]
    for number in range(source.choice([5, 30, 120])):
        rows.append(
            [
                f"web-{number}",
                source.choice(["1/1", "0/1"]),
                source.choice(_STATES),
                str(source.randint(0, 3)),
                f"{number}d",
                "node-1",
            ]
        )
    widths = [max(len(row[at]) for row in rows) for at in range(6)]
    text = "\n".join(
        "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )
    return Output(
        "table", text + source.choice(["", "\n\nEvents: none\n"]), "Bash", {"command": "kubectl get pods -o wide"}
    )


def yaml(source: random.Random) -> Output:
    lines = ["apiVersion: v1", "kind: List", "items:"]
    for number in range(source.choice([3, 12, 50])):
        lines += [
            "- kind: Pod",
            "  metadata:",
            f"    name: web-{number}",
            "    labels:",
            "      app: shop",
            "      tier: front",
        ]
        lines += [
            "    managedFields:",
            "    - apiVersion: v1",
            "      fieldsType: FieldsV1",
            "      manager: kubelet, the long one of them all",
        ]
        lines += ["  spec:", f"    phase: {source.choice(_STATES)}", "    image: registry.example.com/shop/web:1.4.2"]
    return Output("yaml", "\n".join(lines) + "\n", "Bash", {"command": "kubectl get pods -o yaml"})


def log(source: random.Random) -> Output:
    lines = []
    at = source.randint(0, 10**6)
    for _ in range(source.choice([20, 150, 900])):
        at += source.randint(0, 40)
        level = source.choice(["INFO"] * 9 + ["WARN", "ERROR", "DEBUG"])
        what = source.choice(["polled {} jobs in 3 ms", "GET /health 200 {}", "user {} logged in", _words(source)])
        lines += [f"{_time(source, at)} {level} {what.format(source.randint(0, 999))}"] * source.choice([1, 1, 1, 4])
        if level == "ERROR" and source.random() < 0.5:
            lines += ["Traceback (most recent call last):", '  File "/srv/app/cart.py", line 7, in add', "    total()"]
            lines += ["ValueError: no price"]
    return Output("log", "\n".join(lines), "Bash", {"command": "kubectl logs web-1"})


def pytest_run(source: random.Random) -> Output:
    lines = [
        "============================= test session starts ==============================",
        "collected 90 items",
        "",
    ]
    n_tests = source.choice([5, 40, 200])
    failed = [number for number in range(n_tests) if source.random() < 0.05]
    for number in range(n_tests):
        verdict = "FAILED" if number in failed else source.choice(["PASSED"] * 9 + ["SKIPPED"])
        lines.append(
            f"tests/test_cart.py::test_{number} {verdict}".ljust(70) + f"[{100 * (number + 1) // n_tests:3d}%]"
        )
    if failed:
        lines += ["", "=================================== FAILURES ==================================="]
    for number in failed:
        lines += [f"___________________ test_{number} ___________________", "", "    def test(cart):"]
        lines += [f"        {_words(source)}" for _ in range(source.randint(1, 20))]
        lines += [
            ">       assert cart.total() == 3",
            "E       assert 2 == 3",
            "",
            "tests/test_cart.py:41: AssertionError",
        ]
        if source.random() < 0.4:
            lines += ["----------------------------- Captured stdout call -----------------------------"]
            lines += [_words(source) for _ in range(source.choice([2, 60]))]
    lines += ["=========================== short test summary info ============================"]
    lines += [f"FAILED tests/test_cart.py::test_{number} - assert 2 == 3" for number in failed]
    lines += [f"=================== {len(failed)} failed, {n_tests - len(failed)} passed in 1.23s ==================="]
    return Output("pytest", "\n".join(lines) + "\n", "Bash", {"command": "python -m pytest -v"})


def unittest_run(source: random.Random) -> Output:
    lines = [
        f"test_{number} (shop.tests.Orders.test_{number}) ... {source.choice(['ok'] * 20 + ['FAIL', 'ERROR', 'skipped'])}"
        for number in range(source.choice([8, 90]))
    ]
    lines += ["=" * 70, "FAIL: test_3 (shop.tests.Orders.test_3)", "-" * 70, "Traceback (most recent call last):"]
    lines += ['  File "/usr/lib/python3.12/unittest/case.py", line 58, in run', "    self._callTestMethod()"] * 6
    lines += [
        '  File "/home/dev/shop/tests.py", line 9, in test_3',
        "    self.assertEqual(2, 3)",
        "AssertionError: 2 != 3",
    ]
    lines += ["", "-" * 70, "Ran 90 tests in 0.120s", "", "FAILED (failures=1)"]
    return Output("unittest", "\n".join(lines), "Bash", {"command": "python manage.py test"})


def search(source: random.Random) -> Output:
    lines = []
    for _ in range(source.randint(2, 30)):
        path = _path(source)
        at = source.randint(1, 200)
        for _ in range(source.randint(1, 12)):
            at += source.randint(1, 3)
            lines.append(f"{path}{source.choice(':::-')}{at}:{_words(source)}".replace(f"-{at}:", f"-{at}-"))
        if source.random() < 0.3:
            lines.append("--")
    return Output("search", "\n".join(lines), source.choice(["Bash", "Grep"]), {"command": "grep -rn cart ."})


def listing(source: random.Random) -> Output:
    lines = sorted(
        {_path(source).replace("a b", "ab") + str(source.randint(0, 99)) for _ in range(source.choice([30, 200]))}
    )
    return Output("listing", "\n".join(lines), "Bash", {"command": "find . -name '*.py'"})


def prose(source: random.Random) -> Output:
    lines = []
    for number in range(source.choice([4, 40])):
        lines += [f"# Part {number}" if source.random() < 0.5 else "", _words(source, 10, 90).capitalize() + ".", ""]
        if source.random() < 0.2:
            lines += ["```python", *python_source(source, 2), "```", ""]
    return Output("markdown", "\n".join(lines), "WebFetch", {"url": "https://example.com/guide"})


def html(source: random.Random) -> Output:
    rows = "".join(f"<tr><td class='x'>{_words(source)}</td><td>{n}</td></tr>\n" for n in range(source.choice([4, 80])))
    text = f"<!doctype html><html><head><style>{'a{b:c}' * 200}</style></head>\n<body><table>\n{rows}</table></body></html>\n"
    return Output("html", text, "Bash", {"command": "curl -s https://example.com/"})


def install(source: random.Random) -> Output:
    lines = []
    for _ in range(source.choice([10, 80])):
        name = f"{source.choice(_WORDS)}-{source.randint(1, 9)}.{source.randint(0, 9)}"
        lines += [f"Collecting {name}", f"  Downloading {name}-py3-none-any.whl (12 kB)"]
        lines += [f"\r  {p}% |####    | {p} kB" + "\x1b[K" for p in (10, 50, 100)] if source.random() < 0.3 else []
    return Output(
        "install", "\n".join([*lines, "Successfully installed shop-1.2"]), "Bash", {"command": "pip install shop"}
    )


def chain(source: random.Random) -> Output:
    made = [source.choice(_SINGLE)(source) for _ in range(source.randint(2, 4))]
    text = "".join(each.text.rstrip("\n") + source.choice(["\n", "\n\n", "\n---\n"]) for each in made)
    return Output(
        "chain", text, "Bash", {"command": "; ".join(each.tool_input.get("command", "true") for each in made)}
    )


_SINGLE: list[Callable[[random.Random], Output]] = [
    read_numbered, cat_source, diff, git_log, git_oneline, blame, json_value, json_lines, csv_rows, table, yaml, log,
    pytest_run, unittest_run, search, listing, prose, html, install,
]  # fmt: skip
KINDS: dict[str, Callable[[random.Random], Output]] = {make.__name__: make for make in (*_SINGLE, chain)}


def spoiled(output: Output, source: random.Random) -> Output:
    """The output as an accident leaves it: cut, with odd characters, other line ends, twice, under another tool."""
    text = output.text
    tool_name, tool_input = output.tool_name, output.tool_input
    for _ in range(source.randint(0, 3)):
        lines = text.split("\n")
        at = source.randrange(len(lines))
        match source.randint(0, 8):
            case 0:
                text = text.replace("\n", "\r\n")
            case 1:
                lines[at] = source.choice(_ODD) + lines[at] + source.choice(_ODD)
                text = "\n".join(lines)
            case 2:
                text = text[: source.randint(len(text) // 2, len(text))]
            case 3:
                text = text[source.randint(0, len(text) // 2) :]
            case 4:
                text = text + "\n" + text
            case 5:
                tool_name, tool_input = source.choice(
                    [("", {}), ("Bash", {}), ("mcp__x__query", {}), ("Grep", {"pattern": "cart"})]
                )
            case 6:
                lines[at:at] = [source.choice(_ODD)] * source.choice([1, 3, 40])
                text = "\n".join(lines)
            case 7:
                lines[at:at] = lines[at : at + 1] * source.choice([2, 60])
                text = "\n".join(lines)
            case _:
                source.shuffle(lines)
                text = "\n".join(lines)
    return Output(output.kind, text, tool_name, dict(tool_input))


def output_of(kind: str, seed: int, *, is_spoiled: bool = False) -> Output:
    """The output of a kind that a seed gives."""
    source = random.Random(f"{kind}-{seed}")  # noqa: S311 - no secret
    made = KINDS[kind](source)
    return spoiled(made, source) if is_spoiled else made
