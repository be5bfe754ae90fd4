// two-realms: what FEAT_MEC is for. Two Realms use the same memory, one after the other, and nobody erases it in
// between.
//
//   EL3        the monitor: starts the CPU, then stays out of the way
//   Realm EL2  a small Realm Management Monitor (RMM): gives memory to Realms with stage 2 tables
//   Realm EL1  Realm A, whose memory has MECID 5, and Realm B, whose memory has MECID 6
//
// Realm A fills a granule (4 KiB) with a secret. The RMM takes the granule away and gives it to Realm B. It ought to
// erase it first and, as real software will one day, forgets to. Stage 2 and the GPT are all in order: B may read
// this memory. What protects A is that the bytes were stored under MECID 5 and B loads under MECID 6: B decrypts
// with its own key and finds noise. Back under MECID 5 everything is still there. At the end the RMM does it the
// proper way: it scrubs the granule under the MECID of its new owner.
//
// Run it on a machine without FEAT_MEC and B reads the secret: exit code 2.
//
// How a MECID gets to an access of a Realm: stage 2 leaves with AMEC=0 use VMECID_P_EL2, which the RMM writes
// together with VTTBR_EL2 when it changes from one Realm to the other. The walk of the stage 2 tables uses it
// too, so the RMM writes each Realm's tables under that Realm's MECID, through an alias mapping with AMEC=1
// and MECID_A0_EL2. (Code comes from the loaded image. Nobody has stored to that since reset, so it belongs to no
// MECID. A real RMM copies a Realm's image in under its MECID.)
//
// Exit codes
//    0  all is well
//    1  A could not read back what it had just stored
//    2  B found A's secret in the recycled granule (expected on a machine without FEAT_MEC)
//    3  A's secret was damaged when A got the granule back
//    4  B did not find zeros in the scrubbed granule
//    5  B could not read back what it stored in the scrubbed granule
//   81  no FEAT_RME
//   91, 92, 93  an exception that nobody expected was taken to EL1, EL2, EL3

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "caches.inc"
#include "monitor.inc"
#include "mec.inc"
#include "rmm.inc"

#define RMM_MECID           1
#define REALM_A_MECID       5
#define REALM_B_MECID       6
#define REALM_A_VMID        1
#define REALM_B_VMID        2

#define BLOCKS_PER_GRANULE  (GRANULE_SIZE / BLOCK_SIZE)

// What the RMM asks a Realm to do, in w0 at its entry. A Realm answers in x0, with HVC.
#define A_STORE_SECRET      1           // answer: how many blocks read back right
#define A_CHECK_SECRET      2           // answer: how many blocks hold the secret
#define B_SEARCH_SECRET     1           // answer: how many blocks hold A's secret
#define B_USE_GRANULE       2           // answer: one of these
#define B_ALL_WELL          0
#define B_NOT_ZERO          1
#define B_NOT_MINE          2

// What the RMM knows about a Realm.
#define REALM_MECID         0
#define REALM_VTTBR         8           // VMID and stage 2 level 1 table
#define REALM_TABLES        16          // three granules: stage 2 levels 1, 2, 3
#define REALM_CODE          24          // two granules
#define REALM_STACK         32          // one granule
#define REALM_ENTRY         40
#define REALM_VECTORS       48

// --- EL3, Root state: the monitor ------------------------------------------------------------------------------

        .section .text
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_rme
        mrs     x28, ID_AA64MMFR3_EL1
        ubfx    x28, x28, #ID_AA64MMFR3_MEC_SHIFT, #ID_FIELD_WIDTH      // goes on to the RMM in x28
        cbz     x28, monitor_start_without_mec
        say     "[EL3]     FEAT_MEC is here. Starting the RMM in Realm state.\n"
        reset_el2_mec_controls
        enter_realm_el2 rmm_start, SCR_REALM_WITH_MEC

function monitor_start_without_mec
        say     "[EL3]     NO FEAT_MEC on this machine: all Realms share one key. Starting the RMM in Realm state.\n"
        enter_realm_el2 rmm_start, (SCR_REALM | SCR_RW | SCR_HCE)

print_hex_routine monitor_print_hex
unexpected_exception unexpected_el3, 3, monitor_stack_top, monitor_print_hex
vector_table monitor_vectors, unexpected_el3, unexpected_el3, unexpected_el3

// --- Realm EL2: the RMM ----------------------------------------------------------------------------------------
// x28 is not 0 if there is FEAT_MEC. x19 is the Realm that a routine works on (realm_a or realm_b below).

function rmm_start
        address x0, rmm_vectors
        msr     VBAR_EL2, x0
        isb
        address x0, rmm_stack_top
        mov     sp, x0
        cbz     x28, .Lno_mec
        enable_mec RMM_MECID, 0, 0, 0, 0, 0
        allow_alias
        say     "[RMM]     Realm A lives under MECID 5, Realm B under MECID 6, I under MECID 1.\n"
.Lno_mec:
        enable_el2_mmu rmm_level1
        bl      rmm_prepare_el1
        address x19, realm_a
        bl      rmm_create_realm
        address x19, realm_b
        bl      rmm_create_realm

function rmm_tell_the_story
        say     "\n1. A gets a granule and stores a secret in it\n"
        address x19, realm_a
        bl      rmm_select_realm
        address x0, shared_granule
        bl      rmm_prepare_granule
        address x0, shared_granule
        mov_const x1, S2_DATA
        bl      rmm_map_granule
        mov     w0, #A_STORE_SECRET
        bl      rmm_enter_realm
        mov     x1, #BLOCKS_PER_GRANULE
        expect_equal x0, x1, 1, "A cannot read back what it stored"

        say     "\n2. The granule goes to B, and the RMM forgets to scrub it\n"
        address x19, realm_b
        address x20, realm_a
        mov     w21, #0
        bl      rmm_recycle_granule
        mov     w0, #B_SEARCH_SECRET
        bl      rmm_enter_realm
        expect_equal x0, xzr, 2, "B reads A's secret: without MEC, one forgotten scrub is a leak"
        say     "[RMM]     I made a mistake, and A's secret is still safe.\n"

        say     "\n3. The granule goes back to A\n"
        address x19, realm_a
        address x20, realm_b
        mov     w21, #0
        bl      rmm_recycle_granule
        mov     w0, #A_CHECK_SECRET
        bl      rmm_enter_realm
        mov     x1, #BLOCKS_PER_GRANULE
        expect_equal x0, x1, 3, "A's secret was damaged"

        say     "\n4. The proper way: the RMM scrubs the granule under B's MECID, then B gets it\n"
        address x19, realm_b
        address x20, realm_a
        mov     w21, #1
        bl      rmm_recycle_granule
        mov     w0, #B_USE_GRANULE
        bl      rmm_enter_realm
        mov     x1, #B_NOT_ZERO
        expect_different x0, x1, 4, "B did not find zeros"
        expect_equal x0, xzr, 5, "B cannot read back what it stored"
        say     "\nDone: one granule, two owners, two keys.\n"
        exit_with #0

// What is the same for all Realms at EL1. Their own MMU stays off: HCR_EL2.DC makes their accesses Normal
// memory all the same, and VA = IPA.
function rmm_prepare_el1
        mov_const x0, SCTLR_EL1_RES1
        msr     SCTLR_EL1, x0
        mov_const x0, (TCR_T0SZ(32) | VTCR_SL0_LEVEL1 | TCR_WALK0_WB | TCR_TG0_4K | VTCR_PS_36 | VTCR_RES1)
        msr     VTCR_EL2, x0
        mov_const x0, (HCR_RW | HCR_VM | HCR_DC)
        msr     HCR_EL2, x0
        isb
        ret

// Makes x19 the Realm in whose name EL1 runs, stage 2 tables are walked, and the alias mapping works. New MECID
// values need a context synchronisation, no TLBI: TLBs don't hold them. Changes x0.
function rmm_select_realm
        ldr     x0, [x19, #REALM_VTTBR]
        msr     VTTBR_EL2, x0
        cbz     x28, .Lselected
        ldr     x0, [x19, #REALM_MECID]
        msr     VMECID_P_EL2, x0
        msr     MECID_A0_EL2, x0
.Lselected:
        isb
        ret

// Writes the stage 2 tables of Realm x19: its code and its stack, IPA = PA. All under its MECID.
// Changes x0-x4, x20, x21.
function rmm_create_realm
        stp     x29, x30, [sp, #-16]!
        bl      rmm_select_realm
        tlbi    VMALLS12E1                  // nothing old under this VMID
        dsb     ish
        isb
        ldr     x20, [x19, #REALM_TABLES]
        mov     x0, x20
        bl      rmm_prepare_granule
        add     x0, x20, #GRANULE_SIZE
        bl      rmm_prepare_granule
        add     x0, x20, #(2 * GRANULE_SIZE)
        bl      rmm_prepare_granule
        ldr     x0, [x19, #REALM_STACK]
        bl      rmm_prepare_granule

        mov     x21, x20
        to_alias x21, x0
        add     x0, x20, #GRANULE_SIZE
        add     x0, x0, #TABLE
        str     x0, [x21, #8]               // level 1, GiB 1 -> level 2
        add     x0, x0, #GRANULE_SIZE
        str     x0, [x21, #(GRANULE_SIZE + 8)]      // level 2, 0x4020_0000 -> level 3

        ldr     x0, [x19, #REALM_CODE]
        mov_const x1, S2_CODE
        bl      rmm_map_granule
        ldr     x0, [x19, #REALM_CODE]
        add     x0, x0, #GRANULE_SIZE
        bl      rmm_map_granule
        ldr     x0, [x19, #REALM_STACK]
        mov_const x1, S2_DATA
        bl      rmm_map_granule
        ldp     x29, x30, [sp], #16
        ret

// Maps the granule at x0 (PA and IPA) for the selected Realm x19, with the leaf attributes x1. An invalid entry
// is never kept in a TLB, so this takes a barrier, but no TLBI. Changes x0, x2, x3.
function rmm_map_granule
        add     x3, x0, x1
        b       rmm_write_level3_entry

// Stores x3 as the entry of the IPA x0 in the level 3 table of the selected Realm x19. Changes x0, x2.
function rmm_write_level3_entry
        ldr     x2, [x19, #REALM_TABLES]
        add     x2, x2, #(2 * GRANULE_SIZE)
        ubfx    x0, x0, #12, #9
        add     x2, x2, x0, lsl #3
        to_alias x2, x0
        str     x3, [x2]
        dsb     ishst
        ret

// Takes the granule at x0 (PA and IPA) out of stage 2 of the selected Realm x19: the entry, then what
// TLBs know of the IPA, then what they know of whole translations, VA to PA. Changes x0, x2, x3, x5, x6.
function rmm_unmap_granule
        mov     x6, x30
        lsr     x5, x0, #12
        mov     x3, #0
        bl      rmm_write_level3_entry
        tlbi    IPAS2E1IS, x5
        dsb     ish
        tlbi    VMALLE1IS
        dsb     ish
        isb
        ret     x6

// Moves shared_granule from Realm x20 to Realm x19. w21 says whether to scrub it.
// DC CIPAE is not optional: dirty cache lines of the old owner, tagged with its MECID, could be written back
// later over what the new owner has stored. Changes x0-x6.
function rmm_recycle_granule
        stp     x19, x30, [sp, #-16]!
        mov     x19, x20
        bl      rmm_select_realm
        address x0, shared_granule
        bl      rmm_unmap_granule

        ldr     x19, [sp]
        bl      rmm_select_realm
        address x0, shared_granule
        cbz     w21, .Lno_scrub
        bl      rmm_prepare_granule         // clean, then zeros under the MECID of the new owner
        say     "[RMM]     taken from its old Realm, scrubbed, mapped for the next one\n"
        b       .Lmap_shared
.Lno_scrub:
        orr     x0, x0, #PA_SPACE_REALM
        bl      rmm_clean_to_poe
        say     "[RMM]     taken from its old Realm, NOT scrubbed, mapped for the next one\n"
.Lmap_shared:
        address x0, shared_granule
        mov_const x1, S2_DATA
        bl      rmm_map_granule
        ldp     x19, x30, [sp], #16
        ret

// Runs Realm x19 from its entry with the question w0, until it answers with HVC. Returns the answer in x0.
// Between the ERET here and the HVC the Realm uses all general-purpose registers as it likes.
function rmm_enter_realm
        stp     x19, x20, [sp, #-96]!
        stp     x21, x22, [sp, #16]
        stp     x23, x24, [sp, #32]
        stp     x25, x26, [sp, #48]
        stp     x27, x28, [sp, #64]
        stp     x29, x30, [sp, #80]
        mov     w1, w0
        bl      rmm_select_realm
        ldr     x0, [x19, #REALM_STACK]
        add     x0, x0, #GRANULE_SIZE
        msr     SP_EL1, x0
        ldr     x0, [x19, #REALM_VECTORS]
        msr     VBAR_EL1, x0
        ldr     x0, [x19, #REALM_ENTRY]
        msr     ELR_EL2, x0
        mov_const x0, SPSR_EL1H
        msr     SPSR_EL2, x0
        mov     w0, w1
        eret

function rmm_from_realm
        mrs     x1, ESR_EL2
        ubfx    x1, x1, #ESR_EC_SHIFT, #ESR_EC_WIDTH
        cmp     x1, #EC_HVC
        b.ne    unexpected_el2
        ldp     x21, x22, [sp, #16]
        ldp     x23, x24, [sp, #32]
        ldp     x25, x26, [sp, #48]
        ldp     x27, x28, [sp, #64]
        ldp     x29, x30, [sp, #80]
        ldp     x19, x20, [sp], #96
        ret                                 // to the caller of rmm_enter_realm

function rmm_clean_to_poe
        cbnz    x28, clean_to_poe
        ret                                 // no FEAT_MEC, no such instruction

        .balign 8
realm_a:
        .quad   REALM_A_MECID
        .quad   stage2_a_level1 + (REALM_A_VMID << VTTBR_VMID_SHIFT)
        .quad   stage2_a_level1, realm_a_code, realm_a_stack, realm_a_entry, realm_a_vectors
realm_b:
        .quad   REALM_B_MECID
        .quad   stage2_b_level1 + (REALM_B_VMID << VTTBR_VMID_SHIFT)
        .quad   stage2_b_level1, realm_b_code, realm_b_stack, realm_b_entry, realm_b_vectors

clean_granule_routine clean_to_poe, CIPAE
prepare_granule_routine rmm_prepare_granule, rmm_clean_to_poe
print_hex_routine rmm_print_hex
unexpected_exception unexpected_el2, 2, rmm_stack_top, rmm_print_hex
vector_table rmm_vectors, unexpected_el2, rmm_from_realm, unexpected_el2

// --- Realm EL1 -------------------------------------------------------------------------------------------------

// Two routines that both Realms have a copy of. They work on blocks of 16 bytes from x0 on, one granule.
//   <realm>_fill_blocks    stores x2, x3 to every block. Changes x0, x4.
//   <realm>_count_blocks   returns in x0 how many blocks hold x2, x3. Changes x4-x7.
.macro block_routines realm
function \realm\()_fill_blocks
        mov     x4, #BLOCKS_PER_GRANULE
.Lfill\@:
        stp     x2, x3, [x0], #BLOCK_SIZE
        subs    x4, x4, #1
        b.ne    .Lfill\@
        ret

function \realm\()_count_blocks
        mov     x4, #BLOCKS_PER_GRANULE
        mov     x7, #0
.Lcount\@:
        ldp     x5, x6, [x0], #BLOCK_SIZE
        cmp     x5, x2
        ccmp    x6, x3, #0, eq              // equal only if both halves are
        cinc    x7, x7, eq
        subs    x4, x4, #1
        b.ne    .Lcount\@
        mov     x0, x7
        ret
.endm

// Realm A. Its secret is 16 bytes of text.
        .section .realm_a.text, "ax"
realm_a_code:
function realm_a_entry
        mov     w19, w0
        address x20, shared_granule
        address x0, realm_a_secret
        ldp     x2, x3, [x0]
        cmp     w19, #A_CHECK_SECRET
        b.eq    realm_a_check_secret

function realm_a_store_secret
        mov     x0, x20
        bl      realm_a_fill_blocks
        say     "[Realm A] stored 'Secret of A: 42!' 256 times; its bytes are\n          "
        ldp     x21, x22, [x20]
        say_hex x21, realm_a_print_hex
        say     " "
        say_hex x22, realm_a_print_hex
        say     "\n"
        address x0, realm_a_secret
        ldp     x2, x3, [x0]
        mov     x0, x20
        bl      realm_a_count_blocks
        hvc     #0

function realm_a_check_secret
        mov     x0, x20
        bl      realm_a_count_blocks
        mov     x21, x0
        say     "[Realm A] blocks that still hold my secret: "
        say_hex x21, realm_a_print_hex
        say     " of 0x100\n"
        mov     x0, x21
        hvc     #0

        .balign 16
realm_a_secret:
        .ascii  "Secret of A: 42!"

block_routines realm_a
print_hex_routine realm_a_print_hex
unexpected_exception unexpected_realm_a, 1, (realm_a_stack + GRANULE_SIZE), realm_a_print_hex
vector_table realm_a_vectors, unexpected_realm_a, unexpected_realm_a, unexpected_realm_a

        .section .realm_a.bss, "aw", %nobits
        .balign GRANULE_SIZE
realm_a_stack:
        .skip   GRANULE_SIZE

// Realm B. It knows what A's secret looks like, only to tell whether it got hold of it.
        .section .realm_b.text, "ax"
realm_b_code:
function realm_b_entry
        mov     w19, w0
        address x20, shared_granule
        cmp     w19, #B_USE_GRANULE
        b.eq    realm_b_use_granule

function realm_b_search_secret
        ldp     x21, x22, [x20]
        say     "[Realm B] I look at my new granule. Its first 16 bytes are\n          "
        say_hex x21, realm_b_print_hex
        say     " "
        say_hex x22, realm_b_print_hex
        address x0, realm_b_wanted
        ldp     x2, x3, [x0]
        mov     x0, x20
        bl      realm_b_count_blocks
        mov     x21, x0
        say     "\n[Realm B] blocks that hold A's secret: "
        say_hex x21, realm_b_print_hex
        say     " of 0x100\n"
        mov     x0, x21
        hvc     #0

function realm_b_use_granule
        mov     x2, #0
        mov     x3, #0
        mov     x0, x20
        bl      realm_b_count_blocks
        cmp     x0, #BLOCKS_PER_GRANULE
        mov     x0, #B_NOT_ZERO
        b.ne    .Lrealm_b_answer
        address x0, realm_b_text
        ldp     x2, x3, [x0]
        mov     x0, x20
        bl      realm_b_fill_blocks
        mov     x0, x20
        bl      realm_b_count_blocks
        cmp     x0, #BLOCKS_PER_GRANULE
        mov     x0, #B_NOT_MINE
        b.ne    .Lrealm_b_answer
        say     "[Realm B] found zeros, stored a text of my own, and read it back\n"
        mov     x0, #B_ALL_WELL
.Lrealm_b_answer:
        hvc     #0

        .balign 16
realm_b_wanted:
        .ascii  "Secret of A: 42!"
realm_b_text:
        .ascii  "B lives here now"

block_routines realm_b
print_hex_routine realm_b_print_hex
unexpected_exception unexpected_realm_b, 1, (realm_b_stack + GRANULE_SIZE), realm_b_print_hex
vector_table realm_b_vectors, unexpected_realm_b, unexpected_realm_b, unexpected_realm_b

        .section .realm_b.bss, "aw", %nobits
        .balign GRANULE_SIZE
realm_b_stack:
        .skip   GRANULE_SIZE

// The granule that both get, one after the other.
        .section .shared, "aw", %nobits
        .balign GRANULE_SIZE
shared_granule:
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
stage2_a_level1:
        .skip   GRANULE_SIZE
stage2_a_level2:
        .skip   GRANULE_SIZE
stage2_a_level3:
        .skip   GRANULE_SIZE
stage2_b_level1:
        .skip   GRANULE_SIZE
stage2_b_level2:
        .skip   GRANULE_SIZE
stage2_b_level3:
        .skip   GRANULE_SIZE
