// Two contexts over the same memory, and mistakes that show nowhere else than in the data: a Realm at EL1 with
// VMECID_P_EL2 = 7 and VMECID_A_EL2 = 8 sees one granule twice, through stage 2 leaves with AMEC=0 and AMEC=1.
// -DOWNERS: every kind of access across the two; -DWRONG_TABLE: a stage 2 table stored under the RMM's MECID;
// -DWRONG_CODE: code stored under the RMM's MECID; -DEL2_CODE: EL2 changes MECID_P0_EL2 under its own stored code.
//
// Exit codes: 0 all is well (or the mistake took EL2 back through an exception); 1 to 30 the step that failed;
// 40 the Realm ran to its end in spite of a mistake; 92, 93 an exception nobody expected.

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "caches.inc"
#include "monitor.inc"
#include "mec.inc"

#define P_IPA           0x40200000          // granule, AMEC=0
#define A_IPA           0x40201000          // the same granule, AMEC=1
#define NS_IPA          0x40202000          // another, Non-secure, AMEC=1
#define CODE_IPA        0x40203000          // code that EL2 stored
#define FIRST           0x1122334455667788

.macro must_equal left, right, step
        cmp     \left, \right
        mov     x0, #\step
        b.ne    realm_failed
.endm
.macro must_differ left, right, step
        cmp     \left, \right
        mov     x0, #\step
        b.eq    realm_failed
.endm

        .section .text
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_mec
        reset_el2_mec_controls
        enter_realm_el2 rmm_start, SCR_REALM_WITH_MEC

function unexpected_el3
        exit_with #93
vector_table monitor_vectors, unexpected_el3, unexpected_el3, unexpected_el3

function rmm_start
        address x0, rmm_vectors
        msr     VBAR_EL2, x0
        isb
        address x0, rmm_stack_top
        mov     sp, x0
        enable_mec 1, 0, 0, 0, 7, 8
        mov_const x0, SCTLR_EL1_RES1
        msr     SCTLR_EL1, x0
        address x0, realm_vectors
        msr     VBAR_EL1, x0
        mov_const x0, (TCR_T0SZ(32) | VTCR_SL0_LEVEL1 | TCR_WALK0_WB | TCR_TG0_4K | VTCR_PS_36 | VTCR_RES1)
        msr     VTCR_EL2, x0
        mov_const x0, (HCR_RW | HCR_VM | HCR_DC)
        msr     HCR_EL2, x0
        address x0, stage2_level1
#ifdef WRONG_TABLE
        // The level 1 table is copied, under MECID_P0_EL2 = 1, into memory that stage 2 walks read under 7.
        address x1, stored_table
        mov     x2, #(GRANULE_SIZE / 16)
.Ltable:
        ldp     x3, x4, [x0], #16
        stp     x3, x4, [x1], #16
        subs    x2, x2, #1
        b.ne    .Ltable
        dsb     ish
        address x0, stored_table
#endif
        msr     VTTBR_EL2, x0
        isb
        tlbi    ALLE1
        dsb     ish
        isb
#if defined(WRONG_CODE) || defined(EL2_CODE)
        address x0, realm_start
        address x1, stored_code
        mov     x2, #(GRANULE_SIZE / 16)
.Lcode:
        ldp     x3, x4, [x0], #16
        stp     x3, x4, [x1], #16
        subs    x2, x2, #1
        b.ne    .Lcode
        dsb     ish
        ic      IALLU
        dsb     ish
        isb
#endif
#ifdef EL2_CODE
        address x0, rmm_back
        address x1, stored_code
        select_mecid MECID_P0_EL2, #2
        br      x1
#endif
#ifdef WRONG_CODE
        mov_const x0, CODE_IPA
#else
        address x0, realm_start
#endif
        msr     ELR_EL2, x0
        mov_const x0, SPSR_EL1H
        msr     SPSR_EL2, x0
        eret

// The Realm's HVC, or the fault that a mistake led to.
function rmm_back
        mrs     x1, ESR_EL2
        lsr     x1, x1, #ESR_EC_SHIFT
        mov     x2, #EC_HVC
        cmp     x1, x2
        b.ne    .Lfault
        mov     x19, x0
        exit_with x19
.Lfault:
#if defined(WRONG_TABLE) || defined(WRONG_CODE) || defined(EL2_CODE)
        exit_with #0
#else
        exit_with #92
#endif
vector_table rmm_vectors, rmm_back, rmm_back, rmm_back

// EL1: what noise makes of it goes to EL2.
function realm_faulted
        mov     x0, #0
        hvc     #0
vector_table realm_vectors, realm_faulted, realm_faulted, realm_faulted

        .balign GRANULE_SIZE
function realm_start
#ifndef OWNERS
        mov     x0, #40
        hvc     #0
#else
        mov_const x19, P_IPA
        mov_const x20, A_IPA
        mov_const x21, FIRST
        mov     x1, x19
        mov     x2, #16
.Lfill:
        stp     x21, x21, [x1], #16
        subs    x2, x2, #1
        b.ne    .Lfill

        // 1: a pair across the owners is noise; what was stored is still there.
        ldp     x2, x3, [x20]
        must_differ x2, x21, 1
        must_differ x3, x21, 2
        must_differ x2, x3, 3
        ldp     x2, x3, [x19]
        must_equal x2, x21, 4
        must_equal x3, x21, 5

        // 6: one byte takes its block, garbles the other fifteen for both, and leaves the next block alone.
        mov     w4, #0x5a
        strb    w4, [x20, #3]
        ldrb    w2, [x20, #3]
        must_equal x2, x4, 6
        ldr     x2, [x20, #8]
        must_differ x2, x21, 7
        ldr     x2, [x19, #8]
        must_differ x2, x21, 8
        ldr     x2, [x19, #16]
        must_equal x2, x21, 9

        // 10: an atomic adds to noise, and the sum is stored under its own MECID.
        mov     x4, #1
        ldr     x5, [x20, #32]
        add     x6, x20, #32
        .inst   0xf82400c2                  // LDADD X4, X2, [X6]
        must_equal x2, x5, 10
        ldr     x3, [x20, #32]
        add     x5, x5, #1
        must_equal x3, x5, 11
        ldr     x3, [x19, #32]
        must_differ x3, x5, 12
        must_differ x3, x21, 13

        // 14: an exclusive pair: the load is noise, the store succeeds, its block has a new owner.
        add     x6, x20, #48
        ldxr    x2, [x6]
        must_differ x2, x21, 14
        stxr    w3, x21, [x6]
        must_equal x3, xzr, 15
        ldr     x2, [x20, #48]
        must_equal x2, x21, 16
        ldr     x2, [x19, #48]
        must_differ x2, x21, 17

        // 18: an unaligned load over two owners sees each half as it may.
        ldr     x2, [x19, #60]              // bytes 60-63 of the block above are noise now, 64-67 are not
        lsr     x3, x2, #32
        and     x4, x21, #0xffffffff
        must_equal x3, x4, 18

        // 19: DC ZVA takes whole lines.
        add     x6, x20, #64
        dc      zva, x6
        ldp     x2, x3, [x20, #64]
        must_equal x2, xzr, 19
        ldp     x2, x3, [x20, #112]
        must_equal x3, xzr, 20
        ldr     x2, [x19, #64]
        must_differ x2, xzr, 21
        must_differ x2, x21, 22
        ldr     x2, [x19, #128]
        must_equal x2, x21, 23

        // 24: a load and store of a whole SIMD register across owners, then back again.
        mov     x0, #(3 << 20)
        msr     CPACR_EL1, x0
        isb
        fmov    d0, x21
        str     q0, [x20, #128]
        ldr     x2, [x20, #128]
        must_equal x2, x21, 24
        ldr     q1, [x19, #128]
        fmov    x2, d1
        must_differ x2, x21, 25
        stp     x21, x21, [x19, #128]
        ldr     x2, [x19, #128]
        must_equal x2, x21, 26

        // 27: Non-secure memory has no MECID, whatever AMEC says.
        mov_const x1, NS_IPA
        str     x21, [x1, #24]
        ldr     x2, [x1, #24]
        must_equal x2, x21, 27
        mov     x0, #0
        hvc     #0
#endif
realm_failed:
        hvc     #0
        .balign GRANULE_SIZE

        .section .tables, "a"
        .balign GRANULE_SIZE
stage2_level1:
        .quad   0
        .quad   stage2_level2 + TABLE
        .balign GRANULE_SIZE
stage2_level2:
        .quad   0x40000000 + (S2_DATA & ~(2 << 53) & ~2)
        .quad   stage2_level3 + TABLE
        .balign GRANULE_SIZE
stage2_level3:
        .quad   granule + S2_DATA
        .quad   granule + S2_DATA + S2_AMEC
        .quad   other + S2_DATA + S2_AMEC + (1 << 55)
        .quad   stored_code + S2_CODE
        .balign GRANULE_SIZE

        .section .bss
        .balign GRANULE_SIZE
monitor_stack:  .skip GRANULE_SIZE
monitor_stack_top:
rmm_stack:      .skip GRANULE_SIZE
rmm_stack_top:
granule:        .skip GRANULE_SIZE
other:          .skip GRANULE_SIZE
stored_table:   .skip GRANULE_SIZE
stored_code:    .skip GRANULE_SIZE
