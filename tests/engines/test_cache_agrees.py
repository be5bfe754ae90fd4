"""The data cache model: engines agree with it, and a guest of one encryption context cannot tell that it is there."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import emu
from tests.engines.test_engines_agree import assert_engines_agree, random_machine

_STEPS = 120


def cached(engine: str, seed: int, realm: bool, *, cache: bool = True) -> emu.Machine:
    """A random program's machine with data and instruction caching switched on."""
    machine = random_machine(engine, seed, "cipher", realm, cache)
    machine.cpu.sysreg[f"SCTLR_EL{2 if realm else 1}"] |= 1 << 12 | 1 << 2
    if realm:
        machine.cpu.sysreg["MECID_P0_EL2"] = machine.cpu.x[26]
    return machine


@pytest.mark.parametrize("realm", [False, True])
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_engines_agree_with_a_cache(realm: bool, seed: int) -> None:
    lines = []

    def build(engine: str) -> emu.Machine:
        machine = cached(engine, seed, realm)
        lines.append(machine.mec.cache)
        return machine

    assert_engines_agree(build)
    assert lines[0].lines() == lines[1].lines()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 1 << 32))
def test_in_one_context_the_cache_changes_nothing_but_the_time_of_arrival(seed: int) -> None:
    """Registers, exceptions and TLB are the same at once; memory, owners and writers once all lines are cleaned."""
    with_cache, without = (cached("reference", seed, False, cache=cache) for cache in (True, False))
    for machine in (with_cache, without):
        machine.run(max_instructions=_STEPS)
    ours, theirs = with_cache.cpu, without.cpu
    assert list(ours.x) == list(theirs.x)
    assert [ours.v[number] for number in range(32)] == [theirs.v[number] for number in range(32)]
    assert (ours.pc, ours.nzcv, ours.el) == (theirs.pc, theirs.nzcv, theirs.el)
    assert with_cache.exceptions == without.exceptions
    assert with_cache.tlb.entries() == without.tlb.entries()
    assert with_cache.mec.hits == without.mec.hits == []
    cache = with_cache.mec.cache
    assert cache is not None
    keys = [(line.pas, line.pa, line.mecid) for line in cache.lines()]
    cache.maintain(keys, "test", cleans=True, invalidates=True)
    ours_pages, their_pages = (machine.memory.copy_pages() for machine in (with_cache, without))
    assert {page: copy for page, copy in ours_pages.items() if any(copy.content)} == {
        page: copy for page, copy in their_pages.items() if any(copy.content)
    }
    assert with_cache.mec.pages() == without.mec.pages()
