// cold: 1.6 million instructions in a row, each of which runs ten times: nothing in it ever gets hot.

#include "bench.h"

#define UNIT (1 << 15)          // instructions that are made; all other code is copies of them
#define COPIES 50
#define PASSES 10

static uint32_t unit[UNIT], code[COPIES * UNIT + 1];

// One instruction on x0 to x15: arithmetic, logic, shifts, multiplications, selects, and branches that skip one.
static uint32_t instruction(uint64_t random) {
    uint32_t d = random & 15, n = random >> 4 & 15, m = random >> 8 & 15, amount = random >> 12 & 31;
    uint32_t three = m << 16 | n << 5 | d;
    switch (random >> 20 & 15) {
    case 0: return 0x8b000000 | three | amount << 10;           // ADD, shifted register
    case 1: return 0xcb000000 | three | amount << 10;           // SUB
    case 2: return 0xca000000 | three | amount << 10;           // EOR
    case 3: return 0xaa000000 | three | amount << 10;           // ORR
    case 4: return 0x8a200000 | three | amount << 10;           // BIC
    case 5: return 0xeb000000 | three;                          // SUBS
    case 6: return 0x9a800400 | three | (amount & 13) << 12;    // CSINC
    case 7: return 0x9b000000 | three | (amount & 15) << 10;    // MADD
    case 8: return 0x9ac02000 | three;                          // LSLV
    case 9: return 0x91000000 | (random >> 32 & 4095) << 10 | n << 5 | d;       // ADD, immediate
    case 10: return 0xf2800000 | (random >> 32 & 0xffff) << 5 | d;              // MOVK
    case 11: return 0x93c00000 | three | amount << 10;          // EXTR
    case 12: return 0xdac01000 | n << 5 | d;                    // CLZ
    case 13: return 0x54000040 | (amount & 13);                 // B.cond over the next one
    case 14: return 0xb4000040 | d;                             // CBZ over the next one
    default: return 0xdac00000 | n << 5 | d;                    // RBIT
    }
}

// Calls what was written, with numbers in x0 to x15, and returns one that depends on all that comes back.
static uint64_t run(uint64_t first) {
    register uint64_t x0 __asm__("x0") = first, x1 __asm__("x1") = 2, x16 __asm__("x16") = (uint64_t)code;
    __asm__ volatile("mov x2, #3\n   mov x3, #5\n   mov x4, #7\n   mov x5, #11\n   mov x6, #13\n   mov x7, #17\n"
                     "mov x8, #19\n   mov x9, #23\n   mov x10, #29\n   mov x11, #31\n   mov x12, #37\n"
                     "mov x13, #41\n   mov x14, #43\n   mov x15, #47\n   blr x16\n"
                     "eor x0, x0, x2\n   eor x1, x1, x3\n   eor x0, x0, x4\n   eor x1, x1, x5\n   eor x0, x0, x6\n"
                     "eor x1, x1, x7\n   eor x0, x0, x8\n   eor x1, x1, x9\n   eor x0, x0, x10\n   eor x1, x1, x11\n"
                     "eor x0, x0, x12\n   eor x1, x1, x13\n   eor x0, x0, x14\n   eor x1, x1, x15"
                     : "+r"(x0), "+r"(x1), "+r"(x16)
                     :
                     : "x2", "x3", "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14", "x15", "x17",
                       "x30", "cc", "memory");
    return mixed_with(x0, x1);
}

uint64_t main(uint64_t percent) {
    uint64_t random = 0x452821e638d01377, copies = scaled(COPIES, percent > 100 ? 100 : percent);
    for (int i = 0; i < UNIT; i++)
        unit[i] = instruction(next_random(&random) >> 3);
    unit[UNIT - 1] = unit[UNIT - 2] = 0xd503201f;               // NOP: where a last branch may land
    for (uint64_t copy = 0; copy < copies; copy++) {
        const uint64_t *from = (const uint64_t *)unit;
        for (uint64_t *to = (uint64_t *)(code + copy * UNIT), *end = to + UNIT / 2; to < end; to += 2, from += 2)
            to[0] = from[0], to[1] = from[1];
    }
    code[copies * UNIT] = 0xd65f03c0;                           // RET
    for (uint8_t *at = (uint8_t *)code, *end = (uint8_t *)(code + copies * UNIT + 1); at < end; at += 64)
        __asm__ volatile("dc cvau, %0" ::"r"(at) : "memory");
    __asm__ volatile("dsb ish\n   ic iallu\n   dsb ish\n   isb" ::: "memory");
    uint64_t hash = HASH_START;
    for (int pass = 0; pass < PASSES; pass++)
        hash = mixed_with(hash, run(pass));
    return hash;
}
