"""The suite on a small folder of made-up data: what is measured, what is printed, what is refused."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console

from headroom_wrap.cli.main import main as headroom
from headroom_wrap.compression.model import Level
from headroom_wrap.evals import logs, questions, suite, tool_outputs, unchanged
from headroom_wrap.evals.__main__ import main
from headroom_wrap.evals.measure import percent
from headroom_wrap.evals.reading import Reader, reader
from headroom_wrap.library import Headroom, Result

FATAL = "2026-03-01 10:02:17 ERROR shop.ledger: posting 4711 has no account"
LOG = [f"2026-03-01 10:{n // 60:02}:{n % 60:02} INFO shop.http: GET /items/{n} 200 in {n % 7} ms" for n in range(400)]
LOG[200] = FATAL
LOG[300] = "2026-03-01 10:05:00 INFO shop.clock: the clock was set back"
WORDS = "The mill stood at the river for three hundred years and was mended by every miller who came after. " * 3
ARTICLE = [f"Paragraph {n}. {WORDS} The wheel number {n} was built by Anna Berg{n}." for n in range(12)]


class LosesTheMiddle:
    """A library that keeps the first and the last hundred characters of whatever is long."""

    def compress(self, messages: Sequence[dict[str, Any]], **_options: Any) -> Result:
        shortened = json.loads(json.dumps(list(messages)), object_hook=self._shorten)
        return Result(shortened, 0, 0, [])

    def _shorten(self, value: dict[str, Any]) -> dict[str, Any]:
        return {
            key: text[:100] + text[-100:] if isinstance(text, str) and len(text) > 250 else text
            for key, text in value.items()
        }


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder laid out as the suite reads it."""
    folder = tmp_path / "data"
    text = "\n".join(LOG)
    row = {"id": "o1", "kind": "test_output", "tool": "bash_execute", "arguments": {"command": "cat shop.log"}}
    row |= {"goal": "What failed?", "output": text, "used_later": ["shop.ledger", "not there"], "anchors": [FATAL]}
    write(folder / "tool_outputs" / "test_output.jsonl", json.dumps(row))
    pack(folder / "logs" / "ci_a" / "job.log.gz", text)
    write(folder / "logs" / "ci_a" / "job.gold.json", json.dumps({"errors": [{"line": FATAL}]}))
    marked = [*LOG[:200], f"#=MATCH=# {FATAL[:20]}\u2039{FATAL[20:]}\u203a", *LOG[201:]]
    pack(folder / "logs" / "ci_b" / "job.txt.gz", "\n".join(["#=SOURCE=# somewhere", *marked]))
    write(folder / "logs" / "loghub" / "shop.log", text)
    labels = {"error_level_lines": [201], "error_regex_lines": [201], "rare_template_lines": [201, 301]}
    write(folder / "logs" / "loghub" / "shop.labels.json", json.dumps(labels))
    paragraphs = [{"context": part, "qas": asked(number)} for number, part in enumerate(ARTICLE)]
    write(folder / "prose_qa" / "squad.json", json.dumps({"data": [{"title": "Mills", "paragraphs": paragraphs}]}))
    write(folder / "prose_qa" / "gsm8k.jsonl", json.dumps({"question": f"{WORDS} How many years?", "answer": "300"}))
    write(folder / "prose_qa" / "truthfulqa.csv", 'Question,Best Answer\n"What, then, is a mill?",A house')
    call = {"id": "c1", "question": [[{"role": "user", "content": "Mend it."}]], "function": [{"name": "mend"}] * 40}
    write(folder / "bfcl" / "calls.jsonl", json.dumps(call))
    gold = {"id": "c1", "ground_truth": [{"mend": {"wheel": list(range(200))}}, ["mend(wheel=3)"]]}
    write(folder / "bfcl" / "calls.answers.jsonl", json.dumps(gold))
    return folder


def asked(number: int) -> list[dict[str, Any]]:
    return [
        {"id": f"q{number}", "question": f"Who built wheel {number}?", "answers": [{"text": f"Anna Berg{number}"}]},
        {"id": f"n{number}", "question": f"Who broke wheel {number}?", "answers": []},
    ]


def write(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")


def pack(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(gzip.compress(text.encode()))


def test_outputs_are_counted_by_kind_with_what_stood_in_them(data: Path) -> None:
    with reader(Level.BALANCED) as own:
        rows = tool_outputs.measure(own, data / "tool_outputs")
    (row,) = rows
    assert (row.kind, row.used, row.used_missing, row.anchors, row.anchors_missing) == ("test_output", 1, (), 1, ())
    assert row.tokens_after < row.tokens_before / 2
    kind, total = tool_outputs.by_kind(rows)
    assert (kind.kind, total.kind, total.tokens_after) == ("test_output", "all", row.tokens_after)


def test_logs_are_read_in_all_three_forms_and_their_errors_stay(data: Path) -> None:
    with reader(Level.BALANCED) as own:
        rows = logs.measure(own, data / "logs")
    assert [(row.source, row.name, row.gold, row.gold_missing) for row in rows] == [
        ("ci_a", "job", 1, ()),
        ("ci_b", "job", 1, ()),
        ("loghub", "shop", 1, ()),
    ]
    assert [row.rare for row in rows] == [0, 0, 1]
    assert rows[0].tokens_before == rows[1].tokens_before == rows[2].tokens_before


def test_questions_are_a_fixed_sample_of_those_that_have_answers(data: Path) -> None:
    found = list(questions.squad(data / "prose_qa"))
    assert found == list(questions.squad(data / "prose_qa"))
    assert sorted(question.text for question in found) == sorted(f"Who built wheel {n}?" for n in range(12))
    by_text = {question.text: question for question in found}
    assert by_text["Who built wheel 7?"].context == "\n\n".join(ARTICLE[:8])
    assert by_text["Who built wheel 8?"].context == "\n\n".join(ARTICLE[8:])


def test_schemas_arguments_and_prompts_pass_word_for_word(data: Path) -> None:
    with reader(Level.BALANCED) as own:
        rows = unchanged.measure(own, data)
    assert [(row.name, row.cases, row.changed) for row in rows] == [
        ("calls", 1, ()),
        ("gsm8k", 1, ()),
        ("truthfulqa", 1, ()),
    ]


def test_every_measure_sees_what_a_lossy_library_loses(data: Path) -> None:
    lossy = Reader(cast("Headroom", LosesTheMiddle()))
    (output,) = tool_outputs.measure(lossy, data / "tool_outputs")
    assert (output.used_missing, output.anchors_missing) == (("shop.ledger",), (FATAL,))
    rows = logs.measure(lossy, data / "logs")
    assert [len(row.gold_missing) for row in rows] == [1, 1, 1]
    assert rows[2].rare_missing == ("INFO shop.clock: the clock was set back",)
    assert [row.changed for row in unchanged.measure(lossy, data)] == [("c1",), ("1",), ()]


def test_answers_and_words_are_counted_in_what_was_read(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reader, "read_pasted", lambda _self, context, _question: context[: len(context) // 2])
    (row,) = questions.measure(Reader(cast("Headroom", None)), data / "prose_qa")
    assert (row.name, row.questions, row.answered) == ("Mills", 12, 6)
    assert 0.45 < row.words_after / row.words_before < 0.55


def test_the_same_text_is_read_anew_for_each_question() -> None:
    with reader(Level.AGGRESSIVE) as own:
        context = "\n\n".join(ARTICLE)
        texts = [own.read_pasted(context, f"Who built wheel number {n}?") for n in (2, 9)]
    assert all(f"Anna Berg{n}" in text for n, text in zip((2, 9), texts, strict=True))


def test_the_report_prints_a_table_for_each_measure_and_a_summary(data: Path) -> None:
    report = suite.run(1, Level.BALANCED, data)
    console = Console(file=io.StringIO(), width=100)
    suite.show(report, console)
    printed = cast("io.StringIO", console.file).getvalue()
    lines = [line.rstrip() for line in printed.splitlines()]
    assert [measure.title for measure in suite.MEASURES] == [line for line in lines if line in titles()]
    assert all(f"\n{measure.name} " in printed for measure in suite.MEASURES)
    assert max(map(len, lines)) <= 100
    assert "Not measured" not in printed


def titles() -> set[str]:
    return {measure.title for measure in suite.MEASURES}


def test_figures_stand_whole_in_a_narrow_terminal(data: Path) -> None:
    console = Console(file=io.StringIO(), width=64)
    suite.show(suite.run(1, Level.OFF, data), console)
    printed = cast("io.StringIO", console.file).getvalue()
    assert all(f"{row.tokens_before:,}" in printed for row in suite.run(1, Level.OFF, None).outcomes[0].rows)


def test_without_a_folder_the_bundled_outputs_are_measured_and_the_rest_is_named(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["suite", "--level", "off"]) == 0
    printed = capsys.readouterr().out
    assert "cat_python" in printed
    assert "Not measured: tool_outputs, logs, questions, unchanged (needs --data DIR)" in printed


def test_a_folder_that_holds_less_gives_less(tmp_path: Path) -> None:
    write(tmp_path / "prose_qa" / "gsm8k.jsonl", json.dumps({"question": "How many?"}))
    write(tmp_path / "tool_outputs" / "broken.jsonl", "{")
    outcomes = {outcome.measure.name: outcome for outcome in suite.run(1, Level.OFF, tmp_path).outcomes}
    assert outcomes["unchanged"].rows
    assert outcomes["logs"].not_run == f"nothing to measure in {tmp_path}"
    assert outcomes["tool_outputs"].not_run.startswith("a file cannot be read: ")


def test_the_json_holds_figures_and_rows(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evals", "suite", "--tier", "1", "--data", str(data), "--json"]
    assert headroom([*words, "-"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert (printed["tier"], printed["level"]) == (1, "balanced")
    assert list(printed["measures"]) == ["workloads", "tool_outputs", "logs", "questions", "unchanged"]
    assert len(printed["measures"]["workloads"]["rows"]) == 30
    figure = printed["measures"]["unchanged"]["figures"][0]
    assert figure == {"what": "unchanged", "value": 1.0, "of": "3 conversations", "goal": 1.0, "is_met": True}
    file = tmp_path / "figures.json"
    assert headroom([*words, str(file)]) == 0
    assert "headroom" in capsys.readouterr().out
    written = json.loads(file.read_text(encoding="utf-8"))
    assert without_times(written) == without_times(printed)


def without_times(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_times(inner) for key, inner in value.items() if key != "ms"}
    return [without_times(inner) for inner in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--tier", "2"], "There is no tier 2: tier 1 holds everything that needs neither a model nor a network."),
        (["--data", "nowhere"], "There is no folder nowhere."),
    ],
)
def test_what_cannot_be_measured_is_refused(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert headroom(["evals", "suite", *words]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith(f"headroom: {said}")


def test_a_file_that_cannot_be_written_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "no" / "figures.json"
    assert headroom(["evals", "suite", "--level", "off", "--json", str(file)]) == 2
    assert f"could not be written to {file}: No such file" in capsys.readouterr().err


@pytest.mark.parametrize("words", [[], ["bench"], ["suite", "--level", "most"]])
def test_unknown_words_get_the_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert headroom(["evals", *words]) == 2
    assert capsys.readouterr().err.startswith("usage: headroom evals")


def test_the_module_runs_by_itself() -> None:
    command = [sys.executable, "-m", "headroom_wrap.evals", "suite", "--tier", "3"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("headroom: There is no tier 3")


@pytest.mark.parametrize(("value", "text"), [(1.0, "100.0 %"), (0.9999, "99.9 %"), (0.0, "0.0 %"), (-0.05, "-5.0 %")])
def test_all_is_said_of_all_only(value: float, text: str) -> None:
    assert percent(value) == text
