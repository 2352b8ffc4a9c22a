/* Prediction: what it costs, beside what it is measured against, then every bar of the tables, the
 * trees and the series (bench_tables.c, bench_trees.c, bench_series.c).
 *
 * The table of this part is made here: 7,000 rows of 14 numbers and 6 categories whose odds are
 * known, so that a clone alone can repeat it.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "apps/predict/explain.h"
#include "apps/predict/fit.h"
#include "bars.h"
#include "base/rng.h"
#include "base/timestamp.h"
#include "table/read.h"

enum { ROWS = 7000, NUMBERS = 14, CATEGORIES = 6, LEVELS = 5, MANY = 200000, EXPLAINED = 200 };

static void bar(tdl_bars *bars, const char *name, double value, const char *unit, tdl_bar_kind kind,
                double bound)
{
    tdl_bars_add(bars,
                 (tdl_bar){.value = value,
                           .unit = unit,
                           .kind = kind,
                           .bound = bound,
                           .peer = "bar",
                           .peer_value = bound},
                 "predict: %s", name);
}

static double seconds_since(int64_t began)
{
    return (double)(tdl_time_monotonic() - began) / 1e6;
}

/* Odds of a few curves, a product and two categories. */
static tdl_status make_table(size_t rows, tdl_frame *ret, tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(5, 0);
    tdl_str name[NUMBERS + CATEGORIES + 1], cell[NUMBERS + CATEGORIES + 1];
    char names[NUMBERS + CATEGORIES][8], cells[NUMBERS + CATEGORIES][32];
    tdl_frame_builder *builder = NULL;
    tdl_status st;

    for (size_t i = 0; i < NUMBERS + CATEGORIES; i++) {
        snprintf(names[i], sizeof names[i], "%c%zu", i < NUMBERS ? 'x' : 'c', i);
        name[i] = tdl_str_of(names[i]);
    }
    name[NUMBERS + CATEGORIES] = TDL_STR("target");
    if ((st = tdl_frame_builder_new(name, NUMBERS + CATEGORIES + 1, NULL, &builder, why)))
        return st;
    for (size_t r = 0; r < rows && !st; r++) {
        double x[NUMBERS];
        size_t level[CATEGORIES];

        for (size_t i = 0; i < NUMBERS; i++) {
            x[i] = tdl_rng_normal(&rng);
            snprintf(cells[i], sizeof cells[i], "%.5f", x[i]);
        }
        for (size_t i = 0; i < CATEGORIES; i++) {
            level[i] = tdl_rng_below(&rng, LEVELS);
            snprintf(cells[NUMBERS + i], sizeof cells[i], "l%zu", level[i]);
        }
        double odds = -1 + x[0] + sin(2 * x[1]) + x[2] * x[3] + (level[0] == 2 ? 1 : 0) -
                      (level[1] == 4 ? 1 : 0);
        for (size_t i = 0; i < NUMBERS + CATEGORIES; i++)
            cell[i] = tdl_str_of(cells[i]);
        cell[NUMBERS + CATEGORIES] =
            tdl_rng_uniform(&rng) < 1 / (1 + exp(-odds)) ? TDL_STR("yes") : TDL_STR("no");
        st = tdl_frame_builder_add(builder, cell, why);
    }
    if (!st)
        st = tdl_frame_builder_finish(builder, ret, why);
    tdl_frame_builder_free(builder);
    return st;
}

static tdl_status fit(const tdl_frame *frame, const char *models, tdl_pool *pool,
                      tdl_predictor **ret, tdl_report *why)
{
    const tdl_predict_options options = {.name = "bench",
                                         .source = "made here",
                                         .target = {.column = TDL_STR("target")},
                                         .models = models,
                                         .no_blend = strcmp(models, "auto") != 0,
                                         .pool = pool};

    return tdl_predict_fit(frame, &options, ret, why);
}

static tdl_status measure_auto(const tdl_frame *frame, tdl_pool *pool, tdl_bars *bars,
                               tdl_report *why)
{
    tdl_predictor *p = NULL;
    int64_t began = tdl_time_monotonic();
    tdl_status st = fit(frame, "auto", pool, &p, why);

    if (!st)
        bar(bars, "auto on 7,000 x 20, two cores", seconds_since(began), "s", TDL_BAR_AT_MOST, 60);
    tdl_predictor_free(p);
    return st;
}

/* The network alone: rows a second through file columns, pipeline and network; and what explaining
 * a row costs. */
static tdl_status measure_network(const tdl_frame *frame, tdl_pool *pool, tdl_bars *bars,
                                  tdl_report *why)
{
    tdl_predictor *p = NULL;
    tdl_explanation explanation = {0};
    uint32_t *row = malloc(MANY * sizeof *row);
    double *output = malloc(MANY * sizeof *output), best = INFINITY;
    tdl_frame many = {0}, few = {0};
    tdl_status st = row && output ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");

    for (size_t i = 0; i < MANY && !st; i++)
        row[i] = (uint32_t)(i % frame->rows);
    if (st || (st = tdl_frame_take(frame, row, MANY, &many, why)) ||
        (st = tdl_frame_take(frame, row, EXPLAINED, &few, why)) ||
        (st = fit(frame, "mlp", pool, &p, why)))
        goto out;
    for (int i = 0; i < 3 && !st; i++) {
        int64_t began = tdl_time_monotonic();
        st = tdl_predictor_predict(p, &many, pool, output, NULL, why);
        best = fmin(best, seconds_since(began));
    }
    if (st)
        goto out;
    bar(bars, "rows a second, networks of 3 members", MANY / best, "1/s", TDL_BAR_AT_LEAST, 200000);
    int64_t began = tdl_time_monotonic();
    if (!(st = tdl_predictor_explain(p, &few, 0, NULL, &explanation, why)))
        bar(bars, "integrated gradients of a row, one thread",
            1e3 * seconds_since(began) / EXPLAINED, "ms", TDL_BAR_AT_MOST, 2);
out:
    tdl_explanation_release(&explanation);
    tdl_predictor_free(p);
    tdl_frame_release(&many);
    tdl_frame_release(&few);
    free(row);
    free(output);
    return st;
}

tdl_status tdl_bench_predict(bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_pool *pool = tdl_pool_new(0);
    tdl_frame frame = {0};
    tdl_status st = make_table(ROWS, &frame, why);

    if (!st && !(st = measure_auto(&frame, pool, bars, why)))
        st = measure_network(&frame, pool, bars, why);
    tdl_frame_release(&frame);
    tdl_pool_free(pool);
    if (!st && !(st = tdl_bench_trees(quiet, bars, why)) &&
        !(st = tdl_bench_series(quiet, bars, why)))
        st = tdl_bench_tables(quiet, bars, why);
    return st;
}
