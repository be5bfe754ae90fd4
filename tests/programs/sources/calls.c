// What the procedure call standard has to get right: structures by value, bit-fields, variable arguments, jumps.

#include "program.h"

#ifndef WORK
#define WORK PICK(300, 4)
#endif

struct pair { int32_t a; int64_t b; };
struct large { uint64_t words[5]; };
struct odd { uint8_t bytes[11]; };
struct floats { float x, y, z; };
struct doubles { double a, b, c, d; };
struct mixed { double d; int32_t i; };
struct packed { uint8_t a; uint32_t b; uint16_t c; uint64_t d; } __attribute__((packed));
union any { uint64_t u; double d; uint8_t bytes[8]; };

struct bits {
    unsigned a : 3;
    int b : 5;
    unsigned c : 17;
    uint64_t d : 33;
    int64_t e : 29;
    bool f : 1;
};

static NOINLINE struct pair swap_pair(struct pair p) { return (struct pair){(int32_t)p.b, p.a}; }
static NOINLINE struct large rotate_large(struct large l, int n) {
    struct large result;
    for (int i = 0; i < 5; i++)
        result.words[(i + n) % 5] = l.words[i] + (uint64_t)i;
    return result;
}
static NOINLINE struct odd flip_odd(struct odd o) {
    for (int i = 0; i < 5; i++) {
        uint8_t t = o.bytes[i];
        o.bytes[i] = o.bytes[10 - i], o.bytes[10 - i] = t;
    }
    return o;
}
static NOINLINE struct floats cross(struct floats a, struct floats b) {
    return (struct floats){a.y * b.z - a.z * b.y, a.z * b.x - a.x * b.z, a.x * b.y - a.y * b.x};
}
static NOINLINE struct doubles turn(struct doubles a, double by) {
    return (struct doubles){a.d * by, a.a + by, a.b - by, a.c / by};
}
static NOINLINE struct mixed mix(struct mixed m, float f) { return (struct mixed){m.i + f, (int32_t)m.d}; }

// More arguments than registers, of every size.
static NOINLINE double many(int8_t a, double b, uint16_t c, float d, int32_t e, double f, int64_t g, float h, uint8_t i,
                            double j, int16_t k, float l, uint32_t m, double n, uint64_t o, float p, int8_t q, double r,
                            int16_t s, float t, bool u, struct pair v, struct floats w) {
    return a + b * c - d + e / 2 + f + (double)(g % 1000) - h + i + j - k + l + m % 77 + n - (double)(o & 0xff) + p + q +
           r - s + t + u + v.a + (double)v.b + w.x - w.z;
}

// Each letter names the type of one argument.
static NOINLINE uint64_t vary(const char *types, ...) {
    va_list list, copy;
    uint64_t sum = 0;
    va_start(list, types);
    va_copy(copy, list);
    for (int pass = 0; pass < 2; pass++)
        for (const char *at = types; *at; at++) {
            union any value = {0};
            va_list *from = pass ? &copy : &list;
            switch (*at) {
            case 'i':
                value.u = (uint64_t)(int64_t)va_arg(*from, int);
                break;
            case 'l':
                value.u = va_arg(*from, uint64_t);
                break;
            case 'd':
                value.d = va_arg(*from, double);
                break;
            case 'p': {
                struct pair p = va_arg(*from, struct pair);
                value.u = (uint64_t)p.a * 3 + (uint64_t)p.b;
                break;
            }
            case 'L':
                value.u = va_arg(*from, struct large).words[3];
                break;
            case 'f':
                value.d = va_arg(*from, struct floats).y;
                break;
            }
            sum = (sum << 5 | sum >> 59) ^ value.u;
        }
    va_end(copy);
    va_end(list);
    return sum;
}

static jmp_buf place;

static NOINLINE int dive(int depth, double keep) {
    volatile char room[48];
    room[depth % 48] = (char)depth;
    if (depth == 0)
        longjmp(place, 7);
    return keep < 0 ? 0 : dive(depth - 1, keep * 1.5) + room[depth % 48];
}

static NOINLINE uint32_t ackermann(uint32_t m, uint32_t n) {
    return m == 0 ? n + 1 : n == 0 ? ackermann(m - 1, 1) : ackermann(m - 1, ackermann(m, n - 1));
}

static int twice(int x) { return 2 * x; }
static int square(int x) { return (int)((unsigned)x * (unsigned)x); }
static int less_one(int x) { return x - 1; }

static NOINLINE int compose(int (*const *functions)(int), int count, int x) {
    return count ? compose(functions + 1, count - 1, (*functions)(x)) : x;
}

static NOINLINE int variable_array(int n, uint64_t *random) {
    int total = 0, numbers[n];
    for (int i = 0; i < n; i++)
        numbers[i] = (int)(next_random(random) & 0xfff);
    for (int i = 0; i < n; i++)
        total += numbers[(i * 7) % n] ^ i;
    return n > 3 ? total + variable_array(n / 2, random) : total;
}

int main(void) {
    uint64_t random = opaque(0xca115), hash = DIGEST_START;
    struct pair p = {1, 2};
    struct large l = {{1, 2, 3, 4, 5}};
    struct odd o = {"hello world"};
    struct floats f = {1.5f, -2.25f, 3.0f}, g = {0.5f, 4.0f, -1.0f};
    struct doubles d = {1, 2, 3, 4};
    struct mixed m = {17.25, 4};
    struct bits b = {0};
    struct packed k = {0};
    int (*const functions[])(int) = {twice, square, less_one, twice, twice, less_one, square};
    for (int i = 0; i < WORK; i++) {
        uint64_t r = next_random(&random);
        p.a ^= (int32_t)r, p = swap_pair(p);
        l = rotate_large(l, (int)(r % 5));
        o.bytes[r % 11] ^= (uint8_t)i, o = flip_odd(o);
        f = cross(f, g), f.x = f.x / 16 + 1, f.y *= 0.01f, f.z = f.z / 8 - (float)(i % 3);
        d = turn(d, 1.0 + (double)(r % 7) / 8), d.c = d.c > 1e6 ? 1 : d.c, d.a = d.a > 1e6 ? 1 : d.a;
        m = mix((struct mixed){(double)(r % 1000) / 8, (int32_t)m.d}, 0.5f);
        b.a = (unsigned)(b.a + r) & 7, b.b = (int)(r >> 3 & 15) - 8, b.c ^= (unsigned)(r >> 9) & 0x1ffff;
        b.d += r >> 20 & 0xffffff, b.e = (int64_t)(r >> 40 & 0xfffffff) - 0x8000000, b.f = !b.f;
        k.a++, k.b += (uint32_t)r, k.c ^= (uint16_t)k.b, k.d += k.b + (uint64_t)k.a;
        double sum = many((int8_t)r, 1.5, (uint16_t)(r >> 8), 2.5f, (int32_t)r, -0.125, (int64_t)r, 0.75f, (uint8_t)i, 3,
                          (int16_t)r, 4.5f, (uint32_t)r, 5.25, r, 6.0f, (int8_t)(r >> 5), 7, (int16_t)(r >> 9), 8.5f,
                          i & 1, (struct pair){i, -i}, (struct floats){1, 2, 3});
        uint64_t varied = vary("ildpLfdddddddddidlfp", i, r, 1.5, p, l, f, 1., 2., 3., 4., 5., 6., 7., 8., 9., i, 2.5, r, g, p);
        uint64_t parts[] = {bits_of_double(sum), varied, (uint64_t)p.a, (uint64_t)p.b, l.words[i % 5], b.a, (uint64_t)b.b,
                            b.c, b.d, (uint64_t)(int64_t)b.e, b.f, bits_of_float(f.x), bits_of_float(f.y),
                            bits_of_double(d.a), bits_of_double(d.b), bits_of_double(m.d), (uint64_t)m.i};
        hash = digest(hash, parts, sizeof parts);
        hash = digest(hash, &k, sizeof k);
        hash = digest(hash, &o, sizeof o);
    }
    print("values %016llx\n", (unsigned long long)hash);
    volatile int tries = 0;
    double kept = 1.25 * (double)opaque(3);
    int landed = setjmp(place);
    if (landed == 0 || tries < 3) {
        tries = tries + 1;
        if (tries % 2)
            dive(PICK(40, 5) + tries, kept);
        longjmp(place, 0); // setjmp gives 1
    }
    print("landed with %d after %d tries, kept %016llx\n", landed, tries, (unsigned long long)bits_of_double(kept));
    print("ackermann %u\n", ackermann(2, PICK(20, 3)));
    print("composed %d\n", compose(functions, 7, (int)opaque(5)));
    print("arrays %d\n", variable_array(PICK(200, 20), &random));
    return 0;
}
