"""Learning at the end of every wrapped session: a line in the settings file."""

from __future__ import annotations

from pathlib import Path

from headroom_wrap import paths
from headroom_wrap.edits import toml
from headroom_wrap.edits.text import EditError
from headroom_wrap.errors import Code, HeadroomError
from headroom_wrap.learn import files
from headroom_wrap.learn.files import ChangedError, Held

_WORDS = {"on": True, "off": False}


def switch(file: Path, word: str) -> str:
    """Turn it on or off in the settings file; gives the sentence for the user.

    Raises:
        HeadroomError: `BAD_REQUEST` for another word; `BAD_SETTING` where the file cannot be edited.
    """
    if word not in _WORDS:
        raise HeadroomError(Code.BAD_REQUEST, f"--watch takes on or off, not {word}.")
    held = Held(file, Path(file).resolve(), files.read(file))
    try:
        new = toml.set_value(held.text, ("learn",), _WORDS[word])
        if new != held.text:
            paths.make_private_dir(file.parent)
            files.write(held, files.bytes_of(new))
    except (EditError, OSError, ChangedError) as error:
        hint = f"Write learn = {str(_WORDS[word]).lower()} into it."
        raise HeadroomError(
            Code.BAD_SETTING, f"The settings file {file} could not be edited: {error}.", hint
        ) from error
    if word == "off":
        return "headroom: sessions end without learning from now on."
    return (
        "headroom: from now on each wrapped session is learned from when it ends, and corrections are written "
        "without being shown first; headroom learn --undo takes them back, --watch off ends it."
    )
