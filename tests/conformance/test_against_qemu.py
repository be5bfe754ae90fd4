"""The same bare-metal programs here and on QEMU's virt board: what each console says must be the same.

Two kinds of program: random tables and translations in every regime of both Security states (random_worlds), and
random instructions at every level under random traps (random_states). The worlds of random_shapes have all granules and
sizes of addresses, and with a QEMU that has RME (MECTUI_QEMU_SYSTEM names its command) hardware updates of descriptors,
Realm and Root state, and granule protection too. No QEMU has MEC.

Where the two may differ, one by one:

| what                                  | the manual                                                   | QEMU 7.2 | treated by  |
|---------------------------------------|--------------------------------------------------------------|----------|-------------|
| ISV..AR of an abort that is not of    | valid only for stage 2 aborts reported at EL2, otherwise     | sets them at EL2 for its own and its  | compared as 0, and required |
|   stage 2                             |   ISV is 0 (ESR_ELx, ISS for a Data Abort)                   |   EL0's stage 1 aborts | to be 0 here |
| level of a stage 2 fault on a stage 1 | FSC holds the level of stage 2 (AArch64.S1Walk returns       | level of the stage 1 walk | FSC's level not |
|   walk, in ESR_ELx and PAR_EL1        |   stage 2's fault record)                                    |          | compared    |
| HPFAR_EL2.NS on such a walk           | space of the faulting IPA, NSTable included                  | 0        | not compared|
| HPFAR_EL2 of an external abort on a    | UNKNOWN (AArch64.IPAValid)                                   | kept     | not compared|
|   stage 2 walk                        |                                                              |          |             |
| PAR_EL1.ATTR of Write-Back transient   | stage 1's hints, transient too (S2CombineS1AttrHints)         | not transient | WT is compared |
|   made Write-Through by stage 2       |                                                              |          |             |
| PAR_EL1.SH of Device and NC memory    | 0b10 (PAR_EL1.SH: Device, or Non-cacheable inner and outer)  | SH of the descriptor | required to be 0b10 here |
| PAR_EL1.SH with HCR_EL2.FWB           | IMPLEMENTATION DEFINED whether stage 1 hands its descriptor's| the descriptor's SH | SH not compared with FWB |
|                                       |   SH or the effective one to stage 2 (AArch64.S1Translate)   |          |             |
| Device type of stage 2 Device over    | stage 2's type alone: Normal memory of stage 1 has none      | compares stage 1's inner nibble as if | Device is |
|   stage 1 Normal                      |   (S2CombineS1MemAttrs)                                      |   it were a type | compared, its type is not |
| PAR_EL1 bit 11, F=0                   | RES1 without RME, NSE with it                                | no RME   | not compared|
| PAR_EL1.NS, Non-secure state          | UNKNOWN                                                      | 1        | not compared|
| PAR_EL1 bit 10                        | IMPLEMENTATION DEFINED                                       |          | not compared|
| PC of an illegal return with a tag    | AArch64.BranchAddr applies                                   | keeps it | not tried   |
| PSTATE.PAN after an illegal return    | from SPSR_ELx                                                | kept     | not tried   |
| flags after exception entry           | kept                                                         | cleared  | not tried   |
| unaligned access to Device memory     | Alignment fault                                              | works    | not tried   |
| fetch from Device memory              | CONSTRAINED UNPREDICTABLE                                    | works    | not tried   |
| SP alignment                          | checked with SCTLR_ELx.SA, SA0                               | never    | not tried   |
| block at level 0, TCR_ELx.DS=0        | invalid                                                      | accepted | not tried   |
| HCR_EL2.PTW=1 without stage 2         | no effect                                                    | faults   | not tried   |
| VTCR_EL2.SL0=2 (level 0)              | needs an implemented PA size of 44 bits                      | needs PS of 44 bits | PS=48 with it |
| VTCR_EL2.T0SZ beyond PS               | limited by the implemented PA size                           | by PS    | not tried   |
| EL0 read of an ID register            | EC 0x18 with FEAT_IDST, else 0x00                            | has IDST | not tried   |
| _EL12 names with E2H=0                | UNDEFINED                                                    | allowed  | not tried   |
| VSTTBR_EL2, VSTCR_EL2 at EL3, EEL2=0  | UNDEFINED                                                    | allowed  | not tried   |
| TLBI ALLE2, VAE2 at EL3 without EL2   | UNDEFINED                                                    | allowed  | not tried   |
| HVC at EL3                            | taken to EL3                                                 | to EL2   | not tried   |
| HVC at Secure EL1 without EL2         | UNDEFINED                                                    | to EL2   | not tried   |
| trapped MSR DAIFSet, DAIFClr at EL0   | Op1 3, Op2 6 or 7 in the syndrome                            | swapped  | not tried   |
| CNTPCT_EL0 at EL0, E2H=0              | CNTHCTL_EL2.EL1PCTEN, bit 0                                  | bit 1    | not tried   |
| unaligned access that nothing answers | one external abort; FAR is the address                       | splits it: FAR of a part | required to be an abort |
| output address of a leaf larger than   | all of it counts (AArch64.OAOutOfRange of StageOA)            | the descriptor's address alone | not tried |
|   the output size                     |                                                              |          |             |
| bits [51:48] of addresses, PS below   | Address size fault where the granule or DS has them          | ignored  | not tried   |
|   52 bits                             |                                                              |          |             |
| PS of 52 bits, 4 and 16 KiB, DS=0     | descriptors hold 48 bits                                     | other addresses | not tried |
| AT of a write, leaf clean (HD, DBM)   | writable (AArch64.S1ApplyOutputPerms), never made dirty      | Permission fault | not tried |
| AT, leaf with AF=0 and HA             | may set AF                                                   | does not | not tried   |
| execution of a clean leaf             | WXN and PXN see it as writable                               | as read-only | such leaves are XN |
| granule fault of a stage 1 descriptor | a fault of stage 1 (FetchDescriptor)                         | of stage 2, S1PTW | both a granule fault |
|   under stage 2                       |                                                              |          |   of a walk |
| MFAR_EL3[11:0]                        | no part of FPA                                               | the address's bits | not compared |
| granule faults beyond GPCCR_EL3.PPS   | Granule protection fault                                     | stops with an assertion | not tried |
| SPSR_ELx.ALLINT                       | FEAT_NMI                                                     | has NMI  | not compared|
| WFI, WFE, SCR_EL3.SMD, HCR_EL2.TSC,   | as in their own tests                                        |          | not tried: they stop the |
|   HCR_EL2.AT (FEAT_NV there)          |                                                              |          | driver, or QEMU has none |

Everything that is "not tried" for a fault of QEMU's has a test of its own in this folder.
"""  # noqa: E501

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tests.conformance.bare_metal import (
    HAS_RME,
    MISSING,
    Case,
    Configuration,
    build,
    numbers,
    run_here,
    run_on_qemu,
)
from tests.conformance.random_shapes import shapes
from tests.conformance.random_states import states
from tests.conformance.random_worlds import worlds

pytestmark = pytest.mark.skipif(bool(MISSING), reason=MISSING)

FETCH_ABORTS, DATA_ABORTS = (0x20, 0x21), (0x24, 0x25)
S1PTW = 1 << 7
SYNDROME_FIELDS = 0x7FF << 14
"""ISV, SAS, SSE, SRT, SF, AR."""
HPFAR_NS = 1 << 63
WHERE, ESR, FAR, SPSR, HPFAR, X0 = 0, 1, 2, 4, 5, 6
GRANULE_ON_WALK = (0b100011, 0b100100, 0b100101, 0b100110, 0b100111)
ALLINT = 1 << 13
EC_GPC = 0x1E


def comparable_esr(esr: int, is_stage2_on: bool) -> int:
    ec = esr >> 26
    if ec in DATA_ABORTS and (ec == 0x25 or not is_stage2_on):
        esr &= ~SYNDROME_FIELDS
    if ec in FETCH_ABORTS + DATA_ABORTS and esr & S1PTW:
        esr &= ~3
    return esr


def comparable_par(par: int, is_stage2_on: bool, is_forced: bool, is_secure: bool) -> int:
    if par & 1:
        return par & ~(3 << 1) if par >> 8 & 1 else par
    par &= ~(1 << 11 | 1 << 10 | (0 if is_secure else 1 << 9))
    attributes = par >> 56
    if is_forced or attributes == 0x44 or attributes >> 4 == 0:
        par &= ~(3 << 7)
    if is_stage2_on:  # Write-Through made from transient Write-Back
        for low in (56, 60):
            if par >> low & 0xF in (1, 2, 3) and attributes >> 4:
                par |= 8 << low
    if is_stage2_on and attributes >> 4 == 0:
        par &= ~(0xF << 56)
    return par


def is_stage2_on(configuration: Configuration) -> bool:
    return bool(configuration.registers["HCR_EL2"] & 1)


def is_forced(configuration: Configuration) -> bool:
    return bool(configuration.registers["HCR_EL2"] >> 46 & 1)


def is_secure(configuration: Configuration) -> bool:
    return not configuration.registers["SCR_EL3"] & 1


def comparable(configuration: Configuration, case: Case, line: tuple[int, ...]) -> tuple[int, ...]:
    """A line without what the two machines may say differently."""
    values = list(line)
    stage2, secure = is_stage2_on(configuration), is_secure(configuration)
    values[ESR] = comparable_esr(values[ESR], stage2)
    values[SPSR] &= ~ALLINT
    if values[ESR] >> 26 == EC_GPC:
        values[HPFAR] &= ~0xFFF  # MFAR_EL3
    if case.piece.startswith("at_"):
        where = ESR if case.spsr is None and values[WHERE] == 0 else X0
        par = line[where]
        values[where] = comparable_par(par, stage2, is_forced(configuration), secure)
    ec, status = values[ESR] >> 26, values[ESR] & 0x3F
    if ec in FETCH_ABORTS + DATA_ABORTS and status & 0b111100 == 0b010100:
        values[HPFAR] = 0
    if values[ESR] & S1PTW and values[ESR] >> 26 in FETCH_ABORTS + DATA_ABORTS:
        values[HPFAR] &= ~HPFAR_NS
    if case.piece.startswith(("state_read", "state_write", "state_odd", "state_op")):
        values[X0] = 0  # the values of registers differ, as the machines do
    return tuple(values)


def is_split_external_abort(case: Case, their: tuple[int, ...], our: tuple[int, ...]) -> bool:
    """QEMU made two accesses of an unaligned one, and nothing answered the first."""
    is_external = their[ESR] >> 26 in DATA_ABORTS and their[ESR] & 0x3F == 0b010000
    return is_external and bool(our[FAR] & 7 or their[FAR] & 7 or case.address & 7) and our[ESR] >> 26 in DATA_ABORTS


def is_granule_of_stage1_table(configuration: Configuration, case: Case, their: tuple[int, ...], our: tuple[int, ...]
                               ) -> bool:  # fmt: skip
    """Both say that granule protection stopped the fetch of a descriptor; with stage 2 on QEMU blames that."""
    if not configuration.registers.get("GPCCR_EL3") or not is_stage2_on(configuration):
        return False

    def walk_fault(line: tuple[int, ...]) -> bool:
        esr, par = line[ESR], line[ESR] if case.spsr is None and line[WHERE] == 0 else line[X0]
        if esr >> 26 in (0x1E, *FETCH_ABORTS, *DATA_ABORTS):
            return esr & 0x3F in GRANULE_ON_WALK
        return case.piece.startswith("at_") and bool(par & 1) and par >> 1 & 0x3F in GRANULE_ON_WALK

    return walk_fault(their) and walk_fault(our)


def check_by_itself(configuration: Configuration, case: Case, line: tuple[int, ...]) -> None:
    """What the manual requires where QEMU cannot be asked."""
    esr = line[ESR]
    is_result_of_at = case.piece.startswith("at_") and case.spsr is None and line[WHERE] == 0
    if not is_result_of_at and esr >> 26 in DATA_ABORTS and (esr >> 26 == 0x25 or not is_stage2_on(configuration)):
        assert esr & SYNDROME_FIELDS == 0, (configuration.name, case, hex(esr))
    if is_result_of_at and esr & 1 == 0 and (esr >> 56 == 0x44 or esr >> 60 == 0):
        assert esr >> 7 & 3 == 0b10, (configuration.name, case, hex(esr))


def differences(
    configurations: list[Configuration], folder: Path, engine: str, has_rme: bool = False
) -> tuple[list[str], Counter[str]]:
    """Sentences about lines that differ, and how many cases ended how."""
    program = build(configurations, folder, has_rme=has_rme)
    theirs, ours = run_on_qemu(program, has_rme=has_rme), run_here(program, engine)
    cases = [(configuration, case) for configuration in configurations for case in configuration.cases]
    assert len(theirs) == len(ours) == len(cases)
    found, endings = [], Counter[str]()
    for (configuration, case), their_line, our_line in zip(cases, theirs, ours, strict=True):
        their, our = numbers(their_line), numbers(our_line)
        check_by_itself(configuration, case, our)
        if is_split_external_abort(case, their, our) or is_granule_of_stage1_table(configuration, case, their, our):
            continue
        if comparable(configuration, case, their) != comparable(configuration, case, our):
            pstate = "a call at EL3" if case.spsr is None else f"SPSR {case.spsr:#x}"
            found.append(
                f"{configuration.name}: {case.piece} with x1={case.address:#x} x0={case.value:#x}, {pstate}\n"
                f"    QEMU {their_line}\n    here {our_line}"
            )
        if case.piece == "peek":
            continue
        is_at = case.piece.startswith("at_") and case.spsr is None and our[WHERE] == 0
        endings[f"PAR, F={our[ESR] & 1}" if is_at else f"EC {our[ESR] >> 26:#x}"] += 1
    return found, endings


def assert_same(configurations: list[Configuration], folder: Path, engine: str, has_rme: bool = False) -> Counter[str]:
    found, endings = differences(configurations, folder, engine, has_rme)
    total = sum(endings.values())
    assert not found, f"{len(found)} of {total} cases differ:\n" + "\n".join(found[:20])
    return endings


@pytest.mark.parametrize("seed", [100, 300])
def test_translations_are_qemus(tmp_path: Path, seed: int) -> None:
    endings = assert_same(worlds(seed, 500), tmp_path, "interpreter")
    assert sum(endings.values()) > 4000
    for ending in ("PAR, F=0", "PAR, F=1", "EC 0x15", "EC 0x20", "EC 0x21", "EC 0x24", "EC 0x25"):
        assert endings[ending] > 50, endings


def test_translations_of_the_reference_engine_are_qemus(tmp_path: Path) -> None:
    assert_same(worlds(500, 30), tmp_path, "reference")


@pytest.mark.parametrize("seed", [1])
def test_traps_routing_and_returns_are_qemus(tmp_path: Path, seed: int) -> None:
    endings = assert_same(states(seed, 24, 250), tmp_path, "interpreter")
    assert sum(endings.values()) > 4000
    for ending in ("EC 0x0", "EC 0xe", "EC 0x15", "EC 0x16", "EC 0x18", "EC 0x22", "EC 0x3c"):
        assert endings[ending], endings


def test_traps_routing_and_returns_of_the_reference_engine_are_qemus(tmp_path: Path) -> None:
    assert_same(states(1000, 3, 60), tmp_path, "reference")


@pytest.mark.parametrize("seed", [0])
def test_translations_of_all_shapes_are_qemus(tmp_path: Path, seed: int) -> None:
    endings = assert_same(shapes(seed, 150, is_new=HAS_RME), tmp_path, "interpreter", HAS_RME)
    for ending in ("PAR, F=0", "PAR, F=1", "EC 0x15", "EC 0x20", "EC 0x21", "EC 0x24", "EC 0x25"):
        assert endings[ending] > 20, endings


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10_000, 11_000, 50))
def test_many_translations_of_all_shapes_are_qemus(tmp_path: Path, seed: int) -> None:
    assert_same(shapes(seed, 700, is_new=HAS_RME), tmp_path, "interpreter", HAS_RME)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(10_000, 10_400, 20))
def test_many_translations_are_qemus(tmp_path: Path, seed: int) -> None:
    assert_same(worlds(seed, 1000), tmp_path, "interpreter")


@pytest.mark.long
@pytest.mark.parametrize("seed", range(20_000, 20_400, 40))
def test_many_traps_routing_and_returns_are_qemus(tmp_path: Path, seed: int) -> None:
    assert_same(states(seed, 40, 400), tmp_path, "interpreter")
