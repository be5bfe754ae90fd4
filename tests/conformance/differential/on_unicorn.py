"""Cases on unicorn: QEMU 5 in this process, EL1, stage 1 off."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence

import unicorn
from unicorn import arm64_const as names
from unicorn.unicorn_py3.unicorn import uclib

from emu.registers.table import BY_NAME
from tests.conformance.differential import layout as at
from tests.conformance.differential.features import IDENTIFICATION, claimed
from tests.conformance.differential.layout import State

_IDS = [
    *[getattr(names, f"UC_ARM64_REG_X{i}") for i in range(31)], names.UC_ARM64_REG_SP, names.UC_ARM64_REG_PC,
    names.UC_ARM64_REG_PSTATE, names.UC_ARM64_REG_FPCR, names.UC_ARM64_REG_FPSR,
    *[getattr(names, f"UC_ARM64_REG_V{i}") for i in range(32)],
]  # fmt: skip
_OFFSETS = [*range(0, 248, 8), at.SP, at.PC, at.PSTATE, at.FPCR, at.FPSR, *range(at.V, at.V + 512, 16)]


class Unicorn:
    """A CPU whose registers are written and read in one call each."""

    levels = (1,)

    def __init__(self) -> None:
        self.name = "unicorn"
        self.version = tuple(int(part) for part in unicorn.__version__.split(".")[:2])
        self.uc = uc = unicorn.Uc(unicorn.UC_ARCH_ARM64, unicorn.UC_MODE_ARM)
        uc.ctl_set_cpu_model(names.UC_CPU_ARM64_MAX)
        uc.mem_map(at.BASE, 0x20_0000, unicorn.UC_PROT_READ | unicorn.UC_PROT_EXEC)
        uc.mem_map(at.DATA, 0x60_0000, unicorn.UC_PROT_READ | unicorn.UC_PROT_WRITE)
        uc.mem_write(at.SLOTS, at.BREAKPOINT.to_bytes(4, "little") * (at.SLOT_COUNT * at.SLOT_SIZE // 4))
        for name, value in at.SYSTEM.items():
            self._write(name, value & ~1 if name == "SCTLR_EL1" else value)
        # Pointer authentication is EL2's and EL3's to allow.
        self._write("SCR_EL3", 0x531 | 3 << 16)
        self._write("HCR_EL2", 1 << 31 | 3 << 40)
        self.isa = claimed({name: self._read(name) for name in IDENTIFICATION})
        self._state = ctypes.create_string_buffer(at.RECORD_SIZE)
        start = ctypes.addressof(self._state)
        self._ids = (ctypes.c_int * len(_IDS))(*_IDS)
        self._places = (ctypes.c_void_p * len(_IDS))(*[start + offset for offset in _OFFSETS])

    @staticmethod
    def _encoding(name: str) -> tuple[int, int, int, int, int]:
        op0, op1, crn, crm, op2 = BY_NAME[name].encoding
        return crn, crm, op0, op1, op2

    def _write(self, name: str, value: int) -> None:
        self.uc.reg_write(names.UC_ARM64_REG_CP_REG, (*self._encoding(name), value))

    def _read(self, name: str) -> int:
        return int(self.uc.reg_read(names.UC_ARM64_REG_CP_REG, self._encoding(name)))

    def run(self, cases: Sequence[tuple[tuple[int, ...], State]], pattern: bytes) -> list[tuple[State, bytes]]:
        """What each case, of words at its slot and a state, leaves in the registers and in the window.

        Of an exception unicorn tells only that there was one.
        """
        uc = self.uc
        uc.mem_write(at.PATTERN, pattern.ljust(0x1000, b"\0"))
        uc.mem_write(at.LOW, pattern.ljust(0x1000, b"\0"))
        self._write("TPIDR_EL0", at.SYSTEM["TPIDR_EL0"])
        uc.ctl_remove_cache(at.SLOTS, at.SLOTS + at.SLOT_COUNT * at.SLOT_SIZE)
        for words, before in cases:
            uc.mem_write(before.pc, b"".join(word.to_bytes(4, "little") for word in words))
        window = b""
        results = []
        for words, before in cases:
            if window != pattern:
                uc.mem_write(at.WINDOW, pattern)
            self._state.raw = before.packed()
            assert uclib.uc_reg_write_batch(uc._uch, self._ids, self._places, len(_IDS)) == 0
            esr = 0
            try:
                uc.emu_start(before.pc, 0, count=len(words))
            except unicorn.UcError as error:
                esr = error.errno
            assert uclib.uc_reg_read_batch(uc._uch, self._ids, self._places, len(_IDS)) == 0
            window = bytes(uc.mem_read(at.WINDOW, at.WINDOW_SIZE))
            after = State.unpacked(self._state.raw)
            # Having arrived somewhere without memory is not the branch's own exception.
            if 0 <= after.pc - before.pc <= 4 * len(words):  # SVC has gone on
                after.esr = esr
            results.append((after, window))
        return results
