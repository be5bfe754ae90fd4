"""Stage-1 and stage-2 permissions against a plain restatement of mec-reference.md 4.6 and 4.7."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu.architecture import Access, Regime, Security
from emu.translation.permissions import denial_of, stage1_permissions, stage2_permissions
from emu.translation.records import FaultKind
from tests.translation.bench import (
    AF,
    BASE,
    DEVICE,
    EL0,
    HIGH,
    NORMAL,
    NS,
    PXN,
    READ_ONLY,
    S2_NORMAL,
    S2_READ,
    S2_WRITE,
    SCR_SIF,
    UXN,
    Bench,
)

DATA, VA = BASE + 0x10_0000, 0x40_0000
BOOLEANS = (False, True)
DATA_TABLE = {0b00: ("RW", ""), 0b01: ("RW", "RW"), 0b10: ("R", ""), 0b11: ("R", "R")}
"""AP[2:1] -> what privileged and unprivileged code may do in a regime with two ranges."""


def restated(
    two: bool, ap: int, ap_table: int, pxn: bool, uxn: bool, wxn: bool, pan: bool, epan: bool, who: int, what: Access
) -> bool:
    """Whether EL `who` may do `what`, written down from 4.6's prose alone."""
    if two:
        priv, unpriv = DATA_TABLE[ap]
    else:
        priv, unpriv = ("R" if ap & 2 else "RW"), ""
    if ap_table & 1:
        unpriv = ""
    if ap_table & 2:
        priv, unpriv = priv.replace("W", ""), unpriv.replace("W", "")
    if two:
        priv_x = not (pxn or "W" in unpriv)
        unpriv_x = not uxn
    else:
        priv_x, unpriv_x = not uxn, False
    if wxn and "W" in priv:
        priv_x = False
    if wxn and "W" in unpriv:
        unpriv_x = False
    if pan and who != 0 and what is not Access.FETCH and (unpriv or (epan and unpriv_x)):
        return False
    allowed = (unpriv if who == 0 else priv) + ("X" if (unpriv_x if who == 0 else priv_x) else "")
    return {Access.READ: "R", Access.WRITE: "W", Access.FETCH: "X"}[what] in allowed


@pytest.mark.parametrize(("two", "ap", "ap_table"), list(product(BOOLEANS, range(4), range(4))))
def test_stage1_permissions_match_the_tables(two: bool, ap: int, ap_table: int) -> None:
    for pxn, uxn, wxn, pan, epan in product(BOOLEANS, repeat=5):
        permissions = stage1_permissions(two, ap, ap_table, pxn, uxn, wxn, False)
        for who, what in product((0, 1) if two else (1,), (Access.READ, Access.WRITE, Access.FETCH)):
            got = denial_of(permissions, what, who, False, pan, epan) is None
            assert got == restated(two, ap, ap_table, pxn, uxn, wxn, pan, epan, who, what)


@pytest.mark.parametrize(("s2ap", "xn"), list(product(range(4), range(4))))
def test_stage2_permissions(s2ap: int, xn: int) -> None:
    permissions = stage2_permissions(s2ap, xn, False)
    for el in (0, 1):
        assert (denial_of(permissions, Access.READ, el, False, False, False) is None) == bool(s2ap & 1)
        assert (denial_of(permissions, Access.WRITE, el, False, False, False) is None) == bool(s2ap & 2)
    executable = {0b00: {0, 1}, 0b01: {0}, 0b10: set(), 0b11: {1}}[xn]
    for el in (0, 1):
        assert (denial_of(permissions, Access.FETCH, el, False, False, False) is None) == (el in executable)


@pytest.mark.parametrize(
    ("el", "access", "readable", "writable", "allowed"),
    [
        (1, Access.READ, False, False, True),  # clean, privileged: never
        (1, Access.WRITE, True, False, False),  # DC IVAC needs write permission
        (1, Access.WRITE, True, True, True),
        (0, Access.READ, False, False, False),
        (0, Access.READ, True, False, True),
    ],
)
def test_cache_maintenance_permissions(el: int, access: Access, readable: bool, writable: bool, allowed: bool) -> None:
    permissions = stage2_permissions(int(readable) | int(writable) << 1, 0, False)
    assert (denial_of(permissions, access, el, True, False, False) is None) == allowed


def test_apart_from_tables_hierarchical_limits_reach_the_leaf(bench: Bench) -> None:
    bench.enter(Security.NON_SECURE)
    tables = bench.el1()
    tables.table_bits = 0b11 << 61 | 1 << 59 | 1 << 60
    tables.map(VA, DATA, AF | EL0 | NORMAL)
    where = {"el": 1, "security": Security.NON_SECURE}
    bench.go(VA, Access.READ, **where)
    for access, el in [(Access.WRITE, 1), (Access.FETCH, 1), (Access.READ, 0), (Access.FETCH, 0)]:
        fault = bench.fail(VA, access, el=el, security=Security.NON_SECURE)
        assert (fault.kind, fault.level, fault.second_stage) == (FaultKind.PERMISSION, 3, False)


@pytest.mark.parametrize("level", [0, 1, 2])
def test_limits_accumulate_over_the_levels(bench: Bench, level: int) -> None:
    bench.enter(Security.NON_SECURE)
    tables = bench.el1()
    tables.map(VA, DATA, AF | NORMAL)
    slot = tables.slot(VA, level)
    word = int.from_bytes(bench.memory.encrypted.peek(slot - BASE, 8), "little")
    bench.put(slot, word | 0b10 << 61)
    bench.go(VA, Access.READ, el=1, security=Security.NON_SECURE)
    assert bench.fail(VA, Access.WRITE, el=1, security=Security.NON_SECURE).kind is FaultKind.PERMISSION


def test_hpd_ignores_hierarchical_limits(bench: Bench) -> None:
    bench.enter(Security.NON_SECURE)
    tables = bench.el1()
    tables.table_bits = 0b11 << 61 | 1 << 59 | 1 << 60
    tables.map(VA, DATA, AF | EL0 | NORMAL)
    bench.regs["TCR_EL1"] |= 1 << 41
    for access, el in [(Access.WRITE, 1), (Access.READ, 0), (Access.FETCH, 0)]:
        bench.go(VA, access, el=el, security=Security.NON_SECURE)


@pytest.mark.parametrize("hit", BOOLEANS)
@given(bits=st.integers(0, 31), pan=st.booleans(), epan=st.booleans(), wxn=st.booleans(), el=st.sampled_from([0, 1]))
def test_accesses_get_what_the_restatement_says_on_walks_and_on_hits(
    hit: bool, bits: int, pan: bool, epan: bool, wxn: bool, el: int
) -> None:
    bench = Bench()
    bench.enter(Security.NON_SECURE)
    ap, pxn, uxn = bits & 3, bool(bits & 4), bool(bits & 8)
    leaf = AF | NORMAL | ap << 6 | (PXN if pxn else 0) | (UXN if uxn else 0)
    bench.el1().map(VA, DATA, leaf)
    bench.regs["SCTLR_EL1"] |= wxn << 19 | epan << 57
    if hit:
        bench.go(VA, Access.READ, el=1, security=Security.NON_SECURE)
    for access in (Access.READ, Access.WRITE, Access.FETCH):
        request = bench.request(VA, access, el=el, security=Security.NON_SECURE, honours_pan=pan)
        located = hasattr(bench.mmu.access(request), "pa")
        assert located == restated(True, ap, 0, pxn, uxn, wxn, pan, epan, el, access)


@pytest.mark.parametrize(
    ("security", "el", "e2h", "forbidden"),
    [
        (Security.ROOT, 3, False, True),
        (Security.REALM, 2, False, True),
        (Security.REALM, 2, True, True),
        (Security.SECURE, 2, False, False),
    ],
)
def test_fetching_from_another_address_space(
    bench: Bench, security: Security, el: int, e2h: bool, forbidden: bool
) -> None:
    bench.enter(security)
    tables = bench.el3() if el == 3 else bench.el2(e2h=e2h)
    tables.map(VA, DATA, AF | NORMAL | READ_ONLY | NS)
    bench.go(VA, Access.READ, el=el, security=security)
    found = bench.mmu.access(bench.request(VA, Access.FETCH, el=el, security=security))
    assert (getattr(found, "kind", None) is FaultKind.PERMISSION) == forbidden


def test_secure_fetch_from_non_secure_obeys_sif(bench: Bench) -> None:
    bench.enter(Security.SECURE)
    bench.el2().map(VA, DATA, AF | NORMAL | NS)
    bench.regs["SCR_EL3"] |= SCR_SIF
    assert bench.fail(VA, Access.FETCH, security=Security.SECURE).kind is FaultKind.PERMISSION


def test_realm_el1_may_fetch_through_any_stage_1_leaf(bench: Bench) -> None:
    bench.enter(Security.REALM)
    bench.el1().map(VA, DATA, AF | NORMAL | NS)
    bench.go(VA, Access.FETCH, el=1)


def test_device_memory_is_not_fetched_from(bench: Bench) -> None:
    bench.enter(Security.NON_SECURE)
    bench.el1().map(VA, DATA, AF | DEVICE)
    assert bench.fail(VA, Access.FETCH, el=1, security=Security.NON_SECURE).kind is FaultKind.PERMISSION


@pytest.mark.parametrize("hit", BOOLEANS)
@pytest.mark.parametrize(("s2ap", "xn"), list(product(range(4), range(4))))
def test_stage_2_limits_what_stage_1_gives(bench: Bench, hit: bool, s2ap: int, xn: int) -> None:
    bench.enter(Security.NON_SECURE)
    bench.el1().map(VA, 0x1_0000_0000, AF | NORMAL)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    bits = S2_NORMAL | AF | (S2_READ if s2ap & 1 else 0) | (S2_WRITE if s2ap & 2 else 0)
    stage2.map(0x1_0000_0000, DATA, bits | xn << 53)
    where = {"el": 1, "security": Security.NON_SECURE}
    if hit and s2ap & 1:
        bench.go(VA, Access.READ, **where)
    for access, allowed in [
        (Access.READ, bool(s2ap & 1)),
        (Access.WRITE, bool(s2ap & 2)),
        (Access.FETCH, xn in (0b00, 0b11)),
    ]:
        found = bench.mmu.access(bench.request(VA, access, el=1, security=Security.NON_SECURE))
        if allowed:
            assert getattr(found, "pa", None) == DATA
        else:
            kind = getattr(found, "kind", None)
            assert (kind, getattr(found, "second_stage", None)) == (FaultKind.PERMISSION, True)
            assert (getattr(found, "ipa", None), getattr(found, "level", None)) == (0x1_0000_0000, 3)


def test_e0pd_keeps_el0_out_of_a_half_even_on_a_hit(bench: Bench) -> None:
    bench.enter(Security.NON_SECURE)
    bench.el1().map(VA, DATA, AF | NORMAL | EL0)
    bench.go(HIGH + VA, el=0, security=Security.NON_SECURE)
    bench.regs["TCR_EL1"] |= 1 << 56
    fault = bench.fail(HIGH + VA, el=0, security=Security.NON_SECURE)
    assert (fault.kind, fault.level) == (FaultKind.TRANSLATION, 0)
    bench.go(VA, el=0, security=Security.NON_SECURE)
    bench.go(HIGH + VA, el=1, security=Security.NON_SECURE)


def test_host_el0_uses_el20(bench: Bench) -> None:
    bench.enter(Security.NON_SECURE)
    bench.el2(e2h=True).map(VA, DATA, AF | NORMAL | EL0)
    bench.go(VA, el=0, regime=Regime.EL20, security=Security.NON_SECURE)
