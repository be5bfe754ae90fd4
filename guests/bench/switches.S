// switches: Two Realms with different MECIDs take turns: each adds one to its own counter in memory and calls the RMM with
// HVC, which goes on with the other one.
//
// Exit codes: 0; 80, 81: no FEAT_MEC, no FEAT_RME; 90 + n: an exception that nobody expected was taken to ELn.

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "monitor.inc"
#include "mec.inc"
#include "rmm.inc"
#include "percent.inc"

#define SWITCHES            20000
#define MEBIBYTES(n)        ((n) << 20)
#define REALM_A             (RAM_BASE + MEBIBYTES(4))       // each Realm's memory: a block of 2 MiB
#define REALM_B             (RAM_BASE + MEBIBYTES(6))
#define S2_BLOCK(leaf)      (leaf - PAGE + BLOCK)

// What the RMM keeps of a Realm that doesn't run: all that these use.
#define REALM_X0            0           // and x1
#define REALM_ELR           16          // and SPSR
#define REALM_VTTBR         32
#define REALM_MECID         40
#define REALM_SIZE          48

        .section .text.start, "ax"
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_mec
        bl      percent
        mov_const x27, SWITCHES
        scale   x27
        reset_el2_mec_controls
        enter_realm_el2 rmm_start, SCR_REALM_WITH_MEC

percent_routine percent
print_hex_routine monitor_print_hex
unexpected_exception unexpected_el3, 3, monitor_stack_top, monitor_print_hex
vector_table monitor_vectors, unexpected_el3, unexpected_el3, unexpected_el3

function rmm_start
        address x0, rmm_vectors
        msr     VBAR_EL2, x0
        address x0, rmm_stack_top
        mov     sp, x0
        isb
        enable_mec 1, 0, 0, 0, 0, 0
        enable_el2_mmu rmm_level1
        mov_const x0, SCTLR_EL1_RES1
        msr     SCTLR_EL1, x0
        mov_const x0, (TCR_T0SZ(32) | VTCR_SL0_LEVEL1 | TCR_WALK0_WB | TCR_TG0_4K | VTCR_PS_36 | VTCR_RES1)
        msr     VTCR_EL2, x0
        mov_const x0, (HCR_RW | HCR_VM | HCR_DC)
        msr     HCR_EL2, x0
        address x0, realm_vectors
        msr     VBAR_EL1, x0
        address x19, realms                 // x19 runs, x20 waits
        add     x20, x19, #REALM_SIZE
        address x2, realm_entry
        mov_const x3, SPSR_EL1H
        mov_const x0, REALM_A
        mov     x1, #0
        stp     x0, x1, [x19, #REALM_X0]
        stp     x2, x3, [x19, #REALM_ELR]
        address x0, stage2_a
        mov     x1, #1
        bfi     x0, x1, #VTTBR_VMID_SHIFT, #8
        mov     x1, #5
        stp     x0, x1, [x19, #REALM_VTTBR]
        mov_const x0, REALM_B
        mov     x1, #0
        stp     x0, x1, [x20, #REALM_X0]
        stp     x2, x3, [x20, #REALM_ELR]
        address x0, stage2_b
        mov     x1, #2
        bfi     x0, x1, #VTTBR_VMID_SHIFT, #8
        mov     x1, #6
        stp     x0, x1, [x20, #REALM_VTTBR]
        tlbi    alle1
        dsb     sy
        isb
        b       rmm_run

// Runs the Realm at x19. New MECIDs and VTTBRs need a context synchronisation, no TLBI.
function rmm_run
        ldp     x0, x1, [x19, #REALM_VTTBR]
        msr     VTTBR_EL2, x0
        msr     VMECID_P_EL2, x1
        ldp     x0, x1, [x19, #REALM_ELR]
        msr     ELR_EL2, x0
        msr     SPSR_EL2, x1
        ldp     x0, x1, [x19, #REALM_X0]
        eret

function rmm_from_realm
        stp     x0, x1, [x19, #REALM_X0]
        mrs     x0, ELR_EL2
        mrs     x1, SPSR_EL2
        stp     x0, x1, [x19, #REALM_ELR]
        mrs     x0, ESR_EL2
        ubfx    x0, x0, #ESR_EC_SHIFT, #ESR_EC_WIDTH
        cmp     x0, #EC_HVC
        b.ne    unexpected_el2
        mov     x0, x19
        mov     x19, x20
        mov     x20, x0
        subs    x27, x27, #1
        b.ne    rmm_run
        ldr     x19, [x19, #(REALM_X0 + 8)]
        ldr     x20, [x20, #(REALM_X0 + 8)]
        add     x19, x19, x20, lsl #32
        say_hex x19, rmm_print_hex
        say     "\n"
        exit_with #0

print_hex_routine rmm_print_hex
unexpected_exception unexpected_el2, 2, rmm_stack_top, rmm_print_hex
vector_table rmm_vectors, unexpected_el2, rmm_from_realm, unexpected_el2

// Both Realms run this, with x0 = their memory. The first store makes the block theirs.
function realm_entry
        stp     xzr, xzr, [x0]
.Lturn:
        ldr     x1, [x0]
        add     x1, x1, #1
        str     x1, [x0]
        hvc     #0
        b       .Lturn

function unexpected_realm
        exit_with #(EXIT_UNEXPECTED + 1)
vector_table realm_vectors, unexpected_realm, unexpected_realm, unexpected_realm

rmm_root_table rmm_level1

// Stage 2: the first 2 MiB of RAM, code that both may execute, and the Realm's own 2 MiB. Nobody has stored to these
// tables since reset, so they read the same under every MECID.
.macro stage2 name, memory
        .section .tables, "a"
        .balign GRANULE_SIZE
\name:
        .quad   0, \name\()_level2 + TABLE, 0, 0
        .balign GRANULE_SIZE
\name\()_level2:
        .quad   RAM_BASE + S2_BLOCK(S2_CODE)
        .rept   (\memory - RAM_BASE) / MEBIBYTES(2) - 1
        .quad   0
        .endr
        .quad   \memory + S2_BLOCK(S2_DATA)
        .balign GRANULE_SIZE
        .previous
.endm
stage2 stage2_a, REALM_A
stage2 stage2_b, REALM_B

        .bss
        .balign GRANULE_SIZE
monitor_stack:
        .skip   GRANULE_SIZE
monitor_stack_top:
rmm_stack:
        .skip   GRANULE_SIZE
rmm_stack_top:
realms:
        .skip   GRANULE_SIZE
