// stage2: a Realm behind two stages of translation, and the MECIDs on the way.
//
// Three worlds run here. EL3 starts the CPU. Realm EL2 plays the Realm Management Monitor (RMM). Realm EL1 is
// the Realm itself. An address of the Realm is translated twice:
//
//   VA 0x4020_0000  -- stage 1: TTBR0_EL1, tables of the Realm -->
//   IPA 0x8000_0000 -- stage 2: VTTBR_EL2, tables of the RMM   -->
//   PA 0x4020_0000
//
// All that the Realm does carries the MECID in VMECID_P_EL2 (7 here), or VMECID_A_EL2 where a stage 2 leaf has AMEC=1.
// Two things follow that are easy to forget:
//   - The walk of the stage 2 tables also uses VMECID_P_EL2. So the RMM has to write these tables under the MECID of
//     the Realm, not under its own: through an alias mapping with AMEC=1 and MECID_A0_EL2 = 7.
//   - A stage 1 table is fetched like data of the Realm, with the MECID that the stage 2 leaf for it selects.
// The Realm's code and its first stage 1 tables come with the loaded image. Nobody has stored to that since
// reset, so it belongs to no MECID and reads as it is. A real RMM copies a Realm's image in under its MECID.
//
// The Realm then touches an IPA that stage 2 does not map. The RMM gets a Data Abort, checks what the
// registers say about it, supplies a granule under MECID 7, and the Realm's load is done again.
//
// Exit codes
//    0  all is well
//    1  the RMM read the Realm's data in the clear under its own MECID
//    2  the RMM's alias under MECID 7 does not show what the Realm stored
//    3  the stage 2 fault had another ESR_EL2 than expected
//    4  the stage 2 fault had another FAR_EL2 (the VA)
//    5  the stage 2 fault had another HPFAR_EL2 (the IPA)
//    6  the Realm's load, done again, returned something else than the RMM had put there
//   80  no FEAT_MEC      81  no FEAT_RME
//   91, 92, 93  an exception that nobody expected was taken to EL1, EL2, EL3

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "caches.inc"
#include "monitor.inc"
#include "mec.inc"
#include "rmm.inc"

#define RMM_MECID       1
#define REALM_MECID     7
#define REALM_VMID      1

// The Realm's pages, one after the other in all three address spaces. VA and PA are the same on
// purpose: symbols stay right, and each stage of translation is still to be seen.
#define REALM_VA        0x40200000          // VA and PA, see link.ld
#define REALM_IPA       0x80000000
#define TO_IPA          (REALM_IPA - REALM_VA)
#define PAGE_CODE       0                   // two pages
#define PAGE_LEVEL1     2                   // stage 1 tables
#define PAGE_LEVEL2     3
#define PAGE_LEVEL3     4
#define PAGE_STACK      5
#define PAGE_DATA       6
#define PAGE_LATE       7                   // mapped by nobody at first
#define REALM_PAGES     7                   // mapped in stage 2 from the start
#define LATE_VA         (REALM_VA + PAGE_LATE * GRANULE_SIZE)
#define LATE_IPA        (REALM_IPA + PAGE_LATE * GRANULE_SIZE)

// What the Realm asks for with HVC, in w0.
#define CALL_LOOK       1                   // "I stored something, can you read it?"
#define CALL_DONE       2                   // x1: what the late page showed

// The stage 2 fault of "ldr x3, [x1]".
#define EXPECTED_ISS    (ISS_ISV | ISS_SAS_64 | ISS_SRT(3) | ISS_SF | FSC_TRANSLATION_L3)
#define EXPECTED_ESR    ((EC_DABORT_LOWER << ESR_EC_SHIFT) | ESR_IL | EXPECTED_ISS)

#define MESSAGE         0x6d6c616552204d41  // "AM Realm" in memory
#define GREETING        0x4d4d52206d6f7246  // "From RMM" in memory

// --- EL3, Root state -------------------------------------------------------------------------------------------

        .section .text
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_mec
        say     "[EL3] on to Realm EL2\n"
        reset_el2_mec_controls
        enter_realm_el2 rmm_start, SCR_REALM_WITH_MEC

print_hex_routine monitor_print_hex
unexpected_exception unexpected_el3, 3, monitor_stack_top, monitor_print_hex
vector_table monitor_vectors, unexpected_el3, unexpected_el3, unexpected_el3

// --- Realm EL2: the RMM ----------------------------------------------------------------------------------------

function rmm_start
        address x0, rmm_vectors
        msr     VBAR_EL2, x0
        isb
        address x0, rmm_stack_top
        mov     sp, x0
        enable_mec RMM_MECID, REALM_MECID, 0, 0, REALM_MECID, 0
        allow_alias
        enable_el2_mmu rmm_level1
        say     "[RMM]   MECID_P0_EL2 = 1 for myself, MECID_A0_EL2 = VMECID_P_EL2 = 7 for the Realm\n"
        bl      rmm_build_stage2
        b       rmm_enter_realm

// Level 1 -> level 2 -> level 3, one granule each, all written through the alias: under MECID 7.
function rmm_build_stage2
        mov     x29, x30
        .irp    granule, stage2_level1, stage2_level2, stage2_level3, realm_stack, realm_data
        address x0, \granule
        bl      rmm_prepare_granule
        .endr

        address x0, stage2_level1
        to_alias x0, x1
        address x1, stage2_level2
        add     x1, x1, #TABLE
        str     x1, [x0, #(8 * (REALM_IPA >> 30))]      // 1 GiB an entry
        address x0, stage2_level2
        to_alias x0, x1
        address x1, stage2_level3
        add     x1, x1, #TABLE
        str     x1, [x0]                    // 2 MiB an entry: REALM_IPA is at the start of its GiB

        mov     x19, #PAGE_CODE
.Lmap_page:
        mov_const x0, REALM_VA              // PA of the page
        add     x0, x0, x19, lsl #12
        mov_const x1, S2_DATA
        mov_const x2, S2_CODE
        cmp     x19, #PAGE_LEVEL1
        csel    x1, x2, x1, lo              // the pages before the tables hold code
        mov     x2, x19
        bl      rmm_map_page
        add     x19, x19, #1
        cmp     x19, #REALM_PAGES
        b.lo    .Lmap_page
        say     "[RMM]   stage 2 tables written under MECID 7\n"
        ret     x29

// Maps the granule at x0 (PA) with the leaf attributes x1 as page x2 of the Realm's IPA range. Changes x0-x2.
// An invalid entry is never kept in a TLB, so making it valid takes a barrier, but no TLBI.
function rmm_map_page
        add     x0, x0, x1
        address x1, stage2_level3
        add     x1, x1, x2, lsl #3
        to_alias x1, x2
        str     x0, [x1]
        dsb     ishst
        ret

// Sets up EL1 as a boot loader would, with the Realm's MMU already on, and leaves for the Realm.
function rmm_enter_realm
        mov_const x0, MAIR_VALUE
        msr     MAIR_EL1, x0
        mov_const x0, (TCR_T0SZ(39) | TCR_WALK0_WB | TCR_TG0_4K | TCR_T1SZ(39) | TCR_EPD1 | TCR_EL1_IPS_36)
        msr     TCR_EL1, x0
        address x0, realm_level1
        mov_const x1, TO_IPA
        add     x0, x0, x1                  // EL1's tables lie in its own address space: an IPA
        msr     TTBR0_EL1, x0
        msr     TTBR1_EL1, xzr
        mov_const x0, (SCTLR_EL1_RES1 | SCTLR_M | SCTLR_C | SCTLR_I)
        msr     SCTLR_EL1, x0
        address x0, realm_vectors
        msr     VBAR_EL1, x0
        address x0, realm_stack_top
        msr     SP_EL1, x0

        mov_const x0, (TCR_T0SZ(32) | VTCR_SL0_LEVEL1 | TCR_WALK0_WB | TCR_TG0_4K | VTCR_PS_36 | VTCR_RES1)
        msr     VTCR_EL2, x0
        address x0, stage2_level1
        mov_const x1, (REALM_VMID << VTTBR_VMID_SHIFT)
        orr     x0, x0, x1
        msr     VTTBR_EL2, x0
        mov_const x0, (HCR_RW | HCR_VM)
        msr     HCR_EL2, x0
        isb
        tlbi    VMALLS12E1                  // nothing old under this VMID
        dsb     ish
        isb

        address x0, realm_start
        msr     ELR_EL2, x0
        mov_const x0, SPSR_EL1H
        msr     SPSR_EL2, x0
lesson_leave_for_realm:
        eret

// The Realm called (HVC) or touched an address that stage 2 does not map.
function rmm_from_realm
        save_registers
        mrs     x9, ESR_EL2
        ubfx    x10, x9, #ESR_EC_SHIFT, #ESR_EC_WIDTH
        cmp     x10, #EC_DABORT_LOWER
        b.eq    rmm_stage2_fault
        cmp     x10, #EC_HVC
        b.ne    unexpected_el2
        cmp     w0, #CALL_LOOK
        b.eq    rmm_look
        cmp     w0, #CALL_DONE
        b.eq    rmm_done
        b       unexpected_el2

function rmm_return_to_realm
        restore_registers
        eret

// Reads what the Realm stored, once under the RMM's own MECID and once under the Realm's.
function rmm_look
        mov_const x10, MESSAGE
        address x11, realm_data
        orr     x0, x11, #PA_SPACE_REALM
        bl      clean_to_poe                // the Realm's line is tagged with 7
        ldr     x12, [x11]
        orr     x0, x11, #PA_SPACE_REALM
        bl      clean_to_poe
        to_alias x11, x0
        ldr     x13, [x11]
        say     "[RMM]   the Realm's data, under MECID 1: "
        say_hex x12, rmm_print_hex
        say     "\n        through the alias, MECID 7:   "
        say_hex x13, rmm_print_hex
        say     "\n"
        expect_different x12, x10, 1, "the RMM reads the Realm's data under its own MECID"
        expect_equal x13, x10, 2, "the alias does not show what the Realm stored"
        b       rmm_return_to_realm

// A Data Abort from the Realm. For a stage 2 fault ESR_EL2 also describes the load itself (ISV=1), FAR_EL2 is the
// VA, and HPFAR_EL2 holds the page of the IPA: IPA bits [55:12] in its bits [47:4].
function rmm_stage2_fault
        mrs     x10, FAR_EL2
        mrs     x11, HPFAR_EL2
        say     "[RMM]   stage 2 fault: ESR_EL2 "
        say_hex x9, rmm_print_hex
        say     ", FAR_EL2 "
        say_hex x10, rmm_print_hex
        say     ", HPFAR_EL2 "
        say_hex x11, rmm_print_hex
        say     "\n"
        mov_const x0, EXPECTED_ESR
        expect_equal x9, x0, 3, "expected ESR_EL2 0x93c38007: 64-bit load to x3, Translation fault, level 3"
        mov_const x0, LATE_VA
        expect_equal x10, x0, 4, "FAR_EL2 is not the Realm's VA"
        mov_const x0, ((LATE_IPA >> 12) << 4)
        expect_equal x11, x0, 5, "HPFAR_EL2 is not the Realm's IPA"

        address x0, late_granule
        bl      rmm_prepare_granule
        address x0, late_granule
        to_alias x0, x1
        mov_const x1, GREETING
        str     x1, [x0]
        address x0, late_granule
        mov_const x1, S2_DATA
        mov     x2, #PAGE_LATE
        bl      rmm_map_page
        say     "[RMM]   granule supplied; ELR_EL2 still points at the load, so it is done again\n"
        b       rmm_return_to_realm

function rmm_done
        mov_const x10, GREETING
        mov     x11, x1
        say     "[RMM]   the Realm says that the page now shows "
        say_hex x11, rmm_print_hex
        say     "\n"
        expect_equal x11, x10, 6, "that is not what the RMM put there"
        say     "Done: the Realm and its tables lived under MECID 7, the RMM under MECID 1.\n"
        exit_with #0

clean_granule_routine clean_to_poe, CIPAE
prepare_granule_routine rmm_prepare_granule, clean_to_poe
print_hex_routine rmm_print_hex
unexpected_exception unexpected_el2, 2, rmm_stack_top, rmm_print_hex
vector_table rmm_vectors, unexpected_el2, rmm_from_realm, unexpected_el2

// --- Realm EL1: the Realm, in pages of its own -----------------------------------------------------------------

        .section .realm.text, "ax"
function realm_start
        say     "[Realm] VA 0x40200000 is IPA 0x80000000 to me. I store a message and call the RMM.\n"
        address x1, realm_data
        mov_const x2, MESSAGE
        stp     x2, xzr, [x1]
        mov     w0, #CALL_LOOK
        hvc     #0

        // One more page in the Realm's own stage 1: the table is data to it, stored under MECID 7 and
        // walked under MECID 7.
        address x1, realm_level3
        mov_const x2, (LATE_IPA + PAGE + S1_NORMAL + S1_PXN + S1_XN)
        str     x2, [x1, #(8 * PAGE_LATE)]
        dsb     ishst                       // the walker sees the entry
        isb
        say     "[Realm] I mapped one page more in stage 1. The RMM has not done so in stage 2.\n"
        mov_const x1, LATE_VA
        .globl  realm_load_late
realm_load_late:
        ldr     x3, [x1]                    // faults to the RMM, then succeeds
        mov     x1, x3
        mov     w0, #CALL_DONE
        hvc     #0
        b       .                           // not reached

print_hex_routine realm_print_hex
unexpected_exception unexpected_el1, 1, realm_stack_top, realm_print_hex
vector_table realm_vectors, unexpected_el1, unexpected_el1, unexpected_el1

// The Realm's stage 1: VA to IPA. The addresses of the tables in it are IPAs too.
        .section .realm.tables, "aw"
        .balign GRANULE_SIZE
realm_level1:
        .quad   0
        .quad   realm_level2 + TO_IPA + TABLE           // 1 GiB an entry
        .balign GRANULE_SIZE
realm_level2:
        .quad   0
        .quad   realm_level3 + TO_IPA + TABLE           // 2 MiB an entry
        .balign GRANULE_SIZE
realm_level3:                                           // 4 KiB an entry
        .quad   REALM_IPA + (PAGE_CODE + 0) * GRANULE_SIZE + PAGE + S1_NORMAL + S1_READ_ONLY
        .quad   REALM_IPA + (PAGE_CODE + 1) * GRANULE_SIZE + PAGE + S1_NORMAL + S1_READ_ONLY
        .irp    page, PAGE_LEVEL1, PAGE_LEVEL2, PAGE_LEVEL3, PAGE_STACK, PAGE_DATA
        .quad   REALM_IPA + \page * GRANULE_SIZE + PAGE + S1_NORMAL + S1_PXN + S1_XN
        .endr
        .balign GRANULE_SIZE                            // page 7 is filled in by the Realm

        .section .realm.bss, "aw", %nobits
        .balign GRANULE_SIZE
realm_stack:
        .skip   GRANULE_SIZE
realm_stack_top:
realm_data:
        .skip   GRANULE_SIZE

// --- Memory of EL3 and of the RMM: each purpose has pages of its own -------------------------------------------

rmm_root_table rmm_level1

        .section .bss
        .balign GRANULE_SIZE
monitor_stack:
        .skip   GRANULE_SIZE
monitor_stack_top:
rmm_stack:
        .skip   GRANULE_SIZE
rmm_stack_top:
stage2_level1:
        .skip   GRANULE_SIZE
stage2_level2:
        .skip   GRANULE_SIZE
stage2_level3:
        .skip   GRANULE_SIZE
late_granule:
        .skip   GRANULE_SIZE
