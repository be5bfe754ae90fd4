"""Storage of the registers: layout in the state buffer, raw access, reset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emu import state as slots
from emu.errors import ConfigurationError, UnknownRegisterError
from emu.features import ISA_MAX
from emu.registers.file import RegisterFile
from emu.registers.table import BY_NAME, REGISTERS
from emu.state import State

ALL_ONES = (1 << 64) - 1


def machine(seed: int = 1, has_mec: bool = True, mecid_width: int = 16) -> RegisterFile:
    return RegisterFile(State().slots, seed=seed, has_mec=has_mec, mecid_width=mecid_width, isa=ISA_MAX)


def test_storage_lies_in_the_system_part_of_the_state(regs: RegisterFile, state: State) -> None:
    regs["TPIDR_EL2"] = 0x1234
    slot = regs.slot("TPIDR_EL2")
    assert slots.SYSTEM <= slot < slots.SYSTEM + slots.SYSTEM_SLOTS
    assert state.slots[slot] == 0x1234
    state.slots[slot] = 0x5678
    assert regs["TPIDR_EL2"] == 0x5678


def test_registers_do_not_share_storage_unless_one_is_an_alias(regs: RegisterFile) -> None:
    own = [regs.slot(r.name) for r in REGISTERS if not r.alias_of and r.group != "state"]
    assert len(set(own)) == len(own)
    for register in REGISTERS:
        if register.alias_of:
            assert regs.slot(register.name) == regs.slot(register.alias_of)


def test_stack_pointers_use_the_fixed_slots(regs: RegisterFile) -> None:
    assert [regs.slot(f"SP_EL{el}") for el in range(4)] == [slots.SP_EL0, slots.SP_EL1, slots.SP_EL2, slots.SP_EL3]


def test_alias_writes_the_storage_of_its_register(regs: RegisterFile) -> None:
    regs["VBAR_EL12"] = 0x8000
    assert regs["VBAR_EL1"] == 0x8000
    assert "VBAR_EL1" not in regs.never_written


def test_res0_bits_stay_zero(regs: RegisterFile) -> None:
    regs["VBAR_EL1"] = ALL_ONES
    assert regs["VBAR_EL1"] == ALL_ONES & ~0x7FF
    regs["AMAIR_EL1"] = ALL_ONES
    assert regs["AMAIR_EL1"] == 0


def test_res1_bits_stay_one(regs: RegisterFile) -> None:
    regs["SCTLR_EL3"] = 0
    assert regs["SCTLR_EL3"] == 0x30C5_0830
    regs["HCR_EL2"] = 0
    assert regs["HCR_EL2"] == 1 << 31


def test_read_only_field_keeps_its_value(regs: RegisterFile) -> None:
    regs["GPCCR_EL3"] = ALL_ONES
    assert regs.field("GPCCR_EL3.L0GPTSZ") == 0
    assert regs.field("GPCCR_EL3.GPC") == 1
    regs["OSLSR_EL1"] = 0
    assert regs["OSLSR_EL1"] == 0b1000
    regs["CNTP_CTL_EL0"] = 0b111
    assert regs["CNTP_CTL_EL0"] == 0b011


@given(name=st.sampled_from([r.name for r in REGISTERS]), value=st.integers(0, ALL_ONES))
def test_what_was_written_can_be_written_again(name: str, value: int) -> None:
    regs = machine()
    regs[name] = value
    stored = regs[name]
    regs[name] = stored
    assert regs[name] == stored
    kept = BY_NAME[name].res1 | sum(item.mask for item in BY_NAME[name].fields if item.read_only)
    assert stored & ~kept & value == stored & ~kept or name == "OSLSR_EL1"


# V18
def test_mecid_beyond_the_width_is_res0() -> None:
    regs = machine(mecid_width=8)
    regs["MECID_P0_EL2"] = 0x1FFFF
    assert regs["MECID_P0_EL2"] == 0xFF
    assert regs["MECIDR_EL2"] == 7


def test_full_width_mecid_has_16_bits(regs: RegisterFile) -> None:
    for name in ("MECID_P0_EL2", "MECID_A1_EL2", "VMECID_P_EL2", "VMECID_A_EL2", "MECID_RL_A_EL3"):
        regs[name] = ALL_ONES
        assert regs[name] == 0xFFFF
    assert regs["MECIDR_EL2"] == 15


@pytest.mark.parametrize("width", [0, 17])
def test_impossible_mecid_width_is_refused(width: int) -> None:
    with pytest.raises(ConfigurationError, match="1 to 16"):
        machine(mecid_width=width)


def test_without_mec_its_registers_and_fields_are_gone() -> None:
    regs = machine(has_mec=False)
    assert regs.field("ID_AA64MMFR3_EL1.MEC") == 0
    assert not any("MECID" in name for name in regs.names())
    for name in ("SCTLR2_EL2", "SCTLR2_EL3", "TCR2_EL2"):
        regs[name] = ALL_ONES
        assert regs[name] == 0
    regs["SCR_EL3"] = ALL_ONES
    assert regs.field("SCR_EL3.MECEn") == 0
    with pytest.raises(UnknownRegisterError, match="FEAT_MEC"):
        regs["MECID_P0_EL2"]


def test_unknown_reset_values_follow_the_seed_alone() -> None:
    first, same, other = machine(seed=7), machine(seed=7), machine(seed=8)
    unknown = sorted(first.never_written)
    assert [first[name] for name in unknown] == [same[name] for name in unknown]
    assert [first[name] for name in unknown] != [other[name] for name in unknown]
    assert len({first[name] for name in ("TTBR0_EL1", "TTBR0_EL2", "TTBR0_EL3", "MAIR_EL1")}) == 4


def test_reset_value_of_one_register_does_not_depend_on_mec() -> None:
    assert machine(has_mec=False)["TTBR0_EL1"] == machine()["TTBR0_EL1"]


def test_registers_count_as_never_written_until_the_first_write(regs: RegisterFile) -> None:
    assert {"MECID_P0_EL2", "VMECID_A_EL2", "MECID_RL_A_EL3", "SCTLR2_EL2", "TCR2_EL2"} <= regs.never_written
    assert not {"SCTLR_EL3", "HCR_EL2", "SCTLR2_EL3", "MIDR_EL1"} & regs.never_written
    regs["MECID_P0_EL2"] = 0
    assert "MECID_P0_EL2" not in regs.never_written
    regs.reset()
    assert "MECID_P0_EL2" in regs.never_written


@pytest.mark.parametrize("name", ["SCTLR_EL1.M", "SCTLR_EL2.M", "SCTLR_EL3.M", "SCTLR_EL3.C", "SCTLR_EL3.WXN"])
def test_translation_and_caches_are_off_after_reset(regs: RegisterFile, name: str) -> None:
    assert regs.field(name) == 0


def test_reset_leaves_the_cpu_at_el3_with_interrupts_masked(regs: RegisterFile, state: State) -> None:
    assert regs["CurrentEL"] == 3 << 2
    assert regs["DAIF"] == 0x3C0
    assert regs["SPSel"] == 1
    assert state.slots[slots.EL] == 3
    assert regs["SCR_EL3"] & ~(3 << 43 | 1 << 49) == 0x430  # but for TCR2En, SCTLR2En, MECEn: test_mec_reset
    assert regs.field("GPCCR_EL3.GPC") == 0
    assert regs["SCTLR2_EL3"] == 0


def test_pstate_registers_show_their_slots(regs: RegisterFile, state: State) -> None:
    regs["NZCV"] = 0b1010 << 28
    assert [state.slots[slot] for slot in (slots.N, slots.Z, slots.C, slots.V)] == [1, 0, 1, 0]
    assert regs["NZCV"] == 0b1010 << 28
    regs["DAIF"] = 0x240
    assert state.slots[slots.DAIF] == 0b1001
    assert regs.field("DAIF.D") == 1
    assert regs.field("DAIF.A") == 0
    regs["PAN"] = 1 << 22
    assert state.slots[slots.PAN] == 1
    assert regs["UAO"] == 0


def test_stack_pointer_in_use_reads_as_code_sees_it(regs: RegisterFile, state: State) -> None:
    regs["SP_EL3"] = 0x1000
    state.slots[slots.SP] = 0x2000
    assert regs.reads("SP_EL3") == 0x2000
    assert regs["SP_EL3"] == 0x1000
    regs["SPSel"] = 0
    assert regs.reads("SP_EL3") == 0x1000
    assert regs.reads("SP_EL0") == 0x2000


def test_field_follows_the_layout_that_e2h_selects(regs: RegisterFile) -> None:
    regs["CPTR_EL2"] = 1 << 10 | 3 << 20
    assert regs.field("CPTR_EL2.TFP") == 1
    assert regs.field("CPTR_EL2.FPEN") == 0
    regs["HCR_EL2"] = 1 << 34
    assert not regs.has_field("CPTR_EL2.TFP")
    assert regs.field("CPTR_EL2.TFP") == 0
    assert regs.field("CPTR_EL2.FPEN") == 3
    regs["TCR_EL2"] = 1 << 22
    assert regs.field("TCR_EL2.A1") == 1


def test_field_with_two_positions_is_read_from_the_current_one(regs: RegisterFile) -> None:
    regs["CNTHCTL_EL2"] = 1 << 10
    assert regs.field("CNTHCTL_EL2.EL1PCTEN") == 0
    regs["HCR_EL2"] = 1 << 34
    assert regs.field("CNTHCTL_EL2.EL1PCTEN") == 1


@pytest.mark.parametrize(
    ("register", "value", "field", "enable"),
    [
        ("SCTLR2_EL2", 1 << 1, "SCTLR2_EL2.EMEC", 1 << 44),
        ("TCR2_EL2", 1 << 12, "TCR2_EL2.AMEC0", 1 << 43),
        ("MECID_P0_EL2", 1, "MECID_P0_EL2.MECID", 1 << 49),
        ("VMECID_A_EL2", 1, "VMECID_A_EL2.MECID", 1 << 49),
        ("HCRX_EL2", 1 << 14, "HCRX_EL2.TCR2En", 1 << 38),
    ],
)
def test_field_has_no_effect_while_scr_el3_disables_its_register(
    regs: RegisterFile, register: str, value: int, field: str, enable: int
) -> None:
    regs["SCR_EL3"] = 0
    regs[register] = value
    assert regs.field(field) == 1
    assert regs.effective(field) == 0
    regs["SCR_EL3"] = enable
    assert regs.effective(field) == 1


def test_el3_mecid_has_no_enable(regs: RegisterFile) -> None:
    regs["MECID_RL_A_EL3"] = 12
    assert regs.effective("MECID_RL_A_EL3.MECID") == 12


def test_reserved_id_register_reads_zero(regs: RegisterFile) -> None:
    assert regs["S3_0_C0_C7_7"] == 0


def test_raw_write_reaches_read_only_registers(regs: RegisterFile) -> None:
    regs["MPIDR_EL1"] = 1
    assert regs["MPIDR_EL1"] == 1 << 31 | 1


def test_misspelt_name_is_answered_with_the_near_ones(regs: RegisterFile) -> None:
    with pytest.raises(UnknownRegisterError, match="did you mean MECID_P0_EL2"):
        regs["mecid_p0_el2"]
    with pytest.raises(UnknownRegisterError, match="did you mean"):
        regs["SCTRL_EL1"] = 0
    with pytest.raises(UnknownRegisterError, match="SCTLR_EL1"):
        regs.slot("SCTLR_EL")
    with pytest.raises(UnknownRegisterError, match="no system register"):
        regs.field("FOO.BAR")


def test_misspelt_field_is_answered_with_the_fields(regs: RegisterFile) -> None:
    with pytest.raises(UnknownRegisterError, match="its fields are EMEC"):
        regs.field("SCTLR2_EL2.EMECC")


def test_pstate_has_no_slot(regs: RegisterFile) -> None:
    with pytest.raises(UnknownRegisterError, match="PSTATE"):
        regs.slot("NZCV")


def test_names_are_in_table_order_without_reserved_ones(regs: RegisterFile) -> None:
    assert list(regs.names()) == [r.name for r in REGISTERS]
