"""Programs about descriptors, tables, cache maintenance, blocks and accesses."""

from __future__ import annotations

from emu import PAS, Security
from tests.conformance import words as w
from tests.conformance.board import AMEC0, DATA, OPEN, STATE, Board
from tests.conformance.realm import (
    ALTERNATE,
    LOW,
    NON_SECURE,
    PRIMARY,
    PRIMARY_PA,
    GuestTables,
    el2_tables,
    realm_el1,
    realm_el2,
    realm_el20,
)
from tests.conformance.tables import HIGH
from tests.conformance.test_el3_mecid import REALM_LEAF, el3
from tests.rules.bench import STP, Bench, bad, good

SECRET = 0x5EC2_E700_5EC2_E700


# 11, 13: AMEC that is not enabled.


@bad("amec-not-enabled")
def _amec_in_a_leaf_without_amec0(bench: Bench) -> None:
    realm_el2(bench, TCR2_EL2=0)
    bench.forget()
    assert bench.load_fault(ALTERNATE).iss & 0x3F == 0b000111


@good("amec-not-enabled")
def _amec_in_a_leaf_with_amec0(bench: Bench) -> None:
    realm_el2(bench)
    bench.forget()
    bench.load(ALTERNATE)


@good("amec-not-enabled")
def _a_mapping_that_is_really_missing(bench: Bench) -> None:
    realm_el2(bench, TCR2_EL2=0)
    bench.forget()
    bench.load_fault(LOW + 0x10_0000)


@bad("amec-wrong-half")
def _amec_in_the_upper_half_with_amec0(bench: Bench) -> None:
    realm_el20(bench, TCR2_EL2=AMEC0)
    bench.forget()
    bench.load_fault(HIGH + ALTERNATE)


@good("amec-wrong-half")
def _amec_in_the_lower_half_with_amec0(bench: Bench) -> None:
    realm_el20(bench, TCR2_EL2=AMEC0)
    bench.forget()
    bench.load(ALTERNATE)
    bench.load(HIGH + PRIMARY)


# 12, 14: bit 63 where it means nothing.


@bad("amec-on-non-secure-leaf")
def _amec_with_ns(bench: Bench) -> None:
    realm_el2(bench)
    bench.forget()
    bench.load(NON_SECURE)


@good("amec-on-non-secure-leaf")
def _amec_without_ns(bench: Bench) -> None:
    realm_el2(bench)
    bench.forget()
    bench.load(ALTERNATE)


@bad("table-bit-63")
def _bit_63_in_a_table(bench: Bench) -> None:
    tables = el2_tables(bench)
    tables.entries[tables.slot(PRIMARY, 2)] |= 1 << 63
    realm_el2(bench, tables.put())
    bench.forget()
    bench.load(PRIMARY)


@good("table-bit-63")
def _bit_63_in_a_leaf(bench: Bench) -> None:
    realm_el2(bench)
    bench.forget()
    bench.load(PRIMARY)
    bench.load(ALTERNATE)


# 15, 16, 17: tables of another MECID.


def el2_walk(bench: Bench, stored_under: int) -> None:
    tables = el2_tables(bench).put()
    slot = tables.slot(PRIMARY, 3)
    bench.store_as(stored_under, {slot: tables.entries[slot]})
    realm_el2(bench, tables)
    bench.forget()
    bench.execute(w.mov(1, PRIMARY), w.ldr(0, 1))


@bad("el2-table-foreign")
def _el2s_table_stored_under_a0(bench: Bench) -> None:
    el2_walk(bench, 9)


@good("el2-table-foreign")
def _el2s_table_stored_under_p0(bench: Bench) -> None:
    el2_walk(bench, 5)


def realm_walk(bench: Bench, stage: int, stored_under: int) -> None:
    """Realm EL1 under VMECID_P=7, every stage 2 leaf with AMEC=0."""
    tables = GuestTables(bench).put()
    own = tables.stage1 if stage == 1 else tables.stage2
    slot = own.slot(LOW if stage == 1 else DATA, 3)
    bench.store_as(stored_under, {slot: own.entries[slot]})
    realm_el1(bench, tables)
    bench.forget()
    bench.execute(w.mov(1, LOW), w.ldr(0, 1))


@bad("stage2-table-foreign")
def _a_stage_2_table_stored_under_the_rmms_mecid(bench: Bench) -> None:
    realm_walk(bench, 2, 1)


@good("stage2-table-foreign")
def _a_stage_2_table_stored_under_the_realms_mecid(bench: Bench) -> None:
    realm_walk(bench, 2, 7)


@bad("stage1-table-foreign")
def _a_stage_1_table_stored_under_vmecid_a(bench: Bench) -> None:
    realm_walk(bench, 1, 8)


@good("stage1-table-foreign")
def _a_stage_1_table_stored_under_vmecid_p(bench: Bench) -> None:
    realm_walk(bench, 1, 7)


# 18, 19, 20: maintenance.


@bad("reuse-without-cipae")
def _another_mecid_without_maintenance(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5)
    bench.stores_block(DATA, 6)


@bad("reuse-without-cipae")
def _maintenance_before_the_last_use(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5)
    bench.cleans(DATA)
    bench.stores_block(DATA, 5)
    bench.stores_block(DATA, 6)


@bad("reuse-without-cipae", also=("cipae-ignored",))
@bad("cipae-ignored", also=("reuse-without-cipae",))
def _maintenance_of_another_space(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5)
    bench.does(w.mov(3, 1 << 63 | DATA), w.sys("DC CIPAE", 3), w.DSB)
    bench.stores_block(DATA, 6)


@good("reuse-without-cipae")
@good("cipae-ignored")
@good("cipae-partial")
@good("cipae-without-dsb")
def _the_whole_granule_then_dsb(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5)
    bench.stores_block(DATA + 0xFC0, 5)
    bench.cleans(DATA)
    bench.stores_block(DATA, 6)
    bench.stores_block(DATA + 0xFC0, 6)
    bench.cleans(DATA)
    bench.stores_block(DATA, 5)


@good("reuse-without-cipae")
def _the_same_mecid_again(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5)
    bench.stores_block(DATA, 5)


@bad("cipae-partial")
def _a_stride_of_two_lines(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA + 64, 5)
    bench.cleans(DATA, stride=128)
    bench.stores_block(DATA + 64, 6)


@bad("cipae-without-dsb")
def _no_dsb_before_the_reuse(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5)
    bench.cleans(DATA, barrier=False)
    bench.stores_block(DATA, 6)


# 25: blocks.


@bad("partial-rewrite")
def _one_byte_of_a_block(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5)
    bench.cleans(DATA)
    bench.does(w.mov(0, 6), w.msr("MECID_P0_EL2", 0), w.ISB, w.mov(1, DATA), w.strb(0, 1))
    bench.hands_over()


@good("partial-rewrite")
def _a_block_in_two_halves(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5)
    bench.cleans(DATA)
    bench.does(w.mov(0, 6), w.msr("MECID_P0_EL2", 0), w.ISB, w.mov(1, DATA), w.str_(0, 1), w.str_(0, 1, 8))
    bench.hands_over()


@good("partial-rewrite")
def _a_byte_in_memory_nobody_owns(bench: Bench) -> None:
    bench.el2(MECID_P0_EL2=6)
    bench.does(w.mov(1, DATA), w.strb(0, 1))
    bench.hands_over()


# 26: EL3.


@bad("el3-reads-realm")
def _el3_reads_a_realms_page_under_mecid_0(bench: Bench) -> None:
    bench.store_as(5, {DATA: 0x1234})
    el3(bench, REALM_LEAF, SCTLR2_EL3=0)
    bench.forget()
    assert bench.load(LOW) != 0x1234


@good("el3-reads-realm")
def _el3_reads_it_under_its_mecid(bench: Bench) -> None:
    bench.store_as(5, {DATA: 0x1234})
    el3(bench, REALM_LEAF, MECID_RL_A_EL3=5)
    bench.forget()
    assert bench.load(LOW) == 0x1234


# 32: data.


@bad("wrong-context")
def _a_load_under_another_mecid(bench: Bench) -> None:
    bench.store_as(5, {PRIMARY_PA: 0x1234})
    realm_el2(bench, MECID_P0_EL2=6)
    bench.forget()
    assert bench.load(PRIMARY) != 0x1234


@bad("wrong-context")
def _a_load_after_a_new_key(bench: Bench) -> None:
    bench.store_as(5, {PRIMARY_PA: 0x1234})
    bench.machine.mec.refresh(5)
    realm_el2(bench, MECID_P0_EL2=5)
    bench.forget()
    assert bench.load(PRIMARY) != 0x1234


@good("wrong-context")
def _a_load_under_the_same_mecid(bench: Bench) -> None:
    bench.store_as(5, {PRIMARY_PA: 0x1234})
    realm_el2(bench, MECID_P0_EL2=5)
    bench.forget()
    assert bench.load(PRIMARY) == 0x1234


# Leaks of the substitute model. Each shows the leak itself; the cipher model runs the same and has none.

INFOS = ("substitute-plaintext-memory",)


def under(bench: Bench, mecid: int, *code: w.Code) -> None:
    bench.does(w.mov(0, mecid), w.msr("MECID_P0_EL2", 0), w.ISB, *code)


def reads(bench: Bench, pa: int) -> int:
    bench.does(w.mov(1, pa), w.ldr(4, 1))
    return bench.x[4]


def retags(bench: Bench) -> int:
    """MECID 5 keeps a secret in a page; MECID 6 stores a block of its own beside it, and looks."""
    bench.el2()
    bench.stores_block(DATA + 0x100, 5, SECRET)
    bench.cleans(DATA)
    bench.stores_block(DATA, 6)
    return reads(bench, DATA + 0x100)


@bad("substitute-retag-leak", model="substitute", also=INFOS)
def _a_store_makes_the_pages_secret_readable(bench: Bench) -> None:
    assert retags(bench) == SECRET
    under(bench, 5)
    assert reads(bench, DATA + 0x100) == 0xDEAD_BEEF_DEAD_BEEF
    bench.forgive("wrong-context", "substitute-owner-oracle")


@bad("wrong-context")
def _in_the_cipher_model_it_stays_secret(bench: Bench) -> None:
    assert retags(bench) != SECRET
    under(bench, 5)
    assert reads(bench, DATA + 0x100) == SECRET


@good("substitute-retag-leak", model="substitute")
def _a_page_that_is_scrubbed_whole(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5, SECRET)
    bench.stores_block(DATA + 0x100, 5, SECRET)
    bench.cleans(DATA)
    bench.does(w.mov(0, 6), w.msr("MECID_P0_EL2", 0), w.ISB)
    for at in range(0, 0x110, 16):
        bench.does(w.mov(1, DATA + at), w.mov(2, 0), STP)
    bench.hands_over()
    bench.forgive(*INFOS)


def refreshes(bench: Bench) -> int:
    """MECID 5 leaves a secret in a page and gets a new key; its next user stores a block beside it, and looks."""
    bench.el2()
    bench.stores_block(DATA + 0x100, 5, SECRET)
    under(bench, 0)
    bench.machine.mec.refresh(5)
    bench.stores_block(DATA, 5)
    return reads(bench, DATA + 0x100)


@bad("substitute-refresh-undone", model="substitute", also=INFOS)
def _a_store_brings_retired_data_back(bench: Bench) -> None:
    assert refreshes(bench) == SECRET


@good("substitute-refresh-undone", model="substitute")
def _the_same_key_all_along(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA + 0x100, 5, SECRET)
    bench.stores_block(DATA, 5)
    assert reads(bench, DATA + 0x100) == SECRET
    bench.forgive(*INFOS)


@bad("wrong-context")
def _in_the_cipher_model_it_stays_retired(bench: Bench) -> None:
    assert refreshes(bench) != SECRET


def changes_space(bench: Bench) -> int:
    """A Realm's page gets to the host without a scrub; the host stores a block, and looks."""
    bench.el2()
    bench.stores_block(DATA + 0x100, 5, SECRET)
    bench.cleans(DATA)
    bench.sysreg["SCR_EL3"] = OPEN | STATE[Security.NON_SECURE]
    bench.does(w.mov(1, DATA), w.mov(2, 1), STP)
    return reads(bench, DATA + 0x100)


@bad("substitute-space-leak", model="substitute", also=INFOS)
def _a_store_of_the_host_takes_a_realms_page(bench: Bench) -> None:
    assert changes_space(bench) == SECRET


@bad("wrong-context")
def _in_the_cipher_model_the_host_reads_noise(bench: Bench) -> None:
    assert changes_space(bench) != SECRET


@good("substitute-space-leak", model="substitute")
def _the_host_in_its_own_page(bench: Bench) -> None:
    bench.enter(2, Security.NON_SECURE)
    bench.forget()
    bench.does(w.mov(1, DATA), w.mov(2, 1), STP, w.mov(1, DATA + 0x100), STP)
    assert bench.owner(DATA) == (PAS.NON_SECURE, 0)


@bad("substitute-owner-oracle", model="substitute", also=("wrong-context", *INFOS))
def _strangers_read_the_same_constant(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5, SECRET)
    seen = []
    for mecid in (6, 7):
        under(bench, mecid)
        seen.append(reads(bench, DATA))
    assert seen == [0xDEAD_BEEF_DEAD_BEEF] * 2


@good("substitute-owner-oracle", model="substitute")
@good("substitute-plaintext-memory")
def _nobody_reads_what_is_not_theirs(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5, SECRET)
    assert reads(bench, DATA) == SECRET
    bench.forgive(*INFOS)


@bad("substitute-plaintext-memory", model="substitute")
def _a_probe_on_the_bus_sees_the_secret(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5, SECRET)
    assert on_the_bus(bench, DATA) == SECRET


@good("substitute-plaintext-memory")
def _a_probe_on_the_bus_sees_ciphertext(bench: Bench) -> None:
    bench.el2()
    bench.stores_block(DATA, 5, SECRET)
    assert on_the_bus(bench, DATA) != SECRET


def on_the_bus(board: Board, pa: int) -> int:
    memory = board.machine.memory
    offset = memory.ram_offset(pa)
    assert offset is not None
    return int.from_bytes(memory.encrypted.raw(offset, 8), "little")
