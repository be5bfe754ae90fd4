// A driver at EL3 that runs cases: each enters some state through ERET at a small piece of code, or calls one here,
// and records the exception that it ends in. EL1 and EL2 do nothing but hand their exceptions on with SMC.
// The generated part appends `configurations`: see bare_metal.py, which also says what a case is.

#define CASE_SIZE       32
#define RESULT_SIZE     64
#define VIA_EL1         0x1000
#define VIA_EL2         0x2000
#define EC_SMC          0x17
#define MFAR_EL3        S3_6_C6_C0_5
#define GPCCR_EL3       S3_6_C2_C1_6

        .text
        .globl _start
_start:
        adrp    x0, stack_top
        mov     sp, x0
        adrp    x0, vectors_el3
        msr     VBAR_EL3, x0
        adrp    x0, vectors_el1
        msr     VBAR_EL1, x0
        adrp    x0, vectors_el2
        msr     VBAR_EL2, x0
        isb
        bl      fill_data
        adrp    x19, configurations
        add     x19, x19, :lo12:configurations
        adrp    x22, results
next_configuration:
        ldr     x24, [x19], #8                  // the setup routine; 0 ends the list
        cbz     x24, print_results
        ldp     x25, x26, [x19], #16            // descriptors: where, how many
        ldp     x20, x21, [x19], #16            // cases: where, how many
        mov     x9, x25
        mov     x10, x26
poke:   cbz     x10, poked
        ldp     x11, x12, [x9], #16
        str     x12, [x11]
        sub     x10, x10, #1
        b       poke
poked:  dsb     sy
        blr     x24
        isb
next_case:
        cbz     x21, end_of_configuration
        sub     x21, x21, #1
        ldp     x2, x3, [x20]
        ldp     x1, x0, [x20, #16]
        add     x20, x20, #CASE_SIZE
        msr     ESR_EL1, xzr
        msr     FAR_EL1, xzr
        msr     ESR_EL2, xzr
        msr     FAR_EL2, xzr
        msr     HPFAR_EL2, xzr
        msr     ESR_EL3, xzr
        msr     FAR_EL3, xzr
#ifdef HAS_RME
        msr     MFAR_EL3, xzr
#endif
        msr     ELR_EL3, x2
        msr     SPSR_EL3, x3
        msr     SCTLR_EL3, x27                  // EL3's own stage 1 is on from here to the end of the case only:
        isb                                     // its tables map the code and nothing of the driver's data
        cmn     x3, #1
        b.eq    call
        eret
call:   blr     x2
        mov     x6, x0
        bl      mmu_off_el3
        mov     x5, #0
        mov     x7, #0
        mov     x8, #0
        mov     x9, #0
        mov     x10, #0
        mov     x0, #0
        b       record

        .balign 16
el3_handler:                                    // x18: vector offset
        msr     TPIDR_EL3, x0
        bl      mmu_off_el3
        mrs     x0, TPIDR_EL3
        mov     x10, #0
        mrs     x6, ESR_EL3
        lsr     x4, x6, #26
        cmp     x4, #EC_SMC
        b.ne    direct
        and     x5, x6, #0xffff
        tbnz    x5, #12, via_el1
        tbnz    x5, #13, via_el2
direct: mov     x5, x18
#ifdef HAS_RME
        mrs     x10, MFAR_EL3
#endif
        mrs     x7, FAR_EL3
        mrs     x8, ELR_EL3
        mrs     x9, SPSR_EL3
        b       record
via_el1:
        mrs     x6, ESR_EL1
        mrs     x7, FAR_EL1
        mrs     x8, ELR_EL1
        mrs     x9, SPSR_EL1
        b       record
via_el2:
        mrs     x6, ESR_EL2
        mrs     x7, FAR_EL2
        mrs     x8, ELR_EL2
        mrs     x9, SPSR_EL2
        mrs     x10, HPFAR_EL2
record: stp     x5, x6, [x22]
        stp     x7, x8, [x22, #16]
        stp     x9, x10, [x22, #32]
        str     x0, [x22, #48]
        add     x22, x22, #RESULT_SIZE
        b       next_case

end_of_configuration:
#ifdef HAS_RME
        msr     GPCCR_EL3, xzr
        isb
#endif
unpoke: cbz     x26, next_configuration
        ldr     x11, [x25], #16
        str     xzr, [x11]
        sub     x26, x26, #1
        b       unpoke

mmu_off_el3:                                    // changes x0
        mrs     x0, SCTLR_EL3
        bic     x0, x0, #1
        msr     SCTLR_EL3, x0
        isb
        ret

// Every page of the data region tells its address: 0x00-0x3f words of data, 0x100-0x13f the instruction SVC #page.
fill_data:
        ldr     x0, =DATA_START
        ldr     x1, =DATA_END
        mov     w5, #0x0001
        movk    w5, #0xd400, lsl #16
1:      lsr     x2, x0, #12
        mov     x3, #0
2:      orr     x4, x0, x3
        str     x4, [x0, x3]
        add     x3, x3, #8
        cmp     x3, #0x40
        b.ne    2b
        and     x2, x2, #0xffff
        orr     w4, w5, w2, lsl #5
        orr     x4, x4, x4, lsl #32
        mov     x3, #0x100
3:      str     x4, [x0, x3]
        add     x3, x3, #8
        cmp     x3, #0x140
        b.ne    3b
        add     x0, x0, #0x1000
        cmp     x0, x1
        b.ne    1b
        ret

// Results as text: seven hexadecimal numbers a line, without leading zeros.
print_results:
        adrp    x19, results
next_line:
        adrp    x1, line
        mov     x20, x1
        cmp     x19, x22
        b.hs    finish
        mov     x21, #7
next_number:
        ldr     x0, [x19], #8
        clz     x2, x0
        bic     x2, x2, #3
        mov     x3, #60
        subs    x2, x3, x2                      // shift of the highest digit that counts
        csel    x2, xzr, x2, lt
digit:  lsr     x3, x0, x2
        and     x3, x3, #15
        add     w4, w3, #'0'
        cmp     x3, #10
        b.lo    1f
        add     w4, w3, #('a' - 10)
1:      strb    w4, [x20], #1
        subs    x2, x2, #4
        b.ge    digit
        mov     w4, #' '
        strb    w4, [x20], #1
        subs    x21, x21, #1
        b.ne    next_number
        add     x19, x19, #8
        mov     w4, #'\n'
        sturb   w4, [x20, #-1]
        strb    wzr, [x20]
        mov     w0, #4                          // SYS_WRITE0
        hlt     #0xf000
        b       next_line
finish: adrp    x1, exit_block
        add     x1, x1, :lo12:exit_block
        mov     w0, #0x18                       // SYS_EXIT
        hlt     #0xf000
        b       .
        .ltorg

        .balign 8
exit_block:
        .quad   0x20026, 0

// Forget every translation of all Security states; SCR_EL3 is left for the configuration to set. Changes x0.
forget: mov     x0, #0x431                      // Non-secure
        msr     SCR_EL3, x0
        isb
        tlbi    ALLE1
        tlbi    ALLE2
        mov     x0, #0x430
        orr     x0, x0, #(1 << 18)              // Secure, with Secure EL2
        msr     SCR_EL3, x0
        isb
        tlbi    ALLE1
        tlbi    ALLE2
#ifdef HAS_RME
        mov     x0, #0x431                      // Realm
        movk    x0, #0x4000, lsl #48
        msr     SCR_EL3, x0
        isb
        tlbi    ALLE1
        tlbi    ALLE2
        sys     #6, C8, C7, #4                  // TLBI PAALL
#endif
        tlbi    ALLE3
        dsb     ish
        isb
        ret

.macro forward base
        .set    offset, 0
        .rept 16
        .balign 128
        smc     #(\base + offset)
        b       .
        .set    offset, offset + 128
        .endr
.endm

        .balign 4096
vectors_el1:
        forward VIA_EL1
        .balign 4096
vectors_el2:
        forward VIA_EL2
        .balign 4096
vectors_el3:
        .set    offset, 0
        .rept 16
        .balign 128
        mov     x18, #offset
        b       el3_handler
        .set    offset, offset + 128
        .endr

// What cases execute: x1 is the address, x0 the value. Each ends with SVC.
        .balign 4096
.macro piece name, code:vararg
\name:  \code
        svc     #0xfff
.endm
        piece   load64, ldr x0, [x1]
        piece   load32, ldr w0, [x1]
        piece   load16, ldrh w0, [x1]
        piece   load8, ldrb w0, [x1]
        piece   load32s, ldrsw x0, [x1]
        piece   load16s, ldrsh w0, [x1]
        piece   load8s, ldrsb x0, [x1]
        piece   load_post, ldr x0, [x1], #8
        piece   load_pair, ldp x0, x2, [x1]
        piece   load_unprivileged, ldtr x0, [x1]
        piece   load_acquire, ldar x0, [x1]
        piece   load_exclusive, ldxr x0, [x1]
        piece   load_offset, ldur x0, [x1, #-8]
        piece   store64, str x0, [x1]
        piece   store32, str w0, [x1]
        piece   store16, strh w0, [x1]
        piece   store8, strb w0, [x1]
        piece   store_pair, stp x0, x0, [x1]
        piece   store_pre, str x0, [x1, #8]!
        piece   store_zero, str xzr, [x1]
        piece   store_unprivileged, sttr x0, [x1]
        piece   store_release, stlr x0, [x1]
        piece   fetch, ret x1
        piece   nothing, nop
.macro at_piece name, operation
at_\name:
        at      \operation, x1
        isb
        mrs     x0, PAR_EL1
        svc     #0xfff
.endm
        at_piece s1e1r, S1E1R
        at_piece s1e1w, S1E1W
        at_piece s1e0r, S1E0R
        at_piece s1e0w, S1E0W
        at_piece s1e1rp, S1E1RP
        at_piece s1e1wp, S1E1WP
        at_piece s12e1r, S12E1R
        at_piece s12e1w, S12E1W
        at_piece s12e0r, S12E0R
        at_piece s12e0w, S12E0W
        at_piece s1e2r, S1E2R
        at_piece s1e2w, S1E2W
        at_piece s1e3r, S1E3R
        at_piece s1e3w, S1E3W

// What lies at an address, with stage 1 and granule protection off, until the end of the configuration.
call_peek:
        mov     x28, x30
        bl      mmu_off_el3
        mov     x27, #0x30c50000
#ifdef HAS_RME
        msr     GPCCR_EL3, xzr
        isb
#endif
        ldr     x0, [x1]
        ret     x28

// The translations again, called at EL3.
.macro at_call name, operation
call_at_\name:
        nop                                     // with FEAT_BTI a BLR shows in PSTATE for one instruction
        at      \operation, x1
        isb
        mrs     x0, PAR_EL1
        ret
.endm
        at_call s1e1r, S1E1R
        at_call s1e1w, S1E1W
        at_call s1e0r, S1E0R
        at_call s1e0w, S1E0W
        at_call s1e1rp, S1E1RP
        at_call s1e1wp, S1E1WP
        at_call s12e1r, S12E1R
        at_call s12e1w, S12E1W
        at_call s12e0r, S12E0R
        at_call s12e0w, S12E0W
        at_call s1e2r, S1E2R
        at_call s1e2w, S1E2W
        at_call s1e3r, S1E3R
        at_call s1e3w, S1E3W
