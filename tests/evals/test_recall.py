"""Recall counts the evidence that is found, and nothing else."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from headroom_wrap.errors import HeadroomError
from headroom_wrap.evals.recall import main, measure

CONVERSATION = {
    "sample_id": "small",
    "conversation": {
        "speaker_a": "Ann",
        "session_1_date_time": "1 May",
        "session_1": [
            {"speaker": "Ann", "dia_id": "D1:1", "text": "I bought a violin."},
            {"speaker": "Bob", "dia_id": "D1:2", "text": "I bought a violin.", "blip_caption": "a harbour"},
            *({"speaker": "Ann", "dia_id": f"D1:{n}", "text": f"Violin violin number {n}"} for n in range(3, 20)),
        ],
    },
    "qa": [
        {"question": "Who painted the harbour?", "evidence": ["D1:2"], "category": 1},
        {"question": "Where is the moon?", "evidence": ["D1:1"], "category": 1},
        {"question": "harbour", "evidence": ["D1:2"], "category": 5},
        {"question": "harbour", "evidence": [], "category": 1},
    ],
}


def test_recall_is_the_share_of_the_evidence_among_the_first() -> None:
    found = measure(CONVERSATION, None)
    assert (found.conversation, found.n_turns, found.n_questions) == ("small", 19, 2)
    assert found.by_cut == {5: 0.5, 10: 0.5}


def test_the_figures_are_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "some.json").write_text(json.dumps([CONVERSATION]), encoding="utf-8")
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].split() == [
        "BM25", "all", "19", "turns", "2", "questions", "@5", "0.500", "@10", "0.500",
    ]  # fmt: skip


def test_data_that_cannot_be_read_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(HeadroomError, match="cannot be read"):
        main([str(tmp_path / "nowhere.json")])
