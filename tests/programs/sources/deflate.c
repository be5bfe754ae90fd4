// Compression in the manner of deflate: LZ77 matches found through hash chains, then canonical Huffman codes; and back.

#include "program.h"

#ifndef WORK
#define WORK PICK(24000, 100) // bytes
#endif
#define WINDOW 4096
#define BUCKETS PICK(1024, 64)
#define LONGEST PICK(66, 12)
#define SHORTEST 3
#define SYMBOLS (256 + LONGEST - SHORTEST + 2) // bytes, match lengths, the end
#define END (SYMBOLS - 1)
#define DEEPEST PICK(15, 9)

static uint8_t original[WORK], packed[2 * WORK + 1024], unpacked[WORK];
static uint16_t symbols[WORK + 1], distances[WORK + 1];
static uint8_t lengths[SYMBOLS];
static uint16_t codes[SYMBOLS];

static uint32_t adler32(const uint8_t *data, size_t size) {
    uint32_t a = 1, b = 0;
    for (size_t i = 0; i < size; i++) {
        a = (a + data[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

static uint32_t crc32(const uint8_t *data, size_t size) {
    uint32_t crc = ~0u;
#ifdef __ARM_FEATURE_CRC32
    for (; size >= 8; size -= 8, data += 8) {
        uint64_t word;
        memcpy(&word, data, 8);
        crc = __builtin_arm_crc32d(crc, word);
    }
    for (; size; size--)
        crc = __builtin_arm_crc32b(crc, *data++);
#else
    for (size_t i = 0; i < size; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0xedb88320 & (0 - (crc & 1)));
    }
#endif
    return ~crc;
}

static void make_text(uint64_t *random) {
    static const char *const words[] = {"granule ", "realm ", "the ", "of ", "translation ", "a ", "memory ", "context ",
                                        "is ", "encrypted ", "\n", "fault ", "level ", "0123456789", "walk, ", "- "};
    size_t at = 0;
    while (at < sizeof original) {
        uint64_t choice = next_random(random);
        const char *word = words[choice % 16 * (choice >> 8 & 15) / 15];
        for (size_t i = 0; word[i] && at < sizeof original; i++)
            original[at++] = (uint8_t)word[i];
        if ((choice >> 16 & 31) == 0 && at < sizeof original)
            original[at++] = (uint8_t)(choice >> 24);
    }
}

static size_t find_matches(void) {
    static int32_t heads[BUCKETS], chain[WORK];
    size_t count = 0;
    for (size_t i = 0; i < sizeof heads / sizeof *heads; i++)
        heads[i] = -1;
    for (size_t at = 0; at < sizeof original;) {
        size_t best = 0, distance = 0, most = sizeof original - at < LONGEST ? sizeof original - at : LONGEST;
        size_t step = 1;
        if (most >= SHORTEST) {
            uint32_t key = (original[at] * 0x9e5u ^ original[at + 1] * 0x61u ^ original[at + 2]) % BUCKETS;
            int tries = 16;
            for (int32_t from = heads[key]; from >= 0 && at - (size_t)from < WINDOW && tries--; from = chain[from]) {
                size_t length = 0;
                while (length < most && original[(size_t)from + length] == original[at + length])
                    length++;
                if (length > best)
                    best = length, distance = at - (size_t)from;
            }
        }
        if (best >= SHORTEST) {
            symbols[count] = (uint16_t)(256 + best - SHORTEST);
            distances[count++] = (uint16_t)distance;
            step = best;
        } else
            symbols[count++] = original[at];
        for (; step; step--, at++)
            if (at + 2 < sizeof original) {
                uint32_t key = (original[at] * 0x9e5u ^ original[at + 1] * 0x61u ^ original[at + 2]) % BUCKETS;
                chain[at] = heads[key];
                heads[key] = (int32_t)at;
            }
    }
    symbols[count++] = END;
    return count;
}

// Code lengths by Huffman's algorithm on two queues; frequencies are halved until the deepest code is short enough.
static void make_lengths(size_t count) {
    static uint32_t weights[2 * SYMBOLS];
    static uint16_t order[SYMBOLS], parent[2 * SYMBOLS];
    static uint8_t depth[2 * SYMBOLS];
    uint32_t frequency[SYMBOLS] = {0};
    for (size_t i = 0; i < count; i++)
        frequency[symbols[i]]++;
    for (;;) {
        unsigned used = 0;
        for (unsigned i = 0; i < SYMBOLS; i++) {
            if (!frequency[i])
                continue;
            unsigned j = used++;
            for (; j && frequency[order[j - 1]] > frequency[i]; j--)
                order[j] = order[j - 1];
            order[j] = (uint16_t)i;
        }
        for (unsigned i = 0; i < used; i++)
            weights[i] = frequency[order[i]];
        unsigned leaf = 0, inner = used, next = used;
        for (; next < 2 * used - 1; next++) {
            weights[next] = 0;
            for (int side = 0; side < 2; side++) {
                bool take_leaf = leaf < used && (inner >= next || weights[leaf] <= weights[inner]);
                unsigned taken = take_leaf ? leaf++ : inner++;
                weights[next] += weights[taken];
                parent[taken] = (uint16_t)next;
            }
        }
        unsigned deepest = 0;
        depth[next - 1] = 0;
        for (unsigned i = next - 1; i-- > 0;) {
            depth[i] = (uint8_t)(depth[parent[i]] + 1);
            if (depth[i] > deepest)
                deepest = depth[i];
        }
        memset(lengths, 0, sizeof lengths);
        for (unsigned i = 0; i < used; i++)
            lengths[order[i]] = depth[i];
        if (deepest <= DEEPEST)
            return;
        for (unsigned i = 0; i < SYMBOLS; i++)
            frequency[i] = (frequency[i] + 1) / 2;
    }
}

static void make_codes(void) {
    uint16_t code = 0;
    for (unsigned length = 1; length <= DEEPEST; length++, code = (uint16_t)(code << 1))
        for (unsigned i = 0; i < SYMBOLS; i++)
            if (lengths[i] == length)
                codes[i] = code++;
}

static size_t position, pending_bits;
static uint64_t pending;

static void put_bits(uint32_t value, unsigned bits) {
    pending = pending << bits | value;
    for (pending_bits += bits; pending_bits >= 8; pending_bits -= 8)
        packed[position++] = (uint8_t)(pending >> (pending_bits - 8));
}

static uint32_t get_bit(void) {
    uint32_t bit = packed[position / 8] >> (7 - position % 8) & 1u;
    position++;
    return bit;
}

static void decode(void) {
    uint16_t first[DEEPEST + 2] = {0}, offset[DEEPEST + 2] = {0}, number[DEEPEST + 2] = {0}, sorted[SYMBOLS];
    for (unsigned i = 0; i < SYMBOLS; i++)
        number[lengths[i]]++;
    number[0] = 0;
    for (unsigned length = 1; length <= DEEPEST; length++) {
        first[length + 1] = (uint16_t)((first[length] + number[length]) << 1);
        offset[length + 1] = (uint16_t)(offset[length] + number[length]);
    }
    for (unsigned length = 1, at = 0; length <= DEEPEST; length++)
        for (unsigned i = 0; i < SYMBOLS; i++)
            if (lengths[i] == length)
                sorted[at++] = (uint16_t)i;
    for (size_t at = 0;;) {
        uint32_t code = 0, length = 0, symbol;
        do
            code = code << 1 | get_bit(), length++;
        while (code - first[length] >= number[length] || code < first[length]);
        symbol = sorted[offset[length] + code - first[length]];
        if (symbol == END)
            return;
        if (symbol < 256) {
            unpacked[at++] = (uint8_t)symbol;
            continue;
        }
        uint32_t distance = 0;
        for (int i = 0; i < 12; i++)
            distance = distance << 1 | get_bit();
        for (uint32_t i = 0; i < symbol - 256 + SHORTEST; i++, at++)
            unpacked[at] = unpacked[at - distance];
    }
}

int main(void) {
    uint64_t random = opaque(0x1b2c3d4e);
    make_text(&random);
    size_t count = find_matches();
    make_lengths(count);
    make_codes();
    for (size_t i = 0; i < count; i++) {
        put_bits(codes[symbols[i]], lengths[symbols[i]]);
        if (symbols[i] >= 256 && symbols[i] != END)
            put_bits(distances[i], 12);
    }
    put_bits(0, 7);
    size_t size = position;
    print("original %u bytes, adler %08x, crc %08x\n", (unsigned)sizeof original, adler32(original, sizeof original),
          crc32(original, sizeof original));
    print("packed   %u bytes in %u symbols, adler %08x, crc %08x\n", (unsigned)size, (unsigned)count,
          adler32(packed, size), crc32(packed, size));
    position = 0;
    decode();
    print("unpacked %s\n", memcmp(original, unpacked, sizeof original) ? "differs" : "is the original");
    return 0;
}
