// Sorting: quick, merge, heap, shell and radix sorts of numbers, structures and strings; all must agree.

#include "program.h"

#ifndef WORK
#define WORK PICK(1500, 30) // elements
#endif

struct record {
    uint32_t key;
    uint16_t rank;
    int8_t sign;
    char name[9];
    double weight;
};

static int32_t input[WORK], numbers[WORK], spare[WORK];
static struct record records[WORK], spare_records[WORK];
static const char *names[WORK];

static void quick(int32_t *a, int left, int right) {
    while (right - left > 8) {
        int32_t pivot = a[left + (right - left) / 2];
        int i = left, j = right;
        while (i <= j) {
            while (a[i] < pivot)
                i++;
            while (a[j] > pivot)
                j--;
            if (i <= j) {
                int32_t t = a[i];
                a[i++] = a[j], a[j--] = t;
            }
        }
        if (j - left < right - i) {
            quick(a, left, j);
            left = i;
        } else {
            quick(a, i, right);
            right = j;
        }
    }
    for (int i = left + 1; i <= right; i++) {
        int32_t t = a[i];
        int j = i;
        for (; j > left && a[j - 1] > t; j--)
            a[j] = a[j - 1];
        a[j] = t;
    }
}

static void heap(int32_t *a, int count) {
    for (int start = count / 2 - 1, end = count; end > 1;) {
        int32_t t;
        if (start >= 0)
            t = a[start];
        else {
            t = a[--end];
            a[end] = a[0];
        }
        int hole = start >= 0 ? start-- : 0;
        for (int child; (child = 2 * hole + 1) < end; hole = child) {
            if (child + 1 < end && a[child + 1] > a[child])
                child++;
            if (a[child] <= t)
                break;
            a[hole] = a[child];
        }
        a[hole] = t;
    }
}

static void shell(int32_t *a, int count) {
    for (int gap = 364; gap; gap /= 3)
        for (int i = gap; i < count; i++) {
            int32_t t = a[i];
            int j = i;
            for (; j >= gap && a[j - gap] > t; j -= gap)
                a[j] = a[j - gap];
            a[j] = t;
        }
}

static void radix(int32_t *a, int32_t *other, int count) {
    for (int shift = 0; shift < 32; shift += 8) {
        uint16_t starts[257] = {0};
        for (int i = 0; i < count; i++)
            starts[((uint32_t)a[i] ^ 0x80000000) >> shift & 255]++;
        for (int i = 0, sum = 0; i < 256; i++) {
            int size = starts[i];
            starts[i] = (uint16_t)sum;
            sum += size;
        }
        for (int i = 0; i < count; i++)
            other[starts[((uint32_t)a[i] ^ 0x80000000) >> shift & 255]++] = a[i];
        int32_t *t = a;
        a = other, other = t;
    }
}

typedef int (*order)(const void *, const void *);

static int by_key(const void *a, const void *b) {
    const struct record *x = a, *y = b;
    return x->key < y->key ? -1 : x->key > y->key;
}

static int by_weight(const void *a, const void *b) {
    const struct record *x = a, *y = b;
    if (x->weight != y->weight)
        return x->weight < y->weight ? 1 : -1;
    return x->sign - y->sign;
}

static int by_name(const void *a, const void *b) {
    const char *x = *(const char *const *)a, *y = *(const char *const *)b;
    for (; *x && *x == *y; x++, y++)
        ;
    return (unsigned char)*x - (unsigned char)*y;
}

// Bottom up, stable, of anything.
static void merge(void *data, void *other, size_t count, size_t size, order order) {
    uint8_t *from = data, *to = other;
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t start = 0; start < count; start += 2 * width) {
            size_t i = start, middle = start + width < count ? start + width : count;
            size_t j = middle, end = middle + width < count ? middle + width : count;
            for (size_t k = start; k < end; k++) {
                bool left = i < middle && (j >= end || order(from + i * size, from + j * size) <= 0);
                memcpy(to + k * size, from + (left ? i++ : j++) * size, size);
            }
        }
        uint8_t *t = from;
        from = to, to = t;
    }
    if (from != (uint8_t *)data)
        memcpy(data, from, count * size);
}

static void report(const char *name) {
    bool sorted = true;
    for (int i = 1; i < WORK; i++)
        sorted &= numbers[i - 1] <= numbers[i];
    print("%-6s %s %016llx\n", name, sorted ? "sorted" : "NOT SORTED",
          (unsigned long long)digest(DIGEST_START, numbers, sizeof numbers));
    memcpy(numbers, input, sizeof numbers);
}

int main(void) {
    uint64_t random = opaque(0x50175017), hash = DIGEST_START;
    for (int i = 0; i < WORK; i++) {
        uint64_t r = next_random(&random);
        input[i] = (int32_t)(r >> (i % 3 * 11));
        struct record *record = &records[i];
        record->key = (uint32_t)(r >> 40) % (WORK / 2);
        record->rank = (uint16_t)i;
        record->sign = (int8_t)r;
        record->weight = (double)(int32_t)(r >> 20) / 1024.0 * (i % 5);
        for (int j = 0; j < 8; j++)
            record->name[j] = (char)(j > (int)(r & 7) ? 0 : 'a' + (r >> (8 + 3 * j) & 7));
        record->name[8] = 0;
    }
    memcpy(numbers, input, sizeof numbers);
    quick(numbers, 0, WORK - 1);
    report("quick");
    heap(numbers, WORK);
    report("heap");
    if (PICK(1, 0)) {
        shell(numbers, WORK);
        report("shell");
        radix(numbers, spare, WORK);
        report("radix");
    }
    merge(records, spare_records, WORK, sizeof *records, by_key);
    for (int i = 0; i < WORK; i++)
        hash = digest(hash, &records[i].rank, sizeof records[i].rank);
    print("keys   %016llx\n", (unsigned long long)hash);
    merge(records, spare_records, WORK, sizeof *records, by_weight);
    for (int i = 0; i < WORK; i++) {
        hash = digest(hash, &records[i].weight, sizeof records[i].weight);
        names[i] = records[i].name;
    }
    print("weight %016llx\n", (unsigned long long)hash);
    merge(names, spare_records, WORK, sizeof *names, by_name);
    for (int i = 0; i < WORK; i++)
        hash = digest(hash, names[i], strlen(names[i]));
    print("names  %016llx, from %s to %s\n", (unsigned long long)hash, names[0], names[WORK - 1]);
    return 0;
}
