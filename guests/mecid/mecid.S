// mecid: what a memory encryption context is.
//
// With FEAT_RME, Realm memory is encrypted under one key of its own. FEAT_MEC splits it further: every access to
// Realm memory carries a number, the MECID, and each MECID stands for another key. Memory keeps what was
// written under the MECID of the store. A load under another MECID is no fault: it decrypts with the wrong
// key and returns noise.
//
// Which MECID an access has is decided by registers. This guest uses the simplest case, Realm EL2 with one VA
// range (HCR_EL2.E2H=0): everything it does has the MECID in MECID_P0_EL2. That is data, but also its stack, its
// instruction fetches and its table walks. They keep working here while the MECID changes, because
//   - code and page tables come from the loaded image. Nobody has stored to them since reset, so
//     they belong to no context and every MECID reads them as they are;
//   - each MECID has a stack of its own. Code that changes the MECID under its feet and goes on using its stack stores
//     over lines that are still tagged with the old one.
//
// Exit codes
//    0  all is well
//    1  a load under MECID 6 returned what was stored under MECID 5
//    2  under MECID 5 again, the data was no longer what was stored
//    3  the byte stored under MECID 6 does not read back under MECID 6
//    4  the byte's neighbours, stored under MECID 5, can be read under MECID 6. Real hardware never lets that
//       happen, but the memory model `substitute` does: its owners are whole pages, and one store takes a page
//    5  under MECID 5, the block that MECID 6 stored to still has its old contents
//    6  under MECID 5, the block next to it was damaged too
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
#define WINDOW          0x40200000          // VA: pages to experiment with
#define WHOLE_VA        (WINDOW + 0 * GRANULE_SIZE)
#define SPLIT_VA        (WINDOW + 1 * GRANULE_SIZE)

#define PATTERN         0x0123456789abcdef

// --- EL3, Root state -------------------------------------------------------------------------------------------

        .section .text
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_mec
        say     "[EL3] SCR_EL3.{NSE,NS} = {1,1}: the levels below are Realm. MECEn = 1: they may use MECIDs.\n"
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
        enable_mec 5, 0, 0, 0, 0, 0         // MECID_P0_EL2 = 5
        address x0, stack_of_5_top
        mov     sp, x0
        enable_el2_mmu level1_table
        say     "[Realm EL2] MMU on, SCTLR2_EL2.EMEC = 1, MECID_P0_EL2 = 5.\n"
        bl      whole_page_under_two_mecids
        bl      one_byte_under_another_mecid
        say     "Done: the same address, two contexts, and neither sees the other's data.\n"
        exit_with #0

// Another MECID in MECID_P0_EL2, and the stack that goes with it. Changes x0.
.macro change_context mecid
        select_mecid MECID_P0_EL2, #\mecid
        address x0, stack_of_\mecid\()_top
        mov     sp, x0
.endm

// Stores under MECID 5, loads under 6, loads under 5 again.
function whole_page_under_two_mecids
        mov     x29, x30                    // kept in a register: the stack changes
        mov_const x19, WHOLE_VA
        mov_const x20, PATTERN
lesson_store:
        stp     x20, x20, [x19]
lesson_stored:
        say     "\nStored under MECID 5        "
        say_hex x20, realm_print_hex

        bl      clean_whole_page            // the line in the caches is still tagged with 5
lesson_change_context:
        change_context 6
lesson_load_foreign:
        ldr     x21, [x19]
lesson_loaded_foreign:
        say     "\nLoaded under MECID 6        "
        say_hex x21, realm_print_hex
        expect_different x21, x20, 1, "MECID 6 read the plaintext of MECID 5"

        bl      clean_whole_page
        change_context 5
lesson_load_own:
        ldr     x21, [x19]
lesson_loaded_own:
        say     "\nLoaded under MECID 5 again  "
        say_hex x21, realm_print_hex
        say     "\n"
        expect_equal x21, x20, 2, "MECID 5 lost its data"
        ret     x29

// Memory is encrypted in blocks of 16 bytes. To store less than a block, the memory system reads the block,
// changes the bytes and writes the block back, all under the MECID of the store. If that is not the MECID of
// the other bytes, it has decrypted noise and encrypts noise: they are lost for everybody.
function one_byte_under_another_mecid
        mov     x29, x30
        mov_const x19, SPLIT_VA
        mov_const x20, PATTERN
        stp     x20, x20, [x19]             // block 0
        stp     x20, x20, [x19, #BLOCK_SIZE]        // block 1

        bl      clean_split_page
        change_context 6
        mov     w22, #0x5a
        strb    w22, [x19]                  // one byte of block 0
        bl      clean_split_page
        ldrb    w23, [x19]
        ldr     x21, [x19, #8]
lesson_byte_stored:
        say     "\nOne byte of the next page is stored under MECID 6. The block around it is then\n"
        say     "  under MECID 6: byte 0     "
        say_hex x23, realm_print_hex
        say     "\n                 bytes 8-15 "
        say_hex x21, realm_print_hex
        expect_equal x23, x22, 3, "MECID 6 cannot read its own byte"
        expect_different x21, x20, 4, "MECID 6 can read the bytes of MECID 5 beside its own"

        bl      clean_split_page
        change_context 5
        ldr     x21, [x19, #8]
        ldr     x23, [x19, #BLOCK_SIZE]
lesson_block_lost:
        say     "\n  under MECID 5: bytes 8-15 "
        say_hex x21, realm_print_hex
        say     "\n                 next block "
        say_hex x23, realm_print_hex
        say     " (untouched)\n"
        expect_different x21, x20, 5, "the block still has what MECID 5 stored"
        expect_equal x23, x20, 6, "the damage spread to the next block"
        ret     x29

function clean_whole_page
        address x0, whole_page
        orr     x0, x0, #PA_SPACE_REALM
        b       clean_to_poe

function clean_split_page
        address x0, split_page
        orr     x0, x0, #PA_SPACE_REALM
        b       clean_to_poe

clean_granule_routine clean_to_poe, CIPAE
print_hex_routine realm_print_hex
unexpected_exception unexpected_el2, 2, stack_of_5_top, realm_print_hex
vector_table realm_vectors, unexpected_el2, unexpected_el2, unexpected_el2

// --- Page tables of Realm EL2: in the image, never stored to ---------------------------------------------------

        .section .tables, "a"
        .balign GRANULE_SIZE
level1_table:                               // 1 GiB an entry
        .quad   0
        .quad   level2_table + TABLE
        .balign GRANULE_SIZE
level2_table:                               // 2 MiB an entry
        .quad   IMAGE_BASE + BLOCK + S1_NORMAL + S1_AP_RES1
        .quad   level3_table + TABLE
        .balign GRANULE_SIZE
level3_table:                               // 4 KiB an entry
        .quad   whole_page + PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN
        .quad   split_page + PAGE + S1_NORMAL + S1_AP_RES1 + S1_XN
        .balign GRANULE_SIZE

// --- Memory that is stored to: each purpose has pages of its own -----------------------------------------------

        .section .bss
        .balign GRANULE_SIZE
monitor_stack:
        .skip   GRANULE_SIZE
monitor_stack_top:
stack_of_5:
        .skip   GRANULE_SIZE
stack_of_5_top:
stack_of_6:
        .skip   GRANULE_SIZE
stack_of_6_top:
whole_page:
        .skip   GRANULE_SIZE
split_page:
        .skip   GRANULE_SIZE
