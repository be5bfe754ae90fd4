// sort: Quicksort and heapsort of 8192 random numbers, again and again.

#include "bench.h"

#define COUNT 8192
#define ROUNDS 210

static int64_t values[COUNT];

static void quick(int64_t *a, int64_t left, int64_t right) {
    while (left < right) {
        int64_t pivot = a[left + (right - left) / 2], i = left, j = right;
        while (i <= j) {
            while (a[i] < pivot)
                i++;
            while (a[j] > pivot)
                j--;
            if (i <= j) {
                int64_t t = a[i];
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
}

static void sink(int64_t *a, int64_t hole, int64_t end) {
    int64_t value = a[hole];
    for (int64_t child; (child = 2 * hole + 1) < end; hole = child) {
        if (child + 1 < end && a[child + 1] > a[child])
            child++;
        if (a[child] <= value)
            break;
        a[hole] = a[child];
    }
    a[hole] = value;
}

static void heap(int64_t *a, int64_t count) {
    for (int64_t start = count / 2 - 1; start >= 0; start--)
        sink(a, start, count);
    for (int64_t end = count - 1; end > 0; end--) {
        int64_t t = a[0];
        a[0] = a[end], a[end] = t;
        sink(a, 0, end);
    }
}

uint64_t main(uint64_t percent) {
    uint64_t random = 0x082efa98ec4e6c89, hash = HASH_START, rounds = scaled(ROUNDS, percent);
    for (uint64_t round = 0; round < 2 * rounds; round++) {
        for (int i = 0; i < COUNT; i++)
            values[i] = (int64_t)next_random(&random);
        if (round & 1)
            heap(values, COUNT);
        else
            quick(values, 0, COUNT - 1);
        for (int i = 1; i < COUNT; i++)
            hash = mixed_with(hash, (uint64_t)(values[i - 1] <= values[i]) + (uint64_t)values[i]);
    }
    return hash;
}
