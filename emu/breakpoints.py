"""Breakpoints and watchpoints of the guest (Arm ARM D2.8, D2.9): which fetches and accesses they match.

The manual's pseudocode: AArch64.BreakpointMatch, BreakpointValueMatch, StateMatch, WatchpointMatch and
CheckValidStateMatch. Where it leaves a choice about reserved settings, they match nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emu.architecture import Security
from emu.registers.debug import BREAKPOINTS, CONTEXT_BREAKPOINTS, WATCHPOINTS

if TYPE_CHECKING:
    from emu.cpu import Cpu

_VA_BITS = 49
"""Address bits that are compared: [48:2], as DebugAddrTop says without larger addresses."""
_FIRST_CONTEXT = BREAKPOINTS - CONTEXT_BREAKPOINTS


def _same(one: int, other: int, low: int) -> bool:
    return ((one ^ other) & (1 << _VA_BITS) - 1) >> low == 0


class Breakpoints:
    """The breakpoints and watchpoints of one CPU, read from its registers at each question."""

    def __init__(self, cpu: Cpu) -> None:
        self._cpu = cpu

    # Breakpoints.

    def matches_code(self, pc: int) -> bool:
        """Whether a breakpoint matches the instruction at `pc` at the present level and state."""
        return any(self._matches_instruction(number, pc) for number in range(BREAKPOINTS))

    def _matches_instruction(self, number: int, pc: int) -> bool:
        field, name = self._cpu.regs.field, f"DBGBCR{number}_EL1"
        kind = field(f"{name}.BT")
        if not field(f"{name}.E") or (kind & 1 and kind != 1):
            return False  # off, or only there to be linked to
        link = field(f"{name}.LBN") if kind == 1 else None
        return self._is_in_state(name, "PMC", self._cpu.el, link) and self._matches_value(number, kind, pc)

    def _matches_value(self, number: int, kind: int, pc: int) -> bool:
        """Whether the value register agrees; a reserved type never does."""
        cpu = self._cpu
        value = cpu.regs[f"DBGBVR{number}_EL1"]
        if kind in (0, 1):
            return _same(value, pc, 2)
        if number < _FIRST_CONTEXT or kind in (4, 5):
            return False
        own, group = value & 0xFFFF_FFFF, kind >> 1
        is_guest, is_below = cpu.regime.el != 2, cpu.el < 2
        context1 = is_below and is_guest and own == cpu.regs["CONTEXTIDR_EL1"]
        if group == 1:
            if self._is_in_host():
                return own == cpu.regs["CONTEXTIDR_EL2"]
            return is_below and own == cpu.regs["CONTEXTIDR_EL1"]
        if group == 3:
            return context1
        if group in (4, 5):
            return self._is_vmid(value) and (group == 4 or context1)
        is_context2 = cpu.el < 3 and cpu.exceptions.is_el2_enabled() and value >> 32 == cpu.regs["CONTEXTIDR_EL2"]
        return is_context2 and (group == 6 or context1)

    def _is_in_host(self) -> bool:
        """IsInHost: at EL2 with E2H, or at EL0 of such a host."""
        cpu = self._cpu
        return cpu.regime.el == 2 and bool(cpu.regs.field("HCR_EL2.E2H"))

    def _is_vmid(self, value: int) -> bool:
        cpu = self._cpu
        if cpu.el > 1 or cpu.regime.el == 2 or not cpu.exceptions.is_el2_enabled():
            return False
        mask = 0xFFFF if cpu.regs.field("VTCR_EL2.VS") else 0xFF
        return (value >> 32 ^ cpu.regs.field("VTTBR_EL2.VMID")) & mask == 0

    # Watchpoints.

    def matched_byte(self, va: int, size: int, el: int, *, reads: bool, writes: bool) -> int | None:
        """The lowest byte of an access, made as `el`, that a watchpoint matches; None without one."""
        found = [self._matched_by(number, va, size, el, reads, writes) for number in range(WATCHPOINTS)]
        return min((item for item in found if item is not None), default=None)

    def _matched_by(self, number: int, va: int, size: int, el: int, reads: bool, writes: bool) -> int | None:
        field, name = self._cpu.regs.field, f"DBGWCR{number}_EL1"
        kinds = field(f"{name}.LSC")
        if not field(f"{name}.E") or not ((kinds & 1 and reads) or (kinds & 2 and writes)):
            return None
        if not self._is_in_state(name, "PAC", el, field(f"{name}.LBN") if field(f"{name}.WT") else None):
            return None
        value, mask = self._cpu.regs[f"DBGWVR{number}_EL1"], field(f"{name}.MASK")
        selected = field(f"{name}.BAS")
        low = 2 if value >> 2 & 1 else 3
        if mask in (1, 2) or (mask and selected != 0xFF):
            return None
        for byte in range(va, va + size):
            if mask > low:
                if _same(value, byte, mask):
                    return byte
            elif _same(value, byte, low) and selected >> (byte & (1 << low) - 1) & 1:
                return byte
        return None

    # The state both ask for.

    def _is_in_state(self, name: str, levels: str, el: int, link: int | None) -> bool:
        """AArch64.StateMatch, for the control register `name`, whose field `levels` is PMC or PAC."""
        field = self._cpu.regs.field
        hmc, ssce, ssc = field(f"{name}.HMC"), field(f"{name}.SSCE"), field(f"{name}.SSC")
        pxc, security = field(f"{name}.{levels}"), self._cpu.security
        if _is_reserved(hmc, ssce, ssc, pxc):
            return False
        is_level = (
            bool(pxc & 2),
            bool(pxc & 1),
            ssc == 3 or bool(hmc and not (ssc == 2 and pxc == 0)),
            bool(hmc and not ssc & 1),
        )[el]
        is_root, is_secure = security is Security.ROOT, security is Security.SECURE
        is_security = {
            0b000: bool(hmc) or not is_root,
            0b001: security is Security.NON_SECURE,
            0b010: is_secure or (bool(hmc) and is_root),
            0b011: is_secure or (bool(hmc) and not is_root),
            0b101: security is Security.REALM,
        }[ssce << 2 | ssc]
        return is_level and is_security and (link is None or self._is_linked(link))

    def _is_linked(self, number: int) -> bool:
        """Whether the context breakpoint that another one is linked to matches."""
        if not _FIRST_CONTEXT <= number < BREAKPOINTS:
            return False
        kind = self._cpu.regs.field(f"DBGBCR{number}_EL1.BT")
        is_there_for_it = bool(kind & 1) and kind not in (1, 5) and bool(self._cpu.regs.field(f"DBGBCR{number}_EL1.E"))
        return is_there_for_it and self._matches_value(number, kind, 0)


def _is_reserved(hmc: int, ssce: int, ssc: int, pxc: int) -> bool:
    """CheckValidStateMatch, for a machine without AArch32 and with every exception level and Secure EL2."""
    if ssce:
        return ssc != 1 or (hmc, pxc) in ((0, 0), (1, 2))
    if hmc:
        return (ssc == 0 and not pxc & 1) or (ssc != 0 and pxc == 2)
    return (ssc == 3 and pxc == 2) or (pxc == 0 and ssc != 3)
