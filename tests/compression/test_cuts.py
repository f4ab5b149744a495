from __future__ import annotations

from headroom_wrap.compression import markers
from headroom_wrap.compression.cuts import Cuts

LINE = "a line of some forty characters, and more"


def test_cuts_of_one_group_share_a_marker_that_names_every_place() -> None:
    cuts = Cuts([LINE] * 9)
    for first, last in ((1, 2), (4, 4), (6, 7)):
        cuts.cut(first, last, "g", "{n} of them")
    assert cuts.render(markers.elision) == (
        "\n".join([LINE, "[headroom: lines 2-3, 5, 7-8 elided: 5 of them]", *[LINE] * 3]),
        5,
    )


def test_a_place_that_is_shorter_than_its_name_stays() -> None:
    cuts = Cuts([LINE, LINE, LINE, LINE, "}", LINE])
    cuts.cut(0, 2, "g", "{n} of them")
    cuts.cut(4, 4, "g", "{n} of them")
    assert cuts.render(markers.elision) == (f"[headroom: lines 1-3 elided: 3 of them]\n{LINE}\n}}\n{LINE}", 3)


def test_a_group_that_a_marker_would_not_shorten_stays() -> None:
    cuts = Cuts([LINE, LINE])
    cuts.cut(0, 0, "g", "words")
    assert cuts.render(markers.elision) == (f"{LINE}\n{LINE}", 0)


def test_what_is_kept_is_not_cut_later_and_no_line_is_cut_twice() -> None:
    cuts = Cuts([LINE] * 12)
    cuts.keep(3)
    cuts.cut(0, 5, "first", "{n} one")
    cuts.cut(4, 11, "second", "{n} two")
    assert cuts.render(markers.elision) == (
        f"[headroom: lines 1-3, 5-6 elided: 5 one]\n{LINE}\n[headroom: lines 7-12 elided: 6 two]",
        11,
    )


def test_without_a_way_back_nothing_goes_but_spellings_stand() -> None:
    cuts = Cuts([LINE] * 4)
    cuts.cut(0, 1, "g", "words")
    cuts.respell(3, ("short",))
    assert cuts.render(None) == (f"{LINE}\n{LINE}\n{LINE}\nshort", 0)
