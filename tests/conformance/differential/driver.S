// A driver at EL1 that runs cases: it loads a state, enters it with ERET, and writes down the state that the next
// exception finds. on_qemu.py puts the layout's numbers before this and the routines it calls behind it.

        .macro  move_v, op, from, to
        \op     q\from, q\to, [sp, #(V_AT + 16 * \from)]
        .endm
        .macro  move_all_v, op
        move_v  \op, 0, 1
        move_v  \op, 2, 3
        move_v  \op, 4, 5
        move_v  \op, 6, 7
        move_v  \op, 8, 9
        move_v  \op, 10, 11
        move_v  \op, 12, 13
        move_v  \op, 14, 15
        move_v  \op, 16, 17
        move_v  \op, 18, 19
        move_v  \op, 20, 21
        move_v  \op, 22, 23
        move_v  \op, 24, 25
        move_v  \op, 26, 27
        move_v  \op, 28, 29
        move_v  \op, 30, 31
        .endm
        .macro  move_all_x, op
        \op     x0, x1, [sp, #0]
        \op     x2, x3, [sp, #16]
        \op     x4, x5, [sp, #32]
        \op     x6, x7, [sp, #48]
        \op     x8, x9, [sp, #64]
        \op     x10, x11, [sp, #80]
        \op     x12, x13, [sp, #96]
        \op     x14, x15, [sp, #112]
        \op     x16, x17, [sp, #128]
        \op     x18, x19, [sp, #144]
        \op     x20, x21, [sp, #160]
        \op     x22, x23, [sp, #176]
        \op     x24, x25, [sp, #192]
        \op     x26, x27, [sp, #208]
        \op     x28, x29, [sp, #224]
        .endm

        .text
        .globl  _start
_start: msr     DAIFSet, #15
        adr     x0, vectors
        msr     VBAR_EL1, x0
        ldr     x0, =LOW
        ldr     x1, =PATTERN
        mov     x2, #0x1000
fill:   ldr     x3, [x1], #8
        str     x3, [x0], #8
        subs    x2, x2, #8
        b.ne    fill
        bl      write_system_registers          // the MMU is on from here
        ldr     x1, =identification
        bl      read_identification
        ldr     x0, =CONTROL
        ldr     x0, [x0]
        ldr     x1, =RECORDS
        ldr     x2, =MEMORIES
        ldr     x3, =progress
        stp     x0, x1, [x3]
        str     x2, [x3, #16]

next_case:
        ldr     x3, =progress
        ldp     x0, x1, [x3]
        cbz     x0, done
        ldr     x4, =PATTERN
        ldr     x5, =WINDOW
        mov     x6, #WINDOW_SIZE
restore:
        ldp     q0, q1, [x4], #32
        stp     q0, q1, [x5], #32
        subs    x6, x6, #32
        b.ne    restore
        mov     sp, x1
        ldr     x0, [x1, #SP_AT]
        msr     SP_EL0, x0
        ldr     x0, [x1, #PC_AT]
        msr     ELR_EL1, x0
        ldr     x0, [x1, #PSTATE_AT]
        msr     SPSR_EL1, x0
        ldr     x0, [x1, #FPCR_AT]
        msr     FPCR, x0
        ldr     x0, [x1, #FPSR_AT]
        msr     FPSR, x0
        msr     ESR_EL1, xzr
        msr     FAR_EL1, xzr
        move_all_v ldp
        move_all_x ldp
        ldr     x30, [sp, #240]
        eret

trap:   msr     PAN, #0
        move_all_x stp
        str     x30, [sp, #240]
        move_all_v stp
        mov     x1, sp
        mrs     x0, SP_EL0
        str     x0, [x1, #SP_AT]
        mrs     x0, ELR_EL1
        str     x0, [x1, #PC_AT]
        mrs     x0, SPSR_EL1
        str     x0, [x1, #PSTATE_AT]
        mrs     x0, FPCR
        str     x0, [x1, #FPCR_AT]
        mrs     x0, FPSR
        str     x0, [x1, #FPSR_AT]
        mrs     x0, ESR_EL1
        str     x0, [x1, #ESR_AT]
        mrs     x0, FAR_EL1
        str     x0, [x1, #FAR_AT]
        ldr     x3, =progress
        ldr     x0, [x3]
        sub     x0, x0, #1
        add     x1, x1, #RECORD_SIZE
        stp     x0, x1, [x3]
        ldr     x4, [x3, #16]
        ldr     x5, =WINDOW
        mov     x6, #WINDOW_SIZE
keep:   ldp     q0, q1, [x5], #32
        stp     q0, q1, [x4], #32
        subs    x6, x6, #32
        b.ne    keep
        str     x4, [x3, #16]
        b       next_case

// Semihosting: SYS_OPEN, SYS_WRITE, SYS_EXIT.
done:   ldr     x19, =CONTROL
        ldp     x23, x2, [x19]                  // cases, length of the name that follows
        add     x4, x19, #16
        mov     x5, #5                          // "wb"
        ldr     x1, =buffer
        stp     x4, x5, [x1]
        str     x2, [x1, #16]
        mov     w0, #0x01
        hlt     #0xF000
        mov     x20, x0
        ldr     x21, =identification
        mov     x22, #ID_SIZE
        bl      write
        ldr     x21, =RECORDS
        mov     x22, #RECORD_SIZE
        mul     x22, x22, x23
        bl      write
        ldr     x21, =MEMORIES
        mov     x22, #WINDOW_SIZE
        mul     x22, x22, x23
        bl      write
        ldr     x1, =leave
        mov     w0, #0x18
        hlt     #0xF000
write:  ldr     x1, =buffer
        stp     x20, x21, [x1]
        str     x22, [x1, #16]
        mov     w0, #0x05
        hlt     #0xF000
        ret

        .balign 2048
vectors:
        .rept   16
        b       trap
        .balign 128
        .endr
        .ltorg

        .data
        .balign 16
progress:
        .quad   0, 0, 0, 0
buffer: .quad   0, 0, 0
leave:  .quad   0x20026, 0                      // ADP_Stopped_ApplicationExit
        .balign 16
identification:
        .space  ID_SIZE
        .text
