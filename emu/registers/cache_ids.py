"""What software is told of caches: line sizes, levels, geometry, and the block of DC ZVA."""

from __future__ import annotations

from emu.registers.model import Field, Mode, Register, bit, packed
from emu.registers.traps import CACHE_GEOMETRY, CACHE_TYPE

_CTR = (
    Field("TminLine", 37, 32, "Log2 of the words in a tag cache line"),
    bit("DIC", 29, "1: new instructions need no invalidation of instruction caches"),
    bit("IDC", 28, "1: new instructions need no cleaning of data caches"),
    Field("CWG", 27, 24, "Cache write-back granule: log2 of its words"),
    Field("ERG", 23, 20, "Exclusives reservation granule: log2 of its words"),
    Field("DminLine", 19, 16, "Log2 of the words in the smallest data cache line"),
    Field("L1Ip", 15, 14, "Instruction cache policy", {2: "VIPT", 3: "PIPT"}),
    Field("IminLine", 3, 0, "Log2 of the words in the smallest instruction cache line"),
)
_DCZID = (
    bit("DZP", 4, "1: DC ZVA is prohibited at this exception level"),
    Field("BS", 3, 0, "Log2 of the words that DC ZVA clears"),
)
_CLIDR = (
    Field("LoUU", 29, 27, "Level of Unification, uniprocessor"),
    Field("LoC", 26, 24, "Level of Coherence"),
    Field("LoUIS", 23, 21, "Level of Unification, Inner Shareable"),
    Field("Ctype1", 2, 0, "Cache type of level 1", {0: "no cache", 4: "unified cache"}),
)

REGISTERS: tuple[Register, ...] = (
    Register(
        "CTR_EL0",
        (3, 3, 0, 0, 1),
        "Cache type: line sizes, and what new instructions need",
        _CTR,
        el=0,
        mode=Mode.RO,
        reset=packed(_CTR, IminLine=4, L1Ip=3, DminLine=4, ERG=4, CWG=4, IDC=1, DIC=1) | 1 << 31,
        res1=1 << 31,
        group="id",
        traps=CACHE_TYPE,
    ),
    Register(
        "DCZID_EL0",
        (3, 3, 0, 0, 7),
        "DC ZVA: block size, and whether it may be used",
        _DCZID,
        el=0,
        mode=Mode.RO,
        reset=packed(_DCZID, BS=4),
        group="id",
        hook="zva",
    ),
    # Unless the data cache is modelled (emu.caches) memory behaves as if there were none at all, so none is announced
    # and software's set/way loops end at once.
    Register(
        "CLIDR_EL1",
        (3, 1, 0, 0, 1),
        "Cache levels",
        _CLIDR,
        mode=Mode.RO,
        group="id",
        traps=CACHE_GEOMETRY,
    ),
    Register(
        "CCSIDR_EL1",
        (3, 1, 0, 0, 0),
        "Geometry of the cache that CSSELR_EL1 selects; 0 where no cache is modelled",
        mode=Mode.RO,
        group="id",
        traps=CACHE_GEOMETRY,
    ),
    Register(
        "CSSELR_EL1",
        (3, 2, 0, 0, 0),
        "Selects the cache that CCSIDR_EL1 describes",
        (Field("Level", 3, 1, "Cache level, minus 1"), bit("InD", 0, "Instruction cache instead of data")),
        group="id",
        traps=CACHE_GEOMETRY,
    ),
)
