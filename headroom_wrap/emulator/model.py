"""The emulated model behind every wire format: checks a request, decides what to say, and bills the prompt."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Callable
from typing import Any

from headroom_wrap.emulator import messages_api, responses_api
from headroom_wrap.emulator.cache import AnthropicCache, MarkError, OpenAICache, TokenMemo
from headroom_wrap.emulator.format import Answer, Format
from headroom_wrap.emulator.prefix import canonical_blocks
from headroom_wrap.emulator.recording import RecordedRequest
from headroom_wrap.emulator.script import Turn, answer
from headroom_wrap.tokens import count

_NO_VERSION = "anthropic-version: header is required"
_NO_BODY_VERSION = "anthropic_version: Field required"


class Refusal(Exception):  # noqa: N818 - an answer to the client, not an error of ours
    """What the provider answers instead: a status and its message."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Model:
    """Answers requests of every wire format, with one prompt cache per provider.

    Args:
        clock: seconds; cache entries age by it.
        wall_clock: Unix time, for the `created` fields.
        minimum_tokens: shortest prefix that the Anthropic cache keeps, overriding the table by model.
    """

    def __init__(
        self, clock: Callable[[], float], wall_clock: Callable[[], float], minimum_tokens: int | None = None
    ) -> None:
        self._clock = clock
        self._wall_clock = wall_clock
        self._count = TokenMemo(count)
        self._anthropic = AnthropicCache(self._count, minimum_tokens)
        self._openai = OpenAICache(self._count)
        self._history = responses_api.History()
        # Random: a resumed conversation must not meet the ids of an earlier provider.
        self._seed = secrets.token_hex(6)
        self._numbers = itertools.count(1)

    def key(self) -> str:
        """A new key, unique among all providers, for ids to be made from."""
        return f"01{self._seed}{next(self._numbers):06d}"

    def answer(self, record: RecordedRequest, wire_format: Format) -> Answer:
        """Answer a request, and note on its record how its prompt was billed.

        Raises:
            Refusal: the provider would refuse the request.
        """
        body = self._checked(record, wire_format, wire_format.complaint(record.asked))
        if wire_format is responses_api.FORMAT:
            try:
                body = self._history.expanded(body)
            except KeyError as unknown:
                raise Refusal(400, f"Previous response with id '{unknown.args[0]}' not found.") from unknown
        turn = answer(wire_format.dialogue(body))
        blocks = canonical_blocks(body if "previous_response_id" in body else record.content)
        cache = self._anthropic if wire_format is messages_api.FORMAT else self._openai
        try:
            record.usage = cache.bill(record.credential, body, blocks, self._clock())
        except MarkError as refused:
            raise Refusal(400, str(refused)) from refused
        answered = Answer(body, turn, record.usage, self._n_output(turn), self.key(), int(self._wall_clock()))
        if wire_format is responses_api.FORMAT:
            self._history.remember(answered)
        return answered

    def count_tokens(self, record: RecordedRequest) -> int:
        """Tokens of an Anthropic prompt.

        Raises:
            Refusal: the provider would refuse the request.
        """
        self._checked(record, messages_api.FORMAT, messages_api.countable(record.asked))
        return sum(self._count(block.text) for block in canonical_blocks(record.content))

    def _checked(self, record: RecordedRequest, wire_format: Format, complaint: str | None) -> dict[str, Any]:
        if not record.credential:
            raise Refusal(401, wire_format.no_key)
        if wire_format is messages_api.FORMAT and isinstance(record.json, dict):
            is_in_body = "anthropic_version" in record.json
            if record.model and not is_in_body:
                raise Refusal(400, _NO_BODY_VERSION)
            if not is_in_body and record.header("anthropic-version") is None:
                raise Refusal(400, _NO_VERSION)
        if complaint:
            raise Refusal(400, complaint)
        body: dict[str, Any] = record.asked
        return body

    def _n_output(self, turn: Turn) -> int:
        calls = "".join(f"{call.name} {dict(call.input)}" for call in turn.calls)
        return max(1, self._count(turn.thinking + turn.text + calls))
