/* Matrix products beside the register-only peak of the core and beside OpenBLAS, one thread.
 *
 * Each figure is the best repetition of thread CPU time over REPEAT_SECONDS, taken in ROUNDS rounds
 * that interleave peak, own kernel and peer; ratios are formed within a round and their median is
 * reported. OpenBLAS is opened at run time when it is there: it is no part of the program.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bars.h"
#include "base/rng.h"
#include "peak.h"
#include "tensor/gemm.h"

enum { ROUNDS = 3, SIDE_MAX = 1024, IN = 768, OUT = 3072, BATCH_MAX = 256 };
static const double REPEAT_SECONDS = 0.3, OF_PEAK = 0.80;

typedef enum kind { NN, NT, TN, PACKED } kind;

/* The issue asks for a bar at 512^3 and at the serving shapes from batch 4; the rest is shown. */
static const struct shape {
    kind kind;
    size_t m, n, k;
    bool has_bar;
} shapes[] = {
    {NN, 512, 512, 512, true},     {NN, 1024, 1024, 1024, false}, {NT, 1024, 1024, 1024, false},
    {TN, 1024, 1024, 1024, false}, {PACKED, 1, OUT, IN, false},   {PACKED, 4, OUT, IN, true},
    {PACKED, 16, OUT, IN, true},   {PACKED, 64, OUT, IN, true},   {PACKED, 256, OUT, IN, true},
};
enum { SHAPES_N = sizeof shapes / sizeof shapes[0] };

/* cblas.h, as far as it is needed. */
enum { ROW_MAJOR = 101, NO_TRANSPOSE = 111, TRANSPOSE = 112 };
typedef void sgemm_fn(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a,
                      int lda, const float *b, int ldb, float beta, float *c, int ldc);
typedef void sgemv_fn(int order, int ta, int m, int n, float alpha, const float *a, int lda,
                      const float *x, int step_x, float beta, float *y, int step_y);

typedef struct peer {
    void *library; /* NULL: not installed */
    sgemm_fn *sgemm;
    sgemv_fn *sgemv;
} peer;

typedef struct operands {
    float *a, *b, *c;
    tdl_packed *packed;
} operands;

static void open_peer(peer *ret)
{
    void (*set_threads)(int);

    *ret = (peer){.library = dlopen("libopenblas.so.0", RTLD_NOW | RTLD_LOCAL)};
    if (!ret->library)
        return;
    *(void **)&ret->sgemm = dlsym(ret->library, "cblas_sgemm");
    *(void **)&ret->sgemv = dlsym(ret->library, "cblas_sgemv");
    *(void **)&set_threads = dlsym(ret->library, "openblas_set_num_threads");
    if (!ret->sgemm || !ret->sgemv || !set_threads) {
        dlclose(ret->library);
        ret->library = NULL;
        return;
    }
    set_threads(1);
}

static void run_peer(const peer *p, const struct shape *s, const operands *o)
{
    int m = (int)s->m, n = (int)s->n, k = (int)s->k;

    if (m == 1) // weights [out][in] times one vector: its best case
        p->sgemv(ROW_MAJOR, NO_TRANSPOSE, n, k, 1, o->b, k, o->a, 1, 0, o->c, 1);
    else
        p->sgemm(ROW_MAJOR, s->kind == TN ? TRANSPOSE : NO_TRANSPOSE,
                 s->kind == NT ? TRANSPOSE : NO_TRANSPOSE, m, n, k, 1, o->a, s->kind == TN ? m : k,
                 o->b, s->kind == NT ? k : n, 0, o->c, n);
}

static tdl_status run_own(const struct shape *s, const operands *o, tdl_report *why)
{
    if (s->kind == PACKED) {
        tdl_linear(o->packed, s->m, o->a, s->k, NULL, TDL_ACT_NONE, o->c, s->n, NULL);
        return TDL_OK;
    }
    return tdl_gemm(s->kind == TN, s->kind == NT, s->m, s->n, s->k, o->a,
                    s->kind == TN ? s->m : s->k, o->b, s->kind == NT ? s->k : s->n, o->c, s->n,
                    false, NULL, why);
}

static double flop_of(const struct shape *s)
{
    return 2.0 * (double)s->m * (double)s->n * (double)s->k;
}

/* Operations a second. A repetition faster than the peak is a glitch of the clock and left out. */
static tdl_status rate(const peer *p, const struct shape *s, const operands *o, double peak,
                       double *ret, tdl_report *why)
{
    double best = 0, now = tdl_cpu_seconds(), end = now + REPEAT_SECONDS;

    while (now < end) {
        double started = now;

        if (p) {
            run_peer(p, s, o);
        } else {
            tdl_status st = run_own(s, o, why);
            if (st)
                return st;
        }
        now = tdl_cpu_seconds();
        double flops = flop_of(s) / (now - started);
        if (flops > best && (peak <= 0 || flops <= peak))
            best = flops;
    }
    *ret = best;
    return TDL_OK;
}

static void report(const struct shape *s, const double own[ROUNDS], const double peak[ROUNDS],
                   const double other[ROUNDS], bool has_peer, tdl_bars *bars)
{
    static const char *const kinds[] = {"NN", "NT", "TN"};
    double of_peak[ROUNDS], of_peer[ROUNDS];
    char name[64];

    if (s->kind == PACKED)
        snprintf(name, sizeof name, "%d->%d packed, m=%zu", IN, OUT, s->m);
    else
        snprintf(name, sizeof name, "%zu^3 %s", s->m, kinds[s->kind]);
    for (int r = 0; r < ROUNDS; r++) {
        of_peak[r] = peak[r] > 0 ? own[r] / peak[r] : 0;
        of_peer[r] = other[r] > 0 ? own[r] / other[r] : 0;
    }
    double gigaflops = 1e-9 * tdl_median3(own);
    if (tdl_median3(peak) > 0)
        tdl_bars_add(bars,
                     (tdl_bar){.value = tdl_median3(of_peak),
                               .unit = "ratio",
                               .kind = s->has_bar ? TDL_BAR_AT_LEAST : TDL_BAR_NONE,
                               .bound = OF_PEAK,
                               .peer = "register-only FMA peak, Gflop/s",
                               .peer_value = 1e-9 * tdl_median3(peak)},
                     "gemm: %s of peak (%.1f Gflop/s)", name, gigaflops);
    if (has_peer)
        tdl_bars_add(
            bars,
            (tdl_bar){.value = tdl_median3(of_peer),
                      .unit = "ratio",
                      .kind = TDL_BAR_NONE,
                      .peer = s->m == 1 ? "OpenBLAS sgemv, Gflop/s" : "OpenBLAS sgemm, Gflop/s",
                      .peer_value = 1e-9 * tdl_median3(other)},
            "gemm: %s of OpenBLAS", name);
}

static tdl_status prepare(operands *o, tdl_report *why)
{
    enum { FLOATS = OUT * IN > SIDE_MAX * SIDE_MAX ? OUT * IN : SIDE_MAX * SIDE_MAX };
    float **all[] = {&o->a, &o->b, &o->c};
    tdl_rng rng = tdl_rng_make(1, 0);

    for (size_t i = 0; i < 3; i++) {
        *all[i] = aligned_alloc(4096, FLOATS * sizeof(float));
        if (!*all[i])
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "gemm: out of memory");
        for (size_t j = 0; j < FLOATS; j++)
            (*all[i])[j] = (float)tdl_rng_normal(&rng);
    }
    return tdl_pack(o->b, false, IN, OUT, &o->packed, why);
}

tdl_status tdl_bench_gemm(bool quiet, tdl_bars *bars, tdl_report *why)
{
    static double own[SHAPES_N][ROUNDS], peak[SHAPES_N][ROUNDS], other[SHAPES_N][ROUNDS];
    operands o = {0};
    peer openblas;
    tdl_status st;

    open_peer(&openblas);
    if (!openblas.library && !quiet)
        fprintf(stderr, "gemm: no OpenBLAS here (Debian: libopenblas0), no ratio to it\n");
    if ((st = prepare(&o, why)))
        goto out;
    for (size_t r = 0; r < ROUNDS; r++) {
        if (!quiet)
            fprintf(stderr, "gemm: round %zu of %d, %s\n", r + 1, ROUNDS, tdl_isa_name());
        for (size_t i = 0; i < SHAPES_N; i++) {
            peak[i][r] = tdl_peak_flops(tdl_isa_name());
            if ((st = rate(NULL, &shapes[i], &o, peak[i][r], &own[i][r], why)))
                goto out;
            if (openblas.library &&
                (st = rate(&openblas, &shapes[i], &o, peak[i][r], &other[i][r], why)))
                goto out;
        }
    }
    for (size_t i = 0; i < SHAPES_N; i++)
        report(&shapes[i], own[i], peak[i], other[i], openblas.library != NULL, bars);
out:
    tdl_packed_free(o.packed);
    free(o.a);
    free(o.b);
    free(o.c);
    if (openblas.library)
        dlclose(openblas.library);
    return st;
}
