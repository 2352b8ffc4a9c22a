/* Vectors of one instruction set in GCC/Clang extensions; what every *_kern.h is written with.
 *
 * A template: a file compiled for that set (gemm_avx2.c) defines the parameters and includes
 * table_kern.h.
 *     KERN_NAME     scalar, avx2, avx512, neon
 *     KERN_VL       floats per vector (1, 8, 16, 4)
 *     KERN_MR       rows of C kept in registers (4, 6, 14, 8)
 *     KERN_NV       vectors per row of a panel (4, 2, 2, 3)
 *     KERN_PAIR_MR  rows when two panels are taken at once (1, 2, 6, 3)
 *
 * FMA() is the only place where a product meets a sum. With vectors the compiler makes it one
 * instruction because these files alone are compiled with -ffp-contract=fast (gcc -std=c17 would
 * not); test_bits.c notices when it is not.
 */
#ifndef TDL_TENSOR_VEC_KERN_H
#define TDL_TENSOR_VEC_KERN_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "tensor/kernel.h"

#define KERN_PASTE_(a, b) a##b
#define KERN_PASTE(a, b)  KERN_PASTE_(a, b)
#define KERN_TEXT_(a)     #a
#define KERN_TEXT(a)      KERN_TEXT_(a)

/* Each compiler only heeds its own pragma; unheeded, the sums leave the registers. */
#ifdef __clang__
#define KERN_UNROLL _Pragma("clang loop unroll(full)")
#else
#define KERN_UNROLL _Pragma("GCC unroll 16")
#endif
#define KERN_INLINE static inline __attribute__((always_inline))

enum { NR = KERN_VL * KERN_NV };

#if KERN_VL == 1
typedef float vec;
typedef float vec_unaligned;

KERN_INLINE vec FMA(vec a, vec b, vec c)
{
    return fmaf(a, b, c);
}
#else
typedef float vec __attribute__((vector_size(KERN_VL * 4)));
typedef float vec_unaligned __attribute__((vector_size(KERN_VL * 4), aligned(4), may_alias));

KERN_INLINE vec FMA(vec a, vec b, vec c)
{
    return a * b + c;
}
#endif

KERN_INLINE vec splat(float x)
{
    return x - (vec){0};
}

KERN_INLINE vec load(const float *p)
{
    return *(const vec_unaligned *)p;
}

KERN_INLINE void store(float *p, vec v)
{
    *(vec_unaligned *)p = v;
}

#if KERN_VL == 1
typedef int32_t vec_int;
typedef uint32_t vec_bits;

KERN_INLINE vec select(vec_int condition, vec a, vec b)
{
    return condition ? a : b;
}
#else
typedef int32_t vec_int __attribute__((vector_size(KERN_VL * 4)));
typedef uint32_t vec_bits __attribute__((vector_size(KERN_VL * 4)));

/* Comparisons of vectors give all ones or all zeros. */
KERN_INLINE vec select(vec_int condition, vec a, vec b)
{
    return (vec)((condition & (vec_int)a) | (~condition & (vec_int)b));
}
#endif

KERN_INLINE vec_bits bits_of(vec v)
{
    vec_bits b;

    memcpy(&b, &v, sizeof b);
    return b;
}

KERN_INLINE vec from_bits(vec_bits b)
{
    vec v;

    memcpy(&v, &b, sizeof v);
    return v;
}

KERN_INLINE vec_bits splat_bits(uint32_t b)
{
    return b - (vec_bits){0};
}

#endif
