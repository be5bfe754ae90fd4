// float: Double-precision arithmetic: an orbit of four bodies, with its divisions and square roots.

#include "bench.h"

#define STEPS 900000
#define BODIES 4

static double place[BODIES][3], speed[BODIES][3];
static const double mass[BODIES] = {39.5, 0.04, 0.01, 0.002};

uint64_t main(uint64_t percent) {
    uint64_t hash = HASH_START, steps = scaled(STEPS, percent);
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++) {
            place[i][k] = i * (1.5 + 0.25 * k);
            speed[i][k] = i ? (k - 1) * 2.5 / i : 0;
        }
    for (uint64_t step = 0; step < steps; step++) {
        for (int i = 0; i < BODIES; i++)
            for (int j = i + 1; j < BODIES; j++) {
                double x = place[i][0] - place[j][0], y = place[i][1] - place[j][1], z = place[i][2] - place[j][2];
                double square = x * x + y * y + z * z + 0.01, pull = 0.001 / (square * __builtin_sqrt(square));
                double to_i = mass[j] * pull, to_j = mass[i] * pull;
                speed[i][0] -= x * to_i, speed[i][1] -= y * to_i, speed[i][2] -= z * to_i;
                speed[j][0] += x * to_j, speed[j][1] += y * to_j, speed[j][2] += z * to_j;
            }
        for (int i = 0; i < BODIES; i++)
            for (int k = 0; k < 3; k++)
                place[i][k] += 0.001 * speed[i][k];
    }
    for (int i = 0; i < BODIES; i++)
        for (int k = 0; k < 3; k++) {
            union {
                double value;
                uint64_t bits;
            } number = {place[i][k]};
            hash = mixed_with(hash, number.bits);
        }
    return hash;
}
