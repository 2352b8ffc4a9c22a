/* Before training: columns that know too much, and rows that are there twice.
 *
 * A column that all but tells the target alone was mostly written after it, or from it. Ids tell
 * nothing of rows to come, whatever they seem to tell of those at hand.
 */
#ifndef TDL_TABLE_LEAK_H
#define TDL_TABLE_LEAK_H

#include "table/frame.h"
#include "table/prepare.h"

/* X(name, text) */
#define TDL_LEAK_MAP(X)                                                                            \
    X(TARGET, "leak")       /* tells the target alone; score: see below */                         \
    X(ID, "id")             /* another value in each row; score = share of rows that differ */     \
    X(FUTURE, "future")     /* dates after the target's time; score = share of rows */             \
    X(CONSTANT, "constant") /* one value or none */                                                \
    X(DUPLICATE, "duplicate_of") /* of column `other` */

typedef enum tdl_leak_kind {
#define TDL_LEAK_ENUM(name, text) TDL_LEAK_##name,
    TDL_LEAK_MAP(TDL_LEAK_ENUM)
#undef TDL_LEAK_ENUM
} tdl_leak_kind;

const char *tdl_leak_kind_name(tdl_leak_kind kind);

typedef struct tdl_leak {
    size_t column;
    tdl_leak_kind kind;
    double score;
    size_t other; /* of DUPLICATE */
} tdl_leak;

typedef struct tdl_leak_options {
    const bool *left_out; /* [columns_n] columns not looked at, such as the target; NULL = none */
    size_t target_time;   /* date column of the target's time; SIZE_MAX = none */
    double auc;           /* a leak above it; 0 = .995 */
    double correlation;   /* likewise; 0 = .999 */
    uint64_t seed;        /* of the folds of target means */
} tdl_leak_options;

/* What is odd about columns, in their order; free(*ret).
 *
 * Numbers (dates, truths) of a class target: the largest AUC of one class against the rest, of the
 * number or of its being missing, either way round. Of a number: the larger of the rank correlation
 * and of R2 of the means of bins of at least 10 rows each. Levels become the mean target of their
 * rows in other folds first, so that an id of all different levels looks like what it is. Rows
 * without a target are left out. n rows take time of n log n for each column and class.
 *   options  may be NULL
 *   returns  TDL_OK | TDL_E_INVALID (fewer than 10 rows with a target) | TDL_E_NO_MEMORY */
tdl_status tdl_leak_find(const tdl_frame *frame, const tdl_target *target,
                         const tdl_leak_options *options, tdl_leak **ret, size_t *ret_n,
                         tdl_report *why);

/* Rows that are equal to an earlier one in all columns.
 *   ret_row  [*ret_n] the later ones, ascending; free(*ret_row)
 *   ret_of   [*ret_n] the first that is equal to each; free; may be NULL */
tdl_status tdl_frame_duplicates(const tdl_frame *frame, uint32_t **ret_row, uint32_t **ret_of,
                                size_t *ret_n, tdl_report *why);

#endif
