from __future__ import annotations

from headroom_wrap.compression import listings
from headroom_wrap.compression.model import Hints


def test_neighbours_of_one_directory_stand_in_braces() -> None:
    text = "".join(f"./src/parts/{name}/{n}.ts\n" for name in ("button", "card") for n in range(40)) + "./top.ts\n"
    result = listings.compress(text, Hints())
    assert result is not None
    first, second, top, end = result.text.split("\n")
    assert first.startswith("./src/parts/button/{0.ts,1.ts,2.ts,")
    assert second.endswith(",38.ts,39.ts}")
    assert (top, end) == ("./top.ts", "")
    assert listings.expand(result.text) == text


def test_a_short_list_stays_as_agents_copy_paths_from_it() -> None:
    assert listings.compress("src/parts/button/view.ts\n" * 50, Hints()) is None


def test_names_with_braces_or_prose_are_left_alone() -> None:
    assert listings.compress("src/{a,b}.ts\n" * 80, Hints()) is None
    assert listings.compress("the quick brown fox / jumps\n" * 80, Hints()) is None
