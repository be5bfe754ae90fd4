"""What one CPU is at a moment, by name: registers, PSTATE, the clock; and the requests that its accesses make."""

from __future__ import annotations

from emu import state
from emu.architecture import VA, Access, Regime, Security
from emu.context import Context, Contexts
from emu.debug.events import (
    Moment,
)
from emu.isa.ops import Mode
from emu.register_views import GeneralRegisters, VectorRegisters
from emu.registers.file import RegisterFile
from emu.translation.records import Request

_ALIGNED = (Mode.ALIGNED, Mode.ATOMIC, Mode.ORDERED)


class CpuState:
    """Architectural state of one processing element, over the slots of `emu.state`."""

    slots: memoryview
    regs: RegisterFile
    contexts: Contexts
    _has_lse2: bool
    _restored_access: Request | None

    # Names for people.

    @property
    def x(self) -> GeneralRegisters:
        """X0 to X30, and index 31 for the zero register."""
        return GeneralRegisters(self.slots)

    @property
    def v(self) -> VectorRegisters:
        """V0 to V31 as 128-bit ints."""
        return VectorRegisters(self.slots)

    @property
    def sp(self) -> int:
        """The stack pointer in use, as SPSel and the exception level select it: 64 bits, higher ones are cut off."""
        return self.slots[state.SP]

    @sp.setter
    def sp(self, value: int) -> None:
        self.slots[state.SP] = value & state.MASK64

    @property
    def pc(self) -> VA:
        """The address of the next instruction: 64 bits, higher ones are cut off."""
        return VA(self.slots[state.PC])

    @pc.setter
    def pc(self, value: int) -> None:
        self.slots[state.PC] = value & state.MASK64

    @property
    def following(self) -> int:
        """The address behind the present instruction."""
        return self.slots[state.PC] + 4 & state.MASK64

    @property
    def nzcv(self) -> int:
        """The condition flags as four bits, N the highest."""
        s = self.slots
        return s[state.N] << 3 | s[state.Z] << 2 | s[state.C] << 1 | s[state.V]

    @nzcv.setter
    def nzcv(self, value: int) -> None:
        for slot, bit in ((state.N, 3), (state.Z, 2), (state.C, 1), (state.V, 0)):
            self.slots[slot] = value >> bit & 1

    @property
    def el(self) -> int:
        """The exception level, 0 to 3. Only exceptions and exception returns change it."""
        return self.slots[state.EL]

    @property
    def daif(self) -> int:
        return self.slots[state.DAIF]

    @property
    def spsel(self) -> int:
        return self.slots[state.SPSEL]

    @property
    def pan(self) -> int:
        return self.slots[state.PAN]

    @property
    def instructions(self) -> int:
        """Instructions executed before the present one."""
        s = self.slots
        return s[state.COUNT] + s[state.LIMIT] - s[state.BUDGET]

    def moment(self) -> Moment:
        """Now, for events."""
        s = self.slots
        instruction = s[state.COUNT] + s[state.LIMIT] - s[state.BUDGET]
        # As the property does, without its calls: moments are many.
        security = self.contexts.known[s[state.HERE]].security
        return Moment(instruction, VA(s[state.PC]), s[state.EL], security)

    @property
    def regime(self) -> Regime:
        """The translation regime of the present exception level."""
        return self.contexts.here.regime

    @property
    def security(self) -> Security:
        """The Security state."""
        return self.contexts.here.security

    # The requests that accesses make.

    def _request(self, va: int, size: int, access: Access, mode: Mode, align: int = 0) -> Request:
        slots = self.slots
        return self._request_in(
            self.contexts.here, slots[state.EL], slots[state.PAN], slots[state.UAO], va, size, access, mode, align
        )

    def _request_in(
        self, context: Context, el: int, pan: int, uao: int, va: int, size: int, access: Access, mode: Mode,
        align: int = 0,
    ) -> Request:  # fmt: skip
        unprivileged = mode is Mode.UNPRIVILEGED and not uao and (el == 1 or (el == 2 and context.has_user_below))
        return Request(
            VA(va), access, 0 if unprivileged else el, context.regime, context.security, size,
            unprivileged=unprivileged,
            honours_pan=bool(pan),
            is_aligned_only=mode in _ALIGNED and not self._may_be_unaligned(va, align or size, mode, context),
            alignment=0 if align == size else align,
        )  # fmt: skip

    def _may_be_unaligned(self, va: int, size: int, mode: Mode, context: Context) -> bool:
        """FEAT_LSE2: accesses within 16 aligned bytes are single, and SCTLR_ELx.nAA lets acquire and release go on."""
        return self._has_lse2 and ((va & 15) + size <= 16 or (mode is Mode.ORDERED and context.lifts_ordered))

    def request(self, va: int, size: int, access: Access, mode: Mode) -> Request:
        """The request that an access of the present EL makes."""
        return self._request(va, size, access, mode)

    def note_access(self, va: int, size: int, access: Access, mode: Mode) -> None:
        """As native code does for the accesses it makes itself."""
        flags = state.LAST_ACCESS_WRITE if access is Access.WRITE else 0
        self.slots[state.LAST_ACCESS_VA] = va
        self.slots[state.LAST_ACCESS_INFO] = min(size, 0xFF) | mode.value << 8 | flags | state.LAST_ACCESS_VALID

    @property
    def last_access(self) -> Request | None:
        """The last data access, as it was made; None before the first."""
        slots = self.slots
        info, va = slots[state.LAST_ACCESS_INFO], slots[state.LAST_ACCESS_VA]
        context, el, pan, uao = self.contexts.here, slots[state.EL], slots[state.PAN], slots[state.UAO]
        if not info:
            info, va, place = slots[state.EARLIER_INFO], slots[state.EARLIER_VA], slots[state.EARLIER_PLACE]
            if not info:
                return self._restored_access
            context, el = self.contexts.known[place >> state.EARLIER_SHIFT], place & 3
            pan, uao = place & state.EARLIER_PAN, place & state.EARLIER_UAO
        access = Access.WRITE if info & state.LAST_ACCESS_WRITE else Access.READ
        return self._request_in(context, el, pan, uao, va, info & 0xFF, access, Mode(info >> 8 & 0xFF))
