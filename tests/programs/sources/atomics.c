// C11 atomics of every size, operation and order that compilers treat differently; a lock-free stack; a spinlock.

#include "program.h"

#include <stdatomic.h>

#ifndef WORK
#define WORK PICK(2000, 20)
#endif

#define SUM(type, x, y) ((type)((uint64_t)(x) + (uint64_t)(y)))

#define EVERY_OPERATION(type, name)                                                                                    \
    static _Atomic type value_##name;                                                                                  \
    static NOINLINE uint64_t test_##name(uint64_t r, uint64_t hash) {                                                  \
        type x = (type)r, y = (type)(r >> 13);                                                                         \
        hash = hash * 31 + (uint64_t)atomic_fetch_add(&value_##name, x);                                               \
        hash = hash * 31 + (uint64_t)atomic_fetch_sub_explicit(&value_##name, y, memory_order_relaxed);                \
        hash = hash * 31 + (uint64_t)atomic_fetch_xor_explicit(&value_##name, x, memory_order_acquire);                \
        hash = hash * 31 + (uint64_t)atomic_fetch_or_explicit(&value_##name, y, memory_order_release);                 \
        hash = hash * 31 + (uint64_t)atomic_fetch_and_explicit(&value_##name, (type)~x, memory_order_acq_rel);         \
        hash = hash * 31 + (uint64_t)atomic_exchange(&value_##name, SUM(type, x, y));                                  \
        type expected = (type)(r & 1 ? SUM(type, x, y) : x);                                                           \
        bool strong = atomic_compare_exchange_strong(&value_##name, &expected, y);                                     \
        hash = hash * 31 + (uint64_t)expected + strong;                                                                \
        while (!atomic_compare_exchange_weak_explicit(&value_##name, &expected, SUM(type, expected, 2 * (uint64_t)expected),\
                                                      memory_order_acq_rel, memory_order_relaxed))                     \
            ;                                                                                                          \
        atomic_fetch_add_explicit(&value_##name, 1, memory_order_relaxed); /* nobody wants the result */               \
        type seen = atomic_load_explicit(&value_##name, memory_order_acquire);                                         \
        atomic_store_explicit(&value_##name, (type)(seen ^ y), memory_order_release);                                  \
        atomic_store_explicit(&value_##name, SUM(type, atomic_load(&value_##name), 1), memory_order_relaxed);          \
        return hash * 31 + (uint64_t)atomic_load_explicit(&value_##name, memory_order_relaxed);                        \
    }

EVERY_OPERATION(uint8_t, byte)
EVERY_OPERATION(int16_t, half)
EVERY_OPERATION(uint32_t, word)
EVERY_OPERATION(int64_t, doubleword)

// Minimum and maximum are no C11 operations, but CPUs have them: a loop that a compiler may recognise.
static NOINLINE int64_t fetch_max(_Atomic int64_t *at, int64_t value) {
#ifdef __clang__
    return __atomic_fetch_max((int64_t *)at, value, __ATOMIC_ACQ_REL);
#else
    int64_t old = atomic_load(at);
    while (old < value && !atomic_compare_exchange_weak(at, &old, value))
        ;
    return old;
#endif
}

static NOINLINE uint32_t fetch_min(_Atomic uint32_t *at, uint32_t value) {
#ifdef __clang__
    return __atomic_fetch_min((uint32_t *)at, value, __ATOMIC_RELAXED);
#else
    uint32_t old = atomic_load(at);
    while (old > value && !atomic_compare_exchange_weak(at, &old, value))
        ;
    return old;
#endif
}

// 16 bytes at once, on this CPU; elsewhere one thread needs no atomicity.
struct pair {
    _Alignas(16) uint64_t low;
    uint64_t high;
};

static NOINLINE bool replace_pair(struct pair *at, struct pair *expected, struct pair value) {
#ifdef __aarch64__
    __extension__ typedef unsigned __int128 wide;
    wide old, new;
    memcpy(&old, expected, 16), memcpy(&new, &value, 16);
    bool done = __atomic_compare_exchange_n((wide *)at, &old, new, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    memcpy(expected, &old, 16);
    return done;
#else
    bool same = at->low == expected->low && at->high == expected->high;
    if (same)
        *at = value;
    else
        *expected = *at;
    return same;
#endif
}

struct item {
    struct item *_Atomic next;
    uint32_t value;
};

static struct item *_Atomic stack;
static struct item items[64];
static atomic_flag lock = ATOMIC_FLAG_INIT;

static NOINLINE void push(struct item *item) {
    struct item *old = atomic_load(&stack);
    do
        atomic_store_explicit(&item->next, old, memory_order_relaxed);
    while (!atomic_compare_exchange_weak(&stack, &old, item));
}

static NOINLINE struct item *pop(void) {
    struct item *old = atomic_load(&stack);
    while (old && !atomic_compare_exchange_weak(&stack, &old, atomic_load(&old->next)))
        ;
    return old;
}

int main(void) {
    uint64_t random = opaque(0xa70317c5), hash = 1, total = 0;
    _Atomic int64_t most = INT64_MIN;
    _Atomic uint32_t least = UINT32_MAX;
    struct pair pair = {1, 2}, seen = {0, 0};
    unsigned replaced = 0;
    for (int i = 0; i < WORK; i++) {
        uint64_t r = next_random(&random);
        hash = test_byte(r, hash);
        hash = test_half(r >> 3, hash);
        hash = test_word(r >> 7, hash);
        hash = test_doubleword(r, hash);
        hash += (uint64_t)fetch_max(&most, (int64_t)r) ^ fetch_min(&least, (uint32_t)(r >> 16));
        replaced += replace_pair(&pair, &seen, (struct pair){r, seen.low + 1});
        while (atomic_flag_test_and_set_explicit(&lock, memory_order_acquire))
            ;
        items[i % 64].value = (uint32_t)r;
        push(&items[i % 64]);
        atomic_flag_clear_explicit(&lock, memory_order_release);
        if (i % 3 == 2) {
            atomic_thread_fence(memory_order_seq_cst);
            for (int j = 0; j < 3; j++)
                total = total * 3 + pop()->value;
        }
    }
    print("operations %016llx\nmost %016llx least %08x\n", (unsigned long long)hash,
          (unsigned long long)atomic_load(&most), atomic_load(&least));
    print("pair %016llx %016llx, replaced %u times\n", (unsigned long long)pair.low, (unsigned long long)pair.high, replaced);
    print("stack %016llx, %s\n", (unsigned long long)total, pop() ? "more" : "empty");
    return 0;
}
