"""Canary secrets of twelve kinds and more: none is in what is kept, and ordinary words stay."""

from __future__ import annotations

from dataclasses import replace

import pytest

from headroom_wrap.learn.events import Call
from headroom_wrap.learn.miner import mine
from headroom_wrap.learn.redaction import is_clean, redact
from tests.learn.test_miner import PLANTED

RANDOM = "q7Zk" + "2Vx9Rb4Tn8Wm" + "3Yp6Hc1Js5"
CANARIES = {
    "Anthropic": ("sk-ant-api03-" + RANDOM, "key {}"),
    "OpenAI": ("sk-proj-" + RANDOM, "using {} now"),
    "GitHub": ("ghp_" + RANDOM + "AbCd12345", "remote: {}"),
    "AWS id": ("AKIA" + "Q7ZK2VX9RB4TN8WM", "aws_access_key_id = {}"),
    "AWS secret": (RANDOM + "/" + RANDOM[:8], "AWS_SECRET_ACCESS_KEY={}"),
    "JWT": ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0." + RANDOM, "got {}"),
    "private key": ("MIIE" + RANDOM, "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----"),
    "bearer": (RANDOM, "curl -H 'Authorization: Bearer {}' http://localhost"),
    "basic": ("dXNlcjpodW50ZXIy", "Authorization: Basic {}"),
    "option": ("hunter2-long", "deploy --token {} --dry"),
    "option with =": ("hunter2long", "deploy --password={}"),
    "variable": ("correcthorse", "DB_PASSWORD={} python3 app.py"),
    "variable of a key": ("abcdefgh1234", "export STRIPE_KEY={}"),
    "address": ("hunter2pass", "postgres://app:{}@db:5432/x"),
    "JSON": ("s3cr3tvalue", '{{"client_secret": "{}"}}'),
    "cookie": (RANDOM, "Cookie: session={}"),
    "user of curl": ("hunter2", "curl -u admin:{} http://localhost"),
    "random word": (RANDOM, "signing key is {}"),
    "Slack": ("xoxb-123456789012-" + RANDOM, "{}"),
}


@pytest.mark.parametrize("kind", CANARIES)
def test_a_secret_is_taken_out_of_a_text(kind: str) -> None:
    secret, text = CANARIES[kind]
    assert secret not in redact(text.format(secret))
    assert not is_clean(text.format(secret))


@pytest.mark.parametrize("kind", CANARIES)
def test_no_secret_in_a_session_comes_into_its_sightings(kind: str) -> None:
    secret, text = CANARIES[kind]
    told = text.format(secret)
    for case in PLANTED:
        events = tuple(
            replace(event, command=event.command and f"{event.command} {told}", text=f"{event.text}\n{told}")
            if isinstance(event, Call)
            else replace(event, text=f"{event.text} {told}")
            for event in case.session.events
        )
        for sighting in mine(replace(case.session, events=events)):
            assert secret not in f"{sighting.text}\n{sighting.quote}\n{sighting.subject}"


@pytest.mark.parametrize("case", PLANTED, ids=lambda case: case.name)
def test_ordinary_corrections_stay_as_they_are(case: object) -> None:
    assert isinstance(case, type(PLANTED[0]))
    for sighting in mine(case.session):
        assert is_clean(sighting.text)


@pytest.mark.parametrize(
    "text",
    [
        "Run `pytest --maxfail=2 tests/test_tokens.py`",
        "git checkout 1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b",
        "src/main/java/com/example/AbstractBeanFactory.java",
        "tokens: 12345",
        "export API_KEY=$API_KEY",
        "deploy --token $TOKEN",
        "https://example.org/a/b?c=d",
        "npm_config_cache=/cache npm ci",
    ],
)
def test_what_only_looks_a_little_like_one_stays(text: str) -> None:
    assert redact(text) == text
