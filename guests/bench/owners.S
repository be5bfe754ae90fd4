// owners: Realm EL2 works on 64 pages whose 16-byte blocks belong to two MECIDs in turn, each through its own mapping.
//
// Exit codes: 0; 1: a sum was wrong; 80, 81: no FEAT_MEC, no FEAT_RME; 90 + n: an exception was taken to ELn.

#include "registers.inc"
#include "tables.inc"
#include "console.inc"
#include "exceptions.inc"
#include "monitor.inc"
#include "mec.inc"
#include "rmm.inc"
#include "percent.inc"

#define PAGES               64
#define PAIRS               (PAGES * GRANULE_SIZE / (2 * BLOCK_SIZE))
#define ROUNDS              80

        .section .text.start, "ax"
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_mec
        bl      percent
        mov_const x27, ROUNDS
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
        enable_mec 1, 5, 0, 0, 0, 0
        allow_alias
        enable_el2_mmu rmm_level1

        bl      pages_from_start            // the blocks get their owners
.Lown:
        stp     xzr, xzr, [x9]
        stp     xzr, xzr, [x10, #BLOCK_SIZE]
        add     x9, x9, #(2 * BLOCK_SIZE)
        add     x10, x10, #(2 * BLOCK_SIZE)
        cmp     x9, x11
        b.ne    .Lown

        mov     x12, #0
        mov     x19, #0
.Lround:
        add     x12, x12, #1
        bl      pages_from_start
.Lpair:
        ldp     x0, x1, [x9]                // MECID_P0_EL2
        ldp     x2, x3, [x10, #BLOCK_SIZE]  // MECID_A0_EL2
        add     x19, x19, x1
        add     x19, x19, x3
        add     x0, x0, #1
        add     x3, x3, #1
        stp     x0, x12, [x9], #(2 * BLOCK_SIZE)
        add     x10, x10, #(2 * BLOCK_SIZE)
        stp     x2, x3, [x10, #-BLOCK_SIZE]
        cmp     x9, x11
        b.ne    .Lpair
        cmp     x12, x27
        b.ne    .Lround

        // In round r the second words were r - 1 in the P0 block, and r - 1 in the other one too.
        sub     x0, x27, #1
        mul     x0, x0, x27
        mov_const x1, PAIRS
        mul     x0, x0, x1
        expect_equal x0, x19, 1, "a block came back under another MECID"
        say_hex x19, rmm_print_hex
        say     "\n"
        exit_with #0

function pages_from_start
        address x9, pages
        mov     x10, x9
        to_alias x10, x11
        mov_const x11, (PAGES * GRANULE_SIZE)
        add     x11, x9, x11
        ret

print_hex_routine rmm_print_hex
unexpected_exception unexpected_el2, 2, rmm_stack_top, rmm_print_hex
vector_table rmm_vectors, unexpected_el2, unexpected_el2, unexpected_el2

rmm_root_table rmm_level1

        .bss
        .balign GRANULE_SIZE
monitor_stack:
        .skip   GRANULE_SIZE
monitor_stack_top:
rmm_stack:
        .skip   GRANULE_SIZE
rmm_stack_top:
pages:
        .skip   PAGES * GRANULE_SIZE
