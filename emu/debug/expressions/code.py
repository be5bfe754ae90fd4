"""A node of an expression that is ready to run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emu.debug.expressions.environment import Environment

Run = Callable[[Environment, Mapping[str, int]], int]
"""From the environment and the caller's values to the node's value, never negative."""


@dataclass(frozen=True, slots=True)
class Code:
    """What is left of a node once its names have been looked up."""

    run: Run
    bits: int = 64
    """Where the sign is, for s()."""
    is_signed: bool = False
    """Comparisons, division, remainder and >> take it as a signed number."""
    words: Mapping[str, int] = field(default_factory=dict)
    """What it may be compared with by name."""


def constant(value: int) -> Code:
    return Code(lambda environment, given: value)
