"""What a machine has loaded: images in its memory, the names in them, their source."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from emu.debug.frames import FrameTables
from emu.debug.lines import Lines
from emu.debug.symbols import Symbols
from emu.errors import LoadError
from emu.loader import Image

if TYPE_CHECKING:
    from collections.abc import Callable

    from emu.debug.variables import Variables
    from emu.memory import PhysicalMemory

_CLEARED = 1 << 20
"""Bytes of memory without content in an image that are looked at together."""


class Images:
    """In the order in which they came."""

    def __init__(self, memory: PhysicalMemory, write: Callable[[int, bytes], None]) -> None:
        """`write` is `Machine.write`."""
        self._memory = memory
        self._write = write
        self.loaded: list[Image] = []
        self.symbols = Symbols()
        self.lines = Lines(self._function_start)
        self.frames = FrameTables()

    @cached_property
    def variables(self) -> Variables:
        """What the code at an address can name; read, and imported, when somebody asks."""
        from emu.debug.variables import Variables

        return Variables(self.lines)

    def place(self, image: Image) -> None:
        """Put one more into memory. Raises LoadError, and then nothing has changed."""
        memory = self._memory
        for segment in image.segments:
            region = memory.region_of(segment.address)
            if region is None or segment.address + segment.size > region.end:
                places = ", ".join(f"{r.name} at {r.base:#x}-{r.end - 1:#x}" for r in memory.regions)
                raise LoadError(
                    f"{image.name} wants {segment.size} bytes at {segment.address:#x}, outside memory ({places}): "
                    "link it for these addresses, or give more --memory"
                )
        for segment in image.segments:
            self._write(segment.address, segment.data)
            end = segment.address + segment.size
            for at in range(segment.address + len(segment.data), end, _CLEARED):
                nothing = bytes(min(_CLEARED, end - at))
                if memory.peek(at, len(nothing)) != nothing:
                    self._write(at, nothing)
        self.loaded.append(image)
        self.symbols.add(list(image.symbols), image.functions)
        self.symbols.add_data(image.data_ranges)
        self.lines.add(image)
        self.frames.add(image)

    def clear(self) -> list[Image]:
        """Forget them all, as memory has been cleared; returns what there was."""
        gone, self.loaded = self.loaded, []
        self.symbols = Symbols()
        self.lines.clear()
        self.frames.clear()
        return gone

    def _function_start(self, address: int) -> int:
        found = self.symbols.nearest(address)
        return 0 if found is None else address - found[1]
