"""Random states with debug exceptions for test_debug_against_qemu: software step, one breakpoint, one watchpoint."""

from __future__ import annotations

import random

from tests.conformance.bare_metal import Case, Configuration
from tests.conformance.random_states import CODE_ADDRESS, bits, is_comparable, pieces_text

DATA_ADDRESS = 0x4080_0000
PIECES = [
    "state_call_svc", "state_call_hvc", "state_call_smc", "state_call_brk", "state_call_udf", "state_call_ret",
    "state_spsel_0", "state_stack", "state_load_far", "state_read_TTBR0_EL1", "state_write_TPIDR_EL0",
    "state_op_TLBI_VMALLE1", "state_daifclr", "state_exclusive", "state_call_ret", "state_call_ret", "state_load_far",
    "state_load_far", "state_stack",
]  # fmt: skip
EXCLUSIVE = "state_exclusive:\nldxr x0, [x1]\nsvc #0xfff\n"
SS, KDE, MDE = 1 << 0, 1 << 13, 1 << 15


def debug_state(seed: int, count: int) -> Configuration:
    """One random set of debug controls, and random instructions at every level below EL3."""
    source = random.Random(seed)
    is_secure, has_el2 = source.random() < 0.3, source.random() < 0.6
    e2h, tge = source.random() < 0.4, source.random() < 0.3
    is_el2_on = has_el2 or not is_secure
    levels = source.choice((1, 2, 3, 3)) << 1
    registers = {
        "SCR_EL3": 0x530 | int(not is_secure) | (1 << 18 if is_secure and has_el2 else 0),
        "HCR_EL2": 1 << 31 | e2h << 34 | tge << 27,
        "SCTLR_EL1": 0x30D0_0800 | 1 << 4 | 1 << 3,
        "SCTLR_EL2": 0x30C5_0830,
        "MDCR_EL2": bits(source, 8, probability=0.5) | 6,
        "MDCR_EL3": bits(source, 16),
        "OSLAR_EL1": 0,
        "OSDLR_EL1": 0,
        "MDSCR_EL1": source.choice((SS, 0)) | bits(source, 13, 15, probability=0.7),
        "DBGBVR0_EL1": CODE_ADDRESS + source.choice((0, 0, 0, 4)),
        "DBGBCR0_EL1": 0xF << 5 | levels | int(source.random() < 0.8),
        "DBGWVR0_EL1": DATA_ADDRESS + source.choice((0, 4, 8)),
        "DBGWCR0_EL1": source.choice((0xFF, 0x0F, 0x10, 1)) << 5 | source.choice((1, 2, 3)) << 3 | levels
        | int(source.random() < 0.7),
        "CPTR_EL3": 0,
        "CNTKCTL_EL1": 0x303,
        "CNTHCTL_EL2": 3,
        "SP_EL0": DATA_ADDRESS,
        "SP_EL1": DATA_ADDRESS,
        "SP_EL2": DATA_ADDRESS,
    }  # fmt: skip
    exception_levels = [0] + ([] if tge and is_el2_on else [1]) + ([2] if is_el2_on else [])
    cases = []
    for _ in range(count):
        el = source.choice(exception_levels)
        name = source.choice(PIECES)
        pstate = 0x1C0 | bits(source, 9, 21, probability=0.5) | el << 2 | int(el > 0)
        if el and source.random() < 0.2:
            mode = source.choice((0, 4, 5, 8, 9))
            is_legal = mode >> 2 <= el and not (mode >> 2 == 1 and tge and is_el2_on)
            value = 0x1C0 | bits(source, 9, *([21] if is_legal else []), probability=0.5) | mode
            cases.append(Case(f"state_return_el{el}", pstate, CODE_ADDRESS, value))
            continue
        if not is_comparable(name, el, e2h and is_el2_on, is_el2_on, is_secure and has_el2):
            continue
        is_code = name == "state_call_ret"
        cases.append(Case(name, pstate, CODE_ADDRESS if is_code else DATA_ADDRESS + source.choice((0, 8))))
    world = "Secure" if is_secure else "Non-secure"
    kind = f"{world}, EL2 {'on' if is_el2_on else 'off'}, E2H={int(e2h)} TGE={int(tge)}, "
    kind += ", ".join(f"{name}={registers[name]:#x}" for name in ("MDSCR_EL1", "MDCR_EL2", "MDCR_EL3"))
    return Configuration(kind, registers, {}, cases)


def debug_states(seed: int, number: int, count: int) -> list[Configuration]:
    found = [debug_state(seed + index, count) for index in range(number)]
    found[0].pieces = pieces_text() + EXCLUSIVE
    return found
