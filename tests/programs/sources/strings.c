// Copying, filling, comparing and searching of bytes, in several ways, at all alignments; text handling on top.

#include "program.h"

#ifndef WORK
#define WORK PICK(70, 9) // longest piece
#endif

static uint8_t buffer[512], model[512];

static NOINLINE void copy_bytes(uint8_t *to, const uint8_t *from, size_t size) {
    while (size--)
        *to++ = *from++;
}

static NOINLINE void copy_words(uint8_t *to, const uint8_t *from, size_t size) {
    for (; size >= 8; size -= 8, to += 8, from += 8) {
        uint64_t word;
        memcpy(&word, from, 8);
        memcpy(to, &word, 8);
    }
    if (size & 4)
        memcpy(to, from, 4), to += 4, from += 4;
    if (size & 2)
        memcpy(to, from, 2), to += 2, from += 2;
    if (size & 1)
        *to = *from;
}

static NOINLINE void copy_library(uint8_t *to, const uint8_t *from, size_t size) { memcpy(to, from, size); }
static NOINLINE void copy_overlapping(uint8_t *to, const uint8_t *from, size_t size) { memmove(to, from, size); }

static NOINLINE void fill(uint8_t *to, int value, size_t size) { memset(to, value, size); }

static NOINLINE void move_by_hand(uint8_t *to, const uint8_t *from, size_t size) {
    if (to < from)
        for (size_t i = 0; i < size; i++)
            to[i] = from[i];
    else
        while (size--)
            to[size] = from[size];
}

// The length by eight bytes at a time: a zero byte is one that borrows.
static NOINLINE size_t length_by_words(const uint8_t *text) {
    size_t length = 0;
    for (; (uintptr_t)(text + length) % 8; length++)
        if (!text[length])
            return length;
    for (;; length += 8) {
        uint64_t word;
        memcpy(&word, text + length, 8);
        uint64_t zeros = (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
        if (zeros)
            return length + (size_t)__builtin_ctzll(zeros) / 8;
    }
}

static NOINLINE const char *find_text(const char *text, const char *wanted) {
    for (; *text; text++) {
        size_t i = 0;
        while (wanted[i] && text[i] == wanted[i])
            i++;
        if (!wanted[i])
            return text;
    }
    return NULL;
}

static NOINLINE size_t count_byte(const uint8_t *data, size_t size, uint8_t wanted) {
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += data[i] == wanted;
    return count;
}

static NOINLINE void upper_case(char *text, size_t size) {
    for (size_t i = 0; i < size; i++)
        text[i] = (char)(text[i] >= 'a' && text[i] <= 'z' ? text[i] - 32 : text[i]);
}

static NOINLINE void reverse(uint8_t *data, size_t size) {
    for (size_t i = 0; i < size / 2; i++) {
        uint8_t t = data[i];
        data[i] = data[size - 1 - i], data[size - 1 - i] = t;
    }
}

static NOINLINE size_t encode_utf8(uint32_t c, uint8_t *to) {
    size_t extra = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const uint8_t marks[] = {0, 0xc0, 0xe0, 0xf0};
    for (size_t i = extra; i; i--, c >>= 6)
        to[i] = (uint8_t)(0x80 | (c & 0x3f));
    to[0] = (uint8_t)(marks[extra] | c);
    return extra + 1;
}

static uint64_t check_copies(uint64_t *random) {
    static void (*const copies[])(uint8_t *, const uint8_t *, size_t) = {copy_bytes, copy_words, copy_library};
    uint64_t hash = DIGEST_START;
    for (size_t size = 0; size <= WORK; size += 1 + size / 16) {
        for (size_t i = 0; i < PICK(sizeof buffer, 64); i++)
            buffer[i] = (uint8_t)next_random(random);
        for (int way = 0; way < 3; way++)
            copies[way](buffer + PICK(160, 24) + way, buffer + size % 7, size);
        hash = digest(hash, buffer, PICK(sizeof buffer, 64));
    }
    return hash;
}

static uint64_t check_moves(void) {
    uint64_t hash = DIGEST_START;
    unsigned wrong = 0;
    for (int distance = PICK(-20, -2); distance <= PICK(20, 2); distance++)
        for (size_t size = 1; size <= WORK; size += PICK(9, 7)) {
            size_t range = PICK(200, 40);
            for (size_t i = 0; i < range; i++)
                buffer[i] = model[i] = (uint8_t)(i * 7 + 1);
            copy_overlapping(buffer + PICK(50, 8) + distance, buffer + PICK(50, 8), size);
            move_by_hand(model + PICK(50, 8) + distance, model + PICK(50, 8), size);
            fill(buffer + 20, distance, size / 2);
            copy_bytes(model + 20, buffer + 20, size / 2);
            wrong += memcmp(buffer, model, range) != 0;
            hash = hash * 31 + buffer[PICK(50, 8)] + buffer[PICK(55, 9)];
        }
    print("moves differ %u times\n", wrong);
    return hash;
}

int main(void) {
    uint64_t random = opaque(0x57121265);
    _Alignas(8) char text[80] = "The quick brown fox jumps over the lazy dog, and Then some More of it.";
    uint8_t encoded[64];
    size_t used = 0;
    print("copies %016llx\n", (unsigned long long)check_copies(&random));
    print("moves  %016llx\n", (unsigned long long)check_moves());
    for (size_t start = 0; start < PICK(9, 2); start++)
        print("%u ", (unsigned)(length_by_words((uint8_t *)text + start) ^ strlen(text + start) << 8));
    const char *found = find_text(text, "lazy");
    print("\nlazy at %d, cat %s, %u times o\n", found ? (int)(found - text) : -1, find_text(text, "cat") ? "there" : "not",
          (unsigned)count_byte((uint8_t *)text, strlen(text), 'o'));
    print("compare %d %d %d\n", memcmp(text, "The quicker", 11) > 0, memcmp(text, "The quick", 9), memcmp(text, "\xff", 1) < 0);
    upper_case(text, strlen(text));
    print("%s\n", text);
    reverse((uint8_t *)text, strlen(text));
    print("%s\n", text);
    static const uint32_t characters[] = {'a', 0x3b1, 0x20ac, 0x1f512, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10ffff};
    for (size_t i = 0; i < sizeof characters / sizeof *characters; i++)
        used += encode_utf8(characters[i], encoded + used);
    for (size_t i = 0; i < used; i++)
        print("%02x", encoded[i]);
    print("\n");
    return 0;
}
