#include "peak.h"

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
    sum##i = FMADD(sum##i, x, y);                                                                  \
    __asm__ volatile("" : "+v"(sum##i));

#define FMADD _mm256_fmadd_ps
static __attribute__((noinline, target("avx2,fma"))) void chains_avx2(void)
{
    __m256 x = _mm256_set1_ps(0.999f), y = _mm256_set1_ps(0.001f);

    TWELVE(START)
    for (size_t i = 0; i < STEPS; i++) {
        TWELVE(STEP)
    }
}
#undef FMADD

#define FMADD _mm512_fmadd_ps
static __attribute__((noinline, target("avx512f"))) void chains_avx512(void)
{
    __m512 x = _mm512_set1_ps(0.999f), y = _mm512_set1_ps(0.001f);

    TWELVE(START)
    for (size_t i = 0; i < STEPS; i++) {
        TWELVE(STEP)
    }
}
#undef FMADD

static const struct {
    const char *isa;
    void (*run)(void);
    double lanes;
} probes[] = {{"avx2", chains_avx2, 8}, {"avx512", chains_avx512, 16}};

double tdl_peak_flops(const char *isa)
{
    double best = 0;

    for (size_t p = 0; p < sizeof probes / sizeof probes[0]; p++) {
        if (strcmp(probes[p].isa, isa))
            continue;
        for (int i = 0; i < REPETITIONS; i++) {
            double started = tdl_cpu_seconds();
            probes[p].run();
            double flops = 2 * 12 * probes[p].lanes * STEPS / (tdl_cpu_seconds() - started);
            best = flops > best ? flops : best;
        }
    }
    return best;
}
#else
double tdl_peak_flops(const char *isa)
{
    (void)isa;
    return 0;
}
#endif
