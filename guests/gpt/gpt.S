// gpt: the Granule Protection Table, which says what physical address space each 4 KiB of memory belongs to.
//
// With FEAT_RME there are four physical address spaces (PAS): Secure, Non-secure, Root and Realm. Every access has one,
// and after all translation is done a Granule Protection Check (GPC) looks up which one the memory belongs to.
// The table is EL3's alone:
//   level 0   one entry for each GiB: the answer for all of it (a block), or the address of a level 1 table
//   level 1   one entry for each 64 KiB: sixteen Granule Protection Information (GPI) values of 4 bits
//
// EL3 builds such a table, switches the check on and starts Realm EL2. The Realm stores to a page of its own,
// which works, and gives the page away with an SMC. EL3 makes the granule Non-secure. The Realm's next
// store ends in a Granule Protection Check exception at EL3. EL3 checks what the registers say about it, gives the
// granule back, and the store is done again.
// No MECIDs here: this guest also runs on a machine without FEAT_MEC.
//
// Exit codes
//    0  all is well
//    1  the Realm's first store did not read back
//    2  the exception came from another instruction, or a second time
//    3  ESR_EL3.xFSC is not "granule protection fault, not on a table walk"
//    4  ESR_EL3.WnR does not say that it was a write
//    5  ESR_EL3.GPCSC is not "granule protection fault at level 1"
//    6  the rest of ESR_EL3 is not as expected
//    7  FAR_EL3 is not the address of the store
//    8  MFAR_EL3 is not the granule, in the Realm address space
//    9  the Realm's store to the granule it had given away did not fault
//   10  the store, done again, did not read back
//   81  no FEAT_RME
//   92, 93  an exception that nobody expected was taken to EL2, EL3

#include "registers.inc"
#include "console.inc"
#include "exceptions.inc"
#include "caches.inc"
#include "monitor.inc"

// Granule Protection Information: who may access a granule.
#define GPI_NO_ACCESS           0x0
#define GPI_NONSECURE           0x9
#define GPI_ROOT                0xa
#define GPI_REALM               0xb
#define GPI_ANY                 0xf
#define SIXTEEN_GRANULES(gpi)   ((gpi) * 0x1111111111111111)    // a level 1 entry
#define GPT_BLOCK(gpi)          (((gpi) << 4) | 0x1)            // a level 0 entry
#define GPT_TABLE               0x3                             // a level 0 entry: + address of the level 1 table

// GPCCR_EL3. EL3 runs with its MMU off and writes the table past the caches, so the check has to read it
// Non-cacheable too (IRGN = ORGN = 0), which calls for Outer Shareable.
#define GPCCR_PPS_36            (1 << 0)    // 36 bits of physical address are protected: 64 GiB
#define GPCCR_SH_OUTER          (2 << 12)
#define GPCCR_PGS_4K            (0 << 14)
#define GPCCR_GPC               (1 << 16)   // the check is on

#define GPT_LEVEL0_ENTRIES      64          // 64 GiB / 1 GiB; GPCCR_EL3.L0GPTSZ = 0 means 1 GiB an entry
#define GPT_LEVEL1_ENTRIES      16384       // 1 GiB / 64 KiB
#define GPT_LEVEL1_SIZE         (GPT_LEVEL1_ENTRIES * 8)
#define ENTRIES_PER_2M          32

// What the Realm asks for with SMC, in w0.
#define CALL_GIVE_AWAY          1           // x1: PA of the granule
#define CALL_DONE               2

#define EXPECTED_ISS            ((GPCSC_FAIL_L1 << ISS_GPCSC_SHIFT) | ISS_WNR | FSC_GPC_ON_OUTPUT)
#define EXPECTED_ESR            ((EC_GPC << ESR_EC_SHIFT) | ESR_IL | EXPECTED_ISS)

#define PATTERN                 0x0123456789abcdef

// --- EL3, Root state -------------------------------------------------------------------------------------------

        .section .text
        .globl  _start
function _start
        monitor_start monitor_vectors, monitor_stack_top
        require_rme
        msr     TPIDR_EL3, xzr              // EL3's own register, used to count the exceptions
        bl      build_gpt
        bl      enable_gpc
        say     "[EL3]   GPT: 2 MiB Root for me, 2 MiB for the Realm, all other RAM Non-secure. Check on.\n"
        enter_realm_el2 realm_start, (SCR_REALM | SCR_RW | SCR_HCE | SCR_GPF)

// Changes x0-x3, x29.
function build_gpt
        mov     x29, x30
        address x0, gpt_level0
        mov_const x1, GPT_BLOCK(GPI_NO_ACCESS)
        mov     x2, #GPT_LEVEL0_ENTRIES
        bl      fill_entries
        address x3, gpt_level0
        mov_const x0, GPT_BLOCK(GPI_ANY)
        address x1, gpt_level1
        add     x1, x1, #GPT_TABLE
        stp     x0, x1, [x3]                // GiB 0: devices; GiB 1: RAM, see level 1

        address x0, gpt_level1
        mov_const x1, SIXTEEN_GRANULES(GPI_ROOT)
        mov     x2, #ENTRIES_PER_2M         // EL3's image and tables
        bl      fill_entries
        mov_const x1, SIXTEEN_GRANULES(GPI_REALM)
        mov     x2, #ENTRIES_PER_2M
        bl      fill_entries                // goes on where it stopped
        mov_const x1, SIXTEEN_GRANULES(GPI_NONSECURE)
        mov     x2, #(GPT_LEVEL1_ENTRIES - 2 * ENTRIES_PER_2M)
        bl      fill_entries
        ret     x29

// Stores x1 to x2 entries from x0 on, which it moves to the end of them. Changes x0, x2.
function fill_entries
        str     x1, [x0], #8
        subs    x2, x2, #1
        b.ne    fill_entries
        ret

function enable_gpc
        dsb     sy                          // the table is in memory
        address x0, gpt_level0
        lsr     x0, x0, #12                 // GPTBR_EL3.BADDR is the address from bit 12 up
        msr     GPTBR_EL3, x0
        isb
        mov_const x0, (GPCCR_PPS_36 | GPCCR_SH_OUTER | GPCCR_PGS_4K | GPCCR_GPC)
        msr     GPCCR_EL3, x0
        isb
        tlbi    PAALLOS                     // forget what was known before
        dsb     sy
        isb
        ret

// Makes x1 the GPI of the granule at x0 (PA in the GiB that the level 1 table describes). Changes x0-x6.
function set_granule_gpi
        address x2, gpt_level1
        ubfx    x3, x0, #16, #14            // the entry: 64 KiB each
        ubfx    x4, x0, #12, #4             // the granule in it
        lsl     x4, x4, #2                  // 4 bits each
        ldr     x5, [x2, x3, lsl #3]
        mov     x6, #0xf
        lsl     x6, x6, x4
        bic     x5, x5, x6
        lsl     x1, x1, x4
        orr     x5, x5, x1
        str     x5, [x2, x3, lsl #3]
        dsb     sy                          // first the table,
        lsr     x0, x0, #12                 // BaseADDR in granules; SIZE = 0 in the upper bits is 4 KiB
        tlbi    RPALOS, x0                  // then what TLBs remember of it, in all CPUs
        dsb     sy
        isb
        ret

// From the Realm: an SMC, or the check that failed.
function monitor_from_realm
        save_registers
        mrs     x9, ESR_EL3
        ubfx    x10, x9, #ESR_EC_SHIFT, #ESR_EC_WIDTH
        cmp     x10, #EC_GPC
        b.eq    monitor_gpc_exception
        cmp     x10, #EC_SMC
        b.ne    unexpected_el3
        cmp     w0, #CALL_GIVE_AWAY
        b.eq    monitor_give_away
        cmp     w0, #CALL_DONE
        b.eq    monitor_done
        b       unexpected_el3

function monitor_done
        mrs     x10, TPIDR_EL3
        mov     x11, #1
        expect_equal x10, x11, 9, "the store to a Non-secure granule went through"
        say     "Done: one table entry decided about that store, below all page tables.\n"
        exit_with #0

// Realm -> Non-secure. In between nobody has access, while all that caches hold of the granule is written back.
function monitor_give_away
        mov     x10, x1
        mov     x0, x10
        mov     x1, #GPI_NO_ACCESS
        bl      set_granule_gpi
        orr     x0, x10, #PA_SPACE_REALM
        bl      clean_to_popa
        orr     x0, x10, #PA_SPACE_NONSECURE
        bl      clean_to_popa
        mov     x0, x10
        mov     x1, #GPI_NONSECURE
        bl      set_granule_gpi
        say     "[EL3]   the granule is Non-secure now\n"
        restore_registers
        eret

// SCR_EL3.GPF=1 sends the failed check here. ESR_EL3 says how it failed, FAR_EL3 at which virtual
// address, MFAR_EL3 at which physical address and in which address space.
function monitor_gpc_exception
        mrs     x10, FAR_EL3
        mrs     x11, MFAR_EL3
        say     "[EL3]   GPC exception: ESR_EL3 "
        say_hex x9, monitor_print_hex
        say     ", FAR_EL3 "
        say_hex x10, monitor_print_hex
        say     ", MFAR_EL3 "
        say_hex x11, monitor_print_hex
        say     "\n"
        mrs     x12, ELR_EL3
        address x13, realm_forbidden_store
        expect_equal x12, x13, 2, "another instruction caused it"
        mrs     x12, TPIDR_EL3
        expect_equal x12, xzr, 2, "it is the second exception"
        mov     x12, #1
        msr     TPIDR_EL3, x12

        ubfx    x12, x9, #0, #ISS_FSC_WIDTH
        mov     x13, #FSC_GPC_ON_OUTPUT
        expect_equal x12, x13, 3, "xFSC is not 0b101000"
        ubfx    x12, x9, #ISS_WNR_SHIFT, #1
        mov     x13, #1
        expect_equal x12, x13, 4, "WnR is not 1"
        ubfx    x12, x9, #ISS_GPCSC_SHIFT, #ISS_GPCSC_WIDTH
        mov     x13, #GPCSC_FAIL_L1
        expect_equal x12, x13, 5, "GPCSC is not 0b001101"
        mov_const x13, EXPECTED_ESR
        expect_equal x9, x13, 6, "expected ESR_EL3 0x7a034068"
        address x13, realm_granule          // the Realm's MMU is off: its VA is the PA
        expect_equal x10, x13, 7, "FAR_EL3 is not the address of the store"
        orr     x13, x13, #PA_SPACE_REALM   // NS = NSE = 1: a Realm access
        expect_equal x11, x13, 8, "MFAR_EL3 is not the granule in the Realm address space"

        // Non-secure -> Realm: first nothing of the new address space may be in caches, then the table
        // changes, then nothing of the old one may be left.
        address x10, realm_granule
        orr     x0, x10, #PA_SPACE_REALM
        bl      clean_to_popa
        mov     x0, x10
        mov     x1, #GPI_REALM
        bl      set_granule_gpi
        orr     x0, x10, #PA_SPACE_NONSECURE
        bl      clean_to_popa
        say     "[EL3]   the granule is the Realm's again; ELR_EL3 still points at the store\n"
        restore_registers
        eret

clean_granule_routine clean_to_popa, CIPAPA
print_hex_routine monitor_print_hex
unexpected_exception unexpected_el3, 3, monitor_stack_top, monitor_print_hex
vector_table monitor_vectors, unexpected_el3, monitor_from_realm, unexpected_el3

// --- Realm EL2, MMU off: Realm memory at its own addresses -----------------------------------------------------

        .section .realm.text, "ax"
function realm_start
        address x0, realm_vectors
        msr     VBAR_EL2, x0
        isb
        address x0, realm_stack_top
        mov     sp, x0
        address x20, realm_granule
        mov_const x21, PATTERN

        str     x21, [x20]
        ldr     x22, [x20]
        expect_equal x22, x21, 1, "the store to the Realm's own granule did not read back"
        say     "[Realm] stored to my granule. Now I give it away (SMC) and store to it again.\n"
        mov     w0, #CALL_GIVE_AWAY
        mov     x1, x20
        smc     #0
        add     x21, x21, #1
        .globl  realm_forbidden_store
realm_forbidden_store:
        str     x21, [x20]                  // taken to EL3, then done again
        ldr     x22, [x20]
        expect_equal x22, x21, 10, "the store that was done again did not read back"
        say     "[Realm] that store worked in the end\n"
        mov     w0, #CALL_DONE
        smc     #0
        b       .                           // not reached

print_hex_routine realm_print_hex
unexpected_exception unexpected_el2, 2, realm_stack_top, realm_print_hex
vector_table realm_vectors, unexpected_el2, unexpected_el2, unexpected_el2

        .section .realm.bss, "aw", %nobits
        .balign GRANULE_SIZE
realm_stack:
        .skip   GRANULE_SIZE
realm_stack_top:
realm_granule:
        .skip   GRANULE_SIZE

// --- EL3's memory ----------------------------------------------------------------------------------------------

        .section .bss
        .balign GRANULE_SIZE
monitor_stack:
        .skip   GRANULE_SIZE
monitor_stack_top:
gpt_level0:
        .skip   GRANULE_SIZE

        .section .gpt_level1, "aw", %nobits // link.ld aligns it to its size, as the hardware wants it
        .balign GRANULE_SIZE
gpt_level1:
        .skip   GPT_LEVEL1_SIZE
