"""Where the bodies, long comments and tables of a source file stand: a table of languages, read with tree-sitter."""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import accumulate, count, groupby
from typing import TYPE_CHECKING

from headroom_wrap.compression import guess

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_SOURCE_CHARS = 1_000_000
"""Longer texts are not parsed."""
TABLE = "rows of a table"
_MIN_SPAN_LINES = 4
"""Shorter nodes are not looked into: nothing in them is worth a marker."""
_NESTING_LINES = 40
_NESTED_SHARE = 0.6
"""A body this long, which consists of definitions to this share (a module in a closure, a suite of tests), is
looked into; the definitions in it are elided, not the whole."""
_MAX_DEPTH = 60
_MAX_ERROR_SHARE = 0.05
_MAX_NAME_CHARS = 80


@dataclass(frozen=True, slots=True)
class Language:
    """How one grammar names what we look for.

    Attributes:
        name: for people.
        module: the wheel with the grammar.
        factory: the function in it that gives the grammar.
        functions: nodes with a body that may be elided.
        comments: nodes of comments.
        tables: literals whose rows may be elided.
    """

    name: str
    module: str
    functions: frozenset[str]
    comments: frozenset[str]
    tables: frozenset[str]
    factory: str = "language"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Lines `first`..`last` (from 0) that may be elided as a whole; `name` is that of what they belong to.

    Names are dotted: `Cart.total` for a method.
    """

    first: int
    last: int
    what: str
    name: str


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_JS_FUNCTIONS = _words(
    "function_declaration generator_function_declaration function_expression generator_function arrow_function "
    "method_definition class_static_block"
)
_C_FUNCTIONS = _words("function_definition lambda_expression")
_COMMENT = _words("comment")

PYTHON = Language(
    "Python", "tree_sitter_python", _words("function_definition"), _COMMENT, _words("list dictionary set tuple")
)
JAVASCRIPT = Language("JavaScript", "tree_sitter_javascript", _JS_FUNCTIONS, _COMMENT, _words("array object"))
TYPESCRIPT = Language(
    "TypeScript", "tree_sitter_typescript", _JS_FUNCTIONS, _COMMENT, _words("array object"), "language_typescript"
)
TSX = Language("TSX", "tree_sitter_typescript", _JS_FUNCTIONS, _COMMENT, _words("array object"), "language_tsx")
GO = Language(
    "Go", "tree_sitter_go", _words("function_declaration method_declaration func_literal"), _COMMENT,
    _words("literal_value"),
)  # fmt: skip
RUST = Language(
    "Rust", "tree_sitter_rust", _words("function_item closure_expression"), _words("line_comment block_comment"),
    _words("array_expression"),
)  # fmt: skip
JAVA = Language(
    "Java", "tree_sitter_java",
    _words("method_declaration constructor_declaration compact_constructor_declaration lambda_expression"),
    _words("line_comment block_comment"), _words("array_initializer"),
)  # fmt: skip
C = Language("C", "tree_sitter_c", _C_FUNCTIONS, _COMMENT, _words("initializer_list"))
CPP = Language("C++", "tree_sitter_cpp", _C_FUNCTIONS, _COMMENT, _words("initializer_list"))
PERL = Language(
    "Perl", "tree_sitter_perl",
    _words("subroutine_declaration_statement method_declaration_statement anonymous_subroutine_expression"),
    _words("comment pod"), _words("list_expression anonymous_array_expression anonymous_hash_expression"),
)  # fmt: skip

_BY_SUFFIX = {
    suffix: language
    for suffixes, language in (
        ("py pyi pyw", PYTHON),
        ("js mjs cjs jsx", JAVASCRIPT),
        ("ts mts cts", TYPESCRIPT),
        ("tsx", TSX),
        ("go", GO),
        ("rs", RUST),
        ("java", JAVA),
        ("c", C),
        ("cc cpp cxx c++ hh hpp hxx h++ ipp inl", CPP),
        ("pl pm t", PERL),
    )
    for suffix in suffixes.split()
}
_CPP_LOOK = re.compile(r"^\s*(?:class \w|namespace\b|template ?<|using \w|public:|private:)|std::", re.MULTILINE)
_SHEBANG = re.compile(r"#!.*\b(python|node|deno|bun|perl)")
_BY_INTERPRETER = {"python": PYTHON, "perl": PERL, "node": JAVASCRIPT, "deno": TYPESCRIPT, "bun": TYPESCRIPT}
_BY_LABEL = {
    "python": PYTHON, "javascript": JAVASCRIPT, "typescript": TYPESCRIPT, "go": GO, "rust": RUST, "java": JAVA,
    "c": C, "cpp": CPP, "perl": PERL,
}  # fmt: skip
"""Magika's labels; the grammar has the last word."""
_NAME = re.compile(r"(?!(?:my|our|local)\b)(?<![\w$])[\w$~]+(?:(?:\.|::|->)[\w$~]+)*")
_EXPORT = re.compile(
    r"(?<=\bclass )[A-Z][A-Z0-9_]{2,60}(?= [A-Za-z_])|(?<=\bstruct )[A-Z][A-Z0-9_]{2,60}(?= [A-Za-z_])"
)
"""`class SHOP_API Cart`: without its preprocessor no grammar can know what the macro is, and calls it the name."""
_BRACKET = re.compile(r"[()\[\]{}]")
_STEPS = {"(": 1, "[": 1, "{": 1, ")": -1, "]": -1, "}": -1}
_MAX_NESTING = 300
_MAX_CONTINUED_LINES = 2_000
_MIN_REPEATED_LINES = 300
_MIN_DISTINCT_SHARE = 0.15
_MAX_LINE_CHARS = 1_000
_MAX_LONG_SHARE = 0.3
"""A text of which this much stands in longer lines is minified, or data."""
_MIN_STEPS = 500
_STEPS_PER_KB = 25
_CHUNK_BYTES = 1_024
"""Small, since a chunk is copied whenever a grammar looks back: Perl's does at every line."""
_CAPSULE_NAME = b"tree_sitter.Language"
_DIALECTS = {"JavaScript": (TSX,), "C": (CPP,), "TypeScript": (TSX,)}
"""Grammars that are tried next: JavaScript with types, headers with parts for C++."""
_PARSERS = threading.local()


def language_of(suffixes: Sequence[str], source: str) -> Language | None:
    """The one language of files with these suffixes; by the shebang or by a guess where there are none."""
    if not suffixes:
        found = _SHEBANG.match(source)
        if found:
            return _BY_INTERPRETER[found[1]]
        # Data and markup need no model to be told from a source.
        return None if source.lstrip()[:1] in ("", "{", "[", "<") else _BY_LABEL.get(guess.label_of(source))
    languages = {_CPP_OR_C if suffix == "h" else _BY_SUFFIX.get(suffix) for suffix in suffixes}
    if languages <= {C, CPP, _CPP_OR_C}:
        return CPP if CPP in languages or _CPP_LOOK.search(source) else C
    return languages.pop() if len(languages) == 1 else None


_CPP_OR_C = Language("C or C++", "", frozenset(), frozenset(), frozenset())


def stretches(source: str, language: Language) -> list[Stretch] | None:
    """What may be elided, in order and apart from each other; None where the text is not of that language."""
    if len(source) > MAX_SOURCE_CHARS or not _is_by_hand(source):
        return None
    if language in (C, CPP):
        source = _EXPORT.sub(_blank, source)
    encoded = source.encode("utf-8", "replace")
    for grammar in (language, *_DIALECTS.get(language.name, ())):
        root = _parsed(encoded, grammar)
        if root is not None and _error_share(root, len(encoded)) <= _MAX_ERROR_SHARE:
            return _apart(_found(root, grammar, ()))
    return None


def _is_by_hand(source: str) -> bool:
    """Whether lines and brackets are as people write them: on other texts some grammars take minutes."""
    lines = source.split("\n")
    if sum(len(line) for line in lines if len(line) > _MAX_LINE_CHARS) > _MAX_LONG_SHARE * len(source):
        return False
    if len(lines) > _MIN_REPEATED_LINES and len(set(lines)) < _MIN_DISTINCT_SHARE * len(lines):
        return False
    steps = (_STEPS[bracket] for bracket in _BRACKET.findall(source))
    return source.count("\\\n") <= _MAX_CONTINUED_LINES and max(accumulate(steps), default=0) <= _MAX_NESTING


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _parsed(encoded: bytes, language: Language) -> Node | None:
    """The root of the tree; None where the grammar needs far more steps than sources take (5 a kilobyte).

    Steps are counted, and no clock is read: what is made of a text must not depend on how busy the machine is.
    """
    steps = count()
    most = _MIN_STEPS + len(encoded) * _STEPS_PER_KB // 1000

    def read(offset: int, _point: object) -> bytes:
        return encoded[offset : offset + _CHUNK_BYTES]

    def is_enough(_offset: int, _has_error: bool) -> bool:  # noqa: FBT001 - the signature is tree-sitter's
        return next(steps) > most

    parser = _parser(language)
    try:
        return parser.parse(read, progress_callback=is_enough).root_node
    except ValueError:
        # It would go on where it stopped, with the next text.
        parser.reset()
        return None


def _parser(language: Language) -> Parser:
    """One parser for each thread and language: they keep state, and making one costs more than small texts."""
    # Imported here: a session that reads no code need not load grammars.
    import tree_sitter  # noqa: PLC0415

    parsers: dict[str, Parser] | None = getattr(_PARSERS, "by_name", None)
    if parsers is None:
        parsers = _PARSERS.by_name = {}
    if language.name not in parsers:
        grammar = getattr(import_module(language.module), language.factory)()
        parsers[language.name] = tree_sitter.Parser(tree_sitter.Language(_capsule(grammar)))
    return parsers[language.name]


def _capsule(grammar: object) -> object:
    """A grammar as tree-sitter wants it; some wheels still give the bare address, which it no longer likes."""
    if not isinstance(grammar, int):
        return grammar
    new = ctypes.pythonapi.PyCapsule_New
    new.restype = ctypes.py_object
    new.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
    # The name must live as long as the capsule.
    capsule: object = new(grammar, _CAPSULE_NAME, None)
    return capsule


def _error_share(root: Node, size: int) -> float:
    """The share of the text that stands in the highest nodes which the grammar could not read."""
    in_error = 0
    pending = [(root, 0)]
    while pending:
        node, depth = pending.pop()
        if node.type == "ERROR" or depth > _MAX_DEPTH:
            in_error += node.end_byte - node.start_byte
        elif node.has_error:
            pending += [(child, depth + 1) for child in node.children]
    return in_error / max(size, 1)


def _found(node: Node, language: Language, within: tuple[str, ...]) -> list[Stretch]:
    """The stretches below `node`; `within` are the names of what it stands in, empty where there is none."""
    found: list[Stretch] = []
    comments: list[Node] = []
    children = node.named_children
    for child in children:
        if child.type in language.comments:
            if comments and child.start_point.row > _last_row(comments[-1]) + 1:
                found += _comment(comments)
                comments = []
            comments.append(child)
            continue
        if comments:
            found += _comment(comments)
            comments = []
        if child.end_point.row - child.start_point.row >= _MIN_SPAN_LINES and len(within) < _MAX_DEPTH:
            found += _of_node(child, language, (*within, _name_of(child)))
    return found + (_comment(comments) if comments else [])


def _of_node(node: Node, language: Language, within: tuple[str, ...]) -> list[Stretch]:
    if node.type in language.functions:
        return _of_function(node, language, within)
    if node.type in language.tables:
        found = _found(node, language, within)
        if any(each.what == "body" for each in found):
            return found
        return _if_long(node.start_point.row + 2, node.end_point.row - 2, TABLE)
    if language is PYTHON and _is_string(node):
        return _if_long(node.start_point.row + 2, node.end_point.row - 1, "docstring")
    return _found(node, language, within)


def _of_function(node: Node, language: Language, within: tuple[str, ...]) -> list[Stretch]:
    body = node.child_by_field_name("body")
    if body is None:
        return []
    if language in (C, CPP) and node.type == "function_definition" and not _has_parameters(node):
        # A class whose name follows a macro is read as a function.
        return _found(body, language, within)
    n_lines = body.end_point.row - body.start_point.row
    if n_lines >= _NESTING_LINES:
        nested = _found(body, language, within)
        if sum(each.last - each.first + 1 for each in nested if each.what == "body") >= _NESTED_SHARE * n_lines:
            return nested
    return _body(node, body, ".".join(name for name, _ in groupby(within) if name))


def _if_long(first: int, last: int, what: str) -> list[Stretch]:
    return [Stretch(first, last, what, "")] if last > first else []


def _body(node: Node, body: Node, name: str) -> list[Stretch]:
    """The lines between those with the braces; in Python those of the block, but for its docstring's first line."""
    first, last = body.start_point.row, body.end_point.row
    if body.type != "block" or not body.children or body.children[0].type == "{":
        return _if_any(first + 1, last - 1, "body", name)
    if first == node.start_point.row:
        return []
    last = _last_row(body)
    docstring = body.named_children[0] if body.named_children else None
    if docstring is None or not _is_string(docstring) or docstring.start_point.row != first:
        return _if_any(first, last, "body", name)
    end = docstring.end_point.row
    summary = first if _has_words(docstring) else first + 1
    return _if_any(summary + 1, end, "docstring", name) + _if_any(end + 1, last, "body", name)


def _if_any(first: int, last: int, what: str, name: str) -> list[Stretch]:
    return [Stretch(first, last, what, name)] if last >= first else []


def _has_words(docstring: Node) -> bool:
    """Whether its first line has."""
    head = (docstring.text or b"")[:_MAX_NAME_CHARS].partition(b"\n")[0]
    return len(head.strip(b"rRuUbB'\" \t\r")) > 1


def _has_parameters(node: Node) -> bool:
    declarator = node.child_by_field_name("declarator")
    while declarator is not None and declarator.type != "function_declarator":
        declarator = declarator.child_by_field_name("declarator") or next(iter(declarator.named_children), None)
    return declarator is not None


def _is_string(statement: Node) -> bool:
    return (
        statement.type == "expression_statement"
        and bool(statement.named_children)
        and statement.named_children[0].type == "string"
    )


def _name_of(node: Node) -> str:
    """The name that a definition or an assignment gives; for a part of an implementation that of the type."""
    for field in ("name", "declarator", "left", "key", "type"):
        named = node.child_by_field_name(field)
        if named is not None and named.text is not None:
            if field == "type" and node.type != "impl_item":
                return ""
            name = _NAME.search(named.text[:_MAX_NAME_CHARS].decode("utf-8", "replace"))
            return name[0].replace("::", ".").replace("->", ".") if name else ""
    return ""


def _last_row(node: Node) -> int:
    """The row of the last character; some grammars count the end of the line to a comment."""
    return node.end_point.row - (node.end_point.column == 0 and node.end_point.row > node.start_point.row)


def _comment(nodes: Sequence[Node]) -> list[Stretch]:
    """A long comment but for its first two lines."""
    return _if_long(nodes[0].start_point.row + 2, _last_row(nodes[-1]), "comment")


def _apart(found: Sequence[Stretch]) -> list[Stretch]:
    """In order, none on the lines of another (several definitions on one line)."""
    return list(_disjoint(sorted(found, key=lambda each: (each.first, -each.last))))


def _disjoint(found: Sequence[Stretch]) -> Iterator[Stretch]:
    last = -1
    for each in found:
        if each.first > last and each.last >= each.first:
            yield each
            last = each.last
