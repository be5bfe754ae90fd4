"""The CPU state: one flat buffer of 64-bit slots, declared once, read by Python and by native code alike."""

from __future__ import annotations

import ctypes

# General registers. Slot 31 always holds 0 (XZR); slot 32 is the stack pointer in use.
X0 = 0
XZR = 31
SP = 32
PC = 33
# Condition flags, each 0 or 1.
N, Z, C, V = 34, 35, 36, 37
# The rest of PSTATE (Arm ARM D1.4). EL is 0-3; SPSEL 0 or 1; DAIF is the four mask bits {D,A,I,F}.
EL, SPSEL, DAIF, PAN, UAO, SS, IL = 38, 39, 40, 41, 42, 43, 44
# Banked stack pointers; the one in use lives in SP and is stored back when EL or SPSel changes.
SP_EL0, SP_EL1, SP_EL2, SP_EL3 = 45, 46, 47, 48
# Local exclusive monitor: 1 when armed, with the virtual address and the size in bytes it covers.
EXCLUSIVE, EXCLUSIVE_VA, EXCLUSIVE_SIZE = 49, 50, 51
EVENT = 52  # the event register of WFE
TAG_CLEAR_LOW, TAG_CLEAR_HIGH, TAG_SET_HIGH = 54, 55, 60
"""What a branch does to its target's top byte where TBI applies: bits cleared while bit 55 is 0, bits cleared and
bits set while it is 1 (AArch64.BranchAddr in the manual)."""
SP_ALIGNMENT = 53  # 15 where SCTLR_ELx.SA (SA0 at EL0) demands an aligned stack pointer, else 0

# Run control. COUNT holds the instructions executed before this call into native code, LIMIT the budget it began
# with, BUDGET what is left of it whenever Python looks; STOP makes the loop leave before the next instruction.
COUNT, LIMIT, BUDGET, STOP = 56, 57, 58, 59

# Floating point: control, cumulative status, and 1 where the present EL may not use the V registers.
FPCR, FPSR, FP_DISABLED = 112, 113, 114
# PSTATE bits of later versions of the architecture, each 0 or 1 (BTYPE: 0 to 3).
DIT, SSBS, BTYPE, ALLINT = 115, 116, 117, 118
BTYPE_SET = 119  # the instruction count of the instruction that set BTYPE: only its successor sees it
UNALIGNED_EXCLUSIVES = 121  # 1 where an exclusive access may be unaligned as long as it stays within 16 bytes
COUNTED = 122  # the instruction count up to which the performance monitors have counted
STEPPED = 123  # a software step that waits for its exception: 1 after an instruction, 2 after a load-exclusive
GUARDED = 120  # 1 once an instruction was fetched from a guarded page: branches through registers then matter

# The last data access: its address, and LAST_ACCESS_INFO = size | mode << 8 | write << 16 | 1 << 17; 0 where the
# access belongs to another exception level by now and the CPU model has taken note of it.
LAST_ACCESS_VA, LAST_ACCESS_INFO = 61, 62
LAST_ACCESS_WRITE, LAST_ACCESS_VALID = 1 << 16, 1 << 17

# Native code and Python talk through these. CONTEXT is the translation context's number, in the low bits of the
# software TLB's tags; VALUE carries a word in or out of a callback; ARENA and TAGS are host addresses.
CONTEXT, VALUE, ARENA, TAGS = 64, 65, 66, 67
HANDLER, WORD = 68, 69
# For the records of who stored, set anew for each call: their host address, and (COUNT + LIMIT) << 16.
WRITERS, WRITER_COUNT = 78, 79
# Host addresses of the callbacks into Python.
CALL_LOAD, CALL_STORE, CALL_DECODE, CALL_SYSTEM = 72, 73, 74, 75
CALL_ASK = 70  # (query, a, b), the answer in VALUE
CALL_FP = 77  # (operation, a, b), with a third operand and the result in VALUE
HOT, CALL_HOT = 80, 81  # host addresses: the counters of branch targets, and who is told that one has run out
ORIGINALS = 83  # host address: by a region's number, the handler of its first instruction
HELPER_LOAD, HELPER_STORE = 110, 111  # host addresses of what regions call (emu.engine.helpers)
DECODE_STUB = 76  # host address of the handler that decodes
# Native MSRs to registers that wait for a context synchronisation event (emu.registers.pending): host address of their
# log, records in it, and how often native code has let everything act.
WRITE_LOG, WRITES, SYNCS = 84, 87, 88
WRITE_WORDS, MOST_WRITES = 5, 64
"""A record of that log: slot, value before, value after, instruction, PC; and how many there is room for."""
# Host address of a block of words for cache maintenance by native code (emu.maintenance_log): where the next record of
# its log goes, how many there is room for, and for each operation what native code may do.
MAINTENANCE = 85
# Parts of the software TLB that entries were put into since it was blank: a bit for each PART indices.
FILLED_PARTS = 86
MAINTENANCE_NEXT, MAINTENANCE_ROOM, MAINTENANCE_MODES = 0, 1, 2
MAINTENANCE_WORDS = 3
"""Of a record: the operation's number, the instruction, the operand."""
MAINTAINS_VIRTUAL, MAINTAINS_PHYSICAL = 1, 2
"""Second word of a granted DC or IC instruction (0: DC ZVA); the third is its number in `emu.maintenance_log`."""
MAINTENANCE_ASKS, MAINTENANCE_SILENT, MAINTENANCE_LOGS = 0, 1, 2
"""What native code may do with an operation: nothing, or do it and tell nobody, or note it in the log."""
SITUATION = 82  # the number of the situation that grants are looked up by, 0 while it is not known
# What native code needs to refill the software TLB by itself (emu.engine.refill), all host addresses but for RAM_BASE,
# RAM_SIZE and REFILLED: a table of what is known of each context (0: nothing), the rows of the architectural TLB, the
# callbacks for everything else, physical RAM, the pages that may be stored to without a word, the indices of the
# software TLB that lost entries, and whether any entry there is native code's.
QUICK, TLB_ROWS, PYTHON_LOAD, PYTHON_STORE, PYTHON_DECODE = 100, 101, 102, 103, 104
RAM_BASE, RAM_SIZE, STORABLE, DROPPED, REFILLED = 105, 106, 107, 108, 109
# What barriers have to come to Python for: 0 most of the time.
BARRIERS = 71
SOMETHING_WAITS, BARRIERS_WANTED = 1, 2
"""Bits of BARRIERS: registers wait for a context synchronisation event; somebody listens to barriers."""

# Transitions: what exception entries and returns change besides the registers, and what decides whether native code may
# do them by itself (emu.transitions).
# The context that acts, by its number (emu.context); the numbers of the combinations of values that the registers that
# steer translation hold (PROGRAMMED) and that the MMU goes by (ACTING), 0 while they are not known.
HERE, PROGRAMMED, ACTING = 90, 91, 92
# The last data access of another exception level: address, information as above, and the context of its number with
# EARLIER_EL, EARLIER_PAN and EARLIER_UAO.
EARLIER_VA, EARLIER_INFO, EARLIER_PLACE = 93, 94, 95
EARLIER_EL_SHIFT, EARLIER_PAN, EARLIER_UAO, EARLIER_SHIFT = 0, 1 << 2, 1 << 3, 4
# The instruction after the last one that took an exception, the instructions in a row that did, and the instruction
# after the last one that took an exception or returned from one.
AFTER_EXCEPTION, IN_A_ROW, AFTER_TRANSITION = 96, 97, 98
# Host address of a block of words: how many rules wait for exceptions of any kind; where the next record of the log of
# exceptions goes, as a host address; how many there is room for; and the slots of SPSR_EL1, SPSR_EL2 and SPSR_EL3.
TRANSITION_BLOCK = 99
BLOCK_WAITING, BLOCK_NEXT, BLOCK_ROOM, BLOCK_SPSR = 0, 1, 2, 3
BLOCK_WORDS = 6
RECORD_WORDS = 3
"""Of an exception in the log: the instruction, the PC, and ESR with emu.transitions' description from bit 32."""

VECTORS = 128  # V0-V31 as pairs of slots, low half first
SYSTEM = 192  # storage of system registers, in the order of the register table
SYSTEM_SLOTS = 448

# Software TLBs: direct mapped, four slots an entry.
#   load and store: tag, offset to add to the address to get the arena offset, owner, and in one word the alignment
#   mask in bits [15:0], CLAIMS, IS_DEVICE, and in bits [63:48] the flags of a store's record (emu.mec.writers)
#   fetch: tag, host address of the page's decoded words, whether the page is guarded; one slot unused
RECORD_SHIFT = 48
CLAIMS, IS_DEVICE = 1 << 16, 1 << 17
"""Of a store entry: stores may take blocks that nobody owns, and nobody wants to hear of it; the memory is Device."""
TLB_BITS = 10
TLB_ENTRIES = 1 << TLB_BITS
CONTEXTS = 1 << TLB_BITS
"""Numbers of contexts; CONTEXT holds four times one. 0: nothing is cached."""
SALT_MASK, SALT_SHIFT = 0b11 << TLB_BITS, 10
"""Two bits of CONTEXT, and how far they are shifted to be joined (exclusive or) with an address before bits [21:12] say
where its entry is: contexts that take turns at the same addresses find their entries where they left them. No more
bits: who drops a page without knowing the contexts must look at every place."""
PART = TLB_ENTRIES // 64
SALTS = tuple(salt << TLB_BITS - 2 for salt in range(4))
"""What the two bits may do to the index of a page's entry."""
LOAD_TLB = SYSTEM + SYSTEM_SLOTS
STORE_TLB = LOAD_TLB + 4 * TLB_ENTRIES
FETCH_TLB = STORE_TLB + 4 * TLB_ENTRIES
# System instructions that native code may do by itself (emu.permissions), four slots an entry: the situation's number
# and bits [21:5] of the word; a slot and in bits [63:16] a shift; two words that depend on the kind of instruction.
GRANTS = FETCH_TLB + 4 * TLB_ENTRIES
IS_STEP = 1 << 32
"""Beside the slot: an MSR to a register that steers translation, which STEPS has to know."""
GRANT_KEY_BITS = 17
GRANT_KEY = (1 << GRANT_KEY_BITS) - 1
GRANT_ENTRIES = 512
# Transitions that native code may do by itself, TRANSITION_WORDS slots an entry; see emu.transitions.
TRANSITIONS = GRANTS + 4 * GRANT_ENTRIES
TRANSITION_WORDS = 32
TRANSITION_ENTRIES = 128
# Writes of registers that steer translation, which native code may do by itself, STEP_WORDS slots an entry; see
# emu.transitions.
STEPS = TRANSITIONS + TRANSITION_WORDS * TRANSITION_ENTRIES
STEP_WORDS = 8
STEP_ENTRIES = 512
SLOTS = STEPS + STEP_WORDS * STEP_ENTRIES
ZEROED = 64  # bytes that DC ZVA zeroes

MASK64 = (1 << 64) - 1

# A program counter that no translation can match: native code returns it to leave its loop.
LEAVE = MASK64


def grant_index(tag: int) -> int:
    """The entry of the table of grants that a tag belongs to."""
    return (tag ^ tag >> 7 ^ tag >> 15) & GRANT_ENTRIES - 1


class State:
    """The buffer itself: `state[slot]` in Python, `address` for native code."""

    __slots__ = ("_buffer", "address", "slots")

    def __init__(self) -> None:
        self._buffer = (ctypes.c_uint64 * SLOTS)()
        self.address: int = ctypes.addressof(self._buffer)
        self.slots: memoryview = memoryview(self._buffer).cast("B").cast("Q")
        """The slots as a writable view of unsigned 64-bit integers."""
