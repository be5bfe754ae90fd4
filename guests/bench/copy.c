// copy: Memory copied from one buffer of 1 MiB to another, 64 bytes at a time.

#include "bench.h"

#define WORDS (1 << 17)
#define ROUNDS 850

static uint64_t from[WORDS], to[WORDS];

uint64_t main(uint64_t percent) {
    uint64_t hash = HASH_START, rounds = scaled(ROUNDS, percent);
    for (uint64_t i = 0; i < WORDS; i++)
        from[i] = mixed_with(hash, i);
    for (uint64_t round = 0; round < rounds; round++) {
        const uint64_t *source = from, *end = from + WORDS;
        uint64_t *target = to, a, b, c, d, e, f, g, h;
        // By hand: a compiler would take its widest registers, and another one others.
        __asm__ volatile("1: ldp %2, %3, [%0], #64\n   ldp %4, %5, [%0, #-48]\n"
                         "   ldp %6, %7, [%0, #-32]\n   ldp %8, %9, [%0, #-16]\n"
                         "   stp %2, %3, [%1], #64\n   stp %4, %5, [%1, #-48]\n"
                         "   stp %6, %7, [%1, #-32]\n   stp %8, %9, [%1, #-16]\n"
                         "   cmp %0, %10\n   b.ne 1b"
                         : "+&r"(source), "+&r"(target), "=&r"(a), "=&r"(b), "=&r"(c), "=&r"(d), "=&r"(e), "=&r"(f),
                           "=&r"(g), "=&r"(h)
                         : "r"(end)
                         : "cc", "memory");
        from[round * 61 % WORDS] ^= to[round * 89 % WORDS];
    }
    for (uint64_t i = 0; i < WORDS; i += 64)
        hash = mixed_with(hash, to[i]);
    return hash;
}
