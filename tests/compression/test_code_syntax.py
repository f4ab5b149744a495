"""What may be elided of a source in each language, as outlines that were read and approved.

`cart.SUFFIX.in` becomes `cart.SUFFIX.out`; write them anew with `python -m tests.compression.test_code_syntax`.
"""

from __future__ import annotations

import random
import threading
from pathlib import Path

import pytest

from headroom_wrap.compression import code_syntax
from headroom_wrap.compression.code_syntax import Language, Stretch, language_of, stretches

OUTLINES = Path(__file__).parent / "outlines"
SUFFIXES = sorted(path.name.split(".")[1] for path in OUTLINES.glob("*.in"))
LANGUAGES = {suffix: language_of([suffix], "") for suffix in SUFFIXES}


def source_of(suffix: str) -> str:
    (path,) = OUTLINES.glob(f"*.{suffix}.in")
    return path.read_bytes().decode("utf-8")


def found_in(source: str, suffix: str) -> list[Stretch]:
    language = language_of([suffix], source)
    assert language is not None
    found = stretches(source, language)
    assert found is not None
    return found


def outline(suffix: str) -> str:
    source = source_of(suffix)
    lines = source.split("\n")
    out: list[str] = []
    at = 0
    for each in found_in(source, suffix):
        out += [*lines[at : each.first], f"<<< {each.first + 1}-{each.last + 1} {each.what}: {each.name}"]
        at = each.last + 1
    return "\n".join(out + lines[at:])


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_the_outline_is_as_it_was_read_and_approved(suffix: str) -> None:
    (path,) = OUTLINES.glob(f"*.{suffix}.out")
    assert outline(suffix) == path.read_bytes().decode("utf-8")


def test_every_language_has_an_outline() -> None:
    grammars = {
        language for language in vars(code_syntax).values() if isinstance(language, Language) and language.module
    }
    assert grammars == set(LANGUAGES.values())


@pytest.mark.parametrize(
    ("suffixes", "source", "name"),
    [
        (["h"], "struct item { int price; };", "C"),
        (["c", "h"], "int main(void) {}", "C"),
        (["h"], "namespace shop {\nclass Cart {};\n}", "C++"),
        (["h", "cpp"], "", "C++"),
        (["jsx"], "", "JavaScript"),
        ([], "#!/usr/bin/env node\n", "JavaScript"),
        ([], "#! /usr/bin/perl -w\n", "Perl"),
    ],
)
def test_the_language_is_known_by_suffix_or_shebang(suffixes: list[str], source: str, name: str) -> None:
    language = language_of(suffixes, source)
    assert language is not None
    assert language.name == name


@pytest.mark.parametrize(
    ("suffixes", "source"),
    [(["py", "js"], ""), (["py", "md"], ""), (["json"], "{}"), ([], "import os\n"), (["lock"], "")],
)
def test_mixtures_and_data_are_no_language(suffixes: list[str], source: str) -> None:
    assert language_of(suffixes, source) is None


def test_what_does_not_parse_is_left_alone() -> None:
    prose = "The cart's total, it's said, isn't {the sum}; (that's all...\n" * 40
    for suffix in SUFFIXES:
        language = LANGUAGES[suffix]
        assert language is not None
        assert stretches(prose, language) is None, suffix


def test_javascript_with_types_is_read_with_the_grammar_that_knows_them() -> None:
    typed = (
        "// @flow\ntype Props = { items: Array<Item> };\nfunction total(props: Props): number {\n"
        + "  let a: X = b;\n" * 20
    )
    assert [each.what for each in found_in(typed + "}\n", "js")] == ["body"]


def test_a_module_in_a_closure_is_looked_into() -> None:
    function = "  function f{}(a) {{\n" + "    a += 1\n" * 12 + "  }}\n"
    source = "(function () {\n" + "".join(function.format(n) for n in range(9)) + "})()\n"
    assert [each.name for each in found_in(source, "js")] == [f"f{n}" for n in range(9)]


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_stretches_stand_in_order_and_apart_within_the_text(suffix: str) -> None:
    source = source_of(suffix)
    at = -1
    for each in found_in(source * 3, suffix):
        assert at < each.first <= each.last < 3 * source.count("\n")
        at = each.last


HOSTILE = {
    "parens": "(" * 50_000,
    "calls": "f(" * 50_000 + ")" * 50_000,
    "brackets": "{[(" * 30_000,
    "braces": "{\n" * 20_000,
    "nuls": "\0" * 90_000,
    "blocks": "if x {\n" * 9_000,
    "returns": "\r\n" * 50_000,
    "surrogates": "\ud800é" * 9_000,
    "continued": "\\\n" * 90_000,
    "quotes": "\"'`\n" * 30_000,
    "prose": "E   it's not: a <b> c\n" * 9_000,
    "different prose": "".join(f"E{n} it's not: a <b> c? {n}\n" for n in range(9_000)),
    "different openings": "".join(f"f{n}({{[\n" for n in range(9_000)),
    "different strings": "".join(f'x{n} = """\' {n}\n' for n in range(9_000)),
    "different heredocs": "".join(f"x{n} <<A{n}\n" for n in range(9_000)),
}


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("hostile", HOSTILE.values(), ids=HOSTILE)
def test_hostile_texts_come_to_an_end(suffix: str, hostile: str) -> None:
    language = LANGUAGES[suffix]
    assert language is not None
    found = stretches(hostile, language)
    assert found is None or all(each.last <= hostile.count("\n") for each in found)


def test_cut_sources_never_give_stretches_beyond_their_end() -> None:
    source = random.Random(3)  # noqa: S311 - no secret
    for suffix in SUFFIXES:
        language = LANGUAGES[suffix]
        assert language is not None
        text = source_of(suffix)
        for _ in range(30):
            part = text[source.randrange(len(text)) :][: source.randrange(len(text))]
            for each in stretches(part, language) or []:
                assert 0 <= each.first <= each.last <= part.count("\n")


def test_threads_have_parsers_of_their_own() -> None:
    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(outline("py"))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)
    assert set(results) == {outline("py")}
    assert len(results) == 4


if __name__ == "__main__":
    for each in OUTLINES.glob("*.in"):
        each.with_suffix(".out").write_bytes(outline(each.name.split(".")[1]).encode())
