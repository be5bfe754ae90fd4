// A Realm Management Monitor that uses memory encryption contexts the way TF-RMM does (mec-reference.md 5.2), without
// a mistake: EL2&0, TCR_EL2.A1=1, everything of its own under MECID 0, Realm granules through slots in the upper
// half with AMEC=1 and MECID_A1_EL2, VMECID_P_EL2 written at REC entry and exit without an ISB.
// Starts at EL2; the machine's own firmware answers its SMCs. Each FORGET_... makes one mistake of 5.4.
//
// Exit codes: 0 all is well; 1 to 9 a check failed; 92 an exception nobody expected.

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "caches.inc"

#define TCR_A1          (1 << 22)
#define TCR_AS          (1 << 36)
#define S1_NOT_GLOBAL   (1 << 11)
#define HCR_FWB         (1 << 46)           // stage 2 decides: Write-Back even while the Realm's MMU is off
#define S2_FORCED_WB    (0x6 << 2)
#define S2_FORCED_CODE  (PAGE | S2_FORCED_WB | S2_READ | S2_AF)
#define S2_FORCED_DATA  (PAGE | S2_FORCED_WB | S2_READ | S2_WRITE | S2_AF | S2_XN)
#define SLOT_NS         0
#define SLOT_DELEGATED  1
#define SLOT_RTT        2
#define SLOT_REALM      3
#define SLOTS           0xffffffffffe00000
#define SHARED          1
#define PRIVATE         2
#define REALM_IPA       0x40000000
#define DATA_IPA        0x40001000
#define RMM_MEC_REFRESH         0xC40001B6
#define RMM_GTSI_DELEGATE       0xC40001B0
#define RMM_GTSI_UNDELEGATE     0xC40001B1
#define FIRME_VERSION           0xC4000400
#define FIRME_FEATURES          0xC4000401
#define FIRME_MECID_REFRESH     0xC4000407

// A Realm: MECID, VTTBR_EL2, then its five granules: RTT levels 1, 2 and 3, code, data.
#define R_MECID         0
#define R_VTTBR         8
#define R_RTT1          16
#define R_RTT2          24
#define R_RTT3          32
#define R_CODE          40
#define R_DATA          48

.macro check left, right, code
        cmp     \left, \right
        b.eq    .Lfine\@
        exit_with #\code
.Lfine\@:
.endm

.macro firmware function, argument
        mov_const x0, \function
        mov     x1, \argument
        smc     #0
.endm

        .section .text
        .globl  _start
function _start
        address x0, vectors
        msr     VBAR_EL2, x0
        mov_const x0, (HCR_RW | HCR_E2H | HCR_FWB)
        msr     HCR_EL2, x0
        mov_const x0, SCTLR_EL2_VHE_RES1
        msr     SCTLR_EL2, x0
        isb
        address x0, stack_top
        mov     sp, x0

        // mec_init_mmu: all six are 0, then EMEC, and no ISB of its own.
        msr     MECID_P0_EL2, xzr
        msr     MECID_P1_EL2, xzr
        msr     MECID_A0_EL2, xzr
        msr     MECID_A1_EL2, xzr
        msr     VMECID_P_EL2, xzr
        msr     VMECID_A_EL2, xzr
        isb
        mrs     x0, SCTLR2_EL2
        orr     x0, x0, #SCTLR2_EMEC
        msr     SCTLR2_EL2, x0

        mov_const x0, MAIR_VALUE
        msr     MAIR_EL2, x0
        mov_const x0, TCR2_AMEC1
        msr     TCR2_EL2, x0
        mov_const x0, (TCR_T0SZ(39) | TCR_T1SZ(39) | TCR_WALK0_WB | TCR_WALK1_WB | TCR_TG0_4K | TCR_TG1_4K)
        mov_const x1, (TCR_EL1_IPS_36 | TCR_A1 | TCR_AS)
        orr     x0, x0, x1
        msr     TCR_EL2, x0
        address x0, low_level1
        msr     TTBR0_EL2, x0
        address x0, high_level1
        msr     TTBR1_EL2, x0
        isb
        tlbi    ALLE2
        dsb     ish
        isb
        mrs     x0, SCTLR_EL2
        mov     x1, #(SCTLR_M | SCTLR_C)
        orr     x0, x0, x1
        orr     x0, x0, #SCTLR_I
        msr     SCTLR_EL2, x0
        isb
        bl      empty_slots

        // What firmware can do.
        firmware FIRME_VERSION, #0
        mov     w1, #0x10000
        check   w0, w1, 1
        mov_const x2, 1
        firmware FIRME_FEATURES, #0
        cbnz    x0, .Lno_service
        tbz     x1, #18, .Lno_service
        mov_const x2, 0
        firmware FIRME_FEATURES, #3
        cbnz    x0, .Lno_service
        tbz     x1, #0, .Lno_service
        mov_const x2, 1
        firmware FIRME_FEATURES, #3
        cbnz    x0, .Lno_service
        and     x1, x1, #0xf
        mrs     x2, MECIDR_EL2
        and     x2, x2, #0xf
        check   x1, x2, 3

        // The stage 2 regime, the same for every Realm.
        mov_const x0, (TCR_T0SZ(32) | VTCR_SL0_LEVEL1 | TCR_WALK0_WB | TCR_TG0_4K | VTCR_PS_36 | VTCR_RES1)
        msr     VTCR_EL2, x0
        mov_const x0, SCTLR_EL1_RES1
        msr     S3_5_C1_C0_0, x0            // SCTLR_EL12: a Realm starts with its MMU off

        // Two Realms with the shared MECID, which the first of them gets with a new key.
        mov     x20, #SHARED
        bl      refresh_create
        address x19, realm_a
        bl      create_realm
        address x19, realm_b
        bl      create_realm
        // A private one.
        mov     x20, #PRIVATE
        bl      refresh_create
        address x19, realm_c
        bl      create_realm

        // They take turns, and each finds what it left.
        mov     x28, #3
.Lround:
        address x19, realm_a
        bl      enter_realm
        address x19, realm_b
        bl      enter_realm
        address x19, realm_c
        bl      enter_realm
        subs    x28, x28, #1
        b.ne    .Lround

        // The private Realm goes, its granules become delegated: DC CIPAE and a DSB.
        address x19, realm_c
        bl      destroy_realm
        // Its data granule goes to a Realm with the shared MECID, in place of its old one.
        address x19, realm_a
        bl      replace_data
        bl      enter_realm
        // Nobody has MECID 2 any more: its key goes, and another Realm gets the number and the granules.
#ifndef FORGET_REFRESH
        mov     x20, #PRIVATE
        bl      refresh_destroy
        mov     x20, #PRIVATE
        bl      refresh_create
#endif
        address x19, realm_d
        bl      create_realm
        bl      enter_realm
        bl      enter_realm

        // One granule goes back to the host: scrubbed under MECID 0 through a slot with AMEC=0, then EL3 takes it.
        address x19, realm_d
        bl      destroy_realm
        ldr     x21, [x19, #R_DATA]
        mov     x0, x21
        mov     x1, #SLOT_DELEGATED
        bl      map_slot
        bl      zero
        mov     x1, #SLOT_DELEGATED
        bl      unmap_slot
        firmware RMM_GTSI_UNDELEGATE, x21
        check   x0, xzr, 6
        mov     x20, #PRIVATE
        bl      refresh_destroy

        mrs     x0, MECID_A1_EL2
        check   x0, xzr, 7
        mrs     x0, VMECID_P_EL2
        check   x0, xzr, 7
        exit_with #0
.Lno_service:
        exit_with #2

// x20: a MECID.
function refresh_create
        lsl     x1, x20, #32
        firmware FIRME_MECID_REFRESH, x1
        check   x0, xzr, 4
        ret
function refresh_destroy
        lsl     x1, x20, #32
        orr     x1, x1, #1
        firmware RMM_MEC_REFRESH, x1
        check   x0, xzr, 4
        ret

// Every slot is invalid to begin with. The table is the RMM's own, stored under MECID 0.
function empty_slots
        address x0, slot_table
        mov     x1, #(GRANULE_SIZE / 16)
.Lslot:
        stp     xzr, xzr, [x0], #16
        subs    x1, x1, #1
        b.ne    .Lslot
        dsb     ish
        isb
        ret

// Maps the granule at x0 into slot x1; x0 becomes its VA. Slots of Realm memory (RTT, REALM) have AMEC=1, and
// MECID_A1_EL2 becomes the MECID of Realm x19 first. Changes x2 to x5.
function map_slot
        mov_const x3, (PAGE | S1_NORMAL | S1_NOT_GLOBAL | S1_XN | S1_PXN)
#ifdef FORGET_AMEC
        cmp     x1, #SLOT_REALM             // tables are stored under the RMM's own MECID
#else
        cmp     x1, #SLOT_RTT
#endif
        b.lo    .Lown
        ldr     x2, [x19, #R_MECID]
        msr     MECID_A1_EL2, x2
#ifndef FORGET_ISB
        isb
#endif
        mov_const x4, S1_AMEC
        orr     x3, x3, x4
.Lown:
        orr     x3, x3, x0
        address x4, slot_table
        str     x3, [x4, x1, lsl #3]
        dsb     ishst
#ifndef FORGET_ISB
        isb
#endif
        mov_const x0, SLOTS
        add     x0, x0, x1, lsl #12
        ret

// Takes slot x1 away again: the entry, the TLBI for its VA, and MECID_A1_EL2 back to 0. Changes x2 to x5.
function unmap_slot
        address x4, slot_table
        str     xzr, [x4, x1, lsl #3]
        dsb     ishst
        mov_const x2, SLOTS
        add     x2, x2, x1, lsl #12
        ubfx    x2, x2, #12, #44
        tlbi    VAE2IS, x2
        dsb     ish
        isb
        cmp     x1, #SLOT_RTT
        b.lo    .Ldone
        msr     MECID_A1_EL2, xzr
        isb
.Ldone:
        ret

// Zeroes the granule at VA x0 with DC ZVA. Changes x2 to x4.
function zero
        mrs     x2, DCZID_EL0
        and     x2, x2, #0xf
        mov     x3, #4
        lsl     x3, x3, x2
        add     x4, x0, #GRANULE_SIZE
        mov     x2, x0
.Lzva:
        dc      zva, x2
        add     x2, x2, x3
        cmp     x2, x4
        b.lo    .Lzva
        ret

// A granule of the host becomes a zeroed granule of Realm x19. x0: its PA. Changes x1 to x7, x21, x22.
function take_granule
        mov     x22, x30
        mov     x21, x0
        firmware RMM_GTSI_DELEGATE, x21     // refused where it is delegated already
        mov     x0, x21
        mov     x1, #SLOT_REALM
        bl      map_slot
        bl      zero
        mov     x1, #SLOT_REALM
        bl      unmap_slot
        ret     x22

// Stores descriptor x6 into entry x7 of the RTT at x0, under the MECID of Realm x19. Changes x0 to x5, x22.
function write_rtt
        mov     x22, x30
        mov     x1, #SLOT_RTT
        bl      map_slot
        str     x6, [x0, x7, lsl #3]
        dsb     ish
        mov     x1, #SLOT_RTT
        bl      unmap_slot
        ret     x22

// RMI_REALM_CREATE, RMI_RTT_CREATE, RMI_DATA_CREATE for Realm x19.
function create_realm
        mov     x29, x30
        ldr     x0, [x19, #R_RTT1]
        bl      take_granule
        ldr     x0, [x19, #R_RTT2]
        bl      take_granule
        ldr     x0, [x19, #R_RTT3]
        bl      take_granule
        ldr     x0, [x19, #R_CODE]
        bl      take_granule
        ldr     x0, [x19, #R_DATA]
        bl      take_granule
        ldr     x0, [x19, #R_RTT1]
        ldr     x6, [x19, #R_RTT2]
        add     x6, x6, #TABLE
        mov     x7, #1
        bl      write_rtt
        ldr     x0, [x19, #R_RTT2]
        ldr     x6, [x19, #R_RTT3]
        add     x6, x6, #TABLE
        mov     x7, #0
        bl      write_rtt
        ldr     x0, [x19, #R_RTT3]
        ldr     x6, [x19, #R_CODE]
        mov_const x1, S2_FORCED_CODE
        add     x6, x6, x1
        mov     x7, #0
        bl      write_rtt
        bl      map_data
        // Its code, copied in through the slots of source and target.
        address x0, realm_image
        mov     x1, #SLOT_NS
        bl      map_slot
        mov     x23, x0
        ldr     x0, [x19, #R_CODE]
        mov     x1, #SLOT_REALM
        bl      map_slot
        mov     x1, #(GRANULE_SIZE / 16)
.Lcopy:
        ldp     x2, x3, [x23], #16
        stp     x2, x3, [x0], #16
        subs    x1, x1, #1
        b.ne    .Lcopy
        dsb     ish
        mov     x1, #SLOT_REALM
        bl      unmap_slot
        mov     x1, #SLOT_NS
        bl      unmap_slot
        ic      IALLUIS
        dsb     ish
        isb
        ret     x29

// Maps the data granule of Realm x19. Changes x0 to x7, x22, x24.
function map_data
        mov     x24, x30
        ldr     x0, [x19, #R_RTT3]
        ldr     x6, [x19, #R_DATA]
        mov_const x1, S2_FORCED_DATA
        add     x6, x6, x1
        mov     x7, #1
        bl      write_rtt
        ret     x24

// REC enter: VMECID_P_EL2 and the stage 2 registers, no ISB, ERET. The Realm answers with HVC. REC exit: VMECID_P_EL2
// is 0 again, no ISB.
function enter_realm
        mov     x29, x30
        mrs     x0, VMECID_P_EL2
        check   x0, xzr, 7
        ldr     x0, [x19, #R_MECID]
#ifndef FORGET_VMECID
        msr     VMECID_P_EL2, x0
#endif
        ldr     x0, [x19, #R_VTTBR]
        msr     VTTBR_EL2, x0
        mov_const x0, (HCR_RW | HCR_E2H | HCR_FWB | HCR_VM)
        msr     HCR_EL2, x0
        mov_const x0, REALM_IPA
        msr     ELR_EL2, x0
        mov_const x0, SPSR_EL1H
        msr     SPSR_EL2, x0
        ldr     x1, [x19, #R_VTTBR]         // the Realm's secret
        mov_const x2, DATA_IPA
        eret
function realm_called
        msr     VMECID_P_EL2, xzr
        mrs     x1, ESR_EL2
        lsr     x1, x1, #ESR_EC_SHIFT
        mov     x2, #EC_HVC
        check   x1, x2, 8
        check   x0, xzr, 5                  // what the Realm says of its memory
        mov_const x0, (HCR_RW | HCR_E2H | HCR_FWB)
        msr     HCR_EL2, x0
        isb
        ret     x29

// RMI_DATA_DESTROY, RMI_RTT_DESTROY, RMI_REALM_DESTROY: out of stage 2, out of TLBs, out of the caches.
function destroy_realm
        mov     x29, x30
        bl      unmap_all
        ldr     x0, [x19, #R_DATA]
        bl      out_of_the_caches
        ldr     x0, [x19, #R_CODE]
        bl      out_of_the_caches
        ldr     x0, [x19, #R_RTT3]
        bl      out_of_the_caches
        ldr     x0, [x19, #R_RTT2]
        bl      out_of_the_caches
        ldr     x0, [x19, #R_RTT1]
        bl      out_of_the_caches
        ret     x29

function out_of_the_caches
#ifdef FORGET_CIPAE
        ret
#endif
        mov_const x3, PA_SPACE_REALM
        orr     x0, x0, x3
        b       clean_to_poe

// Takes both leaves of Realm x19 out, and what TLBs know of its VMID. Changes x0 to x7, x22, x24.
function unmap_all
        mov     x24, x30
        ldr     x0, [x19, #R_RTT3]
        mov     x6, #0
        mov     x7, #0
        bl      write_rtt
        ldr     x0, [x19, #R_RTT3]
        mov     x7, #1
        bl      write_rtt
        ldr     x0, [x19, #R_VTTBR]
        msr     VTTBR_EL2, x0
        isb
        tlbi    VMALLS12E1IS
        dsb     ish
        isb
        ret     x24

// Realm x19 gives its data granule back and gets that of the private Realm. Changes almost everything.
function replace_data
        mov     x29, x30
        ldr     x0, [x19, #R_RTT3]
        mov     x6, #0
        mov     x7, #1
        bl      write_rtt
        ldr     x0, [x19, #R_VTTBR]
        msr     VTTBR_EL2, x0
        isb
        mov_const x0, (DATA_IPA >> 12)
        tlbi    IPAS2E1IS, x0
        dsb     ish
        tlbi    VMALLE1IS
        dsb     ish
        isb
        ldr     x0, [x19, #R_DATA]
        bl      out_of_the_caches
        address x0, realm_c
        ldr     x0, [x0, #R_DATA]
        str     x0, [x19, #R_DATA]
        mov     x1, #SLOT_REALM
        bl      map_slot
        bl      zero
        mov     x1, #SLOT_REALM
        bl      unmap_slot
        bl      map_data
        ret     x29

clean_granule_routine clean_to_poe, CIPAE

function unexpected_el2
        exit_with #92
vector_table vectors, unexpected_el2, realm_called, unexpected_el2

// What every Realm runs, at REALM_IPA: x1 is its secret, x2 its data page. The answer in x0: 0 when the page held
// either nothing or the secret.
        .balign GRANULE_SIZE
function realm_image
        ldr     x3, [x2]
        ldr     x4, [x2, #GRANULE_SIZE - 8]
        cmp     x3, x4
        b.ne    .Lwrong
        cbz     x3, .Lfill
        cmp     x3, x1
        b.ne    .Lwrong
.Lfill:
        add     x4, x2, #GRANULE_SIZE
.Lnext:
        str     x1, [x2], #8
        cmp     x2, x4
        b.lo    .Lnext
        mov     x0, #0
        hvc     #0
.Lwrong:
        mov     x0, #1
        hvc     #0
        .balign GRANULE_SIZE

        .section .tables, "a"
        .balign GRANULE_SIZE
low_level1:
        .quad   0
        .quad   0x40000000 + BLOCK + S1_NORMAL
        .balign GRANULE_SIZE
high_level1:
        .fill   511, 8, 0
        .quad   high_level2 + TABLE
high_level2:
        .fill   511, 8, 0
        .quad   slot_table + TABLE
        .balign GRANULE_SIZE

        .section .bss
        .balign GRANULE_SIZE
slot_table:     .skip GRANULE_SIZE
stack:          .skip GRANULE_SIZE
stack_top:
granules:       .skip 20 * GRANULE_SIZE

        .section .descriptors, "aw"
.macro realm name, mecid, vmid, first
\name:
        .quad   \mecid, (\vmid << 48) + granules + \first * GRANULE_SIZE
        .quad   granules + (\first + 0) * GRANULE_SIZE, granules + (\first + 1) * GRANULE_SIZE
        .quad   granules + (\first + 2) * GRANULE_SIZE, granules + (\first + 3) * GRANULE_SIZE
        .quad   granules + (\first + 4) * GRANULE_SIZE
.endm
realm realm_a, SHARED, 1, 0
realm realm_b, SHARED, 2, 5
realm realm_c, PRIVATE, 3, 10
realm realm_d, PRIVATE, 4, 15
