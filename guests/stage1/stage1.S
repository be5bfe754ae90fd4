// stage1: how a virtual address becomes a physical one, level by level.
//
// With the MMU on, every address a program uses is a virtual address (VA). Hardware finds the physical address (PA)
// in tables that software has written to memory. With a 4 KiB granule a table has 512 entries of 8 bytes, and
// nine bits of the VA choose one:
//
//   VA[38:30]  entry of the level 1 table   1 GiB each
//   VA[29:21]  entry of the level 2 table   2 MiB each
//   VA[20:12]  entry of the level 3 table   4 KiB each
//   VA[11:0]   goes through unchanged
//
// An entry (a descriptor) is invalid, or points at the next table, or is a leaf and maps memory.
// The program turns its MMU on, loads through a VA that is not its PA, stores to a page that is read-only, and loads
// from a page that is not mapped; then it maps that page and loads again.
// Realm EL2, no MECIDs: SCTLR2_EL2.EMEC stays 0 where there is FEAT_MEC.
//
// Exit codes
//    0  all is well
//    1  the load through the window did not return what the page holds
//    2  the store to the read-only page did not fault
//    3  that fault had another ESR_EL2 than a Permission fault at level 3, on a write
//    4  the load from the hole did not fault
//    5  that fault had another ESR_EL2 than a Translation fault at level 3
//    6  the load does not return what the page holds once it is mapped
//   81  no FEAT_RME
//   92, 93  an exception that nobody expected was taken to EL2, EL3

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "monitor.inc"

#define IMAGE_BASE      0x40000000          // the 2 MiB that hold this program (see link.ld)
#define WINDOW_VA       0x40200000          // three pages of virtual addresses, see level3_table
#define READ_ONLY_VA    (WINDOW_VA + 1 * GRANULE_SIZE)
#define HOLE_VA         (WINDOW_VA + 2 * GRANULE_SIZE)

#define WINDOW_TEXT     0x776f646e6957206e  // "n Window" in memory
#define HOLE_TEXT       0x64656c6c69662121  // "!!filled" in memory

#define FSC_PERMISSION_L3       0b001111

// --- EL3, Root state -------------------------------------------------------------------------------------------

        .section .text
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_rme
        mrs     x0, ID_AA64MMFR3_EL1
        ubfx    x0, x0, #ID_AA64MMFR3_MEC_SHIFT, #ID_FIELD_WIDTH
        cbz     x0, .Lwithout_mec
        reset_el2_mec_controls
        enter_realm_el2 realm_start, SCR_REALM_WITH_MEC
.Lwithout_mec:
        enter_realm_el2 realm_start, (SCR_REALM | SCR_RW | SCR_HCE)

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

        // With the MMU off a VA is the PA: the two pages get their contents at their own addresses.
        address x0, window_page
        mov_const x1, WINDOW_TEXT
        stp     x1, x1, [x0]
        address x0, hole_page
        mov_const x1, HOLE_TEXT
        stp     x1, x1, [x0]

// Four registers, then the switch: what memory types there are (MAIR_EL2), how the tables look
// (TCR_EL2), where the first table is (TTBR0_EL2), and SCTLR_EL2.M.
function realm_turn_mmu_on
        mov_const x0, MAIR_VALUE
        msr     MAIR_EL2, x0
        mov_const x0, (TCR_T0SZ(39) | TCR_WALK0_WB | TCR_TG0_4K | TCR_EL2_PS_36 | TCR_EL2_RES1)
        msr     TCR_EL2, x0
        address x0, level1_table
        msr     TTBR0_EL2, x0
        isb
        tlbi    ALLE2                       // nothing old in the TLB
        dsb     ish
        isb
        mov_const x0, (SCTLR_EL2_RES1 | SCTLR_M | SCTLR_C | SCTLR_I)
        msr     SCTLR_EL2, x0
        isb
lesson_mmu_on:
        say     "[Realm EL2] MMU on. I load from VA 0x40200000.\n"
        mov_const x19, WINDOW_VA
lesson_load_window:
        ldr     x20, [x19]
lesson_window_loaded:
        mov_const x21, WINDOW_TEXT
        expect_equal x20, x21, 1, "the load through the window returned something else"

        say     "[Realm EL2] I store to VA 0x40201000, which is read-only.\n"
        mov_const x19, READ_ONLY_VA
        mov     x22, #0                     // the handler below puts the syndrome here
lesson_store_read_only:
        str     x20, [x19]
lesson_after_store:
        expect_different x22, xzr, 2, "the store to the read-only page did not fault"
        mov_const x0, ((EC_DABORT_SAME << ESR_EC_SHIFT) | ESR_IL | ISS_WNR | FSC_PERMISSION_L3)
        expect_equal x22, x0, 3, "expected ESR_EL2 0x9600004f: Data Abort, write, Permission fault, level 3"

        say     "[Realm EL2] I load from VA 0x40202000, which nobody has mapped.\n"
        mov_const x19, HOLE_VA
        mov     x22, #0
lesson_load_hole:
        ldr     x20, [x19]
lesson_after_hole:
        expect_different x22, xzr, 4, "the load from the hole did not fault"
        mov_const x0, ((EC_DABORT_SAME << ESR_EC_SHIFT) | ESR_IL | FSC_TRANSLATION_L3)
        expect_equal x22, x0, 5, "expected ESR_EL2 0x96000007: Data Abort, Translation fault, level 3"

        // An invalid entry is never kept in a TLB. Making it valid takes a barrier (the walker sees the
        // store) and an ISB (so do the instructions that follow), but no TLBI.
        say     "[Realm EL2] I write a descriptor for it.\n"
        address x0, level3_table
        address x1, hole_page
        mov_const x2, (PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN)
        add     x1, x1, x2
lesson_write_descriptor:
        str     x1, [x0, #16]               // entry 2 of the level 3 table
        dsb     ishst
        isb
lesson_load_again:
        ldr     x20, [x19]
lesson_loaded_again:
        mov_const x21, HOLE_TEXT
        expect_equal x20, x21, 6, "the page is mapped, and the load returned something else"
        say     "Done: one entry more, and the address exists.\n"
        exit_with #0

// Synchronous exceptions at EL2: the two accesses that are meant to fault are skipped, all others end the program.
function realm_sync_exception
        mrs     x22, ELR_EL2
        address x23, lesson_store_read_only
        cmp     x22, x23
        b.eq    .Lskip
        address x23, lesson_load_hole
        cmp     x22, x23
        b.ne    unexpected_el2
.Lskip: add     x22, x22, #4
        msr     ELR_EL2, x22
        mrs     x22, ESR_EL2
        eret

print_hex_routine realm_print_hex
unexpected_exception unexpected_el2, 2, realm_stack_top, realm_print_hex
vector_table realm_vectors, realm_sync_exception, unexpected_el2, unexpected_el2

// --- Page tables -----------------------------------------------------------------------------------------------

        .section .tables, "a"
        .balign GRANULE_SIZE
level1_table:                               // 1 GiB an entry
        .quad   0
        .quad   level2_table + TABLE        // 0x4000_0000
        .balign GRANULE_SIZE
level2_table:                               // 2 MiB an entry
        .quad   IMAGE_BASE + BLOCK + S1_NORMAL + S1_AP_RES1     // 0x4000_0000: the program, VA = PA
        .quad   level3_table + TABLE                            // 0x4020_0000
        .balign GRANULE_SIZE

// --- Memory that is stored to ----------------------------------------------------------------------------------

        .section .realm.tables, "aw"
        .balign GRANULE_SIZE
level3_table:                               // 4 KiB an entry
        .quad   window_page + PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN                     // 0x4020_0000
        .quad   window_page + PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN + S1_READ_ONLY      // 0x4020_1000
        .quad   0                                                                       // 0x4020_2000: the hole
        .balign GRANULE_SIZE

        .section .bss
        .balign GRANULE_SIZE
monitor_stack:
        .skip   GRANULE_SIZE
monitor_stack_top:
realm_stack:
        .skip   GRANULE_SIZE
realm_stack_top:
window_page:
        .skip   GRANULE_SIZE
hole_page:
        .skip   GRANULE_SIZE
