from __future__ import annotations

from headroom_wrap.compression import markers, test_runs
from headroom_wrap.compression.model import Hints

ELIDING = Hints(tool_name="Bash", tool_input={"command": "pytest -v"}, marker=markers.elision)


def run(text: str, hints: Hints = ELIDING) -> str:
    result = test_runs.compress(text, hints)
    return text if result is None else result.text


def unittest_line(name: str, verdict: str = "ok") -> str:
    return f"test_{name} (shop.tests.OrderTests.test_{name}) ... {verdict}\n"


def test_every_name_of_a_short_list_of_passed_tests_stays() -> None:
    text = "".join(unittest_line(name) for name in ("add", "drop", "pay")) + unittest_line("tax", "FAIL")
    assert run(text) == (
        "3 × … (shop.tests.OrderTests.…) ... ok:\n  test_add, test_drop, test_pay\n" + unittest_line("tax", "FAIL")
    )


def test_names_of_the_older_unittest_form_stay_apart_from_the_newer() -> None:
    text = "".join(f"test_{n} (shop.tests.OrderTests) ... ok\n" for n in range(4))
    assert run(text) == "4 × … (shop.tests.OrderTests) ... ok:\n  test_0, test_1, test_2, test_3\n"


def test_a_long_list_becomes_a_count_between_its_ends() -> None:
    text = "".join(unittest_line(str(n)) for n in range(100)) + "\nRan 100 tests in 0.1s\n\nOK\n"
    lines = run(text).split("\n")
    assert lines[0] == unittest_line("0").rstrip()
    assert lines[1] == "[headroom: lines 2-99 elided: 98 passed]"
    assert lines[2] == unittest_line("99").rstrip()
    assert lines[-4:] == ["Ran 100 tests in 0.1s", "", "OK", ""]


def test_a_passed_test_that_the_query_names_stays_in_a_long_list() -> None:
    text = (
        "".join(unittest_line(f"case_{n}") for n in range(100)) + unittest_line("refund_restores") + unittest_line("z")
    )
    hints = Hints(tool_name="Bash", query="Does test_refund_restores pass now?", marker=markers.elision)
    assert unittest_line("refund_restores").rstrip() in run(text, hints)


def test_node_ids_stay_whole_and_lose_only_the_progress_column_and_the_verdict_that_all_share() -> None:
    text = "".join(f"tests/test_a.py::test_{n} PASSED                    [{n * 5:3d}%]\n" for n in range(20))
    assert run(text) == "20 × … PASSED:\n  " + ", ".join(f"tests/test_a.py::test_{n}" for n in range(20)) + "\n"


def test_a_failed_test_among_passed_ones_ends_their_group_and_keeps_its_line() -> None:
    lines = [f"tests/test_a.py::test_{n} {'FAILED' if n == 7 else 'PASSED'}  [{n:3d}%]" for n in range(15)]
    shown = run("\n".join(lines)).split("\n")
    assert [line for line in shown if line.endswith(("PASSED:", "FAILED"))] == [
        "7 × … PASSED:",
        "tests/test_a.py::test_7 FAILED",
        "7 × … PASSED:",
    ]


def test_a_list_that_was_asked_for_stays() -> None:
    text = "".join(unittest_line(str(n)) for n in range(100))
    hints = Hints(tool_name="Bash", tool_input={"command": "run | grep -E 'ok$|passed'"}, marker=markers.elision)
    assert run(text, hints) == text


def test_of_many_equal_failures_two_stay_whole_and_every_name_and_verdict_does() -> None:
    failure = (
        "____________________________ test_{n} ____________________________\n\n"
        "cart = <shop.Cart object at 0x7f{n}b0c10>\n\n"
        "    def check(cart):\n        total = 0\n        for item in cart:\n"
        "            # A price may be given in another currency than the cart has.\n"
        "            total += item.price.converted_to(cart.currency, on=cart.day_of_order)\n"
        "        total = total.rounded_to(cart.currency.smallest_coin)\n"
        ">       assert total == cart.total\nE       assert 3 == 4\nE        +  where 4 = cart.total\n\n"
        "shop/check.py:12: AssertionError\n"
    )
    text = (
        "=================================== FAILURES ===================================\n"
        + "".join(failure.replace("{n}", str(n)) for n in range(5))
        + "=========================== short test summary info ============================\n"
        + "".join(f"FAILED tests/test_a.py::test_{n} - assert 3 == 4\n" for n in range(5))
        + "============================== 5 failed in 0.10s ===============================\n"
    )
    shown = run(text)
    assert shown.count(">       assert total == cart.total") == 2
    assert shown.count("E       assert 3 == 4") == 2
    assert shown.count("shop/check.py:12: AssertionError") == 2
    assert shown.count("____________________________ test_") == 5
    assert shown.count("FAILED tests/test_a.py::test_") == 5
    assert "5 failed in 0.10s" in shown
    assert "that repeat lines" in shown


def test_what_passed_tests_printed_goes_but_not_what_it_says_of_failures() -> None:
    text = (
        "==================================== PASSES ====================================\n"
        "____________________________ test_quiet ____________________________\n"
        "----------------------------- Captured stdout call -----------------------------\n"
        + "".join(f"step {n} of the set-up of the printer\n" for n in range(40))
        + "ValueError: swallowed by the code under test\n"
        "============================== 1 passed in 0.10s ===============================\n"
    )
    shown = run(text)
    assert "[headroom: lines 2-43 elided: 40 captured from passed tests]" in shown
    assert "ValueError: swallowed by the code under test" in shown


def test_the_users_warnings_stay_and_ageing_libraries_become_a_number() -> None:
    def warning(place: str, category: str, message: str) -> str:
        return f"tests/test_a.py::test_1\n  {place}:7: {category}: {message}\n    call()\n\n"

    library = "/usr/lib/python3/dist-packages/old/__init__.py"
    text = (
        "=============================== warnings summary ===============================\n"
        + "".join(warning(library, "DeprecationWarning", f"thing {n} goes away") for n in range(4))
        + warning(library, "RuntimeWarning", "overflow encountered")
        + "".join(warning(f"/home/dev/shop/{n}.py", "UserWarning", "price is negative") for n in range(6))
        + "-- Docs: https://docs.pytest.org/en/stable/how-to/capture-warnings.html\n"
    )
    shown = run(text)
    assert "4 foreign DeprecationWarning" in shown
    assert "RuntimeWarning: overflow encountered" in shown
    assert shown.count("UserWarning: price is negative") == 2
    assert "4 warnings as above in other places" in shown


def test_without_a_way_back_names_are_grouped_and_nothing_is_elided() -> None:
    text = "".join(unittest_line(str(n)) for n in range(200))
    result = test_runs.compress(text, Hints(tool_name="Bash"))
    assert result is not None
    assert result.elided == 0
    assert all(f"test_{n}" in result.text for n in range(200))
