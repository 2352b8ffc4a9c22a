/* Boosted trees: our evaluator and TreeSHAP beside those of libxgboost, and training beside busy
 * neighbours. One thread, one model: 20,640 rows of 9 numbers, 200 rounds of depth 6, as in the
 * measurement of the specification. Without the library there is nothing to measure, and no bars.
 */
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bars.h"
#include "base/rng.h"
#include "learn/tree_shap.h"
#include "learn/xgboost.h"
#include "learn/xgboost_model.h"
#include "learn/xgboost_worker.h"
#include "peak.h"

enum {
    ROWS = 20640,
    COLS = 9,
    ROUNDS = 200,
    SINGLE_ROWS = 1000,
    SHAP_ROWS = 256,
    REPEATS = 3,
    NEIGHBOURS = 2
};

static const char parameters[] = "objective\0reg:squarederror\0tree_method\0hist\0nthread\0001\0"
                                 "max_depth\0006\0eta\0000.1\0verbosity\0000";

typedef struct trees_bench {
    float *x, *y;
    tdl_buf model;
    tdl_forest forest;
    tdl_shap_plan *plan;
    tdl_xgboost library;
    tdl_xgb_booster booster;
    double *score, *phi, *base;
} trees_bench;

static double wall_seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static tdl_status prepare(trees_bench *b, tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(1, 0);

    b->x = malloc((size_t)ROWS * COLS * sizeof *b->x);
    b->y = malloc(ROWS * sizeof *b->y);
    b->score = malloc(ROWS * sizeof *b->score);
    b->phi = malloc((size_t)SHAP_ROWS * COLS * sizeof *b->phi);
    b->base = malloc(SHAP_ROWS * sizeof *b->base);
    if (!b->x || !b->y || !b->score || !b->phi || !b->base)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "trees: out of memory");
    for (size_t i = 0; i < ROWS; i++) {
        float *row = b->x + i * COLS;

        for (size_t j = 0; j < COLS; j++)
            row[j] = tdl_rng_below(&rng, 100) == 0 ? NAN : (float)tdl_rng_normal(&rng);
        double a = isnan(row[0]) ? 0 : (double)row[0], c = isnan(row[1]) ? 0 : (double)row[1];
        b->y[i] = (float)(sin(2 * a) + a * c + .5 * tdl_rng_normal(&rng));
    }
    return TDL_OK;
}

/* In a worker, as always; ret_seconds by the wall clock, which alone knows about waiting. */
static tdl_status train(trees_bench *b, tdl_buf *ret, double *ret_seconds, tdl_report *why)
{
    tdl_xgboost_data data = {.rows = ROWS, .cols = COLS, .x = b->x, .y = b->y};
    tdl_xgboost_plan plan = {
        .parameters = {parameters, sizeof parameters}, .groups_n = 1, .rounds = ROUNDS};
    tdl_xgboost_worker *worker = NULL;
    double started = wall_seconds();
    tdl_status st = tdl_xgboost_worker_start(&data, &worker, why);

    tdl_buf_clear(ret);
    if (!st)
        st = tdl_xgboost_worker_train(worker, &plan, ret, NULL, why);
    *ret_seconds = wall_seconds() - started;
    tdl_xgboost_worker_end(worker);
    return st;
}

static void *be_busy(void *stop)
{
    while (!atomic_load_explicit((atomic_bool *)stop, memory_order_relaxed))
        ;
    return NULL;
}

static tdl_status measure_spin(trees_bench *b, tdl_bars *bars, tdl_report *why)
{
    static atomic_bool stop;
    pthread_t neighbour[NEIGHBOURS];
    size_t started = 0;
    double alone, crowded;
    tdl_status st = train(b, &b->model, &alone, why);

    if (st)
        return st;
    atomic_store(&stop, false);
    while (started < NEIGHBOURS && !pthread_create(&neighbour[started], NULL, be_busy, &stop))
        started++;
    tdl_buf again = {0};
    st = train(b, &again, &crowded, why);
    tdl_buf_release(&again);
    atomic_store(&stop, true);
    for (size_t i = 0; i < started; i++)
        pthread_join(neighbour[i], NULL);
    if (!st)
        tdl_bars_add(bars,
                     (tdl_bar){.value = crowded / alone,
                               .unit = "ratio",
                               .kind = TDL_BAR_AT_MOST,
                               .bound = 3,
                               .peer = "alone, s",
                               .peer_value = alone},
                     "trees: training beside %d busy threads", NEIGHBOURS);
    return st;
}

static tdl_status refused(const trees_bench *b, tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_INTERNAL, "libxgboost: %.300s", b->library.last_error());
}

static tdl_status open_library(trees_bench *b, tdl_report *why)
{
    tdl_status st;

    if ((st = tdl_xgboost_model_read(tdl_buf_view(&b->model), &b->forest, why)) ||
        (st = tdl_shap_plan_new(&b->forest, 64 << 20, &b->plan, why)) ||
        (st = tdl_xgboost_open(NULL, &b->library, why)))
        return st;
    if (b->library.booster_new(NULL, 0, &b->booster) ||
        b->library.booster_set(b->booster, "nthread", "1") ||
        b->library.load(b->booster, b->model.at, b->model.len))
        return refused(b, why);
    return TDL_OK;
}

/* CPU seconds of the library's predictions of rows[0, n), `each` at a time. A matrix is made anew,
 * outside the clock: the library remembers what it predicted of one. */
static tdl_status library_seconds(trees_bench *b, int type, size_t n, size_t each, double *ret,
                                  tdl_report *why)
{
    char config[160];
    double seconds = 0;

    snprintf(config, sizeof config,
             "{\"type\":%d,\"training\":false,\"iteration_begin\":0,\"iteration_end\":0,"
             "\"strict_shape\":true}",
             type);
    for (size_t row = 0; row < n; row += each) {
        tdl_xgb_matrix matrix;
        const uint64_t *shape;
        uint64_t rank;
        const float *values;

        if (b->library.matrix_new(b->x + row * COLS, each, COLS, NAN, &matrix))
            return refused(b, why);
        double started = tdl_cpu_seconds();
        int failed = b->library.predict(b->booster, matrix, config, &shape, &rank, &values);
        seconds += tdl_cpu_seconds() - started;
        b->library.matrix_free(matrix);
        if (failed)
            return refused(b, why);
    }
    *ret = seconds;
    return TDL_OK;
}

static tdl_status own_seconds(trees_bench *b, int type, size_t n, size_t each, double *ret,
                              tdl_report *why)
{
    double started = tdl_cpu_seconds();
    tdl_status st = TDL_OK;

    for (size_t row = 0; !st && row < n; row += each) {
        const float *x = b->x + row * COLS;

        if (type == 1 && each == 1)
            tdl_forest_score_row(&b->forest, x, b->score);
        else if (type == 1)
            st = tdl_forest_score(&b->forest, x, each, NULL, b->score, why);
        else
            st = tdl_tree_shap(&b->forest, b->plan, x, each, 0, NULL, b->phi, b->base, why);
    }
    *ret = tdl_cpu_seconds() - started;
    return st;
}

/* One row beside the other in turns; the ratio is the middle of three. */
static tdl_status compare(trees_bench *b, const char *what, int type, size_t n, size_t each,
                          tdl_bar bar, tdl_bars *bars, tdl_report *why)
{
    double own[REPEATS], library[REPEATS], ratio[REPEATS];
    tdl_status st;

    for (int r = 0; r < REPEATS; r++) {
        if ((st = library_seconds(b, type, n, each, &library[r], why)) ||
            (st = own_seconds(b, type, n, each, &own[r], why)))
            return st;
        ratio[r] = bar.kind == TDL_BAR_AT_MOST ? own[r] / library[r] : library[r] / own[r];
    }
    bar.value = tdl_median3(ratio);
    bar.unit = "ratio";
    bar.peer = "libxgboost, us a row";
    bar.peer_value = 1e6 * tdl_median3(library) / (double)n;
    tdl_bars_add(bars, bar, "trees: %s (%.3g us a row)", what, 1e6 * tdl_median3(own) / (double)n);
    return TDL_OK;
}

tdl_status tdl_bench_trees(bool quiet, tdl_bars *bars, tdl_report *why)
{
    const tdl_bar at_most_3 = {.kind = TDL_BAR_AT_MOST, .bound = 3};
    const tdl_bar at_least_5 = {.kind = TDL_BAR_AT_LEAST, .bound = 5},
                  shown = {.kind = TDL_BAR_NONE};
    trees_bench b = {.model.limit = 64 << 20};
    tdl_status st;

    if (tdl_xgboost_available(why)) {
        if (!quiet)
            fprintf(stderr, "trees: skipped: %s\n", why ? why->message : "no libxgboost");
        return TDL_OK;
    }
    if (!(st = prepare(&b, why)) && !(st = measure_spin(&b, bars, why)) &&
        !(st = open_library(&b, why)) &&
        !(st = compare(&b, "one row at a time", 1, SINGLE_ROWS, 1, at_most_3, bars, why)) &&
        !(st = compare(&b, "all rows at once", 1, ROWS, ROWS, shown, bars, why)) &&
        !(st = compare(&b, "TreeSHAP, many rows", 2, SHAP_ROWS, SHAP_ROWS, at_least_5, bars, why)))
        st = compare(&b, "TreeSHAP, one row", 2, SHAP_ROWS, 1, at_least_5, bars, why);
    if (b.booster)
        b.library.booster_free(b.booster);
    tdl_shap_plan_free(b.plan);
    tdl_forest_release(&b.forest);
    tdl_buf_release(&b.model);
    free(b.x);
    free(b.y);
    free(b.score);
    free(b.phi);
    free(b.base);
    return st;
}
