/* Tables of sheet 4.1 as its reference run prepared them: columns whose non-missing cells all parse
 * are numeric, text is one-hot with a missing cell all zeros, gaps are filled by the training
 * median, columns are standardised by training mean and population deviation; the folds of 3.1.
 */
#ifndef TDL_TEST_SHEET_TABLE_H
#define TDL_TEST_SHEET_TABLE_H

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "made.h"
#include "table/csv.h"

enum { SHEET_FOLDS = 5, SHEET_TEXT_MAX = 64 };

typedef struct sheet_table {
    size_t rows, cols;
    double *x; /* [rows][cols]; NaN = missing; one-hot columns without */
    float *y;
    unsigned *fold;
} sheet_table;

/* Cells as text, column by column. */
typedef struct sheet_cells {
    size_t rows, cols, cap;
    char (*cell)[SHEET_TEXT_MAX]; /* [cap][cols] */
} sheet_cells;

static inline bool sheet_missing(const char *cell)
{
    return !cell[0] || !strcmp(cell, "NA");
}

/* $TREADLE_TEST_DATA/name.csv; false when there is none. */
static inline bool sheet_read(const char *name, sheet_cells *ret, tdl_str *ret_header)
{
    const char *folder = getenv("TREADLE_TEST_DATA");
    char path[1024];
    tdl_csv *csv = NULL;
    const tdl_str *field;
    size_t n;
    bool more = true;

    *ret = (sheet_cells){0};
    snprintf(path, sizeof path, "%s/%s.csv", folder ? folder : "", name);
    if (!folder || tdl_csv_open(path, NULL, &csv, NULL)) {
        printf("skipped: %s.csv is not in TREADLE_TEST_DATA\n", name);
        return false;
    }
    field = tdl_csv_header(csv, &ret->cols);
    for (size_t j = 0; j < ret->cols; j++) {
        ret_header[j].at = strndup(field[j].at, field[j].len);
        ret_header[j].len = field[j].len;
    }
    while (!tdl_csv_next(csv, &field, &n, &more, NULL) && more) {
        if (ret->rows == ret->cap) {
            ret->cap = ret->cap ? 2 * ret->cap : 1024;
            ret->cell = realloc(ret->cell, ret->cap * ret->cols * sizeof *ret->cell);
        }
        for (size_t j = 0; j < n; j++)
            snprintf(ret->cell[ret->rows * ret->cols + j], SHEET_TEXT_MAX, "%.*s",
                     TDL_FMT(field[j]));
        ret->rows++;
    }
    tdl_csv_close(csv);
    return true;
}

static inline bool sheet_is_number(const char *cell)
{
    char *end;

    strtod(cell, &end);
    return *end == '\0';
}

static inline int sheet_by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void sheet_add_column(sheet_table *t, const double *value)
{
    double *x = malloc(t->rows * (t->cols + 1) * sizeof *x);

    for (size_t i = 0; i < t->rows; i++) {
        if (t->cols)
            memcpy(x + i * (t->cols + 1), t->x + i * t->cols, t->cols * sizeof *x);
        x[i * (t->cols + 1) + t->cols] = value[i];
    }
    free(t->x);
    t->x = x;
    t->cols++;
}

static inline void sheet_column(sheet_table *t, const sheet_cells *c, size_t j)
{
    double *value = malloc(t->rows * sizeof *value);
    char **cell = malloc(t->rows * sizeof *cell);
    bool numeric = true;

    for (size_t i = 0; i < t->rows; i++) {
        cell[i] = c->cell[i * c->cols + j];
        value[i] = sheet_missing(cell[i]) ? NAN : strtod(cell[i], NULL);
        numeric = numeric && (sheet_missing(cell[i]) || sheet_is_number(cell[i]));
    }
    if (numeric) {
        sheet_add_column(t, value);
    } else {
        qsort(cell, t->rows, sizeof *cell, sheet_by_text);
        for (size_t i = 0; i < t->rows; i++) {
            if (sheet_missing(cell[i]) || (i && !strcmp(cell[i], cell[i - 1])))
                continue;
            for (size_t k = 0; k < t->rows; k++)
                value[k] = !strcmp(c->cell[k * c->cols + j], cell[i]);
            sheet_add_column(t, value);
        }
    }
    free(value);
    free(cell);
}

typedef struct sheet_ranked {
    uint64_t key;
    size_t row;
} sheet_ranked;

static inline int sheet_by_key(const void *a, const void *b)
{
    uint64_t x = ((const sheet_ranked *)a)->key, y = ((const sheet_ranked *)b)->key;

    return (x > y) - (x < y);
}

static inline void sheet_folds(sheet_table *t)
{
    sheet_ranked *r = malloc(t->rows * sizeof *r);

    t->fold = malloc(t->rows * sizeof *t->fold);
    for (int class_of = 0; class_of < 2; class_of++) {
        size_t n = 0;

        for (size_t i = 0; i < t->rows; i++)
            if ((int)t->y[i] == class_of)
                r[n++] = (sheet_ranked){made_key(0, i), i};
        qsort(r, n, sizeof *r, sheet_by_key);
        for (size_t k = 0; k < n; k++)
            t->fold[r[k].row] = (unsigned)(k % SHEET_FOLDS);
    }
    free(r);
}

static inline void sheet_release(sheet_table *t)
{
    free(t->x);
    free(t->y);
    free(t->fold);
}

/* left_out: one more column that is no feature, or NULL. */
static inline bool sheet_open(const char *name, const char *target, const char *positive,
                              const char *left_out, sheet_table *ret)
{
    tdl_str header[128];
    sheet_cells c;

    *ret = (sheet_table){0};
    if (!sheet_read(name, &c, header))
        return false;
    ret->rows = c.rows;
    ret->y = malloc(c.rows * sizeof *ret->y);
    for (size_t j = 0; j < c.cols; j++)
        if (tdl_str_is(header[j], target))
            for (size_t i = 0; i < c.rows; i++)
                ret->y[i] = !strcmp(c.cell[i * c.cols + j], positive);
        else if (!left_out || !tdl_str_is(header[j], left_out))
            sheet_column(ret, &c, j);
    sheet_folds(ret);
    for (size_t j = 0; j < c.cols; j++)
        free((char *)header[j].at);
    free(c.cell);
    return true;
}

static inline int sheet_by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

/* Rows in or out of the fold, with training statistics of the rest. standard: else NaN stays and
 * numbers are as they are. */
static inline tdl_matrix sheet_matrix(const sheet_table *t, unsigned fold, bool test, bool standard,
                                      float **ret_y)
{
    tdl_matrix m = {.cols = t->cols, .x = malloc(t->rows * t->cols * sizeof *m.x)};
    double *value = malloc(t->rows * sizeof *value);

    *ret_y = malloc(t->rows * sizeof **ret_y);
    for (size_t i = 0; i < t->rows; i++)
        if ((t->fold[i] == fold) == test)
            (*ret_y)[m.rows++] = t->y[i];
    for (size_t j = 0; j < t->cols; j++) {
        double median, mean = 0, variance = 0;
        size_t n = 0, at = 0;

        for (size_t i = 0; i < t->rows; i++)
            if (t->fold[i] != fold && !isnan(t->x[i * t->cols + j]))
                value[n++] = t->x[i * t->cols + j];
        qsort(value, n, sizeof *value, sheet_by_size);
        median = n % 2 ? value[n / 2] : (value[n / 2 - 1] + value[n / 2]) / 2;
        for (size_t i = 0; i < t->rows; i++)
            if (t->fold[i] != fold && isnan(t->x[i * t->cols + j]))
                value[n++] = median;
        for (size_t i = 0; i < n; i++)
            mean += value[i] / (double)n;
        for (size_t i = 0; i < n; i++)
            variance += (value[i] - mean) * (value[i] - mean) / (double)n;
        if (!(variance > 0))
            variance = 1;
        for (size_t i = 0; i < t->rows; i++) {
            double x = t->x[i * t->cols + j];

            if ((t->fold[i] == fold) != test)
                continue;
            if (standard)
                x = ((isnan(x) ? median : x) - mean) / sqrt(variance);
            m.x[at++ * t->cols + j] = (float)x;
        }
    }
    free(value);
    return m;
}

/* AUC with ties = 1/2, and mean log-loss of log odds. */
typedef struct sheet_scored {
    double score;
    float y;
} sheet_scored;

static inline int sheet_by_score(const void *a, const void *b)
{
    return sheet_by_size(&((const sheet_scored *)a)->score, &((const sheet_scored *)b)->score);
}

static inline void sheet_measure(const double *score, const float *y, size_t n, double *ret_auc,
                                 double *ret_loss)
{
    sheet_scored *s = malloc(n * sizeof *s);
    double positives = 0, ranks = 0, loss = 0;

    for (size_t i = 0; i < n; i++) {
        s[i] = (sheet_scored){score[i], y[i]};
        loss += log1p(exp(-fabs(score[i]))) + fmax(0, y[i] > 0 ? -score[i] : score[i]);
        positives += y[i] > 0;
    }
    qsort(s, n, sizeof *s, sheet_by_score);
    for (size_t i = 0, end; i < n; i = end) {
        for (end = i + 1; end < n && !(s[end].score > s[i].score); end++)
            ;
        for (size_t k = i; k < end; k++)
            ranks += s[k].y > 0 ? (double)(i + end + 1) / 2 : 0;
    }
    *ret_auc = (ranks - positives * (positives + 1) / 2) / positives / ((double)n - positives);
    *ret_loss = loss / (double)n;
    free(s);
}

/* Means over the five folds of a learner. */
static inline tdl_status sheet_run(const sheet_table *t, const char *name, const char *setting,
                                   bool standard, tdl_pool *pool, double *ret_auc, double *ret_loss)
{
    tdl_status st = TDL_OK;

    *ret_auc = *ret_loss = 0;
    for (unsigned fold = 0; fold < SHEET_FOLDS && !st; fold++) {
        float *y, *test_y;
        tdl_matrix x = sheet_matrix(t, fold, false, standard, &y);
        tdl_matrix test = sheet_matrix(t, fold, true, standard, &test_y);
        tdl_problem p = {
            .task = TDL_TASK_BINARY, .classes_n = 2, .x = &x, .y = y, .seed = 0, .pool = pool};
        double *score = malloc(test.rows * sizeof *score), auc, loss;
        tdl_learner *l = NULL;

        if (!(st = made_fit(&p, name, setting, &l, NULL)) &&
            !(st = tdl_learner_score(l, &test, pool, score, NULL))) {
            sheet_measure(score, test_y, test.rows, &auc, &loss);
            *ret_auc += auc / SHEET_FOLDS;
            *ret_loss += loss / SHEET_FOLDS;
        }
        tdl_learner_free(l);
        free(score);
        free(y);
        free(test_y);
        tdl_matrix_release(&x);
        tdl_matrix_release(&test);
    }
    return st;
}

#endif
