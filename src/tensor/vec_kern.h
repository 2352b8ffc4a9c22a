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
 * FMA() is the only place where a product meets a sum and rounds once. It is written with the
 * instruction's own name, and these files are compiled with -ffp-contract=off: a compiler that may
 * fuse does so or not as its blocks fall.
 */
#ifndef TDL_TENSOR_VEC_KERN_H
#define TDL_TENSOR_VEC_KERN_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#if defined(__x86_64__) && KERN_VL > 1
#include <immintrin.h>
#elif defined(__aarch64__) && KERN_VL > 1
#include <arm_neon.h>
#endif

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
#if KERN_VL == 16
    return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c);
#elif KERN_VL == 8
    return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c);
#else
    return (vec)vfmaq_f32((float32x4_t)c, (float32x4_t)a, (float32x4_t)b);
#endif
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

KERN_INLINE vec choose(vec_int condition, vec a, vec b)
{
    return condition ? a : b;
}

KERN_INLINE vec_bits choose_bits(vec_int condition, vec_bits a, vec_bits b)
{
    return condition ? a : b;
}

KERN_INLINE vec to_float(vec_int v)
{
    return (float)v;
}

typedef int8_t vec_byte;

KERN_INLINE vec_byte to_bytes(vec_int v)
{
    return (int8_t)v;
}
#else
typedef int32_t vec_int __attribute__((vector_size(KERN_VL * 4)));
typedef uint32_t vec_bits __attribute__((vector_size(KERN_VL * 4)));

/* Comparisons of vectors give all ones or all zeros. */
KERN_INLINE vec choose(vec_int condition, vec a, vec b)
{
    return (vec)((condition & (vec_int)a) | (~condition & (vec_int)b));
}

KERN_INLINE vec_bits choose_bits(vec_int condition, vec_bits a, vec_bits b)
{
    return ((vec_bits)condition & a) | (~(vec_bits)condition & b);
}

KERN_INLINE vec to_float(vec_int v)
{
    return __builtin_convertvector(v, vec);
}

typedef int8_t vec_byte __attribute__((vector_size(KERN_VL)));

KERN_INLINE vec_byte to_bytes(vec_int v)
{
    return __builtin_convertvector(v, vec_byte);
}
#endif

#if KERN_VL == 1
typedef int32_t vec_int_unaligned __attribute__((may_alias));
typedef uint32_t vec_bits_unaligned __attribute__((may_alias));
#else
typedef int32_t vec_int_unaligned __attribute__((vector_size(KERN_VL * 4), aligned(4), may_alias));
typedef uint32_t vec_bits_unaligned
    __attribute__((vector_size(KERN_VL * 4), aligned(4), may_alias));
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

KERN_INLINE vec absolute(vec x)
{
    return from_bits(bits_of(x) & splat_bits(0x7fffffff));
}

/* Units: 32 bits of whatever type, where floats are stored. */
KERN_INLINE vec_bits load_bits(const float *p)
{
    return *(const vec_bits_unaligned *)(const void *)p;
}

KERN_INLINE uint32_t unit_at(const float *p)
{
    uint32_t unit;

    memcpy(&unit, p, sizeof unit);
    return unit;
}

/* The first n of a vector, 0 < n <= KERN_VL. */
KERN_INLINE vec load_first(const float *p, size_t n, float fill)
{
    float whole[KERN_VL];

    if (n == KERN_VL)
        return load(p);
    for (size_t i = 0; i < KERN_VL; i++)
        whole[i] = i < n ? p[i] : fill;
    return load(whole);
}

KERN_INLINE void store_first(float *p, size_t n, vec v)
{
    float whole[KERN_VL];

    if (n == KERN_VL) {
        store(p, v);
        return;
    }
    store(whole, v);
    memcpy(p, whole, n * sizeof *p);
}

#endif
