// The functions that a compiler calls by itself. Compiled with -fno-builtin, or they would become calls of themselves.

#include "program.h"

void *memcpy(void *restrict to, const void *restrict from, size_t size) {
    uint8_t *target = to;
    const uint8_t *source = from;
    for (; size >= 16; size -= 16, target += 16, source += 16) {
        uint64_t low, high;
        __builtin_memcpy(&low, source, 8);
        __builtin_memcpy(&high, source + 8, 8);
        __builtin_memcpy(target, &low, 8);
        __builtin_memcpy(target + 8, &high, 8);
    }
    for (; size; size--)
        *target++ = *source++;
    return to;
}

void *memmove(void *to, const void *from, size_t size) {
    uint8_t *target = to;
    const uint8_t *source = from;
    if ((uintptr_t)target - (uintptr_t)source >= size) {
        for (size_t i = 0; i < size; i++)
            target[i] = source[i];
    } else {
        for (size_t i = size; i; i--)
            target[i - 1] = source[i - 1];
    }
    return to;
}

void *memset(void *to, int value, size_t size) {
    uint8_t *target = to;
    for (size_t i = 0; i < size; i++)
        target[i] = (uint8_t)value;
    return to;
}

int memcmp(const void *left, const void *right, size_t size) {
    const uint8_t *a = left, *b = right;
    for (size_t i = 0; i < size; i++)
        if (a[i] != b[i])
            return a[i] < b[i] ? -1 : 1;
    return 0;
}

size_t strlen(const char *text) {
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}
