"""Every TLBI against a second, tiny description of what it removes, written from mec-reference.md 4.9 by itself.

The model spells an operation out from its name's letters, an operand from its bit positions, and decides entry by
entry; it shares nothing with emu/translation/tlbi.py but the names of regimes and states.
"""

from __future__ import annotations

import re
from collections import defaultdict

from hypothesis import given, settings
from hypothesis import strategies as st

from emu.architecture import PA, PAS, VA, MecidSource, Regime, Security
from emu.registers.table import OPERATION_BY_NAME
from emu.translation.attributes import stage1_attributes
from emu.translation.permissions import ALL
from emu.translation.records import Translation
from emu.translation.tlb import Tlb
from emu.translation.tlb_entry import TlbEntry
from emu.translation.tlbi import Stages

NAMES = sorted(
    name.removeprefix("TLBI ")
    for name in OPERATION_BY_NAME
    if name.startswith("TLBI ") and not name.startswith(("TLBI PA", "TLBI RPA"))
)
STATE = {(0, 0): Security.SECURE, (0, 1): Security.NON_SECURE, (1, 1): Security.REALM}
TOP = 0xFFFF_0000_0000_0000


def bits(value: int, high: int, low: int) -> int:
    return value >> low & (1 << high - low + 1) - 1


def is_removed(name: str, xt: int, regs: dict[str, int], held: TlbEntry) -> bool:
    """What 4.9 says about one entry."""
    core = re.sub("(NXS)$", "", name)
    core = re.sub("(?<=[123])(IS|OS)$", "", core)
    level = int(core[-1])
    scr, hcr = regs["SCR_EL3"], regs["HCR_EL2"]
    if level == 3:
        state, regime = Security.ROOT, Regime.EL3
    else:
        code = (bits(scr, 62, 62), bits(scr, 0, 0))
        if code == (1, 0):
            return False  # reserved: no operation
        state = STATE[code]
    has_el2 = state is not Security.SECURE or bits(scr, 18, 18) == 1
    e2h, tge = (bits(hcr, 34, 34), bits(hcr, 27, 27)) if has_el2 else (0, 0)
    if level == 2:
        regime = Regime.EL20 if e2h else Regime.EL2
    elif level == 1:
        is_for_host = e2h and tge and not core.startswith(("ALLE", "VMALLS12", "IPAS2", "RIPAS2"))
        regime = Regime.EL20 if is_for_host else Regime.EL10
    if held.regime is not regime or held.security is not state:
        return False
    if core.startswith(("IPAS2", "RIPAS2")):
        stages = "2"
        if not has_el2:
            return False
    elif core in ("ALLE1", "VMALLS12E1"):
        stages = "1 1+2 2"
    else:
        stages = "1 1+2"
    if held.stage not in stages.split():
        return False
    if regime is Regime.EL10 and has_el2 and core != "ALLE1":
        width = 16 if bits(regs["VTCR_EL2"], 19, 19) else 8
        if held.vmid != bits(regs["VTTBR_EL2"], 47 + width, 48):
            return False
    if core.startswith(("ALLE", "VMALL")):
        return True
    if core == "ASIDE1":
        return held.asid == bits(xt, 63, 48)
    if stages == "2":
        if state is Security.SECURE and held.ipa_pas is not (PAS.NON_SECURE if bits(xt, 63, 63) else PAS.SECURE):
            return False
    elif "VAA" not in core and regime in (Regime.EL10, Regime.EL20) and held.asid not in (None, bits(xt, 63, 48)):
        return False
    if core.startswith("R"):
        tg = bits(xt, 47, 46)
        if tg == 0:
            return False
        granule = {1: 12, 2: 14, 3: 16}[tg]
        if stages == "2":
            is_long = bits(regs["VTCR_EL2"], 32, 32)
        elif regime in (Regime.EL10, Regime.EL20):
            is_long = bits(regs[f"TCR_EL{regime.el}"], 59, 59)
        else:
            is_long = bits(regs[f"TCR_EL{regime.el}"], 32, 32)
        unit = 16 if is_long else granule
        first = bits(xt, 36, 0) << unit
        if stages != "2" and bits(xt, 36, 36):
            first |= (1 << 56) - (1 << 37 + unit)
        last = first + (bits(xt, 43, 39) + 1 << 5 * bits(xt, 45, 44) + 1 + granule) - 1
    else:
        first = bits(xt, 39 if stages == "2" else 43, 0) << 12
        last = first + 0xFFF
    # All of the leaf that the entry was made from, even where stage 2 left only a part of it in the entry.
    whole = held.translation.stage1_size or held.size
    start = bits(held.base, 55, 0) // whole * whole
    return any(start <= edge < start + whole for edge in (first, last)) or first <= start <= last


PAGES = st.sampled_from([0, 1, 2, 15, 16, 17, 511, 512, 513, 1024, 0x1_0000, 0x1_0001])
SIZES = st.sampled_from([12, 14, 16, 21, 30])
ASIDS = st.sampled_from([0, 1, 7, 0x107])


@st.composite
def entries(draw: st.DrawFn) -> TlbEntry:
    regime = draw(st.sampled_from([*Regime, Regime.EL10, Regime.EL10, Regime.EL10]))
    security = Security.ROOT if regime is Regime.EL3 else draw(st.sampled_from([*STATE.values()]))
    stages = draw(st.sampled_from(list(Stages))) if regime is Regime.EL10 else Stages.STAGE1
    size = 1 << draw(SIZES)
    half = TOP if regime.has_two_ranges and stages is not Stages.STAGE2 and draw(st.booleans()) else 0
    base = half + (draw(PAGES) << 12) // size * size
    whole = max(size, 1 << draw(SIZES)) if stages is Stages.BOTH else None
    translation = Translation(
        VA(base), size, PA(0), PAS.NON_SECURE, ALL, None, stage1_attributes(0xFF, 3), MecidSource.ZERO, "", 3,
        stage1_size=whole,
    )  # fmt: skip
    has_asid = regime.has_two_ranges and stages is not Stages.STAGE2
    return TlbEntry(
        stages, regime, security,
        draw(ASIDS) if regime is Regime.EL10 else None,
        draw(st.one_of(st.none(), ASIDS)) if has_asid else None,
        translation, None,
        draw(st.sampled_from([PAS.SECURE, PAS.NON_SECURE])) if stages is Stages.STAGE2 and security is Security.SECURE
        else security.pas if stages is Stages.STAGE2 else None,
    )  # fmt: skip


@st.composite
def contexts(draw: st.DrawFn, held: TlbEntry) -> dict[str, int]:
    """Registers; those that name the entry's own context are the likely ones."""
    regs: dict[str, int] = defaultdict(int)
    code = {Security.SECURE: 0, Security.NON_SECURE: 1, Security.REALM: 1 << 62 | 1, Security.ROOT: 1}[held.security]
    state = draw(st.sampled_from([code] * 4 + [0, 1, 1 << 62, 1 << 62 | 1]))
    regs["SCR_EL3"] = state | draw(st.sampled_from([0, 1 << 18, 1 << 18]))
    host = 1 << 34 if held.regime is Regime.EL20 else 0
    regs["HCR_EL2"] = 1 | draw(st.sampled_from([host] * 4 + [0, 1 << 34, 1 << 34 | 1 << 27, 1 << 27]))
    regs["VTCR_EL2"] = draw(st.sampled_from([0, 1 << 19, 1 << 19])) | draw(st.sampled_from([0, 1 << 32]))
    regs["VTTBR_EL2"] = draw(st.one_of(ASIDS, st.just(held.vmid or 0), st.just(held.vmid or 0))) << 48
    for name in ("TCR_EL1", "TCR_EL2", "TCR_EL3"):
        regs[name] = draw(st.sampled_from([0, 1 << 32, 1 << 59]))
    return regs


@st.composite
def operands(draw: st.DrawFn, name: str, held: TlbEntry) -> int:
    """Near the entry as often as not."""
    own = held.base >> 12 & (1 << 44) - 1
    whole = (held.translation.stage1_size or held.size) >> 12
    page = draw(st.sampled_from([own, own, own // whole * whole, own // whole * whole + whole - 1]) | PAGES)
    page += draw(st.sampled_from([0, 0, 0, 1, -1, 16]))
    asid = draw(st.one_of(st.just(held.asid or 0), st.just(held.asid or 0), ASIDS))
    if not name.startswith("R"):
        ttl = draw(st.integers(0, 15))
        space = draw(st.integers(0, 1)) << 63 if "IPAS2" in name else asid << 48
        return space | (0 if "IPAS2" in name else ttl << 44) | max(page, 0) & (1 << (40 if "IPAS2" in name else 44)) - 1
    tg, scale, number = draw(st.integers(0, 3)), draw(st.integers(0, 3)), draw(st.integers(0, 31))
    shift = draw(st.sampled_from([0, {0: 0, 1: 0, 2: 2, 3: 4}[tg], 4]))
    back = draw(st.sampled_from([0, 0, (number + 1) << 5 * scale + 1, page + 1]))  # the last: the very top
    base = (page - back >> shift) & (1 << 37) - 1
    top = draw(st.integers(0, 1)) << 63 if "IPAS2" in name else asid << 48
    return top | tg << 46 | scale << 44 | number << 39 | draw(st.integers(0, 3)) << 37 | base


def test_a_range_ends_at_the_top_of_all_addresses() -> None:
    """Two pages from the last one on: not page 0 too (the manual's TLBIRange saturates)."""
    tlb = Tlb()
    translation = Translation(
        VA(0), 4096, PA(0), PAS.ROOT, ALL, None, stage1_attributes(0xFF, 3), MecidSource.ZERO, "", 3
    )
    held = TlbEntry(Stages.STAGE1, Regime.EL3, Security.ROOT, None, None, translation)
    tlb.insert(held)
    regs: dict[str, int] = defaultdict(int)
    assert list(tlb.invalidate("RVAE3", 1 << 46 | (1 << 37) - 1, regs, 3)) == []
    assert list(tlb.invalidate("RVAE3", 1 << 46, regs, 3)) == [held]


@settings(max_examples=500, deadline=None)
@given(st.data())
def test_every_operation_removes_what_the_model_says(data: st.DataObject) -> None:
    tlb = Tlb()
    held = data.draw(st.lists(entries(), min_size=1, max_size=4))
    level = {Regime.EL10: "E1", Regime.EL3: "E3"}.get(held[0].regime, "E2")
    likely = [name for name in NAMES if level in name and ("IPAS2" in name) == (held[0].stages is Stages.STAGE2)]
    name = data.draw(st.sampled_from(likely) | st.sampled_from(NAMES))
    regs = data.draw(contexts(held[0]))
    for item in held:
        tlb.insert(item)
    xt = data.draw(operands(name, held[0]))
    expected = [item for item in held if is_removed(name, xt, regs, item)]
    assert list(tlb.invalidate(name, xt, regs, 3)) == expected
    assert list(tlb.entries()) == [item for item in held if not any(item is gone for gone in expected)]
