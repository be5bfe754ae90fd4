// amec: the alternate MECID, and who decides about it.
//
// A hypervisor has memory of its own and memory of its guests, and those have different MECIDs. It would be
// tedious to rewrite MECID_P0_EL2 for every access, so a page table leaf can say which of two registers applies: bit 63
// of a Block or Page descriptor, AMEC, picks the Primary MECID register (0) or the Alternate one (1). For EL2 in
// Realm state the four registers are
//
//                                          AMEC = 0       AMEC = 1       allowed by
//   EL2 (HCR_EL2.E2H=0)                    MECID_P0_EL2   MECID_A0_EL2   TCR2_EL2.AMEC0
//   EL2&0 (E2H=1), lower half, VA[55]=0    MECID_P0_EL2   MECID_A0_EL2   TCR2_EL2.AMEC0
//   EL2&0 (E2H=1), upper half, VA[55]=1    MECID_P1_EL2   MECID_A1_EL2   TCR2_EL2.AMEC1
//
// A leaf with AMEC=1 in a half whose TCR2_EL2.AMECx is 0 is a Translation fault at the level of the leaf.
//
// Exit codes
//    0  all is well
//    1  the view with AMEC=1 read what was stored through the view with AMEC=0
//    2  the view with AMEC=1 does not read back its own store
//    3  the view with AMEC=0 read what was stored through the view with AMEC=1
//    4  EL2&0: a view does not read back its own store
//    5  EL2&0: a view read what was stored through another one
//    6  a load with TCR2_EL2.AMEC1 = 0 did not fault
//    7  that fault had another ESR_EL2 than a Translation fault at level 3
//    8  that fault had another FAR_EL2
//    9  the load does not work again with TCR2_EL2.AMEC1 = 1
//   80  no FEAT_MEC      81  no FEAT_RME
//   92, 93  an exception that nobody expected was taken to EL2, EL3

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "caches.inc"
#include "monitor.inc"
#include "mec.inc"

#define IMAGE_BASE      0x40000000          // the 2 MiB that hold this program (see link.ld)
#define PAGES           4                   // pages to experiment with, each mapped twice:
#define PRIMARY_VA      0x40200000          //   with AMEC=0
#define ALTERNATE_VA    (PRIMARY_VA + PAGES * GRANULE_SIZE)     // with AMEC=1
#define UPPER_HALF      0xffffff8000000000  // first VA of TTBR1_EL2 with 39-bit addresses

#define P0              1                   // the MECIDs this guest puts into the four registers
#define A0              2
#define P1              3
#define A1              4

// TCR_EL2 as it is with E2H=1: 39-bit addresses, 4 KiB granule, for each half.
#define TCR_LOWER_HALF  (TCR_T0SZ(39) | TCR_WALK0_WB | TCR_TG0_4K)
#define TCR_UPPER_HALF  (TCR_T1SZ(39) | TCR_WALK1_WB | TCR_TG1_4K)

#define PATTERN         0x1111111111111111  // times the MECID: what is stored under it

// --- EL3, Root state -------------------------------------------------------------------------------------------

        .section .text
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_mec
        reset_el2_mec_controls
        enter_realm_el2 realm_start, SCR_REALM_WITH_MEC

print_hex_routine monitor_print_hex
unexpected_exception unexpected_el3, 3, monitor_stack_top, monitor_print_hex
vector_table monitor_vectors, unexpected_el3, unexpected_el3, unexpected_el3

// --- Realm EL2 -------------------------------------------------------------------------------------------------

function realm_start
        address x0, realm_vectors
        msr     VBAR_EL2, x0
        isb
        address x0, realm_stack_top
        mov     sp, x0
        enable_mec P0, A0, P1, A1, 0, 0
        mov_const x0, TCR2_AMEC0
        msr     TCR2_EL2, x0                // AMEC=1 leaves allowed; a change from 0 to 1 needs no TLBI
        isb
        enable_el2_mmu el2_level1
        say     "[Realm EL2] MECID_P0_EL2 = 1, MECID_A0_EL2 = 2, MECID_P1_EL2 = 3, MECID_A1_EL2 = 4\n"
        bl      two_views_of_one_page
        bl      switch_to_el2_and_0
        bl      four_views_of_four_pages
        bl      forbid_the_alternate
        say     "Done: one bit of a page table leaf chose the key.\n"
        exit_with #0

// One page, mapped at two addresses of the EL2 regime that differ in AMEC only.
function two_views_of_one_page
        mov     x29, x30
        mov_const x19, PRIMARY_VA
        mov_const x20, ALTERNATE_VA
        mov_const x21, PATTERN * P0
        mov_const x22, PATTERN * A0
        say     "\nOne page, two addresses (E2H=0): AMEC=0 uses P0, AMEC=1 uses A0\n"

lesson_store_primary:
        stp     x21, x21, [x19]             // through AMEC=0: under MECID 1
lesson_stored_primary:
        address x23, pages
        bl      clean_page_x23
lesson_load_alternate:
        ldr     x24, [x20]                  // through AMEC=1: under MECID 2
lesson_loaded_alternate:
        say     "  stored through AMEC=0 "
        say_hex x21, realm_print_hex
        say     ", loaded through AMEC=1 "
        say_hex x24, realm_print_hex
        expect_different x24, x21, 1, "both views show the same"

        bl      clean_page_x23
lesson_store_alternate:
        stp     x22, x22, [x20]
lesson_stored_alternate:
        bl      clean_page_x23
        ldr     x24, [x20]
        bl      clean_page_x23
        ldr     x25, [x19]
        say     "\n  stored through AMEC=1 "
        say_hex x22, realm_print_hex
        say     ", loaded through AMEC=0 "
        say_hex x25, realm_print_hex
        say     "\n"
        expect_equal x24, x22, 2, "AMEC=1 does not read back its own store"
        bl      clean_page_x23
        expect_different x25, x22, 3, "both views show the same"
        ret     x29

// From the EL2 regime to EL2&0: HCR_EL2.E2H=1 gives TCR_EL2 and SCTLR_EL2 another layout, leaves another meaning
// of AP[1], and the upper half of addresses a table of its own, TTBR1_EL2. The MMU is off in between. Both halves
// use the same tables here: the MECIDs still differ, since VA[55] picks the registers.
// TCR_EL2.A1=0 makes table walks use MECID_P1_EL2, for both halves.
function switch_to_el2_and_0
        mov_const x0, SCTLR_EL2_RES1
        msr     SCTLR_EL2, x0
        isb
        mov_const x0, (HCR_RW | HCR_E2H)
        msr     HCR_EL2, x0
        isb
        mov_const x0, (TCR_LOWER_HALF | TCR_UPPER_HALF | TCR_EL1_IPS_36)
        msr     TCR_EL2, x0
        address x0, el2_and_0_level1
        msr     TTBR0_EL2, x0
        msr     TTBR1_EL2, x0
        mov_const x0, (TCR2_AMEC0 | TCR2_AMEC1)
        msr     TCR2_EL2, x0
        isb
        tlbi    ALLE2                       // with E2H=1 this means the EL2&0 regime
        dsb     ish
        isb
        mov_const x0, (SCTLR_EL2_VHE_RES1 | SCTLR_M | SCTLR_C | SCTLR_I)
        msr     SCTLR_EL2, x0
        isb
        ret

// Stores to page n through view n, then loads every page through every view.
// x19 page, x20 view, x21 what was stored to the page, x22 what is loaded, x23 PA of the page
function four_views_of_four_pages
        mov     x29, x30
        say     "\nFour pages, four views (E2H=1)\n"
        say     "                     lower AMEC=0  lower AMEC=1  upper AMEC=0  upper AMEC=1\n"
        mov     x19, #0
.Lstore_page:
        bl      view_address                // page n through view n
        mov_const x21, PATTERN
        madd    x21, x21, x19, x21          // pattern * (n + 1), n + 1 being the MECID of view n
        stp     x21, x21, [x0]
        bl      clean_page_x19
        add     x19, x19, #1
        cmp     x19, #PAGES
        b.lo    .Lstore_page

        mov     x19, #0
.Lload_page:
        mov_const x21, PATTERN
        madd    x21, x21, x19, x21
        say     "  stored under "
        add     x24, x19, #1
        say_hex x24, realm_print_hex
        mov     x20, #0
.Lload_through_view:
        bl      view_address_x20
        ldr     x22, [x0]
        bl      clean_page_x19              // the next view has another MECID
        cmp     x19, x20
        b.eq    .Lown_view
        say     "         noise"
        expect_different x22, x21, 5, "a view reads what was stored through another"
        b       .Lnext_view
.Lown_view:
        say     "          data"
        expect_equal x22, x21, 4, "a view does not read back its own store"
.Lnext_view:
        add     x20, x20, #1
        cmp     x20, #PAGES
        b.lo    .Lload_through_view
        say     "\n"
        add     x19, x19, #1
        cmp     x19, #PAGES
        b.lo    .Lload_page
        ret     x29

// AMEC1: 1 -> 0 may leave TLB entries behind that still work, so it needs a TLBI. The next load through an
// upper AMEC=1 leaf faults. 0 -> 1 needs none: an entry that faults is never kept in a TLB.
function forbid_the_alternate
        mov     x29, x30
        mov_const x19, (UPPER_HALF + ALTERNATE_VA + 3 * GRANULE_SIZE)
        mov_const x0, TCR2_AMEC0
        msr     TCR2_EL2, x0
        isb
        tlbi    ALLE2
        dsb     ish
        isb
        mov     x20, #0                     // the handler below puts the syndrome here,
        mov     x21, #0                     // and the address here
        .globl  forbidden_load
forbidden_load:
        ldr     x22, [x19]
lesson_after_forbidden:
        say     "\nTCR2_EL2.AMEC1 = 0, load through upper AMEC=1: ESR_EL2 "
        say_hex x20, realm_print_hex
        say     ", FAR_EL2 "
        say_hex x21, realm_print_hex
        expect_different x20, xzr, 6, "no fault was taken"
        mov_const x0, ((EC_DABORT_SAME << ESR_EC_SHIFT) | ESR_IL | FSC_TRANSLATION_L3)
        expect_equal x20, x0, 7, "expected ESR_EL2 0x96000007: Data Abort, Translation fault, level 3"
        expect_equal x21, x19, 8, "FAR_EL2 is not the address of the load"

        mov_const x0, (TCR2_AMEC0 | TCR2_AMEC1)
        msr     TCR2_EL2, x0
        isb
        mov_const x20, PATTERN * A1
lesson_load_allowed:
        ldr     x22, [x19]
lesson_loaded_allowed:
        expect_equal x22, x20, 9, "the load does not work again"
        say     "\nTCR2_EL2.AMEC1 = 1 again, no TLBI: the load works\n"
        ret     x29

// Synchronous exceptions at EL2: the one load that is meant to fault is skipped, all others end the program.
function realm_sync_exception
        mrs     x20, ELR_EL2
        address x21, forbidden_load
        cmp     x20, x21
        b.ne    unexpected_el2
        add     x20, x20, #4
        msr     ELR_EL2, x20
        mrs     x20, ESR_EL2
        mrs     x21, FAR_EL2
        eret

// x0 = address of page x19 through view x19 (view_address) or view x20 (view_address_x20). Changes x1.
function view_address
        mov     x1, x19
        b       .Lview
function view_address_x20
        mov     x1, x20
.Lview: address x0, views
        ldr     x0, [x0, x1, lsl #3]
        add     x0, x0, x19, lsl #12        // pages are 4 KiB
        ret

// Sends page x19, or the page at x23, out of the caches: another MECID is about to use it. Changes x0-x2, x23.
function clean_page_x19
        address x23, pages
        add     x23, x23, x19, lsl #12
function clean_page_x23
        orr     x0, x23, #PA_SPACE_REALM
        b       clean_to_poe

        .balign 8
views:  .quad   PRIMARY_VA                  // MECID_P0_EL2
        .quad   ALTERNATE_VA                // MECID_A0_EL2
        .quad   UPPER_HALF + PRIMARY_VA     // MECID_P1_EL2
        .quad   UPPER_HALF + ALTERNATE_VA   // MECID_A1_EL2

clean_granule_routine clean_to_poe, CIPAE
print_hex_routine realm_print_hex
unexpected_exception unexpected_el2, 2, realm_stack_top, realm_print_hex
vector_table realm_vectors, realm_sync_exception, unexpected_el2, unexpected_el2

// --- Page tables of Realm EL2: in the image, never stored to ---------------------------------------------------

// The program itself in one 2 MiB block, and the four pages twice.
.macro realm_tables regime, code, data
        .balign GRANULE_SIZE
\regime\()_level1:                          // 1 GiB an entry
        .quad   0
        .quad   \regime\()_level2 + TABLE
        .balign GRANULE_SIZE
\regime\()_level2:                          // 2 MiB an entry
        .quad   IMAGE_BASE + BLOCK + S1_NORMAL + \code
        .quad   \regime\()_level3 + TABLE
        .balign GRANULE_SIZE
\regime\()_level3:                          // 4 KiB an entry
        .irp    n, 0, 1, 2, 3
        .quad   pages + \n * GRANULE_SIZE + PAGE + S1_NORMAL + \data
        .endr
        .irp    n, 0, 1, 2, 3
        .quad   pages + \n * GRANULE_SIZE + PAGE + S1_NORMAL + \data + S1_AMEC
        .endr
        .balign GRANULE_SIZE
.endm

        .section .tables, "a"
        realm_tables el2, S1_AP_RES1, (S1_AP_RES1 + S1_XN)
        realm_tables el2_and_0, 0, (S1_PXN + S1_XN)      // AP[1]=0: nothing for EL0

// --- Memory that is stored to: each purpose has pages of its own -----------------------------------------------

        .section .bss
        .balign GRANULE_SIZE
monitor_stack:
        .skip   GRANULE_SIZE
monitor_stack_top:
realm_stack:
        .skip   GRANULE_SIZE
realm_stack_top:
pages:
        .skip   PAGES * GRANULE_SIZE
