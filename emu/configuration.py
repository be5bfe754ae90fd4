"""Which machines can be built, and how people write the size of a memory."""

from __future__ import annotations

from collections.abc import Mapping

from emu.errors import ConfigurationError
from emu.features import CPUS

ENGINES = ("auto", "reference", "interpreter", "jit")
_SUFFIXES = {"K": 10, "M": 20, "G": 30}


def parse_size(text: str | int) -> int:
    """A memory size such as "256M", "1G" or 65536, in bytes. Raises ConfigurationError."""
    if isinstance(text, int):
        return text
    digits, suffix = text.strip(), 0
    if digits and digits[-1].upper() in _SUFFIXES:
        suffix = _SUFFIXES[digits[-1].upper()]
        digits = digits[:-1]
    try:
        return int(digits, 0) << suffix
    except ValueError:
        raise ConfigurationError(f"{text!r} is not a memory size: write one such as 256M or 1G") from None


def check(
    *,
    cpus: int,
    el: int,
    engine: str,
    jit_threshold: int | None,
    mec_model: str,
    cpu: str,
    mecid_width: int,
    tlb: str,
    sync: str,
    tlb_entries: int,
    switches: Mapping[str, object],
) -> None:
    """Raise ConfigurationError for what `emu.machine.Machine` cannot be; the names are those of its arguments."""
    if cpus != 1:
        raise ConfigurationError(f"{cpus} CPUs were asked for: this version models one CPU")
    if el not in (1, 2, 3):
        raise ConfigurationError(f"the machine cannot start at EL{el}: choose 3, 2 or 1")
    if engine not in ENGINES:
        raise ConfigurationError(f"there is no engine {engine!r}: choose auto, jit, interpreter or reference")
    if jit_threshold is not None and jit_threshold < 0:
        raise ConfigurationError(f"a JIT threshold of {jit_threshold} makes no sense: choose 0 (at once) or more")
    if mec_model not in ("cipher", "substitute"):
        raise ConfigurationError(f"there is no memory model {mec_model!r}: choose cipher or substitute")
    if cpu not in CPUS:
        raise ConfigurationError(f"there is no CPU {cpu!r}: choose {' or '.join(CPUS)}")
    if not 1 <= mecid_width <= 16:
        raise ConfigurationError(f"a MECID cannot have {mecid_width} bits: choose a width from 1 to 16")
    if tlb not in ("strict", "forgiving"):
        raise ConfigurationError(f"there is no TLB {tlb!r}: choose strict or forgiving")
    if sync not in ("architectural", "immediate"):
        raise ConfigurationError(f"there is no synchronisation {sync!r}: choose architectural or immediate")
    if not 1 <= tlb_entries <= 1 << 16:
        raise ConfigurationError(f"a TLB of {tlb_entries} entries cannot be built: choose 1 to 65536")
    for name, value in switches.items():
        if not isinstance(value, bool):  # a text such as "off" would count as on
            raise ConfigurationError(f"{name}={value!r} is neither on nor off: give True or False")
