// From reset at EL3 to `main` at Non-secure EL1, as an operating system would be started, and from its result to the exit.
//
// The guests that `mectui bench` measures share this. Memory is Normal and cacheable, mapped to itself by 2 MiB blocks.
// The first of them (code, constants) can be executed and read at EL0 too, and written nowhere; the rest is EL1's.
//
// Exit codes: 0; 90 + n: an exception that nobody expected was taken to ELn.

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "percent.inc"

#define STACK_SIZE              0x10000
#define CPTR_EL2_RES1           0x33ff
#define CPACR_FPEN              (3 << 20)
#define S1_EL0                  (1 << 6)    // AP[1]: EL0 may do what EL1 may
#define MEBIBYTES(n)            ((n) << 20)
#define RAM                     0x40000000
#define RAM_SIZE                MEBIBYTES(256)

        .section .text.start, "ax"
        .globl  _start
function _start
        mov_const x0, SCTLR_EL3_RES1
        msr     SCTLR_EL3, x0
        address x0, vectors
        msr     VBAR_EL3, x0
        msr     CPTR_EL3, xzr               // no traps of floating point
        mov     x0, #(SCR_NS | SCR_RW | SCR_HCE)
        msr     SCR_EL3, x0
        isb
        mov_const x0, HCR_RW
        msr     HCR_EL2, x0
        mov     x0, #CPTR_EL2_RES1
        msr     CPTR_EL2, x0
        mov_const x0, CPACR_FPEN
        msr     CPACR_EL1, x0
        mov_const x0, MAIR_VALUE
        msr     MAIR_EL1, x0
        mov_const x0, (TCR_T0SZ(32) | TCR_WALK0_WB | TCR_EPD1 | TCR_EL1_IPS_36)
        msr     TCR_EL1, x0
        address x0, level1
        msr     TTBR0_EL1, x0
        address x0, vectors
        msr     VBAR_EL1, x0
        mov_const x0, (SCTLR_EL1_RES1 | SCTLR_M | SCTLR_C | SCTLR_I)
        msr     SCTLR_EL1, x0
        isb
        tlbi    alle1
        dsb     sy
        isb
        address x0, at_el1
        msr     ELR_EL3, x0
        mov_const x0, SPSR_EL1H
        msr     SPSR_EL3, x0
        eret

function at_el1
        address x0, stack_top
        mov     sp, x0
        msr     FPCR, xzr
        mov     x29, xzr
        bl      percent
        bl      main
        .globl  finish
function finish                             // with the result in x0
        mov     x19, x0
        say_hex x19, print_hex
        say     "\n"
        exit_with #0

percent_routine percent
print_hex_routine print_hex
unexpected_exception unexpected_el3, 3, stack_top, print_hex
unexpected_exception unexpected_el1, 1, stack_top, print_hex

function unexpected
        mrs     x0, CurrentEL
        lsr     x0, x0, #CURRENTEL_EL_SHIFT
        cmp     x0, #1
        b.ne    unexpected_el3
        b       unexpected_el1

// A guest with an EL0 defines this: where its synchronous exceptions go.
        .weak   from_el0
function from_el0
        b       unexpected

vector_table vectors, unexpected, from_el0, unexpected

        .section .tables, "a"
        .balign GRANULE_SIZE
level2:
        .quad   RAM + BLOCK + S1_NORMAL + S1_EL0 + S1_READ_ONLY
        .set    offset, MEBIBYTES(2)
        .rept   RAM_SIZE / MEBIBYTES(2) - 1
        .quad   RAM + offset + BLOCK + S1_NORMAL
        .set    offset, offset + MEBIBYTES(2)
        .endr
        .balign GRANULE_SIZE

// 32-bit addresses with the 4 KiB granule: a gigabyte an entry. A guest may hang tables of its own here.
        .data
        .globl  level1
        .balign 64
level1:
        .quad   BLOCK + S1_DEVICE + S1_XN + S1_PXN
        .quad   level2 + TABLE
        .quad   0, 0

        .section .bss.stack, "aw", %nobits
        .balign 16
        .skip   STACK_SIZE
stack_top:
