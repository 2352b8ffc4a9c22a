#include "apps/predict/folds.h"

#include <math.h>
#include <stdlib.h>

#include "base/timestamp.h"
#include "table/split.h"

enum { FOLDS = 5, ROWS_FEW = 2000, FOLDS_OF_FEW = 10, ROWS_MANY = 30000, FOLDS_OF_MANY = 3 };

/* ---- columns ---- */

tdl_status tdl_find_columns(const tdl_frame *frame, const char *names, size_t *ret, size_t max,
                            size_t *ret_n, tdl_report *why)
{
    *ret_n = 0;
    for (const char *at = names; at;) {
        tdl_str name = tdl_str_trim((tdl_str){at, strcspn(at, ",")});

        if (*ret_n == max)
            return TDL_FAIL(why, TDL_E_INVALID, "more than %zu columns are named", max);
        if (!tdl_frame_find(frame, name, &ret[(*ret_n)++]))
            return TDL_FAIL(why, TDL_E_INVALID, "there is no column \"%.*s\"", TDL_FMT(name));
        at += strcspn(at, ",");
        at = *at ? at + 1 : NULL;
    }
    return TDL_OK;
}

typedef struct numbered { /* a value and where it stands */
    double value;
    size_t at;
} numbered;

static int by_value(const void *a, const void *b)
{
    const numbered *x = a, *y = b;

    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    return (x->at > y->at) - (x->at < y->at);
}

static int by_place(const void *a, const void *b)
{
    const numbered *x = a, *y = b;

    return (x->at > y->at) - (x->at < y->at);
}

static double value_of(const tdl_column *column, size_t row)
{
    if (!tdl_column_has(column, row))
        return -INFINITY; // sorts; NaN would not
    return column->level ? (double)column->level[row] : column->number[row];
}

tdl_status tdl_number_values(const tdl_column *column, const uint32_t *row, size_t rows_n,
                             int32_t *ret, size_t *ret_n, tdl_report *why)
{
    numbered *sorted = malloc((rows_n + 1) * sizeof *sorted);
    numbered *first = malloc((rows_n + 1) * sizeof *first);
    size_t n = 0;

    if (!sorted || !first) {
        free(sorted);
        free(first);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu values", rows_n);
    }
    for (size_t i = 0; i < rows_n; i++)
        sorted[i] = (numbered){value_of(column, row[i]), i};
    qsort(sorted, rows_n, sizeof *sorted, by_value);
    for (size_t i = 0; i < rows_n; i++) // the first of each value stands first among its like
        if (i == 0 || sorted[i].value != sorted[i - 1].value)
            first[n++] = sorted[i];
    qsort(first, n, sizeof *first, by_place);
    for (size_t i = 0; i < n; i++) {
        const numbered *from = bsearch(&first[i], sorted, rows_n, sizeof *sorted, by_value);

        for (; from && from < sorted + rows_n && from->value == first[i].value; from++)
            ret[from->at] = (int32_t)i;
    }
    *ret_n = n;
    free(sorted);
    free(first);
    return TDL_OK;
}

/* ---- kinds of folds ---- */

/* Text instead of times: the first cell that made it so. */
static tdl_status refuse_time(const tdl_column *column, const uint32_t *row, size_t rows_n,
                              tdl_report *why)
{
    static const char hint[] = "dates like 2026-11-28 or 2026-11-28T10:00:00Z";
    int64_t us;

    for (size_t i = 0; column->level && i < rows_n; i++) {
        int32_t level = column->level[row[i]];
        if (level >= 0 && tdl_time_parse(column->levels[level], &us, NULL))
            return TDL_FAIL_HINT(why, TDL_E_INVALID, hint,
                                 "column %s is no time: row %u has \"%.*s\"", column->name,
                                 row[i] + 1, TDL_FMT(column->levels[level]));
    }
    return TDL_FAIL_HINT(why, TDL_E_INVALID, hint, "column %s is of type %s, no time", column->name,
                         tdl_column_type_name(column->type));
}

static tdl_status split_time(const tdl_column *column, const uint32_t *row, size_t rows_n, size_t k,
                             tdl_folds *ret, tdl_report *why)
{
    double *time = malloc((rows_n + 1) * sizeof *time);
    tdl_status st = TDL_OK;

    if (!time)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu times", rows_n);
    if (column->level || column->pixel)
        st = refuse_time(column, row, rows_n, why);
    for (size_t i = 0; i < rows_n && !st; i++)
        if (isnan(time[i] = column->number[row[i]]))
            st = TDL_FAIL(why, TDL_E_INVALID, "column %s: row %u has no time", column->name,
                          row[i] + 1);
    ret->by_time = true;
    ret->folds_n = k + 1;
    if (!st)
        st = tdl_split_time(rows_n, time, k, ret->fold, why);
    free(time);
    return st;
}

static tdl_status split_given(const tdl_column *column, const uint32_t *row, size_t rows_n,
                              tdl_folds *ret, tdl_report *why)
{
    int32_t *number = calloc(rows_n + 1, sizeof *number);
    tdl_status st;

    if (!number)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu folds", rows_n);
    st = tdl_number_values(column, row, rows_n, number, &ret->folds_n, why);
    for (size_t i = 0; i < rows_n && !st; i++)
        ret->fold[i] = (uint32_t)number[i];
    free(number);
    if (!st && (ret->folds_n < 2 || ret->folds_n > TDL_CONTEST_FOLDS_MAX))
        st = TDL_FAIL(why, TDL_E_INVALID, "column %s has %zu different values: 2 to %d make folds",
                      column->name, ret->folds_n, TDL_CONTEST_FOLDS_MAX);
    return st;
}

/* asked: k was asked for; otherwise it shrinks to the number of groups */
static tdl_status split_group(const tdl_column *column, const uint32_t *row, size_t rows_n,
                              uint64_t seed, size_t k, bool asked, tdl_folds *ret, tdl_report *why)
{
    int32_t *group = malloc((rows_n + 1) * sizeof *group);
    size_t groups_n;
    tdl_status st;

    if (!group)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu groups", rows_n);
    if (!(st = tdl_number_values(column, row, rows_n, group, &groups_n, why))) {
        if (!asked && groups_n < k && groups_n > 1)
            k = groups_n;
        if (groups_n < k)
            st = TDL_FAIL_HINT(why, TDL_E_INVALID, "use fewer --folds",
                               "column %s has %zu groups for %zu folds", column->name, groups_n, k);
        else
            st = tdl_split_groups(rows_n, group, seed, k, ret->fold, why);
    }
    ret->folds_n = k;
    free(group);
    return st;
}

/* Every fold needs a row of each class to test on. */
static tdl_status check_classes(const tdl_predict_target *target, const int32_t *class_of,
                                size_t rows_n, size_t k, tdl_report *why)
{
    size_t count[TDL_PREDICT_CLASSES_MAX] = {0};

    for (size_t i = 0; i < rows_n; i++)
        count[class_of[i]]++;
    for (size_t c = 0; c < target->classes_n; c++)
        if (count[c] < k)
            return TDL_FAIL_HINT(why, TDL_E_INVALID,
                                 count[c] < 2 ? "put rare classes together, or leave them out"
                                              : "use fewer --folds, or put rare classes together",
                                 "column %s is \"%s\" in %zu rows: too few for %zu folds",
                                 target->column, target->class_name[c], count[c], k);
    return TDL_OK;
}

static tdl_status split_rows(const tdl_predict_target *target, const uint32_t *row, size_t rows_n,
                             uint64_t seed, size_t k, tdl_folds *ret, tdl_report *why)
{
    int32_t *class_of = malloc((rows_n + 1) * sizeof *class_of);
    uint64_t *key = malloc((rows_n + 1) * sizeof *key);
    tdl_status st;

    if (!class_of || !key) {
        free(class_of);
        free(key);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", rows_n);
    }
    for (size_t i = 0; i < rows_n; i++) {
        class_of[i] = target->classes_n ? (int32_t)target->y[row[i]] : 0;
        key[i] = row[i];
    }
    ret->folds_n = k;
    ret->kind = target->classes_n ? "stratified" : "plain";
    st = target->classes_n ? check_classes(target, class_of, rows_n, k, why) : TDL_OK;
    if (!st)
        st = tdl_split_folds(rows_n, target->classes_n ? class_of : NULL, key, seed, k, ret->fold,
                             why);
    free(class_of);
    free(key);
    return st;
}

/* ---- */

/* Many folds of few rows, so that each trains on nearly all; never more than a class has rows. */
static size_t usual_folds(const tdl_predict_target *target, const uint32_t *row, size_t rows_n)
{
    size_t n[TDL_PREDICT_CLASSES_MAX] = {0};
    size_t k = rows_n > ROWS_MANY ? FOLDS_OF_MANY : rows_n < ROWS_FEW ? FOLDS_OF_FEW : FOLDS;

    for (size_t i = 0; i < rows_n && target->classes_n; i++)
        n[(size_t)target->y[row[i]]]++;
    for (size_t c = 0; c < target->classes_n; c++)
        k = n[c] < k && n[c] >= 2 ? n[c] : k;
    return rows_n < k ? rows_n : k;
}

static tdl_status make(const tdl_frame *frame, const tdl_predict_target *target,
                       const uint32_t *row, size_t rows_n, const tdl_predict_options *o,
                       tdl_folds *ret, tdl_report *why)
{
    const char *name = o->fold ? o->fold : o->time ? o->time : o->group;
    size_t k = o->folds ? o->folds : usual_folds(target, row, rows_n), column = 0, n;
    tdl_status st;

    if (k < 2 || k >= TDL_CONTEST_FOLDS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "%zu folds: 2 to %d", k, TDL_CONTEST_FOLDS_MAX - 1);
    if (!name)
        return split_rows(target, row, rows_n, o->seed, k, ret, why);
    if ((st = tdl_find_columns(frame, name, &column, 1, &n, why)))
        return st;
    const tdl_column *of = &frame->column[column];
    ret->kind = o->fold ? "given" : o->time ? "time" : "group";
    if (o->fold)
        return split_given(of, row, rows_n, ret, why);
    if (o->time)
        return split_time(of, row, rows_n, k, ret, why);
    return split_group(of, row, rows_n, o->seed, k, o->folds > 0, ret, why);
}

/* Is there a class that no training row of the fold is outside of? */
static bool trains_on_one_class(const tdl_folds *folds, const tdl_predict_target *target,
                                const uint32_t *row, size_t rows_n, uint32_t fold,
                                size_t *ret_class)
{
    float first = NAN;

    for (size_t i = 0; i < rows_n; i++) {
        float y = target->y[row[i]];

        if (folds->by_time ? folds->fold[i] >= fold : folds->fold[i] == fold)
            continue;
        if (!isnan(first) && y != first)
            return false;
        first = y;
    }
    *ret_class = isnan(first) ? 0 : (size_t)first;
    return true;
}

/* Folds that follow a column may part the classes. */
static tdl_status check_training(const tdl_folds *folds, const tdl_predict_target *target,
                                 const uint32_t *row, size_t rows_n, tdl_report *why)
{
    size_t class;

    for (uint32_t f = folds->by_time ? 1 : 0; target->classes_n && f < folds->folds_n; f++)
        if (trains_on_one_class(folds, target, row, rows_n, f, &class))
            return TDL_FAIL_HINT(why, TDL_E_INVALID,
                                 "choose another column for the folds, or fewer folds",
                                 "fold %u (%s): column %s is \"%s\" in every row it would be "
                                 "trained on",
                                 f + 1, folds->kind, target->column, target->class_name[class]);
    return TDL_OK;
}

tdl_status tdl_folds_make(const tdl_frame *frame, const tdl_predict_target *target,
                          const uint32_t *row, size_t rows_n, const tdl_predict_options *options,
                          tdl_folds *ret, tdl_report *why)
{
    tdl_folds folds = {.fold = malloc((rows_n + 1) * sizeof *folds.fold)};
    tdl_status st;

    if (!folds.fold)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", rows_n);
    if ((st = make(frame, target, row, rows_n, options, &folds, why)) ||
        (st = check_training(&folds, target, row, rows_n, why)))
        tdl_folds_release(&folds);
    else
        *ret = folds;
    return st;
}

void tdl_folds_release(tdl_folds *folds)
{
    free(folds->fold);
    *folds = (tdl_folds){0};
}
