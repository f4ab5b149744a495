"""Settings: the strongest source wins, and says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from headroom_wrap import settings
from headroom_wrap.errors import Code, HeadroomError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_flag_beats_environment_beats_file_beats_default(file: Path) -> None:
    file.write_text('level = "safe"\nport = 7\nexclude_tools = ["Read"]\n', encoding="utf-8")
    env = {"HEADROOM_LEVEL": "aggressive", "HEADROOM_PORT": "8"}
    loaded = settings.load({"level": "off", "port": None}, env, file)
    assert (loaded.level, loaded.port, loaded.exclude_tools, loaded.anthropic_url) == ("off", 8, ("Read",), "")
    assert loaded.sources == {
        "level": "flag", "port": "HEADROOM_PORT", "exclude_tools": str(file), "anthropic_url": "default",
        "openai_url": "default", "chatgpt_url": "default", "copilot_url": "default", "copilot_client_id": "default",
        "cache_breakpoints": "default",
        "retention_days": "default", "store_max_mb": "default", "kompress_dir": "default",
        "memory": "default", "embeddings": "default", "learn": "default",
    }  # fmt: skip


def test_names_are_separated_by_commas(file: Path) -> None:
    assert settings.load({}, {"HEADROOM_EXCLUDE_TOOLS": "Read, Bash,"}, file).exclude_tools == ("Read", "Bash")


@pytest.mark.parametrize(("word", "value"), [("1", True), ("true", True), ("ON", True), ("0", False), ("no", False)])
def test_a_switch_is_said_in_the_usual_words(word: str, file: Path, *, value: bool) -> None:
    assert settings.load({}, {"HEADROOM_CACHE_BREAKPOINTS": word}, file).cache_breakpoints is value
    file.write_text(f"cache_breakpoints = {str(value).lower()}\n", encoding="utf-8")
    assert settings.load({}, {}, file).cache_breakpoints is value


@pytest.mark.parametrize(("said", "mode"), [("true", "on"), ("false", "off"), ('"auto"', "auto")])
def test_memory_is_a_mode_or_a_switch_in_the_file(said: str, mode: str, file: Path) -> None:
    file.write_text(f"memory = {said}\n", encoding="utf-8")
    assert settings.load({}, {}, file).memory == mode


@pytest.mark.parametrize(
    "env",
    [
        {"HEADROOM_CACHE_BREAKPOINTS": "perhaps"},
        {"HEADROOM_LEVEL": "hard"},
        {"HEADROOM_PORT": "eighty"},
        {"HEADROOM_PORT": "65536"},
        {"HEADROOM_RETENTION_DAYS": "-1"},
        {"HEADROOM_STORE_MAX_MB": "2 GB"},
        {"HEADROOM_ANTHROPIC_URL": "api.example.com"},
        {"HEADROOM_ANTHROPIC_URL": "https://example.com/?a=b"},
        {"HEADROOM_ANTHROPIC_URL": "https://example.com/v1/"},
        {"HEADROOM_COPILOT_URL": "http://127.0.0.1:8000"},
        {"HEADROOM_COPILOT_CLIENT_ID": "an id"},
        {"HEADROOM_MEMORY_MODE": "maybe"},
    ],
)
def test_a_bad_value_is_refused_with_its_source_and_what_to_give(env: dict[str, str], file: Path) -> None:
    with pytest.raises(HeadroomError) as caught:
        settings.load({}, env, file)
    assert caught.value.code is Code.BAD_SETTING
    assert next(iter(env)) in caught.value.message
    assert caught.value.hint.startswith("Give it ")


@pytest.mark.parametrize("content", ["level = ", 'levle = "safe"', "exclude_tools = [1]"])
def test_a_file_with_mistakes_is_refused(content: str, file: Path) -> None:
    file.write_text(content, encoding="utf-8")
    with pytest.raises(HeadroomError) as caught:
        settings.load({}, {}, file)
    assert caught.value.code is Code.BAD_SETTING


@pytest.mark.parametrize("url", ["https://host/?key=secret-1", "me:secret-1@host", "https://me:secret-1@host/v1"])
def test_what_is_secret_in_a_url_is_not_repeated(url: str) -> None:
    with pytest.raises(HeadroomError) as caught:
        settings.load({}, {"HEADROOM_ANTHROPIC_URL": url})
    assert "secret-1" not in str(caught.value)
    assert "HEADROOM_ANTHROPIC_URL" in str(caught.value)
