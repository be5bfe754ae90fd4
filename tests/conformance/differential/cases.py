"""Random cases of one encoding class: words, and a state in which they do something."""

from __future__ import annotations

import random
from dataclasses import dataclass

from emu.isa.a64 import A64
from emu.isa.pattern import EncodingClass, Fields
from tests.conformance.differential import layout as at
from tests.conformance.differential import operands
from tests.conformance.differential.layout import State
from tests.engines.words import random_word

CLREX = 0xD503_3F5F
_MEMORY = ("memory", "atomic", "simd_memory")
_BRANCHES = ("branch_immediate", "branch_conditional", "compare_and_branch", "test_and_branch", "branch_register",
             "branch_conditional_hinted")  # fmt: skip
_FLOATING = ("fp_", "simd_fp", "simd_bfloat")
PRIVILEGED_ELSEWHERE = (
    "exception_return", "exception_return_authenticated", "hypervisor_call", "secure_monitor_call",
)  # fmt: skip
"""At EL1 these leave for states and levels that the other machines do not have; at EL0 they are cases like others."""

# The registers and operations that both sides have and that do not change the machine under the cases.
_READABLE = [*((3, 3, 4, 2, 0), (3, 3, 4, 4, 0), (3, 3, 4, 4, 1), (3, 3, 13, 0, 2), (3, 0, 4, 2, 2), (3, 0, 4, 2, 0),
             (3, 0, 4, 2, 3), (3, 0, 4, 2, 4), (3, 3, 4, 2, 1))]  # fmt: skip
_RANDOM = [(3, 3, 2, 4, 0), (3, 3, 2, 4, 1)]
_BY_FEATURE = {"FEAT_DIT": (3, 3, 4, 2, 5), "FEAT_SSBS2": (3, 3, 4, 2, 6)}
_PSTATE = {(3, 2): "FEAT_DIT", (3, 1): "FEAT_SSBS2"}
_OTHER_PSTATE = {(1, 0), (3, 3), (3, 4)}
"""(op1, op2) of ALLINT, PM, SVCR and TCO, which newer machines have."""
_STACK_SELECT = (3, 0, 4, 2, 0)
_OPERATIONS = [(3, 7, 10, 1), (3, 7, 11, 1), (3, 7, 14, 1), (3, 7, 5, 1), (0, 7, 5, 0), (0, 8, 7, 0), (0, 8, 7, 1)]
_OPERATION_FEATURES = {"FEAT_DPB": (3, 7, 12, 1), "FEAT_DPB2": (3, 7, 13, 1)}


def group(encoding: EncodingClass) -> str:
    """The file that defines a class."""
    return encoding.semantics.__module__.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Case:
    """Words at the slot that `state.pc` names; the last one is of the class that is tried."""

    encoding: EncodingClass
    words: tuple[int, ...]
    state: State


class Background:
    """What a batch of cases has in common: the registers that no word names, and what memory holds."""

    def __init__(self, source: random.Random) -> None:
        self.x = [operands.integer(source) for _ in range(31)]
        self.v = [source.getrandbits(128) for _ in range(32)]
        self.pattern = b"".join(
            operands.floats(source, source.choice((16, 32, 64))).to_bytes(16, "little")
            if source.random() < 0.3
            else source.getrandbits(128).to_bytes(16, "little")
            for _ in range(at.WINDOW_SIZE // 16)
        )

    def window(self, address: int, size: int) -> int:
        return int.from_bytes(self.pattern[address - at.WINDOW : address - at.WINDOW + size], "little")


class Maker:
    """Makes cases of a class for an implementation with some features.

    `combinations` limits how many values of the static fields are tried, each of which costs a native handler.
    """

    def __init__(
        self, encoding: EncodingClass, isa: frozenset[str], source: random.Random, spsel: int, combinations: int | None
    ) -> None:
        self.encoding, self._isa, self._source, self._spsel = encoding, isa, source, spsel
        choices = list(encoding.combinations())
        source.shuffle(choices)
        self._combinations = [
            combination for combination in choices if random_word(encoding, source, combination, tries=40) is not None
        ][:combinations]
        self._next = 0

    def _word(self) -> int:
        """A word of the next combination of static fields that is allocated."""
        self._next = (self._next + 1) % len(self._combinations)
        word = random_word(self.encoding, self._source, self._combinations[self._next])
        assert word is not None
        return word

    def make(self, slot: int, el: int, background: Background, *, has_branch_types: bool) -> Case | None:
        """One case; None where this try gave a word that cannot be compared."""
        source, name = self._source, self.encoding.name
        pc = at.SLOTS + slot * at.SLOT_SIZE
        word = self._prepared(self._word(), pc)
        if word is None:
            return None
        fields = self.encoding.extract(word)
        state = self._state(fields, pc, el, background)
        words = (word,)
        if group(self.encoding) in _MEMORY:
            words = self._memory(word, fields, state, background)
        elif name in ("move_to_system", "system_instruction", "system_instruction_with_result"):
            self._system_operand(word, fields, state)
        elif name in ("branch_register", "branch_authenticated", "return_authenticated"):
            words = self._branch(word, fields, state)
        elif name == "load_authenticated":
            words = self._authenticated_load(word, fields, state)
        elif group(self.encoding) == "extensions_memory":
            words = self._copy(word, fields, state)
        elif group(self.encoding) == "extensions_pointer" or name == "hint":
            words = self._pointer(word, fields, state)
        if has_branch_types and "FEAT_BTI" in self._isa and len(words) == 1 and source.random() < 0.1:
            state.pstate |= source.randrange(4) << 10
        return Case(self.encoding, words, state)

    def _state(self, fields: Fields, pc: int, el: int, background: Background) -> State:
        source = self._source
        x, v = list(background.x), list(background.v)
        floating = group(self.encoding).startswith(_FLOATING)
        places = [fields[name] for name in ("rd", "rn", "rm", "ra", "rs", "rt", "rt2") if name in fields]
        for number in places:
            if number < 31:
                x[number] = operands.integer(source)
        for number, value in zip(places, operands.vectors(source, len(places), floating), strict=True):
            v[number] = value
        if "len" in fields:  # a table's registers follow the first one
            v[fields["rm"]] = sum(source.randrange(80) << 8 * i for i in range(16))
        pstate = source.getrandbits(4) << 28 | 0x3C0 | el << 2 | (self._spsel if el else 0)
        if "FEAT_DIT" in self._isa:
            pstate |= source.getrandbits(1) << 24
        if "FEAT_SSBS" in self._isa:
            pstate |= source.getrandbits(1) << 12
        sp = at.WINDOW + at.WINDOW_SIZE // 2
        return State(x, sp, pc, pstate, operands.fpcr(source), operands.fpsr(source), v)

    def _prepared(self, word: int, pc: int) -> int | None:
        """The word with the fields that would leave the map brought back into it; None if it cannot be compared."""
        source, encoding = self._source, self.encoding
        name = encoding.name
        fields = encoding.extract(word)
        if name in _BRANCHES and name != "branch_register":
            field, width = next((n, encoding.fields[n][1]) for n in ("imm26", "imm19", "imm14") if n in fields)
            target = pc + 4 * ((fields[field] ^ 1 << width - 1) - (1 << width - 1))
            return word if self._may_arrive(target) else None
        if "imm19" in fields:
            target = source.choice((at.LOW + source.randrange(0x3F0), at.WINDOW + source.randrange(0x3F0)))
            offset = target - pc >> 2
            if not -(1 << 18) <= offset < 1 << 18:
                return None
            return word & ~(0x7_FFFF << 5) | (offset & 0x7_FFFF) << 5
        if name == "hint":
            is_waiting = fields["CRm"] == 0 and fields["op2"] in (2, 3)
            return None if is_waiting else word
        if name == "halt":
            return None if fields["imm16"] == 0xF000 else word
        if name == "wait_with_timeout":
            return word | 31  # a time that has passed
        if name in ("move_from_system", "move_to_system"):
            return self._system_register(word, is_read=name == "move_from_system")
        if name.startswith("system_instruction"):
            known = _OPERATIONS + [value for feature, value in _OPERATION_FEATURES.items() if feature in self._isa]
            op1, crn, crm, op2 = source.choice(known)
            word = word & ~(0x7_FFE0) | op1 << 16 | crn << 12 | crm << 8 | op2 << 5
            has_none = (crn == 8 and op2 == 0) or (op1, crm) == (0, 5)
            if not has_none and word & 31 == 31:
                return None
            return word | 31 if has_none else word
        if name.startswith("move_to_pstate"):
            return self._pstate_word(word)
        return word

    def _may_arrive(self, target: int) -> bool:
        """Nothing may be at a branch's target but breakpoints, or nothing at all."""
        if at.SLOTS <= target < at.SLOTS + at.SLOT_COUNT * at.SLOT_SIZE:
            return target % at.SLOT_SIZE >= 0x20
        return target >= at.BASE + at.RAM_SIZE * 8 or target < at.BASE

    def _system_register(self, word: int, *, is_read: bool) -> int:
        source = self._source
        known = _READABLE + [value for feature, value in _BY_FEATURE.items() if feature in self._isa]
        if is_read and "FEAT_RNG" in self._isa:
            known += _RANDOM
        if self._spsel:
            known.remove(_STACK_SELECT)
        op0, op1, crn, crm, op2 = source.choice(known)
        if (op0, op1, crn, crm, op2) == (3, 0, 4, 2, 2) and not is_read:  # CurrentEL
            op2 = 3
        return word & ~0xF_FFE0 | (op0 & 1) << 19 | op1 << 16 | crn << 12 | crm << 8 | op2 << 5

    def _system_operand(self, word: int, fields: Fields, state: State) -> None:
        """Values of FPCR and FPSR that mean the same everywhere; addresses that are mapped."""
        if fields["rt"] == 31:
            return
        if self.encoding.name != "move_to_system":
            state.x[fields["rt"]] = self._target(may_miss=False)
        elif fields["CRm"] == 4:
            state.x[fields["rt"]] = (operands.fpsr if fields["op2"] else operands.fpcr)(self._source)

    def _pstate_word(self, word: int) -> int | None:
        place = (word >> 16 & 7, word >> 5 & 7)
        stacks = place == (0, 5) and self._spsel
        return (
            None if stacks or place in _OTHER_PSTATE or (place in _PSTATE and _PSTATE[place] not in self._isa) else word
        )

    # Memory.

    def _target(self, alignment: int = 1, *, may_be_unaligned: bool = False, may_miss: bool = True) -> int:
        """An address around which 128 bytes to either side are in the window; now and then nowhere."""
        source = self._source
        if may_miss and source.random() < 0.02:
            return source.choice((0x1_0000_0000, 1 << 47, M64_TOP, source.getrandbits(64) | 1 << 40)) & ~(alignment - 1)
        address = at.WINDOW + 0x80 + source.randrange(at.WINDOW_SIZE - 0x100)
        return address & ~(alignment - 1) if source.random() < 0.9 or not may_be_unaligned else address

    def _set_base(self, fields: Fields, state: State, address: int) -> None:
        address &= operands.M64
        if fields["rn"] == 31:
            state.sp = address
        else:
            state.x[fields["rn"]] = address

    def _memory(self, word: int, fields: Fields, state: State, background: Background) -> tuple[int, ...]:
        source, name = self._source, self.encoding.name
        if "rn" not in fields:
            return (word,)
        is_ordered = group(self.encoding) == "atomic" or "exclusive" in name or "acquire" in name
        words = self._exclusive(word, fields) if "exclusive" in name else (word,)
        # Whether a store without a reservation finds out that it is unaligned is IMPLEMENTATION DEFINED.
        may_fault = "FEAT_LSE2" in self._isa and words[:2] != (CLREX, word)
        target = self._target(16 if is_ordered else source.choice((1, 1, 8, 16)), may_be_unaligned=may_fault)
        offset = self._offset(fields, state)
        self._set_base(fields, state, target - offset)
        if name.startswith("compare_and_swap") and at.WINDOW <= target < at.WINDOW + 0x300 and source.random() < 0.6:
            size = 8 << fields["sz"] if "sz" in fields else 1 << fields["size"]
            element = size // 2 if "sz" in fields else size
            for number in range(size // element):
                if fields["rs"] + number < 31 and fields["rs"] + number != fields["rn"]:
                    held = background.window(target + number * element, element)
                    state.x[fields["rs"] + number] = held | source.getrandbits(64) << 8 * element & operands.M64
        return words

    def _exclusive(self, word: int, fields: Fields) -> tuple[int, ...]:
        """A store behind a load of the same kind, mostly; a load before a store."""
        source = self._source
        pair, size = word >> 21 & 1, word >> 30
        if not word >> 22 & 1:
            if source.random() < 0.25:
                return (CLREX, word)
            used = {fields["rs"], fields["rn"], fields["rt"], fields.get("rt2", 31)}
            free = [number for number in range(31) if number not in used]
            one, two = source.sample(free, 2)
            load = size << 30 | 0x0840_0000 | pair << 21 | 31 << 16 | (two if pair else 31) << 10
            return (CLREX, load | fields["rn"] << 5 | one, word)
        return (CLREX, word)

    def _offset(self, fields: Fields, state: State) -> int:
        """What the instruction adds to its base before the access."""
        name, source = self.encoding.name, self._source
        scale = fields.get("wide", 0) << 2 | fields.get("size", 0)
        if "imm12" in fields:
            return fields["imm12"] << scale
        if "imm9" in fields:
            return 0 if fields.get("index") == 1 else (fields["imm9"] ^ 0x100) - 0x100
        if "imm7" in fields:
            scale = 2 + fields["opc"] if name.startswith("simd") else 2 + (fields["opc"] >> 1)
            return 0 if fields["index"] == 1 else ((fields["imm7"] ^ 0x40) - 0x40) << scale
        if "option" in fields:
            rm = fields["rm"]
            if rm < 31 and rm == fields["rn"]:
                return 0
            if rm < 31 and source.random() < 0.5:
                state.x[rm] = source.choice((0, 8, 16, 40, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFF8, operands.M64 - 7))
            value = 0 if rm == 31 else state.x[rm]
            if not fields["option"] & 1:
                value &= 0xFFFF_FFFF
                if fields["option"] == 6:
                    value = (value ^ 1 << 31) - (1 << 31)
            return value << (scale if fields["S"] else 0)
        return 0

    # Branches and pointers.

    def _goal(self) -> int:
        """Where a branch through a register may go."""
        source = self._source
        goal = at.SLOTS + source.randrange(at.SLOT_COUNT) * at.SLOT_SIZE + 0x20 + 4 * source.randrange(20)
        kind = source.random()
        if kind < 0.1:
            return goal + source.randrange(4)
        if kind < 0.2:
            return goal | source.getrandbits(8) << 56
        return goal if kind < 0.8 else source.randrange(0x2_0000_0000, 1 << 38) & ~3

    def _branch(self, word: int, fields: Fields, state: State) -> tuple[int, ...]:
        source, name = self._source, self.encoding.name
        if name == "branch_register":
            if fields["rn"] < 31:
                state.x[fields["rn"]] = self._goal()
                return (word,)
            return ()
        is_return = name == "return_authenticated"
        pointer = 30 if is_return else fields["rn"]
        if pointer == 31:
            return ()
        state.x[pointer] = self._goal() & ~(3 << 62) & (1 << 39) - 1
        if source.random() < 0.1:
            return (word,)
        key = fields["M"]
        if is_return:
            sign = 0xDAC1_0000 | key << 10 | 31 << 5 | 30
        elif fields["Z"]:
            modifier = fields["rm"]
            if modifier == pointer:
                return ()
            sign = 0xDAC1_0000 | key << 10 | modifier << 5 | pointer
        else:
            sign = 0xDAC1_2000 | key << 10 | 31 << 5 | pointer
        return (sign, word)

    def _authenticated_load(self, word: int, fields: Fields, state: State) -> tuple[int, ...]:
        if fields["rn"] == 31 or (fields["W"] and fields["rn"] == fields["rt"]):
            return ()
        offset = (fields["S"] << 9 | fields["imm9"]) << 3
        offset = (offset ^ 1 << 12) - (1 << 12)
        self._set_base(fields, state, self._target(may_miss=False) - offset)
        if self._source.random() < 0.1:
            return (word,)
        return (0xDAC1_2000 | (2 | fields["M"]) << 10 | 31 << 5 | fields["rn"], word)

    def _pointer(self, word: int, fields: Fields, state: State) -> tuple[int, ...]:
        """Canonical pointers mostly, and behind the signing instruction its authentication, or another one's."""
        source, name = self._source, self.encoding.name
        canonical = source.choice((0, (1 << 25) - 1)) << 39 | source.getrandbits(39)
        pointers = [fields["rd"]] if "rd" in fields else [30, 17]
        for number in pointers:
            if number < 31 and source.random() < 0.8:
                state.x[number] = canonical
        if name == "exception_return_authenticated" or source.random() < 0.5:
            return (word,)
        if name in ("authentication_code", "authentication_code_zero") and fields["opcode"] & 4:
            other = word & ~(7 << 10) | (source.randrange(4) if source.random() < 0.2 else fields["opcode"] & 3) << 10
            if fields.get("rn") != fields["rd"]:
                return (other, word)
        if name == "hint" and fields["op2"] & 4 and (fields["CRm"] == 3 or (fields["CRm"] == 1 and not word & 0x20)):
            return (word & ~(4 << 5), word)
        return (word,)

    def _copy(self, word: int, fields: Fields, state: State) -> tuple[int, ...]:
        """The three stages of a copy or of a set; how far each one gets is the implementation's choice."""
        source = self._source
        if self.encoding.name == "memory_set":
            words = tuple(word & ~(3 << 14) | stage << 14 for stage in range(3))
        else:
            words = tuple(word & ~(3 << 22) | stage << 22 for stage in range(3))
        size = source.choice((0, 1, 7, 8, 16, 63, 64, 65, source.randrange(0x200)))
        halves = [at.WINDOW + source.randrange(0x201 - size), at.WINDOW + 0x200 + source.randrange(0x201 - size)]
        if word >> 26 & 1:  # only CPY* copes with places that overlap
            halves = [at.WINDOW + source.randrange(0x401 - size) for _ in range(2)]
        source.shuffle(halves)
        state.x[fields["rd"]], state.x[fields["rn"]] = halves[0], size
        if self.encoding.name != "memory_set":
            state.x[fields["rs"]] = halves[1]
        return words


M64_TOP = 0xFFFF_FFFF_FFFF_0000
CLASSES = list(A64.classes)
__all__ = ["CLASSES", "PRIVILEGED_ELSEWHERE", "Background", "Case", "Maker", "group"]
