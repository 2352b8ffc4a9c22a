#include "peak.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

double tdl_cpu_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#if defined(__x86_64__)
#include <immintrin.h>

enum { STEPS = 100000, REPETITIONS = 40 };

/* Twelve chains: more than latency times units of any core there is, fewer than 16 registers. The
 * empty asm makes each sum an input of something, so that no step can be left out. */
#define TWELVE(X) X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11)
#define START(i)  __typeof__(x) sum##i = x;
#define STEP(i)                                                                                    \
    DOT(sum##i);                                                                                   \
    __asm__ volatile("" : "+v"(sum##i));

/* One probe: TYPE of the vectors, their first value, and DOT(sum) with x and y. */
#define PROBE(name, isa, TYPE, first)                                                              \
    static __attribute__((noinline, target(isa))) void name(void)                                  \
    {                                                                                              \
        TYPE x = first, y = first;                                                                 \
        __asm__ volatile("" : "+v"(x), "+v"(y));                                                   \
        TWELVE(START)                                                                              \
        for (size_t i = 0; i < STEPS; i++) {                                                       \
            TWELVE(STEP)                                                                           \
        }                                                                                          \
    }

#define DOT(sum) sum = _mm256_fmadd_ps(sum, x, y)
PROBE(f32_avx2, "avx2,fma", __m256, _mm256_set1_ps(.5f))
#undef DOT

/* The absolute value of x is shared by a row of a tile and not counted. */
#define DOT(sum)                                                                                   \
    do {                                                                                           \
        __asm__ volatile("" : "+x"(y)); /* else the sign is taken once */                          \
        sum = _mm256_add_epi32(sum,                                                                \
                               _mm256_madd_epi16(_mm256_maddubs_epi16(x, _mm256_sign_epi8(y, x)),  \
                                                 _mm256_set1_epi16(1)));                           \
    } while (0)
PROBE(int8_avx2, "avx2", __m256i, _mm256_set1_epi8(3))
#undef DOT

#define DOT(sum) sum = _mm512_fmadd_ps(sum, x, y)
PROBE(f32_avx512, "avx512f", __m512, _mm512_set1_ps(.5f))
#undef DOT

#define DOT(sum) sum = _mm512_dpbf16_ps(sum, (__m512bh)x, (__m512bh)y)
PROBE(bf16_avx512, "avx512f,avx512bf16", __m512, _mm512_set1_ps(.5f))
#undef DOT

#define DOT(sum) sum = _mm512_dpbusd_epi32(sum, x, y)
PROBE(int8_avx512, "avx512f,avx512vnni", __m512i, _mm512_set1_epi32(0x03030303))
#undef DOT

/* bf16 on AVX2 is widened and multiplied as f32. */
static const struct {
    const char *isa;
    tdl_precision precision;
    const char *needs;
    void (*run)(void);
    double operations; /* of a DOT */
} probes[] = {{"avx2", TDL_PRECISION_F32, "fma", f32_avx2, 16},
              {"avx2", TDL_PRECISION_BF16, "fma", f32_avx2, 16},
              {"avx2", TDL_PRECISION_INT8, "avx2", int8_avx2, 64},
              {"avx512", TDL_PRECISION_F32, "avx512f", f32_avx512, 32},
              {"avx512", TDL_PRECISION_BF16, "avx512bf16", bf16_avx512, 64},
              {"avx512", TDL_PRECISION_INT8, "avx512vnni", int8_avx512, 128}};

static bool has(const char *feature)
{
    static const char *const names[] = {"fma", "avx2", "avx512f", "avx512bf16", "avx512vnni"};
    const bool there[] = {__builtin_cpu_supports("fma"), __builtin_cpu_supports("avx2"),
                          __builtin_cpu_supports("avx512f"), __builtin_cpu_supports("avx512bf16"),
                          __builtin_cpu_supports("avx512vnni")};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (!strcmp(names[i], feature))
            return there[i];
    return false;
}

double tdl_peak_ops(const char *isa, tdl_precision precision)
{
    double best = 0;

    for (size_t p = 0; p < sizeof probes / sizeof probes[0]; p++) {
        if (strcmp(probes[p].isa, isa) || probes[p].precision != precision || !has(probes[p].needs))
            continue;
        for (int i = 0; i < REPETITIONS; i++) {
            double started = tdl_cpu_seconds();
            probes[p].run();
            double rate = 12 * probes[p].operations * STEPS / (tdl_cpu_seconds() - started);
            best = rate > best ? rate : best;
        }
    }
    return best;
}
#else
double tdl_peak_ops(const char *isa, tdl_precision precision)
{
    (void)isa;
    (void)precision;
    return 0;
}
#endif
