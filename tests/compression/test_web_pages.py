"""Web pages: the text stays word for word and in order, as the standard library's parser reads it."""

from __future__ import annotations

import time
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headroom_wrap.compression import markers, router, web_pages
from headroom_wrap.compression.model import Hints
from tests.compression.test_golden import GOLDEN, read

FETCHING = Hints("Bash", {"command": "curl -s https://shop.example/guide"}, "", marker=markers.elision)
ASKING = replace(FETCHING, query="why is the cart empty?")
LEFT_OUT = frozenset("script style svg nav button select noscript template iframe footer object canvas".split())

inline = st.sampled_from(
    [
        "plain words",
        "a &amp; b",
        "<b>bold</b>",
        '<a href="x" title="a > b">link</a>',
        "1 &lt; 2",
        "x<br>y",
        "<!-- not -->",
    ]
)
block = st.one_of(
    st.lists(inline, min_size=1, max_size=6).map(lambda parts: f"<p>{' '.join(parts)}</p>"),
    st.lists(inline, min_size=1, max_size=3).map(lambda parts: f"<h2>{' '.join(parts)}</h2>"),
    st.lists(inline, min_size=1, max_size=4).map(
        lambda parts: "<table><tr>" + "".join(f"<td>{part}</td>" for part in parts) + "</tr></table>"
    ),
    st.sampled_from(
        [
            "<pre>\n  exact\n\n    text\n</pre>",
            "<script>if (1 < 2) { '<p>no</p>' }</script>",
            "<style>p > a { color: red }</style>",
            '<nav class="bar"><a href="/">Home</a></nav>',
            "<ul>\n  <li>one</li>\n  <li>two</li>\n</ul>",
            "<button>Press</button>",
        ]
    ),
)
page = st.lists(block, min_size=15, max_size=60).flatmap(
    lambda blocks: st.sampled_from(["\n", "", "\n    "]).map(
        lambda joint: f"<!DOCTYPE html><html><body>{'<hr class=rule>' * 120}{joint.join(blocks)}</body></html>"
    )
)


class Words(HTMLParser):
    """The words of a page, but for the elements that are left out."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.depth = 0
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:  # noqa: ARG002 - as the parser calls it
        self.depth += tag in LEFT_OUT
        self.text.append(" " if tag in ("p", "h2", "td", "li", "br", "pre") else "")

    def handle_endtag(self, tag: str) -> None:
        self.depth -= tag in LEFT_OUT
        self.text.append(" " if tag in ("p", "h2", "td", "li", "pre") else "")

    def handle_data(self, data: str) -> None:
        self.text.append("" if self.depth else data)

    def handle_entityref(self, name: str) -> None:
        self.text.append("" if self.depth else f"&{name};")


@given(page)
@settings(max_examples=120, deadline=None)
def test_the_words_of_a_page_stay_as_a_parser_reads_them(text: str) -> None:
    result = web_pages.compress(text, FETCHING)
    assert result is not None
    assert result == web_pages.compress(text, FETCHING)
    head, _, body = result.text.partition("\n")
    assert head.startswith("[headroom: text of a web page, word for word; taken out: ")
    parser = Words()
    parser.feed(text)
    assert body.split() == "".join(parser.text).split()
    assert len(result.text) < len(text)
    assert result.unit == "chars"
    assert result.total == len(text)
    # Line breaks, and tabs between cells, are ours and count as gone.
    assert result.elided == len(text) - len(body.replace("\n", "")) + body.count("\t")
    assert web_pages.compress(result.text, FETCHING) is None


def test_what_the_first_line_says_was_taken_out_is_true() -> None:
    text = read(GOLDEN / "web_pages.guide.in")
    result = web_pages.compress(text, FETCHING)
    assert result is not None
    head = result.text.partition("\n")[0]
    for what in ("1 head,", "1 comment,", "1 navigation bar,", "1 footer,", "1 script]"):
        assert what in head
    assert "base64" not in result.text


def test_markers_name_the_characters_of_the_page_that_are_not_shown() -> None:
    text = read(GOLDEN / "web_pages.guide.in")
    result = web_pages.compress(text, ASKING)
    assert result is not None
    assert "The cart\nA cart is empty after login" in result.text
    shown = [each for each in result.text.split("\n")[1:] if not each.startswith(markers.PREFIX)]
    found = markers.elisions(result.text)
    assert found
    for gap in found:
        assert gap.unit == "chars"
        assert 1 <= gap.first <= gap.last <= len(text)
        assert "A cart is empty" not in text[gap.first - 1 : gap.last]
        assert "<h2" not in text[gap.first - 1 : gap.last]
    everything = web_pages.compress(text, FETCHING)
    assert everything is not None
    rest = iter(everything.text.split("\n"))
    assert all(each in rest for each in shown), "the lines of the whole text, in order"


@pytest.mark.parametrize(
    ("hints", "name"),
    [
        (FETCHING, "web_pages"),
        (Hints("WebFetch", {"url": "https://shop.example"}, marker=markers.elision), "web_pages"),
        (Hints("Bash", {"command": "cat node_modules/shop/docs/guide.html"}, marker=markers.elision), "web_pages"),
        (Hints("Bash", {"command": "cat templates/guide.html"}, marker=markers.elision), ""),
        (Hints("Read", {"file_path": "docs/guide.html"}, marker=markers.elision), ""),
        (replace(FETCHING, marker=None), ""),
    ],
)
def test_pages_that_somebody_may_edit_stay_exact(hints: Hints, name: str) -> None:
    named = router.compress(read(GOLDEN / "web_pages.guide.in"), hints)
    assert (named[0] if named else "") == name


@pytest.mark.parametrize(
    "tail",
    ["<" * 1_000_000, '<a "' * 250_000 + ">", "<svg>" * 200_000, "<!--" * 250_000, "<script>" * 120_000,
     "x" * 1_000_000, "<p " * 300_000, "</pre>" * 160_000, "<head><title>" * 70_000, "\0\ud800<b>" * 150_000],
    ids=["less", "quotes", "svg", "comments", "scripts", "line", "tags", "pre", "titles", "odd"],
)  # fmt: skip
def test_hostile_pages_take_bounded_time(tail: str) -> None:
    start = time.process_time()
    web_pages.compress(f"<!DOCTYPE html><html><body>{tail}", ASKING)
    assert time.process_time() - start < 10
