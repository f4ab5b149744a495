"""A model and a tokenizer of a few hundred bytes with the contract of Kompress, written without ONNX's own library.

The vocabulary is strings of `x` and `y`: each letter is a sub-token, and only `y` is needed.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

_INT64, _FLOAT = 7, 1
_INT_ATTRIBUTE = 2
_IR_VERSION, _OPSET = 8, 13
_VOCABULARY = {"[UNK]": 0, "[CLS]": 2, "[SEP]": 4, "x": 6, "##x": 8, "y": 11, "##y": 13}
"""What is needed has an odd id."""


def write(folder: Path) -> Path:
    """Write both files as the repository of the model lays them out."""
    (folder / "onnx").mkdir(parents=True)
    (folder / "onnx" / "kompress-int8-wo.onnx").write_bytes(model())
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer()), encoding="utf-8")
    return folder


def tokenizer() -> dict[str, object]:
    special = {name: {"id": name, "ids": [_VOCABULARY[name]], "tokens": [name]} for name in ("[CLS]", "[SEP]")}
    first, last = ({"SpecialToken": {"id": name, "type_id": 0}} for name in special)
    return {
        "version": "1.0",
        "truncation": {"max_length": 16, "stride": 0, "strategy": "LongestFirst", "direction": "Right"},
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [first, {"Sequence": {"id": "A", "type_id": 0}}, last],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": special,
        },
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 10_000,
            "vocab": _VOCABULARY,
        },
    }


def model() -> bytes:
    """`final_scores = (input_ids mod 2) * attention_mask`, by the field numbers of onnx.proto."""
    graph = b"".join(
        [
            _node("Mod", ["input_ids", "two"], "is_odd"),
            _node("Mul", ["is_odd", "attention_mask"], "masked"),
            _node("Cast", ["masked"], "final_scores", to=_FLOAT),
            _text(2, "tiny"),
            _bytes(5, _number(1, 1) + _number(2, _INT64) + _number(7, 2) + _text(8, "two")),
            _bytes(11, _matrix("input_ids", _INT64)),
            _bytes(11, _matrix("attention_mask", _INT64)),
            _bytes(12, _matrix("final_scores", _FLOAT)),
        ]
    )
    return _number(1, _IR_VERSION) + _bytes(7, graph) + _bytes(8, _number(2, _OPSET))


def _node(kind: str, inputs: Sequence[str], output: str, to: int = 0) -> bytes:
    attribute = _bytes(5, _text(1, "to") + _number(3, to) + _number(20, _INT_ATTRIBUTE)) if to else b""
    return _bytes(1, b"".join(_text(1, name) for name in inputs) + _text(2, output) + _text(4, kind) + attribute)


def _matrix(name: str, kind: int) -> bytes:
    shape = b"".join(_bytes(1, _text(2, size)) for size in ("B", "S"))
    return _text(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, shape)))


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode())


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])
