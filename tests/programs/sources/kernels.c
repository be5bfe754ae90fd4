// Floating-point kernels in double and in float: planets, a Fourier transform, linear equations, Mandelbrot, sums.

#include "program.h"

#ifndef WORK
#define WORK PICK(300, 3) // steps of the planets; the other sizes follow
#endif
#define POINTS PICK(128, 8)
#define SIDE PICK(20, 4)
#define PIXELS PICK(24, 4)
#define TERMS PICK(1000, 30)

#define REAL double
#define NAME(name) name##_double
#define SQRT __builtin_sqrt
#define ABS __builtin_fabs
#include "kernels.inc"
#undef REAL
#undef NAME
#undef SQRT
#undef ABS

#define REAL float
#define NAME(name) name##_float
#define SQRT __builtin_sqrtf
#define ABS __builtin_fabsf
#include "kernels.inc"

int main(void) {
    uint64_t random = opaque(0xf10a7);
    print("double\n");
    run_double(random);
    print("float\n");
    run_float(random);
    return 0;
}
