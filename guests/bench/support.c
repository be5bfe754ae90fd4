// The functions that a compiler calls by itself. Built with -fno-builtin, or they would become calls of themselves.

#include "bench.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    uint8_t *target = to;
    const uint8_t *source = from;
    for (size_t i = 0; i < size; i++)
        target[i] = source[i];
    return to;
}

void *memset(void *to, int value, size_t size) {
    uint8_t *target = to;
    for (size_t i = 0; i < size; i++)
        target[i] = (uint8_t)value;
    return to;
}
