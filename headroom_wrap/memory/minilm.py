"""all-MiniLM-L6-v2 as int8 ONNX from a folder on this machine: its weights are checked, and never downloaded.

Its contract: `input_ids`, `attention_mask`, `token_type_ids` (int64, [B, S]) give `last_hidden_state` ([B, S, 384]);
the mean over the mask, brought to length 1, is the vector (sentence-transformers/all-MiniLM-L6-v2, model card).
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from headroom_wrap.errors import Code, HeadroomError

FILES = {
    "model.onnx": "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6",
    "tokenizer.json": "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
}
"""Each file with its SHA-256."""
_MAX_TOKENS = 256
_BATCH = 32


def embedder_in(folder: str) -> MiniLM | None:
    """The model of the setting `embeddings`; None where that is empty.

    Raises:
        HeadroomError: as `MiniLM` does.
    """
    return MiniLM(Path(folder).expanduser()) if folder else None


class MiniLM:
    """An `Embedder`.

    Args:
        folder: holds `model.onnx` and `tokenizer.json`.

    Raises:
        HeadroomError: `BAD_SETTING` where a file is missing or another one, or the extra is not installed.
    """

    def __init__(self, folder: Path) -> None:
        for name, expected in FILES.items():
            _check(folder / name, expected)
        try:
            # Imported here: they come with the extra.
            import onnxruntime  # noqa: PLC0415
            import tokenizers  # noqa: PLC0415
        except ImportError as error:
            hint = "pip install 'headroom-wrap[embeddings]'"
            raise HeadroomError(Code.BAD_SETTING, f"The model cannot run: {error}.", hint) from error
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        providers = ["CPUExecutionProvider"]
        self._session: Any = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=providers)
        self._tokenizer: Any = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_MAX_TOKENS)
        self._tokenizer.enable_padding()

    @property
    def model(self) -> str:
        """The name and the hash of the weights."""
        return f"minilm-{FILES['model.onnx'][:12]}"

    def embed(self, texts: Sequence[str]) -> Any:
        """Vectors of length 1: float32, [texts, 384]."""
        import numpy as np  # noqa: PLC0415 - comes with the extra

        rows = [self._embed(texts[at : at + _BATCH]) for at in range(0, len(texts), _BATCH)]
        return np.concatenate(rows)

    def _embed(self, texts: Sequence[str]) -> Any:
        import numpy as np  # noqa: PLC0415 - comes with the extra

        encoded = self._tokenizer.encode_batch([text.encode("utf-8", "replace").decode() for text in texts])
        mask = np.array([each.attention_mask for each in encoded], dtype=np.int64)
        ids = np.array([each.ids for each in encoded], dtype=np.int64)
        fed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
        (hidden, *_) = self._session.run(None, fed)
        mean = (hidden * mask[..., None]).sum(axis=1) / np.maximum(mask.sum(axis=1, keepdims=True), 1)
        return mean / np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-9)


def _check(file: Path, expected: str) -> None:
    hint = f"The folder must hold {' and '.join(FILES)} of all-MiniLM-L6-v2, int8."
    try:
        with file.open("rb") as opened:
            found = hashlib.sha256()
            while chunk := opened.read(1 << 20):
                found.update(chunk)
    except OSError as error:
        raise HeadroomError(Code.BAD_SETTING, f"{file} cannot be read: {error.strerror}.", hint) from error
    if found.hexdigest() != expected:
        raise HeadroomError(Code.BAD_SETTING, f"{file} is another file than expected, and was not loaded.", hint)
