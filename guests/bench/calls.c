// calls: Small functions, each on a page of its own, called directly and through pointers, in an order that changes.

#include "bench.h"

#define ROUNDS 4000000
#define ON_ITS_PAGE __attribute__((noinline, aligned(4096)))

typedef uint64_t step(uint64_t x, uint64_t y);

ON_ITS_PAGE static uint64_t mix(uint64_t x, uint64_t y) {
    x ^= y << 13 | y >> 51;
    return x + (x >> 7) * 5;
}

ON_ITS_PAGE static uint64_t count_bits(uint64_t x, uint64_t y) {
    uint64_t count = 0;
    for (x &= 0xfff; x; x &= x - 1)
        count += y;
    return mix(count, y);
}

ON_ITS_PAGE static uint64_t divide(uint64_t x, uint64_t y) {
    return mix(x / (y | 1), x);
}

ON_ITS_PAGE static uint64_t swap(uint64_t x, uint64_t y) {
    return y > x ? mix(y, x) : x - y;
}

ON_ITS_PAGE static uint64_t rotate(uint64_t x, uint64_t y) {
    return (x << 23 | x >> 41) + mix(y, 3);
}

ON_ITS_PAGE static uint64_t select(uint64_t x, uint64_t y) {
    return x & 64 ? rotate(x, y) : swap(x, y);
}

static step *const steps[8] = {mix, count_bits, divide, swap, rotate, select, rotate, mix};

uint64_t main(uint64_t percent) {
    uint64_t hash = HASH_START, rounds = scaled(ROUNDS, percent);
    for (uint64_t round = 0; round < rounds; round++) {
        hash = select(hash, round);                      // always the same
        hash = steps[round & 1 ? 3 : 4](hash, round);    // in turn
        hash = steps[hash >> 29 & 7](hash, round);       // who knows
    }
    return hash;
}
