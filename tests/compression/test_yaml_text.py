from __future__ import annotations

import pytest

from headroom_wrap.compression import markers, yaml_text
from headroom_wrap.compression.model import Hints

ELIDING = Hints(query="why is the cart empty?", marker=markers.elision)


def item(number: int, phase: str = "Running") -> str:
    noise = "".join(f"        f:field{n}: {{}}\n" for n in range(6))
    return (
        f"- kind: Pod\n  metadata:\n    managedFields:\n    - manager: kubelet\n      fieldsV1:\n{noise}"
        f"    name: web-{number}\n"
        f"  status:\n    phase: {phase}\n    message: {'disk is full' if phase == 'Failed' else 'none'}\n"
    )


def compress(text: str, hints: Hints = ELIDING) -> str:
    result = yaml_text.compress(text, hints)
    assert result is not None
    return result.text


def test_bookkeeping_goes_and_names_stay() -> None:
    text = "items:\n" + "".join(map(item, range(3)))
    shown = compress(text)
    assert "[headroom: lines 4-12 elided: managedFields]" in shown.split("\n")
    assert all(f"name: web-{n}\n" in shown for n in range(3))


def test_of_many_entries_the_failed_one_and_the_ends_stay() -> None:
    text = "items:\n" + "".join(item(n, "Failed" if n == 25 else "Running") for n in range(40))
    shown = compress(text)
    assert "name: web-25\n" in shown
    assert "message: disk is full" in shown
    assert "name: web-39\n" in shown
    assert "name: web-12\n" not in shown
    assert "entries, all with phase=Running, message=none]" in shown
    assert len(shown) < len(text) / 4


def test_a_block_that_stood_above_is_named_by_its_lines() -> None:
    env = "".join(f"    - name: VARIABLE_{n}\n      value: the value of it\n" for n in range(5))
    text = "".join(f"---\nmetadata:\n  name: {name}\n  spec:\n    env:\n{env}" for name in ("cart", "orders"))
    assert "[headroom: lines 20-30 elided: the same as lines 5-15]" in compress(text).split("\n")


def test_an_entry_that_the_query_names_stays() -> None:
    text = "items:\n" + "".join(map(item, range(40)))
    assert "name: web-17\n" in compress(text, Hints(query="what about web-17?", marker=markers.elision))


@pytest.mark.parametrize("text", ["", "The: quick brown fox\n" * 90, "def f(a):\n    return a\n" * 90, "[1, 2]\n" * 90])
def test_what_is_no_yaml_with_noise_is_left_alone(text: str) -> None:
    assert yaml_text.compress(text, ELIDING) is None


def test_nothing_is_done_without_a_way_back() -> None:
    assert yaml_text.compress("items:\n" + "".join(map(item, range(40))), Hints()) is None
