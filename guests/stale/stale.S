// stale: two instructions that are easy to forget, TLBI and ISB, and what the machine does without them.
//
// Part 1, the missing TLBI. A TLB keeps results of table walks. When software changes a descriptor, the TLB is not told:
// until a TLBI instruction removes the entry, the old result goes on being used. The program maps a
// page, loads from it, maps another page in its place and loads again: the old page, until there is a TLBI.
// (Real software first makes the entry invalid, then TLBI, then the new one: "break before make". Here both steps that
// belong between the two stores are missing, which is the mistake to be seen.)
//
// Part 2, the missing ISB. A write to a register that steers translation, such as MECID_A0_EL2, need not act on the
// accesses that follow it in the program until a context synchronisation event: an ISB, or an exception entry or
// return. The program changes the MECID and loads without an ISB: on this machine still under the old MECID.
//
// Exit codes
//    0  all is well
//    1  the load after the change of the descriptor, without a TLBI, did not see the old page
//    2  the load after the TLBI did not see the new page
//    3  the load before the ISB did not go by the old MECID
//    4  the load after the ISB did not go by the new MECID
//   80  no FEAT_MEC      81  no FEAT_RME
//   92, 93  an exception that nobody expected was taken to EL2, EL3
// Codes 1 and 3 are not mistakes of the machine: the architecture allows both outcomes. They come with a TLB that
// forgives (mectui --tlb forgiving) and with registers that act at once (mectui --sync immediate).

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "caches.inc"
#include "monitor.inc"
#include "mec.inc"

#define IMAGE_BASE      0x40000000          // the 2 MiB that hold this program (see link.ld)
#define PAGE_VA         0x40200000          // part 1: mapped to old_page, then to new_page
#define MEC_VA          0x40201000          // part 2: mapped with AMEC=1, so under MECID_A0_EL2

#define OLD_TEXT        0x6567617020646c6f  // "old page" in memory
#define NEW_TEXT        0x656761702077656e  // "new page" in memory
#define SECRET          0x5555555555555555

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
        enable_mec 1, 5, 0, 0, 0, 0         // MECID_P0_EL2 = 1 for nearly everything, MECID_A0_EL2 = 5
        mov_const x0, TCR2_AMEC0
        msr     TCR2_EL2, x0                // leaves with AMEC=1 are allowed
        isb
        address x0, old_page                // the MMU is off: at their own addresses, under MECID 1
        mov_const x1, OLD_TEXT
        stp     x1, x1, [x0]
        address x0, new_page
        mov_const x1, NEW_TEXT
        stp     x1, x1, [x0]
        enable_el2_mmu level1_table

// Part 1. x20 is what was loaded.
function missing_tlbi
        say     "\n1. A descriptor changes, and nobody tells the TLB\n"
        mov_const x19, PAGE_VA
lesson_first_load:
        ldr     x20, [x19]                  // a table walk; its result goes into the TLB
lesson_first_loaded:
        address x0, level3_table
        address x1, new_page
        mov_const x2, (PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN)
        add     x1, x1, x2
lesson_change_descriptor:
        str     x1, [x0]                    // entry 0 leads to new_page now
        dsb     ishst
        isb
lesson_load_without_tlbi:
        ldr     x20, [x19]
lesson_loaded_without_tlbi:
        say     "  without a TLBI the load returns "
        say_hex x20, realm_print_hex
        mov_const x21, OLD_TEXT
        expect_equal x20, x21, 1, "the TLB entry is gone already"
        lsr     x0, x19, #12                // TLBI takes the page's number
lesson_tlbi:
        tlbi    VAE2IS, x0
        dsb     ish                         // the TLBI is complete,
        isb                                 // and the instructions below know
lesson_load_after_tlbi:
        ldr     x20, [x19]
lesson_loaded_after_tlbi:
        say     "\n  after the TLBI it returns       "
        say_hex x20, realm_print_hex
        mov_const x21, NEW_TEXT
        expect_equal x20, x21, 2, "the load does not see the new page"

// Part 2. MECID_A0_EL2 is 5.
function missing_isb
        say     "\n\n2. A MECID changes, and the CPU has not been told to look\n"
        mov_const x19, MEC_VA
        mov_const x21, SECRET
        stp     x21, x21, [x19]             // under MECID 5
        address x0, mec_page
        orr     x0, x0, #PA_SPACE_REALM
        bl      clean_to_poe                // the loads below come from memory, not from a line tagged with 5
        mov     x0, #6
lesson_write_mecid:
        msr     MECID_A0_EL2, x0
lesson_load_without_isb:
        ldr     x20, [x19]
lesson_loaded_without_isb:
        isb
lesson_load_after_isb:
        ldr     x22, [x19]
lesson_loaded_after_isb:
        say     "  stored under MECID 5     "
        say_hex x21, realm_print_hex
        say     "\n  MECID 6 and no ISB:      "
        say_hex x20, realm_print_hex
        say     "\n  MECID 6 and an ISB:      "
        say_hex x22, realm_print_hex
        say     "\n"
        expect_equal x20, x21, 3, "the new MECID acted at once"
        expect_different x22, x21, 4, "the new MECID does not act after an ISB"
        say     "Done: a change is not there until the part of the CPU that uses it has been told.\n"
        exit_with #0

clean_granule_routine clean_to_poe, CIPAE
print_hex_routine realm_print_hex
unexpected_exception unexpected_el2, 2, realm_stack_top, realm_print_hex
vector_table realm_vectors, unexpected_el2, unexpected_el2, unexpected_el2

// --- Page tables -----------------------------------------------------------------------------------------------

        .section .tables, "a"
        .balign GRANULE_SIZE
level1_table:                               // 1 GiB an entry
        .quad   0
        .quad   level2_table + TABLE
        .balign GRANULE_SIZE
level2_table:                               // 2 MiB an entry
        .quad   IMAGE_BASE + BLOCK + S1_NORMAL + S1_AP_RES1     // the program, VA = PA
        .quad   level3_table + TABLE
        .balign GRANULE_SIZE

        .section .realm.tables, "aw"
        .balign GRANULE_SIZE
level3_table:                               // 4 KiB an entry
        .quad   old_page + PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN
        .quad   mec_page + PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN + S1_AMEC
        .balign GRANULE_SIZE

// --- Memory that is stored to: each purpose has pages of its own -----------------------------------------------

        .section .bss
        .balign GRANULE_SIZE
monitor_stack:
        .skip   GRANULE_SIZE
monitor_stack_top:
realm_stack:
        .skip   GRANULE_SIZE
realm_stack_top:
old_page:
        .skip   GRANULE_SIZE
new_page:
        .skip   GRANULE_SIZE
mec_page:
        .skip   GRANULE_SIZE
