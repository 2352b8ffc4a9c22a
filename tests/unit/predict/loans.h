/* A made table of loans, and a model of it. Whether one was repaid depends on income, on a job, on
 * months and on savings; `group` has no effect, but those of "b" earn less. */
#ifndef TDL_TEST_LOANS_H
#define TDL_TEST_LOANS_H

#include <math.h>
#include <stdio.h>

#include "apps/predict/fit.h"
#include "base/rng.h"
#include "table/read.h"

static inline void loans_make(size_t rows, uint64_t seed, tdl_frame *ret)
{
    static const char *const name[] = {"income", "months", "savings", "job",
                                       "home",   "group",  "repaid"};
    static const char *const job[] = {"idle", "office", "self"};
    enum { COLUMNS = 7 };
    tdl_rng rng = tdl_rng_make(seed, 0);
    tdl_frame_builder *builder = NULL;
    tdl_str cell[COLUMNS];
    char text[COLUMNS][32];

    for (size_t i = 0; i < COLUMNS; i++)
        cell[i] = tdl_str_of(name[i]);
    assert_int_equal(tdl_frame_builder_new(cell, COLUMNS, NULL, &builder, NULL), TDL_OK);
    for (size_t r = 0; r < rows; r++) {
        bool b = tdl_rng_uniform(&rng) < 0.4, home = tdl_rng_uniform(&rng) < 0.5;
        double income = 3 + tdl_rng_normal(&rng) - (b ? 0.8 : 0);
        size_t months = 1 + tdl_rng_below(&rng, 24), savings = tdl_rng_below(&rng, 5);
        size_t work = tdl_rng_below(&rng, 3);
        double odds = 1.2 * (income - 2.7) - 0.1 * ((double)months - 12) +
                      0.5 * ((double)savings - 2) +
                      (work == 1   ? 0.8
                       : work == 2 ? 0.2
                                   : -0.8) +
                      (home ? 0.3 : 0);
        bool repaid = tdl_rng_uniform(&rng) < 1 / (1 + exp(-odds));

        snprintf(text[0], sizeof text[0], "%.4f", income);
        snprintf(text[1], sizeof text[1], "%zu", months);
        snprintf(text[2], sizeof text[2], "%zu", savings);
        snprintf(text[3], sizeof text[3], "%s", job[work]);
        snprintf(text[4], sizeof text[4], "%s", home ? "yes" : "no");
        snprintf(text[5], sizeof text[5], "%s", b ? "b" : "a");
        snprintf(text[6], sizeof text[6], "%s", repaid ? "good" : "poor");
        for (size_t i = 0; i < COLUMNS; i++)
            cell[i] = tdl_str_of(text[i]);
        assert_int_equal(tdl_frame_builder_add(builder, cell, NULL), TDL_OK);
    }
    assert_int_equal(tdl_frame_builder_finish(builder, ret, NULL), TDL_OK);
    tdl_frame_builder_free(builder);
}

static inline tdl_predict_options loans_options(const char *models)
{
    return (tdl_predict_options){
        .name = "loans",
        .source = "made",
        .target = {.column = TDL_STR("repaid"), .positive = TDL_STR("good")},
        .models = models};
}

static inline tdl_predictor *loans_fit(const tdl_frame *frame, const tdl_predict_options *options)
{
    tdl_predictor *p = NULL;
    tdl_report why = {0};

    if (tdl_predict_fit(frame, options, &p, &why))
        fail_msg("%s", why.message);
    return p;
}

static inline size_t loans_column(const tdl_frame *frame, const char *name)
{
    size_t at = SIZE_MAX;

    assert_true(tdl_frame_find(frame, tdl_str_of(name), &at));
    return at;
}

#endif
