// Hashes, random number generators and bit tricks: rotations, reversals, counts, saturation, overflow, CRCs.

#include "program.h"

#ifndef WORK
#define WORK PICK(3000, 40)
#endif

static uint64_t rotate(uint64_t x, unsigned n) { return x << n | x >> (-n & 63); }
static uint32_t rotate32(uint32_t x, unsigned n) { return x << n | x >> (-n & 31); }

static uint64_t xoshiro(uint64_t s[4]) {
    uint64_t result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;
    s[2] ^= s[0], s[3] ^= s[1], s[1] ^= s[2], s[0] ^= s[3], s[2] ^= t;
    s[3] = rotate(s[3], 45);
    return result;
}

static uint32_t pcg(uint64_t *state) {
    uint64_t old = *state;
    *state = old * UINT64_C(6364136223846793005) + 1442695040888963407;
    return rotate32((uint32_t)((old >> 18 ^ old) >> 27), -(unsigned)(old >> 59) & 31);
}

static uint64_t siphash(const uint8_t *data, size_t size, uint64_t k0, uint64_t k1) {
    uint64_t v0 = k0 ^ 0x736f6d6570736575, v1 = k1 ^ 0x646f72616e646f6d;
    uint64_t v2 = k0 ^ 0x6c7967656e657261, v3 = k1 ^ 0x7465646279746573;
    for (size_t at = 0; at <= size; at += 8) {
        uint64_t word = 0;
        bool last = at + 8 > size;
        memcpy(&word, data + at, last ? size - at : 8);
        if (last)
            word |= (uint64_t)size << 56;
        v3 ^= word;
        for (int i = last ? -4 : 0; i < 2; i++) {
            if (i == -2)
                v0 ^= word, v2 ^= 0xff;
            v0 += v1, v1 = rotate(v1, 13) ^ v0, v0 = rotate(v0, 32);
            v2 += v3, v3 = rotate(v3, 16) ^ v2;
            v0 += v3, v3 = rotate(v3, 21) ^ v0;
            v2 += v1, v1 = rotate(v1, 17) ^ v2, v2 = rotate(v2, 32);
        }
        if (!last)
            v0 ^= word;
    }
    return v0 ^ v1 ^ v2 ^ v3;
}

static uint32_t murmur(const uint8_t *data, size_t size, uint32_t hash) {
    for (size_t at = 0; at + 4 <= size; at += 4) {
        uint32_t k;
        memcpy(&k, data + at, 4);
        hash = rotate32(hash ^ rotate32(k * 0xcc9e2d51, 15) * 0x1b873593, 13) * 5 + 0xe6546b64;
    }
    hash ^= (uint32_t)size;
    hash = (hash ^ hash >> 16) * 0x85ebca6b;
    hash = (hash ^ hash >> 13) * 0xc2b2ae35;
    return hash ^ hash >> 16;
}

static uint32_t crc32c(uint32_t crc, uint64_t word) {
#ifdef __ARM_FEATURE_CRC32
    return __builtin_arm_crc32cd(crc, word);
#else
    for (int i = 0; i < 8; i++, word >>= 8) {
        crc ^= (uint8_t)word;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return crc;
#endif
}

static uint64_t reverse_bits(uint64_t x) {
#ifdef __clang__
    return __builtin_bitreverse64(x);
#else
    uint64_t result = 0;
    for (int i = 0; i < 64; i++)
        result |= (x >> i & 1) << (63 - i);
    return result;
#endif
}

static uint64_t tricks(uint64_t x, uint64_t y, uint64_t hash) {
    uint64_t values[24];
    int n = 0, overflowed = 0;
    int32_t sum32, a = (int32_t)x, b = (int32_t)(y >> 7);
    int64_t sum64, c = (int64_t)x, d = (int64_t)y;
    uint64_t sum;
    values[n++] = (uint64_t)__builtin_popcountll(x) << 8 | (uint64_t)__builtin_popcount((uint32_t)y);
    values[n++] = (uint64_t)__builtin_clzll(x | 1) << 8 | (uint64_t)__builtin_clz((uint32_t)y | 1);
    values[n++] = (uint64_t)__builtin_ctzll(x | UINT64_C(1) << 63) << 8 | (uint64_t)__builtin_ctz((uint32_t)y | 1u << 31);
    values[n++] = (uint64_t)__builtin_clrsbll(c) << 8 | (uint64_t)__builtin_clrsb(a);
    values[n++] = __builtin_bswap64(x) ^ __builtin_bswap32((uint32_t)y) ^ __builtin_bswap16((uint16_t)x);
    values[n++] = reverse_bits(x) ^ reverse_bits(y) >> 32;
    values[n++] = x >> (y & 63) | rotate(y, (unsigned)x & 63);
    values[n++] = (uint64_t)(c >> (y & 63)) ^ (uint32_t)(a >> (x >> 32 & 31));
    values[n++] = x & ~y, values[n++] = x | ~y, values[n++] = ~(x ^ y);
    values[n++] = (x >> 13 & 0x1ff) | (y & 0x7f) << 20;
    values[n++] = (uint64_t)(int64_t)(int16_t)x + (uint64_t)(int64_t)(int8_t)y + (uint16_t)(x >> 9);
    values[n++] = x / (y | 1) + (uint64_t)(c / (d | 1)) + (uint32_t)x / ((uint32_t)y >> 9 | 1);
    values[n++] = x % (y >> 40 | 1) + (uint64_t)(c % (d >> 33 | 1)) + x % 10 + (uint64_t)(a % 1000);
    values[n++] = (uint64_t)(c < d ? c : d) ^ (x > y ? x : y) ^ (uint64_t)(a > b ? a : b);
    values[n++] = (uint64_t)(a < 0 ? -(int64_t)a : a);
    overflowed |= __builtin_add_overflow(a, b, &sum32) << 0, values[n++] = (uint32_t)sum32;
    overflowed |= __builtin_sub_overflow(c, d, &sum64) << 1, values[n++] = (uint64_t)sum64;
    overflowed |= __builtin_mul_overflow(x >> 30, y >> 31, &sum) << 2, values[n++] = sum;
    overflowed |= __builtin_add_overflow(x, y, &sum) << 3, values[n++] = sum;
    overflowed |= __builtin_mul_overflow(c >> 33, d >> 31, &sum64) << 4, values[n++] = (uint64_t)sum64;
    overflowed |= (x == y || (c > 0 && d > 0) || (x < 100) || a == b) << 5;
    values[n++] = (uint64_t)overflowed;
    return digest(hash, values, (size_t)n * sizeof *values);
}

int main(void) {
    uint64_t s[4] = {opaque(1), 2, 3, 4}, state = opaque(42), mixed = 0, tricked = DIGEST_START;
    uint32_t crc = ~0u;
    static uint8_t data[8 * 64];
    for (int i = 0; i < WORK; i++) {
        uint64_t x = xoshiro(s), y = (uint64_t)pcg(&state) << 32 | pcg(&state);
        crc = crc32c(crc, x ^ y);
        mixed = rotate(mixed ^ x, 5) + y;
        if (i % 4 == 0)
            tricked = tricks(i % 8 ? x : x >> (i & 63), y, tricked);
        memcpy(data + 8 * (i % 64), &mixed, 8);
    }
    print("mixed    %016llx\ncrc32c   %08x\ntricks   %016llx\n", (unsigned long long)mixed, ~crc,
          (unsigned long long)tricked);
    for (size_t size = 0; size <= PICK(sizeof data, 32); size += PICK(37, 15))
        print("%4u     %016llx %08x\n", (unsigned)size, (unsigned long long)siphash(data, size, s[0], s[1]),
              murmur(data, size, (uint32_t)s[2]));
    return 0;
}
