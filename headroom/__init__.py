"""The public library, under the name by which the documents import it."""

from headroom_wrap import __version__
from headroom_wrap.library import (
    Config,
    Headroom,
    HeadroomError,
    Level,
    Result,
    SharedContext,
    Slot,
    Verdict,
    compress,
    retrieve,
)

__all__ = [
    "Config",
    "Headroom",
    "HeadroomError",
    "Level",
    "Result",
    "SharedContext",
    "Slot",
    "Verdict",
    "__version__",
    "compress",
    "retrieve",
]
