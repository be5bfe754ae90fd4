// rekey: a MECID gets a new key, and everything stored under the old one is noise from that moment on.
//
// There are few MECIDs and Realms come and go, so a MECID is used again. If it keeps its key, a new Realm can read what
// an old one left in memory. So whoever manages MECIDs asks for a new key between two owners.
// The architecture has no instruction for that: firmware at EL3 asks the platform's memory protection engine (MPE). The
// RMM asks EL3 with an SMC. This machine's MPE has a register at physical address 0x0A10_0008, in the Root
// address space only: a MECID stored there gets a new key.
//
//   EL3        the monitor; answers one SMC, "new key for MECID x1"
//   Realm EL2  plays the RMM. It reaches pages under any MECID through mappings with AMEC=1 (MECID_A0_EL2)
//
// Exit codes
//    0  all is well
//    1  with the old key, MECID 7 could not read what was stored under it
//    2  with the new key, MECID 7 still read what was stored under the old one
//    3  a new key for MECID 7 spoiled a page of MECID 8
//    4  a store under the new key did not read back
//    5  the memory protection engine refused
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
#define PAGE_7_VA       0x40200000          // both with AMEC=1: under MECID_A0_EL2
#define PAGE_8_VA       0x40201000

#define MPE_BASE        0x0a100000          // this machine's memory protection engine
#define MPE_REFRESH     0x08                // stored here: the MECID that gets a new key
#define MPE_STATUS      0x10                // what became of it
#define MPE_DONE        1

#define SECRET_OF_7     0x7777777777777777
#define SECRET_OF_8     0x8888888888888888
#define NEW_DATA        0x4242424242424242

// --- EL3, Root state -------------------------------------------------------------------------------------------

        .section .text
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_mec
        reset_el2_mec_controls
        enter_realm_el2 rmm_start, SCR_REALM_WITH_MEC

// The RMM's one question: a new key for the MECID in x1.
function monitor_from_rmm
        save_registers
        mrs     x9, ESR_EL3
        ubfx    x10, x9, #ESR_EC_SHIFT, #ESR_EC_WIDTH
        cmp     x10, #EC_SMC
        b.ne    unexpected_el3
        mov     x10, x1
        mov_const x11, MPE_BASE
monitor_refresh_key:
        str     x10, [x11, #MPE_REFRESH]
monitor_key_refreshed:
        ldr     x12, [x11, #MPE_STATUS]
        mov     x13, #MPE_DONE
        expect_equal x12, x13, 5, "the memory protection engine refused"
        say     "[EL3] MECID 7 has a new key\n"
        restore_registers
        eret

print_hex_routine monitor_print_hex
unexpected_exception unexpected_el3, 3, monitor_stack_top, monitor_print_hex
vector_table monitor_vectors, unexpected_el3, monitor_from_rmm, unexpected_el3

// --- Realm EL2: the RMM ----------------------------------------------------------------------------------------

function rmm_start
        address x0, rmm_vectors
        msr     VBAR_EL2, x0
        isb
        address x0, rmm_stack_top
        mov     sp, x0
        enable_mec 1, 7, 0, 0, 0, 0         // MECID 1 for myself; MECID_A0_EL2 = 7
        mov_const x0, TCR2_AMEC0
        msr     TCR2_EL2, x0
        isb
        enable_el2_mmu level1_table

// An old Realm lives under MECID 7, another one under MECID 8.
function store_secrets
        mov_const x19, PAGE_7_VA
        mov_const x20, SECRET_OF_7
        stp     x20, x20, [x19]
        bl      clean_page_7                // memory has it now, no cache
        select_mecid MECID_A0_EL2, #8
        mov_const x21, PAGE_8_VA
        mov_const x22, SECRET_OF_8
        stp     x22, x22, [x21]
        address x0, page_of_8
        orr     x0, x0, #PA_SPACE_REALM
        bl      clean_to_poe
        select_mecid MECID_A0_EL2, #7
        say     "[RMM] one Realm left something under MECID 7, another lives under MECID 8\n"

// The old Realm is destroyed, and a new one gets MECID 7 and, as it happens, the same granule. Nobody has
// erased it.
function reuse_without_new_key
lesson_load_old_key:
        ldr     x23, [x19]
lesson_loaded_old_key:
        say     "[RMM] MECID 7 again, same key: "
        say_hex x23, rmm_print_hex
        say     "\n"
        expect_equal x23, x20, 1, "the data is gone although the key is the same"

// The same once more, the right way: first a new key. Before that nobody may go on using the old one: what caches
// hold of the granule is written back, and MECID 7 leaves the register.
function reuse_with_new_key
        bl      clean_page_7
        select_mecid MECID_A0_EL2, #1
        mov     x1, #7
lesson_ask_for_new_key:
        smc     #0
lesson_new_key:
        select_mecid MECID_A0_EL2, #7
lesson_load_new_key:
        ldr     x23, [x19]
lesson_loaded_new_key:
        say     "[RMM] MECID 7 again, new key:  "
        say_hex x23, rmm_print_hex
        say     "\n"
        expect_different x23, x20, 2, "the new key still reads what was stored under the old one"

function the_neighbour
        select_mecid MECID_A0_EL2, #8
lesson_load_neighbour:
        ldr     x23, [x21]
lesson_loaded_neighbour:
        say     "[RMM] MECID 8, its own page:   "
        say_hex x23, rmm_print_hex
        say     "\n"
        expect_equal x23, x22, 3, "the new key for 7 spoiled a page of 8"
        select_mecid MECID_A0_EL2, #7

function the_new_realm
        mov_const x20, NEW_DATA
        bl      clean_page_7
lesson_store_new:
        stp     x20, x20, [x19]             // whole 16-byte blocks, under the new key
lesson_stored_new:
        ldr     x23, [x19]
        expect_equal x23, x20, 4, "what was stored under the new key does not read back"
        say     "Done: one store at EL3, and what the old Realm left is noise for good.\n"
        exit_with #0

function clean_page_7
        address x0, page_of_7
        orr     x0, x0, #PA_SPACE_REALM
        b       clean_to_poe

clean_granule_routine clean_to_poe, CIPAE
print_hex_routine rmm_print_hex
unexpected_exception unexpected_el2, 2, rmm_stack_top, rmm_print_hex
vector_table rmm_vectors, unexpected_el2, unexpected_el2, unexpected_el2

// --- Page tables of Realm EL2: in the image, never stored to ---------------------------------------------------

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
level3_table:                               // 4 KiB an entry
        .quad   page_of_7 + PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN + S1_AMEC
        .quad   page_of_8 + PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN + S1_AMEC
        .balign GRANULE_SIZE

// --- Memory that is stored to: each purpose has pages of its own -----------------------------------------------

        .section .bss
        .balign GRANULE_SIZE
monitor_stack:
        .skip   GRANULE_SIZE
monitor_stack_top:
rmm_stack:
        .skip   GRANULE_SIZE
rmm_stack_top:
page_of_7:
        .skip   GRANULE_SIZE
page_of_8:
        .skip   GRANULE_SIZE
