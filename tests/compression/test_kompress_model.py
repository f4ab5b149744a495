"""The optional model: found where it lies, never fetched, and asked by its contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from headroom_wrap.compression import kompress_model, markers, router
from headroom_wrap.compression.kompress_model import CACHE, Files, Scorer, backend, find, model_of, routing
from headroom_wrap.compression.model import Hints, Level
from tests.compression import tiny_model

PROSE = ("xxx xxx xxy xxx xyx xx xxx xxx. " * 80).strip()
AGGRESSIVE = Hints("WebFetch", {"url": "https://example.com"}, marker=markers.elision, level=Level.AGGRESSIVE)


def snapshot(hub: Path, repository: str, name: str, *files: str) -> Path:
    folder = hub / f"models--{repository.replace('/', '--')}" / "snapshots" / name
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_bytes(b"")
    return folder


def test_the_model_is_found_in_a_folder_flat_or_as_its_repository_lays_it_out(tmp_path: Path) -> None:
    laid_out = tiny_model.write(tmp_path / "laid-out")
    assert find(str(laid_out), {}) == Files(laid_out / "onnx" / "kompress-int8-wo.onnx", laid_out / "tokenizer.json")
    flat = tmp_path / "flat"
    flat.mkdir()
    for name in ("kompress-int8-wo.onnx", "tokenizer.json"):
        (flat / name).write_bytes(b"")
    assert find(str(flat), {}) == Files(flat / "kompress-int8-wo.onnx", flat / "tokenizer.json")


@pytest.mark.parametrize(
    ("hub", "variables"),
    [
        ("hub", {"HF_HUB_CACHE": "hub"}),
        ("hf/hub", {"HF_HOME": "hf"}),
        ("c/huggingface/hub", {"XDG_CACHE_HOME": "c"}),
        (".cache/huggingface/hub", {"HOME": "."}),
    ],
)
def test_the_model_and_its_tokenizer_are_found_in_the_cache_of_hugging_face(
    hub: str, variables: dict[str, str], tmp_path: Path
) -> None:
    env = {name: str(tmp_path / value) for name, value in variables.items()}
    model = snapshot(tmp_path / hub, kompress_model.MODEL_ID, "a1", kompress_model.MODEL_FILE)
    assert "ModernBERT" in str(find(CACHE, env))
    tokenizer = snapshot(tmp_path / hub, kompress_model.TOKENIZER_ID, "b2", "tokenizer.json")
    assert find(CACHE, env) == Files(model / kompress_model.MODEL_FILE, tokenizer / "tokenizer.json")


def test_of_several_states_in_the_cache_the_one_that_main_names_is_taken(tmp_path: Path) -> None:
    files = (kompress_model.MODEL_FILE, "tokenizer.json")
    for name in ("a1", "b2", "c3"):
        folder = snapshot(tmp_path, kompress_model.MODEL_ID, name, *files)
    refs = folder.parent.parent / "refs"
    refs.mkdir()
    (refs / "main").write_text("b2", encoding="utf-8")
    found = find(CACHE, {"HF_HUB_CACHE": str(tmp_path)})
    assert isinstance(found, Files)
    assert found.model.parent.parent.name == "b2"


def test_why_there_is_no_model_is_said(tmp_path: Path) -> None:
    env = {"HEADROOM_HOME": str(tmp_path), "HF_HUB_CACHE": str(tmp_path / "hub")}
    assert backend(env) == ("bm25", "sentences by the question; no model: not asked for (setting kompress_dir)")
    name, why = backend({**env, "HEADROOM_KOMPRESS_DIR": CACHE})
    assert name == "bm25"
    assert str(tmp_path / "hub") in why
    name, why = backend({**env, "HEADROOM_KOMPRESS_DIR": str(tmp_path / "nowhere")})
    assert name == "bm25"
    assert str(tmp_path / "nowhere") in why


def test_what_runs_is_said_and_what_it_lacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tiny_model.write(tmp_path / "model")
    env = {"HEADROOM_HOME": str(tmp_path), "HEADROOM_KOMPRESS_DIR": str(folder)}
    monkeypatch.setattr(kompress_model, "_LIBRARIES", ("json",))
    name, why = backend(env)
    assert name == "kompress"
    assert str(folder) in why
    assert model_of(str(folder), {}) is not None
    monkeypatch.setattr(kompress_model, "_LIBRARIES", ("json", "no_such_library"))
    name, why = backend(env)
    assert name == "bm25"
    assert "no_such_library" in why
    assert model_of(str(folder), {}) is None


def test_without_a_model_the_router_is_as_ever() -> None:
    assert routing("", {}) is router.compress


class FakeEncoding:
    """Two sub-tokens for each letter but the first, between one before and one behind all."""

    def __init__(self, words: Sequence[str]) -> None:
        inner = [(ord(letter), index) for index, word in enumerate(words) for letter in word]
        self.ids = [0, *(number for number, _ in inner), 0]
        self.word_ids = [None, *(index for _, index in inner), None]


class FakeTokenizer:
    def encode(self, sequence: Any, *, is_pretokenized: bool) -> FakeEncoding:
        assert is_pretokenized
        assert all(word.encode() is not None for word in sequence)
        return FakeEncoding(sequence)


class FakeSession:
    """Wants sub-tokens that are a `y`."""

    def __init__(self) -> None:
        self.lengths: list[int] = []

    def run(self, output_names: Sequence[str], input_feed: Mapping[str, Any]) -> list[list[list[float]]]:
        assert output_names == ["final_scores"]
        (ids,) = input_feed["input_ids"]
        assert input_feed["attention_mask"] == [[1] * len(ids)]
        self.lengths.append(len(ids))
        return [[[float(number == ord("y")) for number in ids]]]


def scored(words: Sequence[str]) -> tuple[list[float], list[int]]:
    session = FakeSession()
    return Scorer(FakeTokenizer(), session, list)(words), session.lengths


def test_a_word_is_worth_what_its_best_part_is_worth() -> None:
    assert scored(["xx", "xyx", "y", "x"])[0] == [0.0, 1.0, 1.0, 0.0]


def test_no_chunk_has_more_words_or_parts_than_the_model_sees_and_no_word_is_lost() -> None:
    words = ["xxxxxxy" if number % 3 else "x" * (number % 11) for number in range(2000)]
    scores, lengths = scored(words)
    assert scores == [0.0 if number % 3 == 0 and number % 11 else 1.0 for number in range(2000)]
    assert max(lengths) <= kompress_model.MAX_SUBTOKENS
    assert sum(lengths) == sum(map(len, words)) + 2 * len(lengths)


def test_short_words_are_asked_about_in_chunks_of_350() -> None:
    assert scored(["x"] * 800)[1] == [352, 352, 102]


def test_a_word_that_is_too_long_to_be_seen_stays() -> None:
    assert scored(["x", "x" * 5000, "x"])[0] == [0.0, 1.0, 0.0]


def test_lone_surrogates_do_no_harm() -> None:
    assert scored(["\ud800y", "x"])[0] == [1.0, 0.0]


def test_a_real_session_and_tokenizer_drop_what_the_model_does_not_want(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    folder = tiny_model.write(tmp_path / "model")
    outcome = routing(str(folder), {})(PROSE, AGGRESSIVE)
    assert outcome is not None
    name, result = outcome
    assert name == "kompress"
    assert result.text.split("\n", 1)[1] == " ".join(["xxy xyx"] * 80)
    assert result.text.startswith("[headroom: 160 of 640 words shown")


def test_long_words_reach_a_real_model_whole(tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    files = find(str(tiny_model.write(tmp_path / "model")), {})
    assert isinstance(files, Files)
    scores = kompress_model.Model(files).load()
    assert scores is not None
    assert list(scores(["x" * 20, "x" * 20 + "y"] * 200)) == [0.0, 1.0] * 200


def test_a_question_that_decides_leaves_the_model_no_word(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kompress_model, "_LIBRARIES", ("json",))
    monkeypatch.setattr(kompress_model, "_load", lambda _files: pytest.fail("the model was loaded"))
    text = "\n\n".join(["The harbour was busy, and the fishermen sold their catch before noon every day."] * 40)
    asking = Hints(
        "WebFetch", {}, "When did the keeper light the lamp?", marker=markers.elision, level=Level.AGGRESSIVE
    )
    route = routing(str(tiny_model.write(tmp_path / "model")), {})
    outcome = route(f"{text}\n\nThe keeper lit the lamp at dusk.\n\n{text}", asking)
    assert outcome is not None
    assert outcome[0] == "prose"


def test_files_that_somebody_reads_never_reach_the_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kompress_model, "_LIBRARIES", ("json",))
    monkeypatch.setattr(kompress_model, "_load", lambda _files: pytest.fail("the model was loaded"))
    route = routing(str(tiny_model.write(tmp_path / "model")), {})
    reading = Hints("Read", {"file_path": "notes.txt"}, marker=markers.elision, level=Level.AGGRESSIVE)
    assert route(PROSE, reading) is None


def test_a_model_that_cannot_be_loaded_is_not_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_files: Files) -> Scorer:
        raise ValueError("no model")

    monkeypatch.setattr(kompress_model, "_load", broken)
    model = kompress_model.Model(Files(tmp_path, tmp_path))
    with pytest.raises(ValueError, match="no model"):
        model.load()
    assert model.load() is None
