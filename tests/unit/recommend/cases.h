/* What the tests of this folder share: histories written down by hand, and fitting a rung on them.
 */
#ifndef TESTS_RECOMMEND_CASES_H
#define TESTS_RECOMMEND_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/rung.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* For the cases of one store: a folder of its own, removed with all that is in it. */
static inline void make_folder(char ret[64])
{
    strcpy(ret, "/tmp/treadle-recommend-XXXXXX");
    assert_non_null(mkdtemp(ret));
}

static inline void remove_folder(const char *path)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf '%s'", path);
    assert_int_equal(system(command), 0);
}

static inline void expect_ok(tdl_status status, const tdl_report *why)
{
    if (status)
        fail_msg("%s: %s", tdl_status_name(status), why->message);
}

static inline void expect_near(double found, double expected, double tolerance)
{
    if (!(fabs(found - expected) <= tolerance))
        fail_msg("found %.12g, expected %.12g within %g", found, expected, tolerance);
}

/* Fit on whole histories. Free the model with rung->free. */
static inline void *fit_all(const tdl_rung_ops *rung, const tdl_interactions *all)
{
    tdl_fit_data data = {all, all->offsets + 1};
    tdl_fit_options options = {.seed = 1};
    tdl_report why = {0};
    void *model = NULL;

    expect_ok(rung->fit(&data, &options, &model, &why), &why);
    return model;
}

/* Scores of a history whose events are one second apart. */
static inline void score(const tdl_rung_ops *rung, const void *model, const int32_t *item, size_t n,
                         float *ret)
{
    int64_t time_us[64];
    tdl_arena *scratch = tdl_arena_new(1 << 20);

    assert_true(n <= COUNT(time_us));
    for (size_t i = 0; i < n; i++)
        time_us[i] = (int64_t)i * 1000000;
    assert_int_equal(
        rung->score(model, &(tdl_history){.item = item, .time_us = time_us, .n = n}, scratch, ret),
        TDL_OK);
    tdl_arena_free(scratch);
}

/* Reasons of the same. */
static inline size_t explain(const tdl_rung_ops *rung, const void *model, const int32_t *item,
                             size_t n, int32_t target, tdl_reason *ret, size_t max)
{
    int64_t time_us[64];
    tdl_arena *scratch = tdl_arena_new(1 << 20);
    size_t found;

    assert_true(n <= COUNT(time_us));
    for (size_t i = 0; i < n; i++)
        time_us[i] = (int64_t)i * 1000000;
    rung->explain(model, &(tdl_history){.item = item, .time_us = time_us, .n = n}, &target, 1,
                  scratch, ret, max, &found);
    tdl_arena_free(scratch);
    return found;
}

/* Save `model` to a file, load it again: what serving would see after a restart. */
static inline void *reload(const tdl_rung_ops *rung, const void *model, size_t items_n)
{
    char folder[64], path[96];
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_st_file *file = NULL;
    tdl_report why = {0};
    void *loaded = NULL;

    make_folder(folder);
    snprintf(path, sizeof path, "%s/model", folder);
    rung->save(model, writer);
    expect_ok(tdl_st_write(writer, path, &why), &why);
    tdl_st_writer_free(writer);
    expect_ok(tdl_st_open(path, &file, &why), &why);
    expect_ok(rung->load(file, items_n, &loaded, &why), &why);
    tdl_st_free(file);
    remove_folder(folder);
    return loaded;
}

#endif
