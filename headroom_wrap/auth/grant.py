"""What a credential gives for one call to a provider."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Grant:
    """Where a call goes, and the headers that take the place of the client's `authorization`; never shown in full."""

    base_url: str
    headers: tuple[tuple[bytes, bytes], ...] = field(repr=False)
