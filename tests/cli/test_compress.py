"""`headroom compress`: pipes get the text alone, a person the figures, and everything can be read back."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from headroom_wrap import paths
from headroom_wrap.cli.main import main
from headroom_wrap.compression.markers import carries_marker, elisions
from tests.cli.test_explain import LOG, ROWS


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "app.log"
    path.write_text(LOG, encoding="utf-8", newline="")
    return str(path)


def test_the_text_goes_to_standard_output_and_the_figures_to_standard_error(
    file: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    assert main(["compress", file]) == 0
    said = capfdbinary.readouterr()
    text = said.out.decode()
    assert len(text) < len(LOG) / 2
    assert "failed" in text
    assert elisions(text)
    assert said.err.startswith(b"headroom: ")
    assert b"% fewer" in said.err
    id_ = text.split()[1].rstrip(":")
    assert f"original: headroom retrieve {id_}".encode() in said.err
    assert main(["retrieve", id_]) == 0
    assert capfdbinary.readouterr().out.decode().partition("\n")[2] == LOG


def test_standard_input_is_read_without_a_name_and_for_a_dash(
    file: str, capfdbinary: pytest.CaptureFixture[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    main(["compress", file])
    expected = capfdbinary.readouterr().out
    for words in ([], ["-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LOG.encode())))
        assert main(["compress", *words]) == 0
        assert capfdbinary.readouterr().out == expected


def test_without_a_store_nothing_is_elided_and_nothing_kept(
    tmp_path: Path, file: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    rows = tmp_path / "rows.json"
    rows.write_text(ROWS, encoding="utf-8")
    for name in (file, str(rows)):
        assert main(["compress", "--no-store", name]) == 0
        text = capfdbinary.readouterr().out.decode()
        assert not elisions(text)
        assert text == LOG or len(text) < len(ROWS)
    assert not paths.store_file(paths.home(os.environ)).exists()


@pytest.mark.parametrize("level", ["off", "safe"])
def test_the_level_is_that_of_the_option_whatever_was_asked_before(
    level: str, file: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    main(["compress", file])
    assert elisions(capfdbinary.readouterr().out.decode())
    assert main(["compress", file, "--level", level]) == 0
    assert not elisions(capfdbinary.readouterr().out.decode())
    main(["compress", file])
    assert elisions(capfdbinary.readouterr().out.decode())


def test_a_query_keeps_what_it_asks_for(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    rows = tmp_path / "rows.json"
    rows.write_text(ROWS.replace('"id": 157', '"id": "zanzibar"'), encoding="utf-8")
    assert main(["compress", str(rows)]) == 0
    assert b"zanzibar" not in capfdbinary.readouterr().out
    assert main(["compress", str(rows), "--query", "what did zanzibar say?"]) == 0
    assert b"zanzibar" in capfdbinary.readouterr().out


def test_the_command_says_what_kind_of_text_it_is(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    found = tmp_path / "found.txt"
    found.write_text("".join(f"src/package/module_{i // 50}.py:{i}:    call_{i}(argument)\n" for i in range(300)))
    assert main(["compress", str(found), "--tool", "Bash", "--command", "grep -rn call_ src", "--json"]) == 0
    assert json.loads(capfdbinary.readouterr().out)["compressor"] == "search"


@pytest.mark.parametrize("raw", [b"\x7fELF\0\1\2" * 500, b"caf\xe9\n" * 500, b"", b"short\r\n"])
def test_what_is_no_text_or_too_short_passes_byte_for_byte(
    raw: bytes, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    file = tmp_path / "file"
    file.write_bytes(raw)
    assert main(["compress", str(file)]) == 0
    said = capfdbinary.readouterr()
    assert said.out == raw
    assert said.err.startswith(b"headroom: unchanged")


def test_a_text_that_was_compressed_already_passes(
    file: str, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    main(["compress", file])
    once = capfdbinary.readouterr().out
    again = tmp_path / "again"
    again.write_bytes(once)
    assert main(["compress", str(again)]) == 0
    assert capfdbinary.readouterr().out == once


def test_json_and_stats(file: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["compress", file, "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert (told["is_changed"], told["compressor"], told["level"]) == (True, "logs", "balanced")
    assert told["tokens_after"] < told["tokens_before"]
    assert carries_marker(told["text"])
    assert main(["compress", file, "--stats"]) == 0
    said = capfd.readouterr()
    assert said.err == ""
    assert said.out.startswith(f"headroom: {told['tokens_before']:,} -> {told['tokens_after']:,} tokens, ")
    assert said.out.count("\n") == 1


@pytest.mark.parametrize("width", [10, 80, 250])
def test_side_by_side_shows_every_kept_line_twice_and_what_was_elided(
    width: int, file: str, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["compress", file, "--side-by-side"]) == 0
    out = capfd.readouterr().out.splitlines()
    assert max(map(len, out)) <= max(width, 39)
    assert any(" < " in line for line in out)
    assert any("more lines" in line for line in out) or width == 10
    if width == 250:
        assert all(line.count("Z INFO worker") == 2 for line in out if " │ " in line and "INFO" in line)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (["no-such-file"], "The file no-such-file cannot be read: No such file or directory."),
        (["."], "The file . cannot be read: Is a directory."),
        (["--level", "hard", "x"], "The setting level is 'hard' (from: flag)"),
        (["--json", "--stats", "x"], "exclude each other"),
    ],
)
def test_mistakes_are_sentences(words: list[str], complaint: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["compress", *words]) == 2
    said = capfd.readouterr()
    assert said.out == ""
    assert complaint in said.err


def test_a_reader_that_leaves_early_gets_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "long.txt"
    file.write_text("".join(f"{number} an unlike line {number * 7919}\n" for number in range(100_000)))
    command = [sys.executable, "-m", "headroom_wrap", "compress", "--level", "off", str(file)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    _, complaint = process.communicate(timeout=60)
    assert b"Traceback" not in complaint
    assert b"Exception" not in complaint
