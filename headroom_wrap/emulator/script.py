"""The emulated model: it does what the prompt's directives say, one step per turn.

Directives stand in the newest prompt: `[[tool Bash {"command": "ls"}]]` (several calls in one turn: `[[tool Bash {..} &
Read {..}]]`), `[[repeat 12 Bash {"command": "echo {i}"}]]`, `[[retrieve 40-90]]`, `[[retrieve]]` (the widest elided
range), `[[retrieve before FATAL]]` (the elided range above that word), `[[find FATAL]]`, `[[say text]]`,
`[[words 500]]`. `[[say ..]]` and `[[think ..]]` before a tool step belong to that step's turn. `[[commit text]]` is
what it says of a diff, where the prompt carries one.
Which step is due follows from the request alone, so the emulator keeps no conversation.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

FIXED_ANSWER = "Done."
SHORT_ANSWER = "A short task"
NOT_FOUND = "not found"
UNREADABLE = "I cannot read the arguments of that tool call."
NO_MARKER = "There is no Headroom marker in what I was sent."

_OPENING = re.compile(r"\[\[(tool|repeat|retrieve|find|say|think|words)\b[ \t]*")
_DIRECTIVE = re.compile(r"\[\[(?:tool|repeat|retrieve|find|say|think|words|commit)\b.*?\]\]", re.DOTALL)
_COMMIT = re.compile(r"\[\[commit\s+(.*?)\]\]", re.DOTALL)
_DIFF = "diff --git "
_REMINDER = re.compile(
    r"<system-reminder>.*?</system-reminder>"
    r"|<<<BEGIN_OPENCLAW_INTERNAL_CONTEXT>>>.*?<<<END_OPENCLAW_INTERNAL_CONTEXT>>>",
    re.DOTALL,
)
_HEADER = re.compile(r"\[headroom ([^\s:\]]+): \d+ of \d+ \w+ elided where marked")
_COMMAND = re.compile(r"original intact, to read: (\S+ retrieve) ")
_ELISION = re.compile(r"\[headroom: (?:lines?|rows?) (\d+)(?:-(\d+))?(?:, [\d, -]{1,4000})? elided")
_OURS = "[headroom"  # a marker that counts what was elided is no finding
_SHELLS = (
    ("Bash", "command"),
    ("bash", "command"),
    ("exec_command", "cmd"),
    ("shell_command", "command"),
    ("exec", "command"),
)
"""Shell tools of the agents, and the field that holds their command."""


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that the model makes."""

    name: str
    input: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Turn:
    """One answer of the model: thinking, then text, then tool calls; `pieces` is the text cut for streaming."""

    thinking: str = ""
    pieces: tuple[str, ...] = ()
    calls: tuple[Call, ...] = ()

    @property
    def text(self) -> str:
        """The whole text."""
        return "".join(self.pieces)


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What a request of any wire format tells the model.

    Attributes:
        prompt: the newest user text that is more than tool results and reminders.
        n_steps: assistant turns with tool calls that follow it.
        tools: names of the tools that the model can call now (deferred ones left out).
        results: texts of all tool results, oldest first.
        texts: the user's texts, oldest first, without directives.
        schema: the JSON schema that the answer must follow, if there is one.
    """

    prompt: str = ""
    n_steps: int = 0
    tools: tuple[str, ...] = ()
    results: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Step:
    verb: str
    argument: str = ""
    calls: tuple[Call, ...] = ()
    thinking: str = ""
    words: str = ""

    @property
    def ends(self) -> bool:
        return self.verb in ("say", "find", "words")


def answer(dialogue: Dialogue) -> Turn:
    """What the model says or does next."""
    if dialogue.schema is not None:
        return _say(json.dumps(dict.fromkeys(dialogue.schema.get("properties", {}), SHORT_ANSWER)))
    commit = _COMMIT.search(dialogue.prompt) if _DIFF in dialogue.prompt else None
    if commit is not None:
        return _say(commit[1])
    steps = _steps(dialogue.prompt)
    if not dialogue.tools and any(not step.ends for step in steps):
        return _say(SHORT_ANSWER)
    if dialogue.n_steps >= len(steps):
        return _say(FIXED_ANSWER)
    step = steps[dialogue.n_steps]
    turn = _perform(step, dialogue)
    following = steps[dialogue.n_steps + 1 :]
    if turn.text == NO_MARKER and following and following[0].ends:
        # Nothing was elided, so there is nothing to fetch: say so, and give the answer that was to come after it.
        turn = _say(f"{NO_MARKER}\n{_perform(following[0], dialogue).text or following[0].words}")
    return Turn(step.thinking, pieces_of(step.words) + turn.pieces, turn.calls)


def own_text(text: str) -> str:
    """A user text without the reminders that an agent adds to it."""
    return _REMINDER.sub("", text).strip()


def without_directives(text: str) -> str:
    """A user text without directives: the words of a directive are not a finding."""
    return _DIRECTIVE.sub("", text)


def has_directive(text: str) -> bool:
    """Whether the model would do something for `text`."""
    return _OPENING.search(text) is not None


def pieces_of(text: str, size: int = 24) -> tuple[str, ...]:
    """`text` cut into pieces of `size` characters, as a model streams it."""
    return tuple(text[at : at + size] for at in range(0, len(text), size))


def _perform(step: _Step, dialogue: Dialogue) -> Turn:
    if step.verb == "say":
        return Turn()
    if step.verb == "words":
        return Turn(pieces=tuple(f"w{i} " for i in range(int(step.argument or "1"))))
    if step.verb == "find":
        return _say(_find(step.argument, dialogue))
    calls = step.calls if step.verb == "tool" else _retrieval(step.argument, dialogue)
    if not calls:
        return _say(NO_MARKER if step.verb == "retrieve" else UNREADABLE)
    missing = [call.name for call in calls if call.name not in dialogue.tools]
    if missing:
        return _say(f"I have no tool named {', '.join(missing)}. I have: {', '.join(dialogue.tools)}.")
    return Turn(calls=calls)


def _say(text: str) -> Turn:
    return Turn(pieces=pieces_of(text))


def _find(needle: str, dialogue: Dialogue) -> str:
    found: dict[str, None] = {}
    for text in (*reversed(dialogue.results), *reversed(dialogue.texts)):
        found.update((line, None) for line in text.splitlines() if needle in line and _OURS not in line)
    return "\n".join(found) or NOT_FOUND


def _retrieval(wanted: str, dialogue: Dialogue) -> tuple[Call, ...]:
    for text in (*reversed(dialogue.results), *reversed(dialogue.texts)):
        headers = list(_HEADER.finditer(text))
        if headers:
            lines = wanted if wanted[:1].isdigit() else _elided_range(text[headers[-1].end() :], wanted)
            told = _COMMAND.search(text, headers[-1].start())
            command = told[1] if told else "headroom retrieve"
            return (_retrieve_call(headers[-1][1], lines, dialogue.tools, command),)
    return ()


def _elided_range(text: str, wanted: str) -> str:
    """The widest elided range of `text`, or, for `before WORD`, the last one above that word."""
    word = wanted.removeprefix("before").strip()
    above, found, _ = text.partition(word) if word else ("", "", "")
    nearest = list(_ELISION.finditer(above))[-1:] if found else []
    markers = nearest or list(_ELISION.finditer(text))
    ranges = [(int(marker[1]), int(marker[2] or marker[1])) for marker in markers]
    first, last = max(ranges, key=lambda bounds: bounds[1] - bounds[0], default=(0, 0))
    return f"{first}-{last}" if last else ""


def _retrieve_call(original_id: str, lines: str, tools: Sequence[str], command: str) -> Call:
    tool = next((name for name in tools if name.endswith("headroom_retrieve")), None)
    if tool:
        return Call(tool, {"id": original_id, "lines": lines} if lines else {"id": original_id})
    command = f"{command} {original_id}" + (f" --lines {lines}" if lines else "")
    shell, key = next(((name, key) for name, key in _SHELLS if name in tools), _SHELLS[0])
    return Call(shell, {key: command})


def _steps(prompt: str) -> list[_Step]:
    """The prompt's directives as turns: words join the tool step that follows them, else they are a turn."""
    steps: list[_Step] = []
    thinking = words = ""
    for verb, argument, calls in _directives(prompt):
        if verb == "think":
            thinking += argument
        elif verb == "say":
            words = f"{words}\n{argument}".strip()
        else:
            steps.append(_Step(verb, argument, calls, thinking, words))
            thinking = words = ""
    if thinking or words:
        steps.append(_Step("say", thinking=thinking, words=words or FIXED_ANSWER))
    return steps


def _directives(prompt: str) -> Iterator[tuple[str, str, tuple[Call, ...]]]:
    at = 0
    while opening := _OPENING.search(prompt, at):
        verb, at = opening[1], opening.end()
        if verb in ("tool", "repeat"):
            n_times = 1
            if verb == "repeat":
                number = re.compile(r"(\d+)\s+").match(prompt, at)
                if not number:
                    continue
                n_times, at = int(number[1]), number.end()
            calls, at = _calls(prompt, at)
            for i in range(1, n_times + 1):
                yield "tool", "", tuple(_numbered(call, i) for call in calls) if verb == "repeat" else calls
            continue
        end = prompt.find("]]", at)
        if end < 0:
            return
        yield verb, prompt[at:end].strip(), ()
        at = end + 2


def _calls(prompt: str, at: int) -> tuple[tuple[Call, ...], int]:
    calls: list[Call] = []
    name = re.compile(r"\s*([^\s{]+)\s*")
    while match := name.match(prompt, at):
        try:
            arguments, at = json.JSONDecoder().raw_decode(prompt, match.end())
        except ValueError:
            break
        calls.append(Call(match[1], arguments))
        joint = re.compile(r"\s*&").match(prompt, at)
        if not joint:
            break
        at = joint.end()
    return tuple(calls), at


def _numbered(call: Call, i: int) -> Call:
    substituted = {
        key: value.replace("{i}", str(i)) if isinstance(value, str) else value for key, value in call.input.items()
    }
    return Call(call.name, substituted)
