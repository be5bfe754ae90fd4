// What the guests that `mectui bench` measures have in common: `main` does so many percent of its work and returns one
// number that depends on all of it, which start.S prints.

#ifndef BENCH_H
#define BENCH_H

#include <stddef.h>
#include <stdint.h>

uint64_t main(uint64_t percent);

// `percent` of an amount of work, at least 1.
static inline uint64_t scaled(uint64_t amount, uint64_t percent) {
    uint64_t part = amount * percent / 100;
    return part ? part : 1;
}

// Pseudo-random numbers: Marsaglia's xorshift with 64 bits of state.
static inline uint64_t next_random(uint64_t *state) {
    uint64_t x = *state;
    x ^= x << 13;
    x ^= x >> 7;
    x ^= x << 17;
    return *state = x;
}

// One more value for a result: FNV-1a over 64-bit words.
static inline uint64_t mixed_with(uint64_t hash, uint64_t value) {
    return (hash ^ value) * UINT64_C(0x100000001b3);
}
#define HASH_START UINT64_C(0xcbf29ce484222325)

#endif
