/* The kernels of the neural engine beside the register-only peak of the core, OpenBLAS and oneDNN,
 * one thread; and two threads beside one.
 *
 * Each figure is the best repetition of thread CPU time over REPEAT_SECONDS, taken in ROUNDS rounds
 * that interleave peak, own kernel and peers; ratios are formed within a round and their median is
 * reported. `gemm` is the part of it that takes half a minute.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bars.h"
#include "base/rng.h"
#include "peak.h"
#include "peers.h"
#include "tensor/gemm.h"

enum { ROUNDS = 3, SIDE_MAX = 1024, IN = 768, OUT = 3072, BATCH = 256, PRECISIONS = 4 };
static const double REPEAT_SECONDS = 0.3, GEMM_OF_PEAK = 0.80;

typedef enum kind { NN, NT, TN, PACKED } kind;

/* Bars of the engine's specification, section 5; 0: shown without one. */
static const struct shape {
    const char *name;
    kind kind;
    tdl_precision precision;
    size_t m, n, k;
    double of_peak, of_openblas, of_onednn;
    bool in_gemm;
} shapes[] = {
    {"512^3 NN", NN, TDL_PRECISION_F32, 512, 512, 512, .85, 0, 0, true},
    {"1024^3 NN", NN, TDL_PRECISION_F32, 1024, 1024, 1024, .85, .97, 0, true},
    {"1024^3 NT", NT, TDL_PRECISION_F32, 1024, 1024, 1024, .85, .97, 0, true},
    {"1024^3 TN", TN, TDL_PRECISION_F32, 1024, 1024, 1024, .85, .97, 0, true},
    {"m=1", PACKED, TDL_PRECISION_F32, 1, OUT, IN, 0, 1.0, 0, true},
    {"m=4", PACKED, TDL_PRECISION_F32, 4, OUT, IN, .85, 3.5, 1.9, true},
    {"m=16", PACKED, TDL_PRECISION_F32, 16, OUT, IN, .85, 1.6, 1.9, true},
    {"m=64", PACKED, TDL_PRECISION_F32, 64, OUT, IN, .85, 1.25, 1.9, true},
    {"m=256", PACKED, TDL_PRECISION_F32, 256, OUT, IN, .85, 1.05, 1.9, true},
    {"dW, m=256", TN, TDL_PRECISION_F32, IN, OUT, BATCH, 0, 0, 0, false},
    {"dX, m=256", NT, TDL_PRECISION_F32, BATCH, IN, OUT, 0, 0, 0, false},
    {"bf16, m=1", PACKED, TDL_PRECISION_BF16, 1, OUT, IN, 0, 0, 0, false},
    {"bf16, m=4", PACKED, TDL_PRECISION_BF16, 4, OUT, IN, .90, 0, 0, false},
    {"bf16, m=16", PACKED, TDL_PRECISION_BF16, 16, OUT, IN, .90, 0, 0, false},
    {"bf16, m=256", PACKED, TDL_PRECISION_BF16, 256, OUT, IN, .90, 0, 0, false},
    {"int8, m=1", PACKED, TDL_PRECISION_INT8, 1, OUT, IN, 0, 0, 0, false},
    {"int8, m=4", PACKED, TDL_PRECISION_INT8, 4, OUT, IN, .87, 0, 0, false},
    {"int8, m=16", PACKED, TDL_PRECISION_INT8, 16, OUT, IN, .87, 0, 0, false},
    {"int8, m=256", PACKED, TDL_PRECISION_INT8, 256, OUT, IN, .87, 0, 0, false},
    {"int4, m=1", PACKED, TDL_PRECISION_INT4, 1, OUT, IN, 0, 0, 0, false},
    {"int4, m=256", PACKED, TDL_PRECISION_INT4, 256, OUT, IN, 0, 0, 0, false},
};
enum { SHAPES_N = sizeof shapes / sizeof shapes[0] };

typedef struct operands {
    float *a, *b, *c;
    tdl_packed *packed[PRECISIONS];
    tdl_peers *peers;
} operands;

typedef enum runner { OWN, OPENBLAS, OPENBLAS_VECTOR, ONEDNN } runner;

static tdl_peer_product product_of(const struct shape *s, const operands *o)
{
    return (tdl_peer_product){s->kind == TN, s->kind == NT, s->m, s->n, s->k, o->a, o->b, o->c};
}

/* false: there is no such peer */
static bool run(runner who, const struct shape *s, const operands *o, tdl_status *st,
                tdl_report *why)
{
    tdl_peer_product p = product_of(s, o);

    if (who == ONEDNN)
        return tdl_onednn(o->peers, &p);
    if (who != OWN)
        return tdl_openblas(o->peers, &p, who == OPENBLAS_VECTOR);
    if (s->kind == PACKED)
        tdl_linear(o->packed[s->precision], s->m, o->a, s->k, NULL, TDL_ACT_NONE, o->c, s->n, NULL);
    else
        *st = tdl_gemm(p.ta, p.tb, p.m, p.n, p.k, p.a, p.ta ? p.m : p.k, p.b, p.tb ? p.k : p.n, p.c,
                       p.n, false, NULL, why);
    return !*st;
}

static double operations_of(const struct shape *s)
{
    return 2.0 * (double)s->m * (double)s->n * (double)s->k;
}

/* Operations a second. A repetition faster than the peak is a glitch of the clock and left out. */
static double rate(runner who, const struct shape *s, const operands *o, double peak,
                   tdl_status *st, tdl_report *why)
{
    double best = 0, now = tdl_cpu_seconds(), end = now + REPEAT_SECONDS;

    while (now < end) {
        double started = now;

        if (!run(who, s, o, st, why))
            return 0;
        now = tdl_cpu_seconds();
        double rate_now = operations_of(s) / (now - started);
        if (rate_now > best && (peak <= 0 || rate_now <= peak))
            best = rate_now;
    }
    return best;
}

typedef struct figures {
    double own[ROUNDS], peak[ROUNDS], openblas[ROUNDS], onednn[ROUNDS];
} figures;

static tdl_status measure(const struct shape *s, const operands *o, size_t round, figures *ret,
                          tdl_report *why)
{
    tdl_status st = TDL_OK;
    double peak = tdl_peak_ops(tdl_isa_name(), s->precision), vector;
    bool f32 = s->precision == TDL_PRECISION_F32;

    ret->peak[round] = peak;
    ret->own[round] = rate(OWN, s, o, peak, &st, why);
    if (st || !f32)
        return st;
    ret->openblas[round] = rate(OPENBLAS, s, o, peak, &st, why);
    if (s->m == 1) {
        vector = rate(OPENBLAS_VECTOR, s, o, peak, &st, why);
        ret->openblas[round] = vector > ret->openblas[round] ? vector : ret->openblas[round];
    }
    if (s->of_onednn > 0)
        ret->onednn[round] = rate(ONEDNN, s, o, peak, &st, why);
    return TDL_OK;
}

static void report(const char *name, const char *what, const double own[ROUNDS],
                   const double other[ROUNDS], const char *peer, double bound, tdl_bars *bars)
{
    double ratio[ROUNDS];

    if (tdl_median3(other) <= 0)
        return;
    for (int r = 0; r < ROUNDS; r++)
        ratio[r] = other[r] > 0 ? own[r] / other[r] : 0;
    tdl_bars_add(bars,
                 (tdl_bar){.value = tdl_median3(ratio),
                           .unit = "ratio",
                           .kind = bound > 0 ? TDL_BAR_AT_LEAST : TDL_BAR_NONE,
                           .bound = bound,
                           .peer = peer,
                           .peer_value = 1e-9 * tdl_median3(other)},
                 "%s %s (%.1f Gop/s)", name, what, 1e-9 * tdl_median3(own));
}

static tdl_status prepare(operands *o, tdl_report *why)
{
    enum { FLOATS = OUT * IN > SIDE_MAX * SIDE_MAX ? OUT * IN : SIDE_MAX * SIDE_MAX };
    float **all[] = {&o->a, &o->b, &o->c};
    tdl_rng rng = tdl_rng_make(1, 0);
    tdl_status st = TDL_OK;

    for (size_t i = 0; i < 3; i++) {
        *all[i] = aligned_alloc(4096, FLOATS * sizeof(float));
        if (!*all[i])
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "engine: out of memory");
        for (size_t j = 0; j < FLOATS; j++)
            (*all[i])[j] = (float)tdl_rng_normal(&rng);
    }
    o->peers = tdl_peers_open();
    if (!o->peers)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "engine: out of memory");
    for (int i = 0; !st && i < PRECISIONS; i++)
        st = tdl_pack_as((tdl_precision)i, o->b, false, IN, OUT, &o->packed[i], why);
    return st;
}

static void release(operands *o)
{
    for (int i = 0; i < PRECISIONS; i++)
        tdl_packed_free(o->packed[i]);
    tdl_peers_close(o->peers);
    free(o->a);
    free(o->b);
    free(o->c);
}

/* By the wall clock, which alone knows about waiting; needs a second core that is idle. */
static double wall_rate(const operands *o, size_t m, tdl_pool *pool)
{
    double best = 0, spent = 0;

    while (spent < REPEAT_SECONDS) {
        struct timespec from, to;

        clock_gettime(CLOCK_MONOTONIC, &from);
        tdl_linear(o->packed[0], m, o->a, IN, NULL, TDL_ACT_NONE, o->c, OUT, pool);
        clock_gettime(CLOCK_MONOTONIC, &to);
        double seconds =
            (double)(to.tv_sec - from.tv_sec) + 1e-9 * (double)(to.tv_nsec - from.tv_nsec);
        double rate_now = 2.0 * (double)m * IN * OUT / seconds;
        spent += seconds;
        best = rate_now > best ? rate_now : best;
    }
    return best;
}

static void two_threads(const operands *o, tdl_bars *bars)
{
    tdl_pool *pool = tdl_pool_new(2);

    for (size_t m = 64; tdl_pool_threads(pool) == 2 && m <= BATCH; m *= 4) {
        double one[ROUNDS], two[ROUNDS];
        char name[32];

        for (int r = 0; r < ROUNDS; r++) {
            one[r] = wall_rate(o, m, NULL);
            two[r] = wall_rate(o, m, pool);
        }
        snprintf(name, sizeof name, "m=%zu", m);
        report(name, "two threads", two, one, "one thread, Gop/s", 1.8, bars);
    }
    tdl_pool_free(pool);
}

/* Own int8 beside own f32, both at m=256. */
static void report_int8(const figures f[SHAPES_N], tdl_bars *bars)
{
    const double *int8 = NULL, *f32 = NULL;

    for (size_t i = 0; i < SHAPES_N; i++) {
        if (!strcmp(shapes[i].name, "int8, m=256"))
            int8 = f[i].own;
        if (!strcmp(shapes[i].name, "m=256"))
            f32 = f[i].own;
    }
    if (int8 && f32)
        report("int8, m=256", "of f32", int8, f32, "own f32, Gop/s", 0, bars);
}

static tdl_status bench(bool only_gemm, bool quiet, tdl_bars *bars, tdl_report *why)
{
    static figures f[SHAPES_N];
    operands o = {0};
    tdl_status st = prepare(&o, why);

    for (size_t r = 0; !st && r < ROUNDS; r++) {
        if (!quiet)
            fprintf(stderr, "engine: round %zu of %d, %s\n", r + 1, ROUNDS, tdl_isa_name());
        for (size_t i = 0; !st && i < SHAPES_N; i++)
            if (shapes[i].in_gemm || !only_gemm)
                st = measure(&shapes[i], &o, r, &f[i], why);
    }
    for (size_t i = 0; !st && i < SHAPES_N; i++) {
        const struct shape *s = &shapes[i];
        double bar = only_gemm && s->of_peak > 0 ? GEMM_OF_PEAK : s->of_peak;

        report(s->name, "of peak", f[i].own, f[i].peak, "registers only, Gop/s", bar, bars);
        report(s->name, "of OpenBLAS", f[i].own, f[i].openblas, "OpenBLAS, Gop/s",
               only_gemm ? 0 : s->of_openblas, bars);
        if (!only_gemm)
            report(s->name, "of oneDNN", f[i].own, f[i].onednn, "oneDNN sgemm with AVX2, Gop/s",
                   strcmp(tdl_isa_name(), "avx2") ? 0 : s->of_onednn, bars);
    }
    if (!st && !only_gemm) {
        report_int8((const figures *)f, bars);
        two_threads(&o, bars);
    }
    release(&o);
    return st;
}

tdl_status tdl_bench_gemm(bool quiet, tdl_bars *bars, tdl_report *why)
{
    return bench(true, quiet, bars, why);
}

tdl_status tdl_bench_engine(bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_status st = bench(false, quiet, bars, why);

    if (!st)
        st = tdl_bench_transformer(quiet, bars, why);
    if (!st)
        st = tdl_bench_publish(quiet, bars, why);
    return st ? st : tdl_bench_fashion(quiet, bars, why);
}
