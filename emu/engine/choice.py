"""Which engine a machine runs on, and what that has compiled for it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

from emu.cpu import Cpu
from emu.engine.reference import Reference
from emu.views import EngineStatistics

_SLICE = {"reference": 2_000, "interpreter": 4_000_000, "jit": 20_000_000}


class Choice:
    """The engine of one machine. What it does not need is not imported."""

    def __init__(
        self,
        name: str,
        cpu: Cpu,
        reference: Reference,
        cache_folder: Path | Literal["default"] | None,
        on_compile: Callable[[int], None] | None,
        jit_threshold: int | None,
        keeps_regions: bool,
    ) -> None:
        """The arguments are those of `emu.machine.Machine`; `name` may not be "auto"."""
        self.name = name
        self._cpu = cpu
        self.slice = _SLICE[name]
        """Instructions between two looks at whether a pause was asked for: a few milliseconds."""
        self.engine: Any = reference
        if name != "reference":
            if cache_folder == "default":
                cache_folder = _default_folder()
            if name == "interpreter":
                from emu.engine.interpreter import Interpreter

                self.engine = Interpreter(cpu, cache_folder, on_compile)
            else:
                from emu.engine.jit import DEFAULT_THRESHOLD, Jit

                threshold = DEFAULT_THRESHOLD if jit_threshold is None else jit_threshold
                self.engine = Jit(cpu, cache_folder, on_compile, threshold, keeps_regions)
        self._before = self._handlers()

    def statistics(self) -> EngineStatistics:
        """What the engine compiled for this machine and how long that took, and how often the TLB was filled."""
        engine, (handlers, seconds) = self.engine, self._handlers()
        is_jit = self.name == "jit"
        return EngineStatistics(
            self.name,
            handlers - self._before[0],
            seconds - self._before[1],
            engine.compiled_regions if is_jit else 0,
            engine.compiled_instructions if is_jit else 0,
            engine.compile_seconds if is_jit else 0.0,
            self._cpu.mmu.tlb.filled,
        )

    def _handlers(self) -> tuple[int, float]:
        """Handlers that this process compiled, and the seconds it took."""
        engine = self.engine
        return (0, 0.0) if self.name == "reference" else (engine.compiled, engine.handler_seconds)


def _default_folder() -> Path | None:
    """Where compiled code is kept for the next process; None where nothing says whose home this is."""
    from platformdirs import user_cache_path

    try:
        folder = user_cache_path("mectui") / "objects"
    except (OSError, RuntimeError):
        return None
    return folder if folder.is_absolute() else None
