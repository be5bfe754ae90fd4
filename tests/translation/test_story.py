"""What `explain` tells: one record per descriptor fetch, granule checks, MECIDs with reasons, one exact sentence."""

from __future__ import annotations

import pytest

from emu.architecture import PAS, Access, MecidSource, Regime, Security
from emu.features import Features
from emu.translation.mmu import Located
from emu.translation.records import Fault, FaultKind, GpcFailure, Walk, WalkStep
from tests.translation.bench import (
    AF,
    AMEC,
    AMEC0,
    AMEC1,
    BASE,
    EL0,
    HIGH,
    NS,
    S2_RW,
    SCR_MECEN,
    TCR_A1,
    Bench,
)

VA, IPA, DATA = 0x1234_5678_9000, 0x1_0000_0000, BASE + 0x10_0000


def realm(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    tables = bench.el2(e2h=True)
    bench.regs |= {
        "MECID_P0_EL2": 1,
        "MECID_A0_EL2": 2,
        "MECID_P1_EL2": 3,
        "MECID_A1_EL2": 4,
        "TCR2_EL2": AMEC0 | AMEC1,
    }
    tables.map(VA, DATA, AF | AMEC)


def field(step: WalkStep, name: str) -> tuple[int, str]:
    (found,) = [item for item in step.fields if item.name == name]
    return found.value, found.meaning


def test_every_level_is_told(bench: Bench) -> None:
    realm(bench)
    walk = bench.mmu.explain(bench.request(HIGH + VA))
    assert [(step.stage, step.level, step.kind) for step in walk.steps] == [
        (1, 0, "table"),
        (1, 1, "table"),
        (1, 2, "table"),
        (1, 3, "page"),
    ]
    assert [(step.index_high, step.index_low) for step in walk.steps] == [(47, 39), (38, 30), (29, 21), (20, 12)]
    assert [step.index for step in walk.steps] == [VA >> shift & 0x1FF for shift in (39, 30, 21, 12)]
    assert walk.steps[0].table_source == "TTBR1_EL2"
    assert walk.steps[1].table_source == "level 0 descriptor"
    for step, following in zip(walk.steps, walk.steps[1:], strict=False):
        assert step.address == step.table + 8 * step.index == step.pa
        assert step.next_address == following.table
        assert step.outcome == f"table at {following.table:#x}"
    assert walk.steps[3].next_address == DATA
    assert walk.steps[3].outcome == f"page at {DATA:#x} (realm)"
    assert {(step.mecid, step.source, step.why) for step in walk.steps} == {
        (3, MecidSource.P1, "SCTLR2_EL2.EMEC=1, TCR_EL2.A1=0")
    }


def test_the_end_of_the_story(bench: Bench) -> None:
    realm(bench)
    walk = bench.mmu.explain(bench.request(HIGH + VA + 0x18))
    assert (walk.pa, walk.pas, walk.mecid, walk.source) == (DATA + 0x18, PAS.REALM, 4, MecidSource.A1)
    assert walk.why == "TCR2_EL2.AMEC1=1, leaf AMEC=1, VA[55]=1"
    assert walk.summary == (
        f"{HIGH + VA + 0x18:#x} goes to realm {DATA + 0x18:#x} under MECID 4 from MECID_A1_EL2 "
        "(TCR2_EL2.AMEC1=1, leaf AMEC=1, VA[55]=1)"
    )
    assert (walk.fault, walk.owner, walk.is_mismatch) == (None, None, False)
    assert (walk.stage1_enabled, walk.stage2_enabled) == (True, False)


def test_walks_of_a1_software_say_so(bench: Bench) -> None:
    realm(bench)
    bench.regs["TCR_EL2"] |= TCR_A1
    step = bench.mmu.explain(bench.request(VA)).steps[0]
    assert (step.mecid, step.source, step.why) == (1, MecidSource.P0, "SCTLR2_EL2.EMEC=1, TCR_EL2.A1=1")


def test_fields_are_decoded_by_descriptor_type(bench: Bench) -> None:
    realm(bench)
    walk = bench.mmu.explain(bench.request(HIGH + VA))
    names = {item.name for item in walk.steps[0].fields}
    assert names == {"type", "NextLevelTable", "PXNTable", "UXNTable", "APTable"}
    leaf = walk.steps[3]
    assert field(leaf, "AMEC") == (1, "TCR2_EL2.AMEC1=1, leaf AMEC=1, VA[55]=1")
    assert field(leaf, "NS") == (0, "output is realm")
    assert field(leaf, "OutputAddress")[0] == DATA
    assert field(leaf, "AttrIdx") == (0, "Normal WB")


@pytest.mark.parametrize("regime", list(Regime))
@pytest.mark.parametrize("security", list(Security))
@pytest.mark.parametrize("stage", [1, 2])
@pytest.mark.parametrize("is_block", [True, False])
def test_leaf_layouts_have_no_overlaps_and_amec_only_where_it_exists(
    regime: Regime, security: Security, stage: int, is_block: bool
) -> None:
    from emu.translation.descriptors import leaf_layout, table_layout

    for layout in (
        leaf_layout(stage, regime, security, 21 if is_block else 12, is_block),
        table_layout(stage, regime, security, 12),
    ):
        seen = 0
        for item in layout:
            assert not seen & item.mask, item.name
            assert item.meaning
            seen |= item.mask
    names = {item.name for item in leaf_layout(stage, regime, security, 12, False)}
    has_amec = security is Security.REALM and (stage == 2 or regime in (Regime.EL2, Regime.EL20))
    assert ("AMEC" in names) == has_amec
    assert "AMEC" not in {item.name for item in table_layout(stage, regime, security, 12)}


def test_an_amec_fault_names_its_cause(bench: Bench) -> None:
    realm(bench)
    bench.regs["TCR2_EL2"] = AMEC0
    walk = bench.mmu.explain(bench.request(HIGH + VA))
    assert walk.summary == "Translation fault at level 3: leaf has AMEC=1 but TCR2_EL2.AMEC1 is 0 (VA[55]=1)"
    assert walk.steps[3].outcome == walk.summary
    assert walk.steps[3].kind == "page"
    assert walk.steps[3].descriptor == DATA | AF | AMEC | 3
    assert (walk.translation, walk.pa) == (None, None)


def test_a_noise_descriptor_names_both_contexts(bench: Bench) -> None:
    realm(bench)
    slot = bench.mmu.explain(bench.request(HIGH + VA)).steps[0].pa
    assert slot is not None
    bench.put_as(slot, 0, PAS.REALM, 9)
    bench.memory.encrypted.refresh(9)
    walk = bench.mmu.explain(bench.request(HIGH + VA))
    assert walk.steps[0].is_mismatch
    assert walk.steps[0].owner == (PAS.REALM, 9, 0)
    if walk.fault is not None:
        assert walk.summary.endswith(
            "The stage-1 level 0 descriptor was fetched under MECID 3 (MECID_P1_EL2) but belongs to realm MECID 9"
        )


def test_data_of_another_context_is_called_noise(bench: Bench) -> None:
    realm(bench)
    bench.put_as(DATA, 1, PAS.REALM, 6)
    walk = bench.mmu.explain(bench.request(HIGH + VA))
    assert (walk.owner, walk.is_mismatch) == ((PAS.REALM, 6, 0), True)
    assert walk.summary.endswith("; the bytes there belong to realm MECID 6: a read is noise")
    bench.put_as(DATA + 16, 1, PAS.REALM, 4)
    assert not bench.mmu.explain(bench.request(HIGH + VA + 16)).is_mismatch


def test_mecen_0_is_part_of_the_reason(bench: Bench) -> None:
    realm(bench)
    bench.regs["SCR_EL3"] &= ~SCR_MECEN
    walk = bench.mmu.explain(bench.request(HIGH + VA))
    assert (walk.mecid, walk.source) == (0, MecidSource.A1)
    assert "SCR_EL3.MECEn=0 makes MECID_A1_EL2 count as 0" in walk.summary


def test_ignored_amec_is_said_to_be_ignored(bench: Bench) -> None:
    realm(bench)
    bench.el2(e2h=True).map(VA, DATA, AF | AMEC | NS)
    walk = bench.mmu.explain(bench.request(VA))
    assert walk.why == "output PAS is non-secure, leaf AMEC=1 ignored"
    assert walk.summary == f"{VA:#x} goes to non-secure {DATA:#x} under MECID 0 ({walk.why})"


def test_granule_checks_are_told(bench: Bench) -> None:
    realm(bench)
    table = bench.page()
    bench.put(table + 16, 0xB << 4 | 1)
    bench.regs |= {"GPCCR_EL3": 1 << 16 | 3 << 12 | 0xF << 8, "GPTBR_EL3": table >> 12}
    walk = bench.mmu.explain(bench.request(HIGH + VA))
    assert walk.gpc is not None
    assert (walk.gpc.gpi, walk.gpc.failure) == (0xB, None)
    for step in walk.steps:
        assert step.gpc is not None
        assert step.gpc.entries == ((0, table + 16, 0xB1),)
    bench.put(table + 16, 0x9 << 4 | 1)
    walk = bench.mmu.explain(bench.request(HIGH + VA))
    assert walk.fault is not None
    assert (walk.fault.kind, walk.fault.level) == (FaultKind.GPC_WALK, 0)
    (step,) = walk.steps
    assert (step.kind, step.descriptor, step.next_address) == ("not read", None, None)
    assert step.gpc is not None
    assert step.gpc.failure is GpcFailure.FAIL
    assert walk.summary == (
        "Granule protection fault on a table walk at level 0: granule is non-secure (GPI 0x9), the access is realm"
    )
    assert bench.mmu.granules.cached(DATA) is None, "looking caches nothing"


def test_a_granule_fault_at_the_end_keeps_the_address(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    table = bench.page()
    bench.put(table + 16, 0x9 << 4 | 1)
    bench.regs |= {"GPCCR_EL3": 1 << 16 | 3 << 12 | 0xF << 8, "GPTBR_EL3": table >> 12}
    walk = bench.mmu.explain(bench.request(DATA))
    assert walk.fault is not None
    assert (walk.fault.kind, walk.pa, walk.pas) == (FaultKind.GPC, DATA, PAS.REALM)
    assert walk.summary == "Granule protection fault: granule is non-secure (GPI 0x9), the access is realm"


def test_ids_beyond_the_width_are_explained() -> None:
    bench = Bench(Features(mecid_width=4))
    realm(bench)
    bench.regs["MECID_A1_EL2"] = 0x14
    walk = bench.mmu.explain(bench.request(HIGH + VA))
    assert walk.mecid == 4
    assert walk.why.endswith("; only 4 bits of a MECID are implemented")


def test_observers_can_ask_for_the_source_of_the_fetch(bench: Bench) -> None:
    realm(bench)
    bench.go(HIGH + VA)
    assert bench.mmu.walk_source() is MecidSource.P1


@pytest.mark.parametrize(
    ("security", "bits", "text"), [(Security.ROOT, NS, "non-secure"), (Security.SECURE, 0, "secure")]
)
def test_output_address_spaces_are_put_into_words(bench: Bench, security: Security, bits: int, text: str) -> None:
    bench.enter(security)
    tables = bench.el3() if security is Security.ROOT else bench.el2()
    tables.map(VA, DATA, AF | bits)
    walk = bench.mmu.explain(bench.request(VA, el=3 if security is Security.ROOT else 2, security=security))
    assert field(walk.steps[3], "NS") == (bits >> 5, f"output is {text}")


@pytest.mark.parametrize(
    ("memattr", "fwb", "text"),
    [
        (0b0001, 0, "Device-nGnRE"),
        (0b1101, 0, "Normal, outer WB, inner NC"),
        (0b0110, 1 << 46, "Normal WB"),
        (0b0010, 1 << 46, "Device-nGRE"),
    ],
)
def test_stage_2_memory_types_are_put_into_words(bench: Bench, memattr: int, fwb: int, text: str) -> None:
    bench.enter(Security.REALM)
    bench.stage2().map(IPA, DATA, memattr << 2 | 3 << 6 | AF)
    bench.regs["HCR_EL2"] |= fwb
    walk = bench.mmu.explain(bench.request(IPA, el=1))
    assert field(walk.stage2[3], "MemAttr") == (memattr, text)


def guest(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    bench.el1().map(VA, IPA, AF | EL0)
    stage2 = bench.stage2()
    bench.identity2(stage2)
    stage2.map(IPA, DATA, S2_RW | AMEC)
    bench.regs |= {"VMECID_P_EL2": 7, "VMECID_A_EL2": 8}


def test_sub_walks_stand_beside_the_step_they_served(bench: Bench) -> None:
    guest(bench)
    walk = bench.mmu.explain(bench.request(VA, el=1))
    assert len(walk.steps) == 4
    for step in walk.steps:
        assert [(sub.stage, sub.level) for sub in step.stage2] == [(2, 0), (2, 1), (2, 2)]
        assert {(sub.mecid, sub.source, sub.why) for sub in step.stage2} == {
            (7, MecidSource.VP, "SCTLR2_EL2.EMEC=1, stage-2 walk")
        }
        assert (step.mecid, step.why) == (7, "SCTLR2_EL2.EMEC=1, stage-2 leaf AMEC=0")
    assert [(sub.level, sub.kind) for sub in walk.stage2] == [(0, "table"), (1, "table"), (2, "table"), (3, "page")]
    assert (walk.mecid, walk.source, walk.why) == (8, MecidSource.VA, "SCTLR2_EL2.EMEC=1, stage-2 leaf AMEC=1")
    assert walk.steps[3].outcome == f"page at {IPA:#x} (realm IPA)"


def test_a_stage_2_fault_on_a_table_is_told_in_its_step(bench: Bench) -> None:
    guest(bench)
    bench.regs["TTBR0_EL1"] = 0x3_0000_0000
    walk = bench.mmu.explain(bench.request(VA, el=1))
    (step,) = walk.steps
    assert (step.pa, step.pas, step.kind) == (None, None, "not read")
    assert step.address == 0x3_0000_0000 + 8 * (VA >> 39)
    assert step.stage2[-1].kind == "invalid"
    assert walk.summary == "Stage-2 translation fault at level 1 for a stage-1 table: descriptor is invalid"
    assert (walk.stage1_enabled, walk.stage2_enabled) == (True, True)


def test_stage_1_off_has_no_steps(bench: Bench) -> None:
    bench.enter(Security.REALM, mec=True)
    bench.regs["MECID_P0_EL2"] = 5
    walk = bench.mmu.explain(bench.request(DATA))
    assert (walk.steps, walk.pa, walk.mecid, walk.why) == ((), DATA, 5, "stage 1 off, SCTLR2_EL2.EMEC=1")


def test_explaining_ignores_and_keeps_every_cache(bench: Bench) -> None:
    guest(bench)
    bench.go(VA, el=1)
    before = bench.mmu.snapshot()
    bench.memory.reads.clear()
    bench.put(bench.mmu.explain(bench.request(VA, el=1)).steps[3].pa or 0, 0)
    walk = bench.mmu.explain(bench.request(VA, el=1))
    assert walk.fault is not None
    assert bench.mmu.snapshot() == before
    assert bench.memory.reads == []
    assert isinstance(bench.mmu.access(bench.request(VA, el=1)), Located)


@pytest.mark.parametrize("access", [Access.READ, Access.WRITE, Access.FETCH])
@pytest.mark.parametrize("el", [0, 1, 2, 3])
def test_explaining_and_accessing_agree(access: Access, el: int) -> None:
    for make in (realm, guest):
        for va in (VA, HIGH + VA, VA + 0x1000, DATA, 1 << 50):
            bench = Bench()
            make(bench)
            security = Security.ROOT if el == 3 else Security.REALM
            request = bench.request(va, access, el=el, security=security)
            walk: Walk = bench.mmu.explain(request)
            found = bench.mmu.access(request)
            if isinstance(found, Fault):
                assert walk.fault == found
            else:
                assert (walk.pa, walk.pas, walk.mecid, walk.source) == (found.pa, found.pas, found.mecid, found.source)
                assert walk.translation == found.translation
