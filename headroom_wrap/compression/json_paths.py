"""Values of a JSON document by a path (RFC 9535), each as it is spelled in the document, without white space."""

from __future__ import annotations

from collections.abc import Sequence

from headroom_wrap.compression.json_text import NotPlainJsonError, elements, end_of_value, members, minified, read
from headroom_wrap.errors import Code, HeadroomError

_MAX_NODES = 10_000
_Key = str | int


def nodes(text: str, path: str) -> list[tuple[str, str]]:
    """The place and the source of each value that `path` names, in the order of the path.

    A text whose lines are each a JSON document counts as their array. The `$` at the path's beginning may be missing.

    Raises:
        HeadroomError: `BAD_REQUEST` for a path that is none.
        NotPlainJsonError: the text is not JSON of the kind that can be re-spelled.
    """
    # Imported here: every session starts a server that can retrieve, and few originals are asked for by a path.
    import jsonpath  # noqa: PLC0415

    source = _document(text)
    try:
        found = list(jsonpath.finditer(path.strip(), read(source)))
    except (jsonpath.JSONPathError, RecursionError) as error:
        message = f"{path!r} is no JSON path: {str(error).partition(chr(10))[0]}."
        raise HeadroomError(Code.BAD_REQUEST, message, "Write it as $.items[0].name or $..name.") from error
    slices = _Slices(source)
    return [(match.path, slices.at(match.parts)) for match in found[:_MAX_NODES]]


def _document(text: str) -> str:
    """The document without white space; several of them, one a line, as an array."""
    value = text.strip()
    try:
        if end_of_value(value, 0) == len(value):
            return minified(value)
    except NotPlainJsonError:
        pass
    lines = [line.strip() for line in value.split("\n") if line.strip()]
    if len(lines) < 2 or any(end_of_value(line, 0) != len(line) for line in lines):  # noqa: PLR2004 - one was tried
        raise NotPlainJsonError("more than a document")
    return f"[{','.join(map(minified, lines))}]"


class _Slices:
    """Values of a document as slices of it; each object and array on the way is taken apart once."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._inner: dict[int, dict[_Key, tuple[int, int]]] = {}

    def at(self, keys: Sequence[_Key]) -> str:
        """The source of the value at the end of some keys, which must be there."""
        start, end = 0, len(self._source)
        for key in keys:
            if start not in self._inner:
                self._inner[start] = self._taken_apart(start)
            start, end = self._inner[start][key]
        return self._source[start:end]

    def _taken_apart(self, start: int) -> dict[_Key, tuple[int, int]]:
        if self._source[start] == "[":
            return dict(enumerate(elements(self._source, start)))
        return {read(key): (first, end) for key, first, end in members(self._source, start)}
