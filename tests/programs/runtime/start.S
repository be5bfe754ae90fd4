// From reset to `main`, at whatever Exception level the program finds itself, and from its return to the exit.
//
// The MMU is switched on with everything mapped to itself, RAM as Normal memory: without that every access would be a
// Device access, for which unaligned ones are faults. Built for pointer authentication, the keys are set and switched
// on; built with branch targets, RAM is guarded.
//
// Exit codes: what `main` returns; 90 + n: an exception was taken to ELn.

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"

#define GIGABYTE                0x40000000
#define STACK_SIZE              0x10000
#define CPTR_EL2_RES1           0x33ff
#define CPACR_FPEN              (3 << 20)
#define S1_NSE                  (1 << 11)   // EL3: with NS=0, the Root address space; at EL1 the same bit is nG
#define S1_GP                   (1 << 50)   // guarded: an indirect branch has to land on a BTI
#define SCTLR_KEYS              (1 << 31 | 1 << 30 | 1 << 27 | 1 << 13)     // EnIA, EnIB, EnDA, EnDB

#if defined(__ARM_FEATURE_BTI_DEFAULT)
#define RAM                     (BLOCK | S1_NORMAL | S1_NSE | S1_GP)
#else
#define RAM                     (BLOCK | S1_NORMAL | S1_NSE)
#endif

#if defined(__ARM_FEATURE_PAC_DEFAULT)
#define SCTLR_BITS              (SCTLR_M | SCTLR_C | SCTLR_I | SCTLR_KEYS)
#else
#define SCTLR_BITS              (SCTLR_M | SCTLR_C | SCTLR_I)
#endif

.macro enable_mmu el, table, tcr, res1
    address x0, \table
    msr     TTBR0_EL\el, x0
    mov_const x0, \tcr
    msr     TCR_EL\el, x0
    mov     x0, #MAIR_VALUE
    msr     MAIR_EL\el, x0
    address x0, vectors
    msr     VBAR_EL\el, x0
    isb
    mov_const x0, (\res1 | SCTLR_BITS)
    msr     SCTLR_EL\el, x0
    isb
.endm

        .section .text.start, "ax"
        .globl  _start
function _start
        mrs     x0, CurrentEL
        lsr     x0, x0, #CURRENTEL_EL_SHIFT
        cmp     x0, #2
        b.eq    .Lel2
        b.lo    .Lel1

        msr     CPTR_EL3, xzr               // no traps of floating point
        tlbi    alle3
        dsb     sy
        enable_mmu 3, table_one_privilege, (TCR_EL2_RES1 | TCR_T0SZ(32) | TCR_WALK0_WB | TCR_EL2_PS_36), SCTLR_EL3_RES1
        b       .Lready
.Lel2:
        msr     HCR_EL2, xzr
        mov     x0, #CPTR_EL2_RES1
        msr     CPTR_EL2, x0
        isb
        tlbi    alle2
        dsb     sy
        enable_mmu 2, table_one_privilege, (TCR_EL2_RES1 | TCR_T0SZ(32) | TCR_WALK0_WB | TCR_EL2_PS_36), SCTLR_EL2_RES1
        b       .Lready
.Lel1:
        mov     x0, #CPACR_FPEN
        msr     CPACR_EL1, x0
        tlbi    vmalle1
        dsb     sy
        enable_mmu 1, table_two_privileges, (TCR_T0SZ(32) | TCR_WALK0_WB | TCR_EPD1 | TCR_EL1_IPS_36), SCTLR_EL1_RES1
.Lready:
        address x0, stack_top
        mov     sp, x0
        msr     FPCR, xzr
#if defined(__ARM_FEATURE_PAC_DEFAULT)
        mov_const x0, 0x0123456789abcdef
        mov_const x1, 0xfedcba9876543210
        msr     APIAKeyLo_EL1, x0
        msr     APIAKeyHi_EL1, x1
        msr     APIBKeyLo_EL1, x1
        msr     APIBKeyHi_EL1, x0
        isb
#endif
        mov     x29, xzr
        mov     x30, xzr
        bl      main
        sxtw    x0, w0
        exit_with x0

print_hex_routine print_hex
unexpected_exception unexpected_el3, 3, stack_top, print_hex
unexpected_exception unexpected_el2, 2, stack_top, print_hex
unexpected_exception unexpected_el1, 1, stack_top, print_hex

// One table serves the three levels.
function unexpected
        mrs     x0, CurrentEL
        lsr     x0, x0, #CURRENTEL_EL_SHIFT
        cmp     x0, #2
        b.hi    unexpected_el3
        b.eq    unexpected_el2
        b       unexpected_el1

vector_table vectors, unexpected, unexpected, unexpected

// 32-bit addresses with the 4 KiB granule: four level 1 entries of a gigabyte. AP[1] would give EL0 access to EL1's
// memory, and so forbid EL1 to execute it; where there is one privilege level the bit is RES1.
        .section .rodata.tables, "a"
        .balign 64
table_one_privilege:
        .quad   BLOCK | S1_DEVICE | S1_AP_RES1 | S1_NSE | S1_XN
        .quad   GIGABYTE | RAM | S1_AP_RES1
        .quad   0, 0
        .balign 64
table_two_privileges:
        .quad   BLOCK | S1_DEVICE | S1_XN | S1_PXN
        .quad   GIGABYTE | RAM
        .quad   0, 0

        .section .bss.stack, "aw", %nobits
        .balign 16
        .skip   STACK_SIZE
stack_top:
