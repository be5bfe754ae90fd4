"""One CPU: its state by name, its memory accesses, and the door that engines use for everything out of line."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from emu import state
from emu.architecture import PA, PAGE, PAS, VA, Access, Regime, Security
from emu.authentication import Authentication
from emu.caches import Caches
from emu.context import Context, Contexts
from emu.debug.events import (
    ENDS,
    Event,
    FirstOwner,
    Hit,
    Moment,
    OwnerChanged,
    StaleControlUsed,
    Stop,
    TlbEvicted,
    TlbFilled,
    TranslationFailed,
)
from emu.exceptions import Abandoned, Exceptions
from emu.features import Features
from emu.fp.operations import evaluate
from emu.isa.a64 import A64
from emu.isa.ops import Escape, Fp, Mode, Query
from emu.isa.pattern import Decoded
from emu.mec.selection import MecControls, mec_controls
from emu.mec.stale_controls import stale_control
from emu.mec.writers import Words, Writer, flags_of, words_of
from emu.memory import PhysicalMemory
from emu.monitors import Monitors
from emu.permissions import Permissions
from emu.register_views import GeneralRegisters, SystemRegisters, VectorRegisters
from emu.registers.file import RegisterFile
from emu.registers.pending import Pending
from emu.registers.table import BY_NAME
from emu.self_hosted_debug import SelfHostedDebug
from emu.state import State
from emu.synchronisation import Sync, Synchronisation
from emu.syndrome import EC
from emu.system import System
from emu.transitions import Transitions
from emu.translation.cacheability import is_cacheable_access, is_write_back
from emu.translation.mmu import Located, Mmu
from emu.translation.records import Fault, FaultKind, Request, Translation
from emu.translation.regimes import sctlr_name
from emu.translation.tlb import TlbEntry

if TYPE_CHECKING:
    from emu.debug.stops.code import CodeStops
    from emu.debug.stops.watch import AccessWatch

_ALIGNED = (Mode.ALIGNED, Mode.ATOMIC, Mode.ORDERED)
_SP_SLOTS = (state.SP_EL0, state.SP_EL1, state.SP_EL2, state.SP_EL3)


MOST_KEPT = 100_000
"""Records of one kind that are kept in memory: a guest that repeats a mistake for ever must not eat the host."""


class TranslationListener(Protocol):
    """An engine's own cache over translations (the software TLB)."""

    def enter(self, key: object) -> None:
        """Translations are now those of this context."""
        ...

    def enter_none(self) -> None:
        """Nothing may be cached until the next `enter`."""
        ...

    def flush(self) -> None: ...
    def forget_fetch(self, va: int) -> None: ...
    def drop(self, va: int, size: int) -> None: ...
    def drop_physical(self, first: int, last: int) -> None: ...


class Cpu:
    """Architectural state and accesses of one processing element."""

    def __init__(
        self,
        memory: PhysicalMemory,
        features: Features,
        *,
        seed: int,
        start_el: int,
        tlb_entries: int,
        is_forgiving: bool = False,
        emit: Callable[[Event], None],
        wants: Callable[[type], bool],
        hears: Callable[[Event], bool],
        semihosting: Callable[[int, int], int],
        sync: Sync = "architectural",
    ) -> None:
        self.state = State()
        self.slots = self.state.slots
        self.memory = memory
        self.features = features
        self.emit = emit
        self.wants = wants
        self.hears = hears
        self.semihosting = semihosting
        self.regs = RegisterFile(self.slots, seed=seed, has_mec=features.has_mec, mecid_width=features.mecid_width,
                                 isa=features.isa)  # fmt: skip
        self.permissions = Permissions(self)
        self.synchronisation = Synchronisation(self, sync)
        self.acting = self.synchronisation.acting
        """The system registers as the MMU sees them: writes act with the next context synchronisation event."""
        self.mmu = Mmu(
            self.acting, memory, features, tlb_entries=tlb_entries, now=self.moment, is_forgiving=is_forgiving
        )
        self.contexts = Contexts(self)
        self.exceptions = Exceptions(self)
        self.transitions = Transitions(self)
        self.caches = Caches(self)
        self.system = System(self)
        self.authentication = Authentication(self)
        self.monitors = Monitors(self)
        self.debug = SelfHostedDebug(self)
        self.code_stops: CodeStops | None = None
        """Breakpoints of a debugger; None while there are none."""
        self.watch: AccessWatch | None = None
        """Watchpoints of a debugger; None while there are none."""
        self._restored_access: Request | None = None
        """The last data access before the snapshot that was restored, while there has been none since."""
        self.stop: Stop | None = None
        """Set by whoever ends the run; the run loop hands it out."""
        self.located: Located | None = None
        """Where the last access went, when it stayed within one page."""
        self.hits: list[Hit] = []
        """The first MOST_KEPT substituted accesses."""
        self.hit_count = 0
        self._mec_controls: tuple[int, MecControls] | None = None
        """As they act under a combination of register values, by its number."""
        self._has_lse2 = "FEAT_LSE2" in features.isa
        self._resumed_at = -1
        self._listeners: list[TranslationListener] = []
        self._code_listeners: list[Callable[[int, int], None]] = []
        memory.walk_observer = self._walk_mismatch
        memory.walk_storer = self._walk_stores
        self.mmu.tlb.on_gone = self._translation_gone
        self.mmu.tlb.on_filled = self._translation_filled
        self.mmu.tlb.on_evicted = self._translation_evicted
        if is_forgiving:
            self.listen_to_code_writes(lambda offset, size: self.flush_translations())
        self.reset(start_el)

    # Reset and identity.

    def reset(self, start_el: int) -> None:
        """Cold reset into the given EL: MMU off, interrupts masked, everything else as the register table says."""
        for slot in range(state.SYSTEM + state.SYSTEM_SLOTS):
            is_spared = state.CONTEXT <= slot <= state.FILLED_PARTS or state.QUICK <= slot <= state.REFILLED
            if not is_spared and slot != state.TRANSITION_BLOCK:
                self.slots[slot] = 0
        self.permissions.forget()
        self.transitions.forget()
        self.contexts.changed()
        self.authentication.forget()
        self.regs.reset()
        self.caches.reset()
        self.synchronisation.forget()
        self.slots[state.EL], self.slots[state.SPSEL], self.slots[state.DAIF] = start_el, 1, 0xF
        if start_el < 3:
            self._as_left_by_firmware(start_el)
        self.context_changed()

    def _as_left_by_firmware(self, start_el: int) -> None:
        """What EL3 firmware would have set before entering an image below it: Realm state, nothing trapped."""
        regs = self.regs
        names = ["NS", "NSE", "RW", "HCE", "GPF", "FGTEn", "ECVEn"]
        if self.features.has_mec:
            names += ["MECEn", "SCTLR2En", "TCR2En"]
        if "FEAT_PAuth" in self.features.isa:
            names += ["API", "APK"]
        if "FEAT_MOPS" in self.features.isa:
            names += ["HXEn"]
        for name in names:
            self._set_field("SCR_EL3", name)
        if start_el == 1:
            self._set_field("HCR_EL2", "RW")
            self._set_field("HCR_EL2", "API")
            self._set_field("HCR_EL2", "APK")
            self._set_field("HCRX_EL2", "MSCEn")
        regs["SPSR_EL3"] = 0x3C0 | start_el << 2 | 1

    def _set_field(self, register: str, name: str) -> None:
        for item in BY_NAME[register].fields:
            if item.name == name:
                self.regs[register] = self.regs[register] | item.mask

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
    def sysreg(self) -> SystemRegisters:
        """System registers by the manual's name; raw access without traps."""
        return SystemRegisters(self)

    @property
    def sp(self) -> int:
        return self.slots[state.SP]

    @sp.setter
    def sp(self, value: int) -> None:
        self.slots[state.SP] = value & state.MASK64

    @property
    def pc(self) -> VA:
        return VA(self.slots[state.PC])

    @pc.setter
    def pc(self, value: int) -> None:
        self.slots[state.PC] = value & state.MASK64

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

    # Context: everything that decides how accesses translate.

    def change_stack(self, el: int, spsel: int) -> None:
        """Move to another EL or stack pointer: the one in use goes to its bank, the new one comes from its own."""
        slots = self.slots
        slots[_SP_SLOTS[slots[state.EL] if slots[state.SPSEL] else 0]] = slots[state.SP]
        slots[state.EL], slots[state.SPSEL] = el, spsel
        slots[state.SP] = slots[_SP_SLOTS[el if spsel else 0]]
        slots[state.SITUATION] = 0

    def leave_level(self) -> None:
        """The exception level is about to change: the last access was one of the present level."""
        slots = self.slots
        info = slots[state.LAST_ACCESS_INFO]
        if info:
            slots[state.EARLIER_VA], slots[state.EARLIER_INFO] = slots[state.LAST_ACCESS_VA], info
            flags = state.EARLIER_PAN * slots[state.PAN] | state.EARLIER_UAO * slots[state.UAO]
            slots[state.EARLIER_PLACE] = slots[state.HERE] << state.EARLIER_SHIFT | flags | slots[state.EL]
            slots[state.LAST_ACCESS_INFO] = 0

    @property
    def regime(self) -> Regime:
        """The translation regime of the present exception level."""
        return self.contexts.here.regime

    @property
    def security(self) -> Security:
        """The Security state."""
        return self.contexts.here.security

    @property
    def demands_alignment(self) -> bool:
        """SCTLR_ELx.A."""
        return self.contexts.here.demands_alignment

    def context_changed(self) -> None:
        """Recompute what is derived from the EL, PSTATE and the system registers that steer translation."""
        slots, context = self.slots, self.contexts.now()
        slots[state.SP_ALIGNMENT] = context.sp_alignment
        slots[state.UNALIGNED_EXCLUSIVES] = context.unaligned_exclusives
        slots[state.TAG_CLEAR_LOW] = context.tag_clear_low
        slots[state.TAG_CLEAR_HIGH] = context.tag_clear_high
        slots[state.TAG_SET_HIGH] = context.tag_set_high
        slots[state.SITUATION] = 0
        self.fp_traps_changed()
        self.debug.update()
        self.choose_translations()

    def choose_translations(self) -> None:
        """Have engines use the translations that they keep for the present context."""
        slots = self.slots
        if slots[state.IL]:
            for listener in self._listeners:
                listener.enter_none()
            return
        key: object = self.contexts.here.identity << 3 | slots[state.PAN] << 2 | slots[state.EL]
        watched = self.synchronisation.watched
        if watched is not None:
            key = (key, watched)
        for listener in self._listeners:
            listener.enter(key)

    def fp_traps_changed(self) -> None:
        """Recompute whether V registers may be used here; the registers that say so act at once."""
        self.slots[state.FP_DISABLED] = self.permissions.fp_disabled()

    def flush_translations(self) -> None:
        """Make engines forget what they cached of translations and ownership (key refresh, GPT invalidation)."""
        for listener in self._listeners:
            listener.flush()

    def forget_granules(self, start: int, end: int) -> None:
        """Make engines ask granule protection again about physical addresses from `start` to before `end`."""
        for region in self.memory.regions:
            base = region.base
            if start < base + region.size and end > base:
                low, high, shift = max(start, base), min(end, base + region.size), region.arena - base
                for listener in self._listeners:
                    listener.drop_physical((low + shift) // PAGE, (high + shift + PAGE - 1) // PAGE)

    def listen_to_translation(self, listener: TranslationListener) -> None:
        self._listeners.append(listener)
        self.context_changed()

    def listen_to_code_writes(self, listener: Callable[[int, int], None]) -> None:
        """Be told (arena offset, size) when bytes change that an engine marked as decoded."""
        self._code_listeners.append(listener)

    def code_written(self, offset: int, size: int) -> None:
        for listener in self._code_listeners:
            listener(offset, size)

    def _translation_gone(self, base: int, size: int, is_stage2: bool) -> None:
        """An entry left the TLB. On a strict one, what stage 2 alone did for an access had the address as its input."""
        for listener in self._listeners:
            if is_stage2 and self.mmu.is_forgiving:
                listener.flush()
            else:
                listener.drop(base, size)

    def _translation_filled(self, entry: TlbEntry) -> None:
        if self.wants(TlbFilled):
            self.emit(TlbFilled(self.moment(), entry))

    def _translation_evicted(self, entry: TlbEntry) -> None:
        if self.wants(TlbEvicted):
            self.emit(TlbEvicted(self.moment(), entry))

    def untagged(self, va: int) -> int:
        """An address as the PC holds it after a branch."""
        slots = self.slots
        if va >> 55 & 1:
            return va & ~slots[state.TAG_CLEAR_HIGH] | slots[state.TAG_SET_HIGH]
        return va & ~slots[state.TAG_CLEAR_LOW]

    # Accesses.

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
            alignment=align,
        )  # fmt: skip

    def _may_be_unaligned(self, va: int, size: int, mode: Mode, context: Context) -> bool:
        """FEAT_LSE2: accesses within 16 aligned bytes are single, and SCTLR_ELx.nAA lets acquire and release go on."""
        return self._has_lse2 and ((va & 15) + size <= 16 or (mode is Mode.ORDERED and context.lifts_ordered))

    def request(self, va: int, size: int, access: Access, mode: Mode) -> Request:
        """The request that an access of the present EL makes."""
        return self._request(va, size, access, mode)

    def locate(self, request: Request, reported: VA | None = None) -> Located:
        """Translate and check one access within a page, or take its exception and raise Abandoned.

        `reported` is the address that the exception names, where it is not the request's.
        """
        if self.synchronisation.watched is not None:
            self.synchronisation.check(request)
        found = self.mmu.access(request)
        if isinstance(found, Fault):
            if self.wants(TranslationFailed):
                self.emit(TranslationFailed(self.moment(), request, found))
            self.exceptions.abort(found if reported is None else replace(found, va=reported), request)
            raise Abandoned
        if request.access is not Access.FETCH and self.wants(StaleControlUsed):
            self._note_stale_control(request, found.translation)
        return found

    def _note_stale_control(self, request: Request, translation: Translation) -> None:
        """Tell of a TLB entry that was made under another EMEC or AMEC. Fetches before the TLBI cannot help it."""
        number = self.slots[state.ACTING]
        if self._mec_controls is None or self._mec_controls[0] != number or not number:
            self._mec_controls = number, mec_controls(self.acting, self.features)
        stale = stale_control(self._mec_controls[1], request, translation)
        if stale is not None:
            self.caches.log.distrust()
            self.emit(StaleControlUsed(self.moment(), request, translation, *stale))

    def _pieces(self, va: int, size: int, access: Access, mode: Mode, align: int) -> list[tuple[int, int, Located]]:
        """(va, size, where) for each page an access touches; every page is checked before anything happens."""
        request = self._request(va, size, access, mode, align)
        self._note_access(va, size, access, mode)
        first = PAGE - (va & PAGE - 1)
        if first >= size:
            where = self.locate(request)
            if mode is Mode.ATOMIC and access is Access.READ:
                where = self.locate(self._request(va, size, Access.WRITE, mode, align))
            self.check_watchpoints(request, size, mode is Mode.ATOMIC)
            self.located = where
            return [(va, size, where)]
        self.located = None
        start = self.locate(request)
        second = self._request((va + first) & state.MASK64, size - first, access, mode)
        end = self.locate(Request(second.va, access, second.el, second.regime, second.security, 1,
                                  unprivileged=second.unprivileged, honours_pan=second.honours_pan))  # fmt: skip
        if end.is_device:
            fault = Fault(FaultKind.ALIGNMENT, 0, "unaligned access to Device memory")
            self.exceptions.abort(fault, second)
            raise Abandoned
        self.check_watchpoints(request, size)
        return [(va, first, start), (second.va, size - first, end)]

    def check_watchpoints(self, request: Request, size: int, is_atomic: bool = False) -> None:
        """Take the Watchpoint exception of an access that nothing else stands in the way of."""
        if not self.debug.matches_data:
            return
        writes = request.access is Access.WRITE
        if self.debug.check_access(
            request.va, size, 0 if request.unprivileged else request.el, reads=not writes or is_atomic,
            writes=writes or is_atomic, is_maintenance=request.is_cache_maintenance,
        ):  # fmt: skip
            raise Abandoned

    def _note_access(self, va: int, size: int, access: Access, mode: Mode) -> None:
        """As native code does for the accesses it makes itself."""
        flags = state.LAST_ACCESS_WRITE if access is Access.WRITE else 0
        self.slots[state.LAST_ACCESS_VA] = va
        self.slots[state.LAST_ACCESS_INFO] = size | mode.value << 8 | flags | state.LAST_ACCESS_VALID

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

    def load(self, va: int, size: int, mode: Mode = Mode.NORMAL, align: int = 0) -> int:
        """A data load as the guest makes it; raises Abandoned after taking an exception."""
        value = shift = 0
        pieces = self._pieces(va, size, Access.READ, mode, align)
        for at, length, where in pieces:
            value |= self._read(at, length, where, Access.READ) << shift
            shift += 8 * length
        if self.watch is not None:
            self.watch.loaded(va, size, value, pieces)
        return value

    def store(self, va: int, size: int, value: int, mode: Mode = Mode.NORMAL, align: int = 0) -> None:
        """A data store as the guest makes it; raises Abandoned after taking an exception."""
        pieces = self._pieces(va, size, Access.WRITE, mode, align)
        stored = None if self.watch is None else self.watch.storing(va, size, value, pieces)
        for at, length, where in pieces:
            self._write(at, length, value & (1 << 8 * length) - 1, where)
            value >>= 8 * length
        if stored is not None:
            stored()

    def fetch(self, pc: int) -> int:
        """The instruction word at pc; raises Abandoned after taking an exception."""
        if pc & 3:
            self.exceptions.take(self.exceptions.general_target(), EC.PC_ALIGNMENT, far=pc)
            raise Abandoned
        where = self.locate(self._request(pc, 4, Access.FETCH, Mode.NORMAL))
        if self.debug.matches_code and self.debug.check_fetch(pc):
            raise Abandoned
        self.located = where
        word = self._read(pc, 4, where, Access.FETCH)
        if self.slots[state.IL]:
            self.exceptions.take(self.exceptions.general_target(), EC.ILLEGAL_STATE)
            raise Abandoned
        if where.translation.is_guarded:
            self.slots[state.GUARDED] = 1
            kind = self.branch_type
            if kind and not self.is_landing_pad(word, kind):
                self.exceptions.take(self.exceptions.general_target(), EC.BRANCH_TARGET, kind)
                raise Abandoned
        return word

    def fp(self, operation: Fp, width: int, a: int, b: int, c: int) -> int:
        """A floating-point operation under FPCR; its exceptions accumulate in FPSR."""
        result, flags = evaluate(operation, width, a, b, c, self.slots[state.FPCR])
        self.slots[state.FPSR] |= flags
        return result

    def answer(self, query: Query, a: int, b: int) -> int:
        """What an instruction asked for (`Ops.ask`); raises Abandoned after taking an exception."""
        if query is Query.BRANCH_TYPE:
            self.set_branch_type(a, b & 0xFF, b >> 8)
            return 0
        return self.authentication.answer(query, a, b)

    # Branch target identification.

    @property
    def branch_type(self) -> int:
        """PSTATE.BTYPE. The slot keeps its value until the next branch sets it; only the instruction after counts."""
        slots = self.slots
        if not slots[state.BTYPE] or self.instructions != slots[state.BTYPE_SET] + 1:
            return 0
        return slots[state.BTYPE] if "FEAT_BTI" in self.features.isa else 0

    def set_branch_type(self, target: int, otherwise: int, guarded: int) -> None:
        """PSTATE.BTYPE for the next instruction; the page that this one is fetched from chooses the value."""
        slots = self.slots
        kind = otherwise
        if slots[state.GUARDED]:
            where = self.mmu.look(self._request(slots[state.PC], 4, Access.FETCH, Mode.NORMAL))
            if where is not None and where.translation.is_guarded:
                kind = guarded
            self._check_fetch(target)
        slots[state.BTYPE], slots[state.BTYPE_SET] = kind, self.instructions

    def return_branch_type(self, kind: int) -> None:
        """PSTATE.BTYPE as an exception return brings it back, for the instruction at the PC."""
        slots = self.slots
        slots[state.BTYPE], slots[state.BTYPE_SET] = kind, self.instructions
        if kind:
            self._check_fetch(slots[state.PC])

    def _check_fetch(self, va: int) -> None:
        """Have the next fetch of an address come here, however often engines have seen its page."""
        for listener in self._listeners:
            listener.forget_fetch(va)

    def is_landing_pad(self, word: int, kind: int) -> bool:
        """Whether an instruction in a guarded page may be branched to with this PSTATE.BTYPE."""
        if word & 0xFFFF_FF3F == 0xD503_241F:  # BTI, with bit 6 for calls and bit 7 for jumps
            calls, jumps = word >> 6 & 1, word >> 7 & 1
            return bool((calls and kind != 3) or (jumps and kind != 2))
        if word & 0xFFFF_FFBF == 0xD503_233F:  # PACIASP, PACIBSP
            strict = self.regs[sctlr_name(self.regime)] >> (36 if self.slots[state.EL] else 35) & 1
            return kind != 3 or not strict
        return word & 0xFFE0_001F in (0xD420_0000, 0xD440_0000)  # BRK, HLT

    def decode(self, word: int) -> Decoded | None:
        """The instruction a word encodes on this machine; None for one of a feature it lacks."""
        decoded = A64.decode(word)
        if decoded is None or not decoded.encoding.feature or decoded.encoding.feature in self.features.isa:
            return decoded
        return None

    def _read(self, va: int, size: int, where: Located, access: Access) -> int:
        memory = self.memory
        offset = memory.ram_offset(where.pa)
        if offset is None:
            device = memory.device_of(where.pa, where.pas)
            if device is None or access is Access.FETCH:
                self._external_abort(va, size, access, where.pa)
            assert device is not None
            return device.read(where.pa - device.base, size) & (1 << 8 * size) - 1
        if memory.cache is not None and self.is_cached(where, access):
            value, mismatch = memory.cache.read(where.pa, size, where.pas, where.mecid)
        else:
            value, mismatch = memory.encrypted.load(offset, size, memory.encrypted.owner_id(where.pas, where.mecid))
        if mismatch:
            self._hit(VA(va), where, access, size, mismatch, offset)
        return value

    def is_cached(self, where: Located, access: Access) -> bool:
        """Whether an access of the present regime goes through the data cache."""
        if self.memory.cache is None:
            return False
        return is_cacheable_access(where.translation, access, self.regime, self.acting)

    def _write(self, va: int, size: int, value: int, where: Located) -> None:
        memory = self.memory
        offset = memory.ram_offset(where.pa, is_store=True)
        if offset is None:
            device = memory.device_of(where.pa, where.pas)
            if device is None:
                self._external_abort(va, size, Access.WRITE, where.pa)
            assert device is not None
            device.write(where.pa - device.base, size, value)
            return
        writer = self.writer(flags_of(self.slots[state.EL], self.security, where.source))
        if self.is_cached(where, Access.WRITE):
            self._store_cached(
                where.pa, size, value, where.pas, where.mecid, writer, is_write_back=is_write_back(where.attributes)
            )
        else:
            self.store_at(offset, size, value, memory.encrypted.owner_id(where.pas, where.mecid), writer)

    def _store_cached(
        self, pa: PA, size: int, value: int, pas: PAS, mecid: int, writer: Words, *, is_write_back: bool = True
    ) -> None:
        memory = self.memory
        assert memory.cache is not None
        memory.cache.write(pa, size, value, pas, mecid, writer, is_write_back=is_write_back)
        marked = memory.notice(pa, size)
        if marked is not None:
            self.code_written(*marked)

    def writer(self, flags: int) -> Words:
        """The record of a store by the present instruction; `flags` are those of `emu.mec.writers.flags_of`."""
        return words_of(self.instructions, self.slots[state.PC], flags)

    def store_at(self, offset: int, size: int, value: int, owner: int, writer: Words) -> None:
        """A store that has been translated: to an arena offset, under an owner id."""
        memory = self.memory
        encrypted = memory.encrypted
        is_wanted = self.wants(OwnerChanged) or self.wants(FirstOwner)
        kept = encrypted.writers_of(offset, size) if is_wanted else []
        result = memory.store(offset, size, value, owner, writer)
        if result.changes and is_wanted:
            moment = None
            for change in result.changes:
                kind = OwnerChanged if change.before else FirstOwner
                if not self.wants(kind):
                    continue
                moment = moment or self.moment()
                before = encrypted.owner(change.before) if change.before else None
                self.emit(
                    kind(
                        moment, memory.physical(change.offset), before, encrypted.owner(owner), change.is_partial,
                        None if before is None else encrypted.earlier_writer(change, before, offset, kept),
                    )
                )  # fmt: skip
        if result.touched_code:
            if encrypted.model == "substitute":
                offset, size = offset & ~(PAGE - 1), PAGE
            self.code_written(offset, size)

    def zero_block(self, va: int, size: int) -> None:
        """DC ZVA: an ordinary store of zeros to a naturally aligned block; Device memory faults."""
        given = VA(va)  # what FAR_ELx tells about, though the whole block is written
        va &= ~(size - 1)
        request = replace(self._request(va, size, Access.WRITE, Mode.NORMAL), is_zeroing=True)
        self._note_access(va, size, Access.WRITE, Mode.NORMAL)
        where = self.locate(request, given)
        self.check_watchpoints(request, size)
        self.located = where
        stored = None if self.watch is None else self.watch.storing(va, size, 0, [(va, size, where)])
        self._write(va, size, 0, where)
        if stored is not None:
            stored()

    def _external_abort(self, va: int, size: int, access: Access, pa: PA) -> None:
        reason = f"nothing answers at physical address {pa:#x}"
        self.exceptions.abort(Fault(FaultKind.EXTERNAL, 0, reason), self._request(va, size, access, Mode.NORMAL))
        raise Abandoned

    def _hit(self, va: VA, where: Located, access: Access, size: int, owner: int, offset: int) -> None:
        hit = Hit(
            self.moment(), va, where.pa, access, size, where.pas, where.mecid, where.source,
            self.memory.encrypted.owner(owner), self._writer_under(owner, offset),
        )  # fmt: skip
        self._record(hit)

    def _writer_under(self, owner: int, offset: int) -> Writer | None:
        """Who stored to a block under this owner id; None when others have since, and a cache line is older."""
        encrypted = self.memory.encrypted
        writer = encrypted.last_writer(offset)
        return writer if writer is not None and writer.owner == encrypted.owner(owner) else None

    def _walk_stores(self, pa: PA, pas: PAS, mecid: int, value: int, is_cacheable: bool) -> None:
        """A hardware update of a descriptor, on behalf of the present instruction."""
        flags = flags_of(self.slots[state.EL], self.security, self.mmu.walk_source(), is_walk=True)
        memory, writer = self.memory, self.writer(flags)
        if is_cacheable and memory.cache is not None:
            self._store_cached(pa, 8, value, pas, mecid, writer)
            return
        offset = memory.ram_offset(pa, is_store=True)
        assert offset is not None
        self.store_at(offset, 8, value, memory.encrypted.owner_id(pas, mecid), writer)

    def _walk_mismatch(self, pa: PA, pas: PAS, mecid: int, owner: int) -> None:
        offset = self.memory.ram_offset(pa)
        assert offset is not None
        hit = Hit(
            self.moment(), None, pa, Access.WALK, 8, pas, mecid, self.mmu.walk_source(),
            self.memory.encrypted.owner(owner), self._writer_under(owner, offset), *self.mmu.walk_table(),
        )  # fmt: skip
        self._record(hit)

    # Snapshots: the slots that are the architecture's, not an engine's.

    def architectural_state(self) -> bytes:
        slots = self.slots
        last = slots[state.AFTER_TRANSITION : state.AFTER_TRANSITION + 1]
        return bytes(slots[: state.STOP]) + bytes(slots[state.FPCR : state.LOAD_TLB]) + bytes(last)

    def restore_architectural_state(
        self, kept: bytes, pending: dict[str, Pending] | None = None, last_access: Request | None = None
    ) -> None:
        words = memoryview(kept).cast("Q")
        self.slots[: state.STOP] = words[: state.STOP]
        self._restored_access = last_access
        self.slots[state.LAST_ACCESS_INFO] = self.slots[state.EARLIER_INFO] = 0
        self.slots[state.FPCR : state.LOAD_TLB] = words[state.STOP : -1]
        self.slots[state.AFTER_TRANSITION] = words[-1]
        self.permissions.forget()
        self.transitions.forget()
        self.contexts.changed()
        self.authentication.forget()
        self.synchronisation.restore(pending or {})
        self.context_changed()

    def _record(self, hit: Hit) -> None:
        self.hit_count += 1
        if len(self.hits) < MOST_KEPT:
            self.hits.append(hit)
        self.emit(hit)

    # Looking without touching.

    def peek_word(self, va: int) -> int | None:
        """The instruction word a fetch would see; None where it would fault. Changes nothing."""
        data = self.peek_bytes(va, 4, Access.FETCH)
        return None if data is None else int.from_bytes(data, "little")

    def peek_bytes(self, va: int, size: int, access: Access = Access.READ) -> bytes | None:
        """What an access of the current context would see, page by page; None where any of it would fault."""
        seen = bytearray()
        with self.memory.unobserved():
            while size:
                length = min(size, PAGE - (va & PAGE - 1))
                where = self.mmu.look(self._request(va, 1, access, Mode.NORMAL))
                if where is None or self.memory.ram_offset(where.pa) is None:
                    return None
                if self.memory.cache is not None and self.is_cached(where, access):
                    value, _ = self.memory.cache.look(where.pa, length, where.pas, where.mecid)
                    seen += value.to_bytes(length, "little")
                else:
                    seen += self.memory.view_as(where.pa, length, where.pas, where.mecid)
                va, size = (va + length) & state.MASK64, size - length
        return bytes(seen)

    # The engines' door.

    def escape(self, kind: Escape, word: int) -> bool:
        """Do what straight-line code cannot. True when the state's PC says where to go on."""
        try:
            return self.system.execute(kind, word)
        except Abandoned:
            return True

    def begin_run(self) -> None:
        """A run (or step) begins here: a breakpoint on this very instruction has been seen already."""
        self._resumed_at = self.instructions
        self.stop = None
        self.slots[state.STOP] = 0

    def stops_before(self, pc: int) -> bool:
        """Whether a breakpoint ends the run before the instruction at pc."""
        stops = self.code_stops
        return stops is not None and self.instructions != self._resumed_at and stops.stops_before(pc)

    def request_stop(self) -> None:
        """Leave before the next instruction; safe from any thread."""
        self.slots[state.STOP] = 1

    def end_run(self, stop: Stop) -> None:
        """Leave after the present instruction. The guest's own end comes before what a debugger waits for."""
        if self.stop is None or (stop.reason in ENDS and self.stop.reason not in ENDS):
            self.stop = stop
        self.slots[state.STOP] = 1
