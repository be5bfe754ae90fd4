// SHA-256 and SHA-512 (FIPS 180-4), with the CPU's own instructions where the compiler may use them.

#include "program.h"

#if defined(__ARM_FEATURE_SHA2) || defined(__ARM_FEATURE_SHA512)
#include <arm_neon.h>
#endif

#ifndef WORK
#define WORK PICK(24, 1)
#endif

static const uint64_t round_constants[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc, 0x3956c25bf348b538,
    0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242, 0x12835b0145706fbe,
    0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2, 0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235,
    0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5, 0x983e5152ee66dfab,
    0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
    0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed,
    0x53380d139d95b3df, 0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218,
    0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8, 0x19a4c116b8d2d0c8, 0x1e376c085141ab53,
    0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373,
    0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b, 0xca273eceea26619c,
    0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba, 0x0a637dc5a2c898a6,
    0x113f9804bef90dae, 0x1b710b35131c471b, 0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc,
    0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
}; // the upper halves are SHA-256's

// One algorithm in two word sizes.
#define PORTABLE(name, word, bits, rounds, a1, a2, a3, b1, b2, b3, c1, c2, c3, d1, d2, d3)                             \
    static word rotate_##name(word x, int n) { return (word)(x >> n | x << (bits - n)); }                              \
    static void block_##name(word state[8], const uint8_t *data) {                                                     \
        word w[rounds];                                                                                                \
        for (int i = 0; i < 16; i++) {                                                                                 \
            w[i] = 0;                                                                                                  \
            for (int j = 0; j < bits / 8; j++)                                                                         \
                w[i] = (word)(w[i] << 8 | data[i * bits / 8 + j]);                                                     \
        }                                                                                                              \
        for (int i = 16; i < rounds; i++) {                                                                            \
            word x = w[i - 15], y = w[i - 2];                                                                          \
            w[i] = w[i - 16] + (rotate_##name(x, c1) ^ rotate_##name(x, c2) ^ x >> c3) + w[i - 7] +                    \
                   (rotate_##name(y, d1) ^ rotate_##name(y, d2) ^ y >> d3);                                            \
        }                                                                                                              \
        word a = state[0], b = state[1], c = state[2], d = state[3];                                                   \
        word e = state[4], f = state[5], g = state[6], h = state[7];                                                   \
        for (int i = 0; i < rounds; i++) {                                                                             \
            word t = h + (rotate_##name(e, b1) ^ rotate_##name(e, b2) ^ rotate_##name(e, b3)) +                        \
                     ((e & f) ^ (~e & g)) + (word)(round_constants[i] >> (64 - bits)) + w[i];                          \
            word u = (rotate_##name(a, a1) ^ rotate_##name(a, a2) ^ rotate_##name(a, a3)) +                            \
                     ((a & b) ^ (a & c) ^ (b & c));                                                                    \
            h = g, g = f, f = e, e = d + t, d = c, c = b, b = a, a = t + u;                                            \
        }                                                                                                              \
        state[0] += a, state[1] += b, state[2] += c, state[3] += d;                                                    \
        state[4] += e, state[5] += f, state[6] += g, state[7] += h;                                                    \
    }

#ifndef __ARM_FEATURE_SHA2
PORTABLE(256, uint32_t, 32, 64, 2, 13, 22, 6, 11, 25, 7, 18, 3, 17, 19, 10)
#else
static void block_256(uint32_t state[8], const uint8_t *data) {
    uint32x4_t w[4], abcd = vld1q_u32(state), efgh = vld1q_u32(state + 4);
    uint32x4_t old_abcd = abcd, old_efgh = efgh;
    for (int i = 0; i < 4; i++)
        w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(data + 16 * i)));
    for (int i = 0; i < 16; i++) {
        uint32_t constants[4];
        for (int j = 0; j < 4; j++)
            constants[j] = (uint32_t)(round_constants[4 * i + j] >> 32);
        uint32x4_t sum = vaddq_u32(w[i % 4], vld1q_u32(constants)), before = abcd;
        abcd = vsha256hq_u32(abcd, efgh, sum);
        efgh = vsha256h2q_u32(efgh, before, sum);
        w[i % 4] = vsha256su1q_u32(vsha256su0q_u32(w[i % 4], w[(i + 1) % 4]), w[(i + 2) % 4], w[(i + 3) % 4]);
    }
    vst1q_u32(state, vaddq_u32(abcd, old_abcd));
    vst1q_u32(state + 4, vaddq_u32(efgh, old_efgh));
}
#endif

#ifndef __ARM_FEATURE_SHA512
PORTABLE(512, uint64_t, 64, 80, 28, 34, 39, 14, 18, 41, 1, 8, 7, 19, 61, 6)
#else
static void block_512(uint64_t state[8], const uint8_t *data) {
    uint64x2_t w[8], ab = vld1q_u64(state), cd = vld1q_u64(state + 2), ef = vld1q_u64(state + 4);
    uint64x2_t gh = vld1q_u64(state + 6), first[4] = {ab, cd, ef, gh};
    for (int i = 0; i < 8; i++)
        w[i] = vreinterpretq_u64_u8(vrev64q_u8(vld1q_u8(data + 16 * i)));
    for (int i = 0; i < 40; i++) {
        uint64x2_t sum = vaddq_u64(w[i % 8], vld1q_u64(round_constants + 2 * i));
        sum = vaddq_u64(vextq_u64(sum, sum, 1), gh);
        uint64x2_t partial = vsha512hq_u64(sum, vextq_u64(ef, gh, 1), vextq_u64(cd, ef, 1));
        gh = ef, ef = vaddq_u64(cd, partial);
        uint64x2_t next = vsha512h2q_u64(partial, cd, ab);
        cd = ab, ab = next;
        w[i % 8] = vsha512su1q_u64(vsha512su0q_u64(w[i % 8], w[(i + 1) % 8]), w[(i + 7) % 8],
                                   vextq_u64(w[(i + 4) % 8], w[(i + 5) % 8], 1));
    }
    vst1q_u64(state, vaddq_u64(ab, first[0]));
    vst1q_u64(state + 2, vaddq_u64(cd, first[1]));
    vst1q_u64(state + 4, vaddq_u64(ef, first[2]));
    vst1q_u64(state + 6, vaddq_u64(gh, first[3]));
}
#endif

#define WHOLE(name, word, size)                                                                                        \
    static void hash_##name(const uint8_t *data, size_t length, word state[8]) {                                       \
        uint8_t last[2 * size] = {0};                                                                                  \
        size_t rest = length % size, total = rest + 1 + size / 8 <= size ? size : 2 * size;                            \
        for (size_t at = 0; at + size <= length; at += size)                                                           \
            block_##name(state, data + at);                                                                            \
        memcpy(last, data + length - rest, rest);                                                                      \
        last[rest] = 0x80;                                                                                             \
        for (size_t i = 0; i < 8; i++)                                                                                 \
            last[total - 1 - i] = (uint8_t)((uint64_t)length * 8 >> 8 * i);                                            \
        for (size_t at = 0; at < total; at += size)                                                                    \
            block_##name(state, last + at);                                                                            \
    }
WHOLE(256, uint32_t, 64)
WHOLE(512, uint64_t, 128)

static void report(const char *name, const uint8_t *data, size_t length) {
    uint32_t a[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    uint64_t b[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                     0x510e527fade682d1, 0x9b05688c2b3e6c1f, 0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    hash_256(data, length, a);
    hash_512(data, length, b);
    print("%s\n  SHA-256 ", name);
    for (int i = 0; i < 8; i++)
        print("%08x", a[i]);
    print("\n  SHA-512 ");
    for (int i = 0; i < 8; i++)
        print("%016llx", (unsigned long long)b[i]);
    print("\n");
}

int main(void) {
    static uint8_t data[WORK * 1000 + 113];
    uint64_t random = opaque(0x5a5a1234);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(next_random(&random) >> 11);
    report("abc", (const uint8_t *)"abc", 3);
    if (PICK(1, 0))
        report("nothing", data, 0);
    report("random", data, PICK(sizeof data, 200));
    return 0;
}
