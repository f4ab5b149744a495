from __future__ import annotations

import pytest

from headroom_wrap.compression import markers
from headroom_wrap.compression.lines import Sheet
from headroom_wrap.compression.tracebacks import drop_foreign_frames, is_foreign


def render(text: str) -> str:
    sheet = Sheet.of_terminal(text)
    drop_foreign_frames(sheet)
    return sheet.render(markers.elision)[0]


def frame(path: str, line: int, name: str) -> str:
    return f'  File "{path}", line {line}, in {name}\n    return {name}(*args)\n           ^^^^^^^\n'


LIBRARY = "/home/dev/.venv/lib/python3.12/site-packages/flask/app.py"
USERS = "/home/dev/shop/views.py"


def test_foreign_frames_go_and_the_users_and_the_raising_one_stay() -> None:
    text = (
        "Traceback (most recent call last):\n"
        + frame(LIBRARY, 1, "wsgi_app")
        + frame(LIBRARY, 2, "dispatch")
        + frame(USERS, 61, "checkout")
        + frame(LIBRARY, 3, "abort")
        + frame(LIBRARY, 4, "raise_for")
        + "werkzeug.exceptions.NotFound: 404 Not Found\n"
    )
    shown = render(text).split("\n")
    assert shown[1] == "[headroom: lines 2-7, 11-13 elided: 3 in foreign frames]"
    assert shown[2] == f'  File "{USERS}", line 61, in checkout'
    assert f'  File "{LIBRARY}", line 4, in raise_for' in shown
    assert f'  File "{LIBRARY}", line 3, in abort' not in shown
    assert shown[-2] == "werkzeug.exceptions.NotFound: 404 Not Found"


def test_a_traceback_of_the_users_code_alone_is_untouched() -> None:
    text = "".join(frame(USERS, n, f"f{n}") for n in range(9)) + "ValueError: no\n"
    assert render(text) == text


def test_of_foreign_stack_frames_the_first_two_stay_and_the_users_all() -> None:
    text = "\n".join(
        [
            "Error: no such order",
            "    at checkout (/home/dev/shop/src/orders.ts:41:20)",
            *(f"    at step{n} (/home/dev/shop/node_modules/express/lib/router/layer.js:{n}:5)" for n in range(8)),
            "    at main (/home/dev/shop/src/main.ts:7:3)",
        ]
    )
    shown = render(text).split("\n")
    assert len(shown) == 6
    assert shown[4] == "[headroom: lines 5-10 elided: 6 in foreign frames]"
    assert shown[5] == "    at main (/home/dev/shop/src/main.ts:7:3)"


@pytest.mark.parametrize(
    "location",
    [
        "/usr/lib/python3.12/unittest/case.py",
        "C:\\Users\\dev\\venv\\Lib\\site-packages\\x.py",
        "<frozen importlib._bootstrap>",
        "\tat java.base/java.lang.Thread.run(Thread.java:1583)",
        "    at node:internal/main/run_main_module:28:49",
        "/home/dev/.cargo/registry/src/serde-1.0/src/de.rs",
        "/home/dev/go/pkg/mod/github.com/x/y@v1/z.go",
    ],
)
def test_libraries_and_runtimes_are_foreign(location: str) -> None:
    assert is_foreign(location)


@pytest.mark.parametrize(
    "location", ["/home/dev/shop/lib/orders.py", "src/main.rs", "\tat org.example.Shop.main(Shop.java:1)"]
)
def test_a_project_is_not_foreign(location: str) -> None:
    assert not is_foreign(location)
