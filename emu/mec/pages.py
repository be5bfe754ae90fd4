"""Summary of one page of the ownership map, as queries and reports show it."""

from __future__ import annotations

from dataclasses import dataclass

from emu.architecture import PA, PAS


@dataclass(frozen=True, slots=True)
class MecPage:
    """A 4 KiB page with at least one owned block.

    The owner named is that of most of its owned blocks; `mixed` says that others exist.
    """

    pa: PA
    pas: PAS
    mecid: int
    generation: int
    mixed: bool
    owned_blocks: int
    """How many of its 256 blocks have any owner."""
