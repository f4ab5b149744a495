"""The engine for programs: `compress`, `retrieve`, and texts that several agents share."""

from headroom_wrap.compression.model import Level, Slot, Verdict
from headroom_wrap.errors import HeadroomError
from headroom_wrap.library.client import Headroom, compress, retrieve
from headroom_wrap.library.config import Config, Result
from headroom_wrap.library.shared_context import SharedContext

__all__ = [
    "Config",
    "Headroom",
    "HeadroomError",
    "Level",
    "Result",
    "SharedContext",
    "Slot",
    "Verdict",
    "compress",
    "retrieve",
]
