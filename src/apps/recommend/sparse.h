/* Sparse item-to-item matrices: how the counting rungs are fitted, stored and asked.
 *
 * Rows are stored compressed (CSR): row i is column/value[offsets[i] .. offsets[i + 1]), columns
 * ascending. A fitted matrix is immutable.
 */
#ifndef TDL_APPS_RECOMMEND_SPARSE_H
#define TDL_APPS_RECOMMEND_SPARSE_H

#include "apps/recommend/rung.h"
#include "apps/recommend/top.h"

typedef struct tdl_sparse {
    size_t items_n;   /* rows and columns */
    int64_t *offsets; /* [items_n + 1] */
    int32_t *column;  /* [offsets[items_n]] */
    float *value;     /* same */
} tdl_sparse;

void tdl_sparse_release(tdl_sparse *matrix);
size_t tdl_sparse_bytes(const tdl_sparse *matrix);
/* 0 where nothing is stored. */
float tdl_sparse_at(const tdl_sparse *matrix, int32_t row, int32_t column);

/* scores[j] += weight * matrix[row][j]; scores [items_n] */
/* Ask for a row before it is needed: rows lie anywhere in many megabytes. */
static inline void tdl_sparse_prefetch(const tdl_sparse *matrix, int32_t row)
{
    enum { LINE = 64 / sizeof(float), AHEAD = 16 * LINE };
    int64_t i = matrix->offsets[row], end = matrix->offsets[row + 1];

    for (end = end < i + AHEAD ? end : i + AHEAD; i < end; i += LINE) {
        __builtin_prefetch(matrix->column + i);
        __builtin_prefetch(matrix->value + i);
    }
}

void tdl_sparse_add_row(const tdl_sparse *matrix, int32_t row, float weight, float *scores);

/* ---- fitting: a row is the sum of what each occurrence of its item adds ---- */

/* One row under construction: dense sums and the set of columns that have one. */
typedef struct tdl_row {
    double *sum;       /* [items_n] */
    uint64_t *touched; /* [tdl_bits_words(items_n)] */
} tdl_row;

static inline void tdl_row_add(tdl_row *row, int32_t column, double weight)
{
    row->sum[column] += weight;
    tdl_bits_set(row->touched, column);
}

typedef struct tdl_sparse_recipe {
    const void *context;
    /* Item all->item[at] of `user` occurs at `at`, data->all->offsets[user] <= at <
     * data->end[user]: add what it gives to its row. */
    void (*occurrence)(const void *context, const tdl_fit_data *data, size_t user, size_t at,
                       tdl_row *row);
    /* Finish row `item`: change the values in place.
     *   column  [n] ascending    value  [n] the sums
     * May be NULL. */
    void (*finish)(const void *context, int32_t item, const int32_t *column, double *value,
                   size_t n);
    size_t keep; /* most entries kept per row, largest first, after `finish`; 0 = all */
} tdl_sparse_recipe;

/* Rows are built independently of each other: the result does not depend on the pool.
 * TDL_E_NO_MEMORY; TDL_E_STOPPED when options->progress says so. */
tdl_status tdl_sparse_fit(const tdl_fit_data *data, const tdl_sparse_recipe *recipe,
                          const tdl_fit_options *options, tdl_sparse *ret, tdl_report *why);

/* Of each row the `keep` largest entries, in place; 0 = all. TDL_E_NO_MEMORY. */
tdl_status tdl_sparse_cut(tdl_sparse *matrix, size_t keep, tdl_report *why);

/* ---- files: tensors "<rung>/offsets", "<rung>/column", "<rung>/value" ---- */

void tdl_sparse_save(const tdl_sparse *matrix, const char *rung, tdl_st_writer *writer);
/* Copies out of `file`, and checks everything that asking relies on. */
tdl_status tdl_sparse_load(const tdl_st_file *file, const char *rung, size_t items_n,
                           tdl_sparse *ret, tdl_report *why);

/* ---- explaining: shares of the terms that make up one score ---- */

/* What history event `at` added to a score. */
typedef struct tdl_term {
    size_t at;
    double value;
} tdl_term;

/* The `max` largest of `terms` [n] as reasons, largest first, of equal ones the later event first;
 * at most TDL_REASONS_KEPT. Shares are of the sum of all terms. Returns how many are in `ret`. */
enum { TDL_REASONS_KEPT = 16 };
size_t tdl_terms_reasons(const tdl_term *terms, size_t n, tdl_reason *ret, size_t max);

#endif
