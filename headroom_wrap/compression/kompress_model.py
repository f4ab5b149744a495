"""The optional model `chopratejas/kompress-v2-base`: where its files lie, and how it is asked. Never downloaded.

Its contract: inputs `input_ids` and `attention_mask` (int64, [B, S]), output `final_scores` ([B, S], 0 to 1); the
tokenizer is that of `answerdotai/ModernBERT-base`, given words that are split already.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from headroom_wrap import settings
from headroom_wrap.compression import router
from headroom_wrap.compression.commands import Prints
from headroom_wrap.compression.kompress import Scores, compressor
from headroom_wrap.compression.looks import Looks
from headroom_wrap.compression.model import Compressed, Hints

CACHE = "cache"
"""The value of `kompress_dir` that stands for the Hugging Face cache."""
MODEL_ID = "chopratejas/kompress-v2-base"
TOKENIZER_ID = "answerdotai/ModernBERT-base"
MODEL_FILE = "onnx/kompress-int8-wo.onnx"
TOKENIZER_FILE = "tokenizer.json"
CHUNK_WORDS = 350
MAX_SUBTOKENS = 512
_LIBRARIES = ("onnxruntime", "tokenizers")


@dataclass(frozen=True, slots=True)
class Files:
    """The two files that the model is made of."""

    model: Path
    tokenizer: Path


class _Encoding(Protocol):
    @property
    def ids(self) -> list[int]: ...
    @property
    def word_ids(self) -> list[int | None]: ...


class _Tokenizer(Protocol):
    def encode(self, sequence: Any, *, is_pretokenized: bool) -> _Encoding: ...


class _Session(Protocol):
    def run(self, output_names: Sequence[str], input_feed: Mapping[str, Any]) -> Sequence[Any]: ...


def find(kompress_dir: str, env: Mapping[str, str]) -> Files | str:
    """The files, or why there are none.

    Args:
        kompress_dir: the setting: a folder, `cache` for the Hugging Face cache, or "" for "not asked for".
        env: the environment, which says where that cache is.
    """
    if not kompress_dir:
        return "not asked for (setting kompress_dir)"
    hub = _hub(env)
    if kompress_dir == CACHE:
        folders = _snapshots(hub, MODEL_ID)
        if not folders:
            return f"{MODEL_ID} is not in the Hugging Face cache, {hub}"
    else:
        folders = [Path(kompress_dir).expanduser()]
    for folder in folders:
        model = _first(folder / MODEL_FILE, folder / Path(MODEL_FILE).name)
        if model is None:
            continue
        places = [folder, *_snapshots(hub, TOKENIZER_ID)]
        tokenizer = _first(*(place / TOKENIZER_FILE for place in places))
        if tokenizer is None:
            return f"there is no {TOKENIZER_FILE} beside the model, nor {TOKENIZER_ID} in {hub}"
        return Files(model, tokenizer)
    return f"there is no {MODEL_FILE} in {folders[0]}"


def backend(env: Mapping[str, str]) -> tuple[str, str]:
    """Which way of choosing runs for prose that no question decides, and why.

    Raises:
        HeadroomError: `BAD_SETTING` where the settings cannot be read.
    """
    files = find(settings.load({}, env).kompress_dir, env)
    if isinstance(files, str):
        return "bm25", f"sentences by the question; no model: {files}"
    missing = _missing_libraries()
    if missing:
        return "bm25", f"sentences by the question; the model is there, but not {', '.join(missing)}"
    return "kompress", f"sentences by the question; where none decides, words by the model in {files.model}"


class Model:
    """The model, loaded when it is first needed; a model that cannot be loaded is not tried again.

    Safe for several threads.
    """

    def __init__(self, files: Files) -> None:
        self._files = files
        self._lock = threading.Lock()
        self._was_tried = False
        self._scores: Scores | None = None

    def load(self) -> Scores | None:
        """The scores of words; None where an earlier attempt to load it failed.

        Raises:
            Exception: what the libraries raise at the first attempt, for files that they cannot read.
        """
        with self._lock:
            if not self._was_tried:
                self._was_tried = True
                self._scores = _load(self._files)
            return self._scores


def model_of(kompress_dir: str, env: Mapping[str, str]) -> Model | None:
    """The model, if it is asked for, its files are there, and the libraries that run it."""
    files = find(kompress_dir, env)
    return None if isinstance(files, str) or _missing_libraries() else Model(files)


def routing(kompress_dir: str, env: Mapping[str, str]) -> Callable[[str, Hints], tuple[str, Compressed] | None]:
    """The router; with the model, if it is asked for and can run, for what no other compressor could shorten."""
    model = model_of(kompress_dir, env)
    if model is None:
        return router.compress
    rule = router.Rule(
        "kompress",
        compressor(model.load),
        lambda at: not at.is_output(~Prints.FILES, ~Looks.TABLE) and not at.is_searched,
    )
    return partial(router.compress, last=(rule,))


class Scorer:
    """Asks the model about words, in chunks that it can see whole.

    Args:
        tokenizer: without truncation and padding.
        session: what runs the model.
        asarray: makes a [1, S] int64 array of ids.
    """

    def __init__(self, tokenizer: _Tokenizer, session: _Session, asarray: Any) -> None:
        self._tokenizer = tokenizer
        self._session = session
        self._asarray = asarray

    def __call__(self, words: Sequence[str]) -> list[float]:
        """For each word the highest score of its sub-tokens; 1 for a word that is too long to be seen."""
        scores: list[float] = []
        for first in range(0, len(words), CHUNK_WORDS):
            scores += self._of_chunk(words[first : first + CHUNK_WORDS])
        return scores

    def _of_chunk(self, words: Sequence[str]) -> list[float]:
        # The tokenizer takes no lone surrogates.
        clean = [word.encode("utf-8", "replace").decode("utf-8") for word in words]
        encoding = self._tokenizer.encode(clean, is_pretokenized=True)
        ids = encoding.ids
        if len(ids) > MAX_SUBTOKENS:
            if len(words) == 1:
                return [1.0]
            middle = len(words) // 2
            return self._of_chunk(words[:middle]) + self._of_chunk(words[middle:])
        feed = {"input_ids": self._asarray([ids]), "attention_mask": self._asarray([[1] * len(ids)])}
        (rows,) = self._session.run(["final_scores"], feed)
        # A word without any sub-token was not seen, and stays.
        best: list[float | None] = [None] * len(words)
        for index, score in zip(encoding.word_ids, rows[0], strict=True):
            if index is not None:
                best[index] = max(float(score), best[index] or 0.0)
        return [1.0 if score is None else score for score in best]


def _load(files: Files) -> Scorer:
    # Imported here: half a second that only who asks for the model pays.
    import numpy as np  # noqa: PLC0415
    import onnxruntime  # noqa: PLC0415
    from tokenizers import Tokenizer  # noqa: PLC0415

    tokenizer = Tokenizer.from_file(str(files.tokenizer))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(files.model), options, providers=["CPUExecutionProvider"])
    return Scorer(tokenizer, session, lambda rows: np.asarray(rows, dtype=np.int64))


def _missing_libraries() -> list[str]:
    return [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]


def _hub(env: Mapping[str, str]) -> Path:
    """The cache of Hugging Face's libraries, by the variables that they read."""
    if env.get("HF_HUB_CACHE"):
        return Path(env["HF_HUB_CACHE"]).expanduser()
    if env.get("HF_HOME"):
        return Path(env["HF_HOME"]).expanduser() / "hub"
    cache = env.get("XDG_CACHE_HOME") or str(Path(env.get("HOME") or "~").expanduser() / ".cache")
    return Path(cache) / "huggingface" / "hub"


def _snapshots(hub: Path, repository: str) -> list[Path]:
    """The stored states of a repository: the one that `main` names first, then by name."""
    folder = hub / f"models--{repository.replace('/', '--')}"
    found = sorted(path for path in (folder / "snapshots").glob("*") if path.is_dir())
    main = folder / "refs" / "main"
    try:
        current = main.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        current = ""
    return sorted(found, key=lambda path: path.name != current)


def _first(*paths: Path) -> Path | None:
    return next((path for path in paths if path.is_file()), None)
