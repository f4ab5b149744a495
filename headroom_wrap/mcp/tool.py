"""What a tool is: a name, words for the model, arguments, and a function. Both servers read these tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headroom_wrap.errors import Code, HeadroomError

Arguments = Mapping[str, Any]
_MAX_CHARS = 4000
_SHOWN_CHARS = 60
_TYPES: Mapping[str, tuple[type, ...]] = {"string": (str,), "integer": (int,), "array": (list,), "object": (dict,)}
_NAMES = {"string": "a text", "integer": "a whole number", "array": "a list", "object": "an object"}


@dataclass(frozen=True, slots=True)
class Scene:
    """For whom tools work.

    Attributes:
        store_file: the store of this user; it need not exist yet.
        session: to which what is done is counted; may be empty.
        agent: who acts.
        project: the root of the project whose memory it is; None where none is known.
        embeddings: the folder of the model for a search by meaning; "" where there is none.
    """

    store_file: Path
    session: str = ""
    agent: str = "agent"
    project: Path | None = None
    embeddings: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool gives back: a text for the model, and the same as plain data, for a tool that declares its form."""

    text: str
    data: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Attributes:
        name: as it is called.
        title: for people.
        description: for the model; every request pays for it.
        arguments: name -> JSON schema.
        required: which of them must be given.
        run: does it; what it raises as HeadroomError or OSError is for the model, which can mend its call.
        is_read_only: it changes nothing.
        is_destructive: it takes something away.
        is_idempotent: twice is as good as once.
        output: JSON schema of `Answer.data`; None where the answer is a text alone.
        unlisted: arguments that it takes, too, without a word about them.
        long: arguments that may be longer than a few thousand characters.
        meta: for clients.
    """

    name: str
    title: str
    description: str
    arguments: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...]
    run: Callable[[Scene, Arguments], Answer]
    is_read_only: bool = False
    is_destructive: bool = False
    is_idempotent: bool = False
    output: Mapping[str, Any] | None = None
    unlisted: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    long: frozenset[str] = frozenset()
    meta: Mapping[str, Any] | None = None

    def listed(self) -> dict[str, Any]:
        """The tool as `tools/list` tells it."""
        schema = {"type": "object", "properties": dict(self.arguments), "required": list(self.required)}
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": schema if self.required else {"type": "object", "properties": dict(self.arguments)},
            **({} if self.output is None else {"outputSchema": self.output}),
            "annotations": {
                "readOnlyHint": self.is_read_only,
                "destructiveHint": self.is_destructive,
                "idempotentHint": self.is_idempotent,
                "openWorldHint": False,
            },
            **({} if self.meta is None else {"_meta": self.meta}),
        }

    def call(self, scene: Scene, given: Any) -> tuple[Answer, bool]:
        """What it answers to some arguments, which may be anything; and whether that is an error."""
        try:
            return self.run(scene, self._checked(given)), False
        except HeadroomError as error:
            return Answer(str(error)), True
        except OSError as error:
            return Answer(f"{self.name} failed: {error.strerror or error}. Nothing was changed."), True

    def _checked(self, given: Any) -> Arguments:
        known = {**self.arguments, **self.unlisted}
        names = f"Its arguments are {', '.join(known)}." if known else "It takes no arguments."
        if given is None and not self.required:
            return {}
        if not isinstance(given, dict):
            raise HeadroomError(Code.BAD_REQUEST, f"{self.name} takes an object of arguments.", names)
        unknown = [str(name)[:_SHOWN_CHARS] for name in given if name not in known]
        if unknown:
            raise HeadroomError(Code.BAD_REQUEST, f"There is no argument {', '.join(sorted(unknown))}.", names)
        held = {name: value for name, value in given.items() if value not in (None, "")}
        for name in self.required:
            if name not in held:
                raise HeadroomError(Code.BAD_REQUEST, f"The argument {name} is missing.", names)
        return {name: self._value(name, known[name], value, names) for name, value in held.items()}

    def _value(self, name: str, schema: Mapping[str, Any], value: Any, names: str) -> Any:
        kind: str = schema["type"]
        if kind == "string" and name not in self.required and type(value) is int:
            value = str(value)  # models write lines=40
        if kind == "integer" and isinstance(value, str) and value.isascii() and value[:12].isdigit():
            value = int(value[:12])
        said = f"{name}={_shown(value)}"
        if not isinstance(value, _TYPES[kind]) or isinstance(value, bool):
            raise HeadroomError(Code.BAD_REQUEST, f"{said} is not {_NAMES[kind]}.", names)
        if isinstance(value, int) and value < 0:
            raise HeadroomError(Code.BAD_REQUEST, f"{said} is below 0.", names)
        if "enum" in schema and value not in schema["enum"]:
            raise HeadroomError(Code.BAD_REQUEST, f"{said} is none.", f"It is one of {', '.join(schema['enum'])}.")
        if isinstance(value, str) and len(value) > _MAX_CHARS and name not in self.long:
            message = f"{name} has {len(value):,} characters; {_MAX_CHARS:,} are the most."
            raise HeadroomError(Code.BAD_REQUEST, message, "Say it shorter.")
        return value


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}..."
