"""One CPU: its state by name, its memory accesses, and the door that engines use for everything out of line."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from emu import state
from emu.accesses import Accesses
from emu.architecture import PAGE, Access
from emu.authentication import Authentication
from emu.caches import Caches
from emu.context import Contexts
from emu.debug.events import (
    ENDS,
    Event,
    Hit,
    Stop,
    TlbEvicted,
    TlbFilled,
)
from emu.exceptions import Abandoned, Exceptions
from emu.features import Features
from emu.fp.operations import evaluate
from emu.isa.a64 import A64
from emu.isa.ops import Escape, Fp, Mode, Query
from emu.isa.pattern import Decoded
from emu.mec.selection import MecControls
from emu.memory import PhysicalMemory
from emu.monitors import Monitors
from emu.permissions import Permissions
from emu.register_views import SystemRegisters
from emu.registers.file import RegisterFile
from emu.registers.pending import Pending
from emu.registers.table import BY_NAME
from emu.self_hosted_debug import SelfHostedDebug
from emu.state import State
from emu.synchronisation import Sync, Synchronisation
from emu.system import System
from emu.transitions import Transitions
from emu.translation.mmu import Located, Mmu
from emu.translation.records import Request
from emu.translation.tlb_entry import TlbEntry

if TYPE_CHECKING:
    from emu.debug.stops.code import CodeStops
    from emu.debug.stops.watch import AccessWatch

_SP_SLOTS = (state.SP_EL0, state.SP_EL1, state.SP_EL2, state.SP_EL3)


class TranslationListener(Protocol):
    """An engine's own cache over translations (the software TLB)."""

    def enter(self, key: object) -> None:
        """Translations are now those of this context."""
        ...

    def enter_none(self) -> None:
        """Nothing may be cached until the next `enter`."""
        ...

    def flush(self) -> None: ...
    def ask_again(self) -> None: ...
    def forget_fetch(self, va: int) -> None: ...
    def drop(self, va: int, size: int) -> None: ...
    def drop_physical(self, first: int, last: int) -> None: ...


class Cpu(Accesses):
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
        """As they act under a combination of register values, by its number and age."""
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

    @property
    def sysreg(self) -> SystemRegisters:
        """System registers by the manual's name; raw access without traps."""
        return SystemRegisters(self)

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

    def watch_uses(self) -> None:
        """From here on the TLB knows which of its entries are used."""
        for listener in self._listeners:
            listener.ask_again()
        self.mmu.tlb.uses.watch()

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

    def decode(self, word: int) -> Decoded | None:
        """The instruction a word encodes on this machine; None for one of a feature it lacks."""
        decoded = A64.decode(word)
        if decoded is None or not decoded.encoding.feature or decoded.encoding.feature in self.features.isa:
            return decoded
        return None

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
            return self.system.handlers[kind](word)
        except Abandoned:
            return True

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
