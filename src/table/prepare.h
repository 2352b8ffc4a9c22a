/* Preparing rows: a pipeline fitted on training rows only, kept with the model, and applied the
 * same way, bit for bit, wherever the model answers.
 *
 *     clean -> impute -> normalise -> encode -> dates, pairs, text -> select
 *
 * Life cycle   tdl_prepare_fit | tdl_prepare_load -> tdl_prepare_apply ... -> tdl_prepare_free
 * Leakage      nothing is learnt from rows that were not given to _fit. The training matrix of
 *              target-encoded columns is out of fold
 * Threads      any number may apply one pipeline
 */
#ifndef TDL_TABLE_PREPARE_H
#define TDL_TABLE_PREPARE_H

#include "base/json.h"
#include "table/frame.h"
#include "table/holidays.h"
#include "table/matrix.h"

typedef enum tdl_impute {
    TDL_IMPUTE_MEDIAN,
    TDL_IMPUTE_MEAN,
    TDL_IMPUTE_MODE,
    TDL_IMPUTE_CONSTANT, /* `impute_value` */
    TDL_IMPUTE_GROUP,    /* median of the rows that are alike in `impute_group` */
    TDL_IMPUTE_RIDGE,    /* each numeric column by ridge on the others, iterated */
    TDL_IMPUTE_NONE      /* NaN stays: for trees */
} tdl_impute;

typedef enum tdl_normalise {
    TDL_NORMALISE_NONE,
    TDL_NORMALISE_STANDARD, /* mean 0, population deviation 1 */
    TDL_NORMALISE_ROBUST,   /* median 0, interquartile range 1 */
    TDL_NORMALISE_QUANTILE, /* quantile to normal score */
    TDL_NORMALISE_MIN_MAX,
    TDL_NORMALISE_LOG1P /* sign(x) log(1 + |x|), then standard */
} tdl_normalise;

typedef enum tdl_encode {
    TDL_ENCODE_ONE_HOT, /* levels in sorted order; unseen: all zero; a missing level if there was
                           one */
    TDL_ENCODE_TARGET,  /* out-of-fold mean of the target, smoothed; a column for each class but one
                         */
    TDL_ENCODE_ORDINAL, /* number of the level in sorted order; unseen and missing: NaN */
    TDL_ENCODE_COUNT,   /* how often the level is among the training rows */
    TDL_ENCODE_HASH,    /* 2^hash_bits columns */
    TDL_ENCODE_EMBED,   /* into tdl_matrix.category */
    TDL_ENCODE_DROP
} tdl_encode;

/* All zeros: median, no indicator, not normalised, one-hot without limit, nothing else. */
typedef struct tdl_prepare_options {
    /* clean */
    double winsor; /* numbers outside the quantiles [winsor, 1 - winsor] are moved to them */
    bool keep_ids; /* columns of type id are features too */
    /* impute */
    tdl_impute impute;
    double impute_value;
    tdl_str
        impute_group; /* a column of levels, a boolean among them, that is a feature; numbers of
                         a row without a group, or of one that has none, get the median of all */
    bool indicator;   /* "age is missing", where a training row misses it */
    bool no_missing_level; /* one-hot: a missing category is all zeros, no level of its own */
    /* normalise: numbers, and with normalise_encoded what encodings made too */
    tdl_normalise normalise;
    bool normalise_encoded;
    size_t bins; /* also piecewise-linear in so many training quantiles; 0 = none */
    /* encode categories; a boolean is 0 or 1 */
    tdl_encode encode;
    size_t one_hot_max; /* columns with more levels are encoded as `beyond`; 0 = no limit */
    tdl_encode beyond;
    double smoothing;   /* of target encoding; 0 = 10 */
    unsigned hash_bits; /* 0 = 8 */
    bool both_truths;   /* booleans are one-hot too: two features, as pandas.get_dummies makes of
                           text; matters to a ridge, which shrinks a pair of columns half as much */
    size_t level_min;   /* levels of fewer training rows count as unseen; 0 = 1 */
    /* others */
    bool dates; /* year fraction, month, weekday, day of the year as sine and cosine */
    const tdl_holiday_table *holidays; /* with `dates`: is it a holiday, and which, the day before
                                          one or behind one, days to the nearest; NULL = none */
    bool pairs; /* latitude and longitude, x and y: turned too; counts: per household, user, ...,
                   instead of the count (pairs.h) */
    bool sums;  /* of three or more columns that end alike: day_minutes, night_minutes */
    size_t text_buckets; /* word 1- and 2-grams (Chinese: characters) hashed, tf-idf; 0: text is
                            left out */
    /* select */
    double correlated; /* of features that are correlated as much, either way, keep only the one of
                          most mutual information with the target; 0 = keep all */
    size_t select_max; /* keep the features of most mutual information with the target; 0 = all */
} tdl_prepare_options;

/* The target as prepare, learners and metrics read it. */
typedef struct tdl_target {
    const float *y;      /* [rows of the frame] class number or value; NaN: unknown */
    size_t classes_n;    /* 0 = a number */
    const float *weight; /* [rows of the frame], >= 0; NULL = 1 */
} tdl_target;

typedef struct tdl_prepare tdl_prepare;

/* Fit on rows row[rows_n] of the frame, and give their matrix.
 *   left_out  [columns_n] columns that are no features: the target, ids, folds; NULL = none
 *   ret_train what the learner is trained on, rows in the order of `row`; may be NULL
 *   returns   TDL_OK | TDL_E_INVALID (no feature is left, ...) | TDL_E_NO_MEMORY */
tdl_status tdl_prepare_fit(const tdl_frame *frame, const bool *left_out, const uint32_t *row,
                           size_t rows_n, const tdl_target *target,
                           const tdl_prepare_options *options, uint64_t seed, tdl_prepare **ret,
                           tdl_matrix *ret_train, tdl_report *why);
void tdl_prepare_free(tdl_prepare *prepare); /* accepts NULL */

/* What was odd about rows, by column: counted over a call. */
typedef struct tdl_prepare_warning {
    size_t column;       /* of the frame fitted on */
    size_t unseen;       /* levels that training had not */
    size_t out_of_range; /* numbers beyond those of training */
    size_t missing;      /* where training missed none */
} tdl_prepare_warning;

/* The matrix of rows row[rows_n] (NULL = all) of a frame whose columns are found by name: one that
 * is absent is missing in every row.
 *   ret_warning  [tdl_prepare_columns(prepare)], added to; may be NULL */
tdl_status tdl_prepare_apply(const tdl_prepare *prepare, const tdl_frame *frame,
                             const uint32_t *row, size_t rows_n, tdl_matrix *ret,
                             tdl_prepare_warning *ret_warning, tdl_report *why);

size_t tdl_prepare_columns(const tdl_prepare *prepare); /* of the frame fitted on */
const char *tdl_prepare_column_name(const tdl_prepare *prepare, size_t column);
/* What training had in a column. */
typedef struct tdl_prepare_range {
    bool used;                  /* false: it is no feature, and all else is unknown */
    double least, most, middle; /* of numbers; NaN: there was none */
    tdl_str mode;               /* of levels: the most frequent; empty: there was none */
} tdl_prepare_range;
tdl_prepare_range tdl_prepare_range_of(const tdl_prepare *prepare, size_t column);
size_t tdl_prepare_dropped(const tdl_prepare *prepare); /* features constant in training */
/* The matrix of one row that is in the middle: medians, and the most frequent levels. */
tdl_status tdl_prepare_median_row(const tdl_prepare *prepare, tdl_matrix *ret, tdl_report *why);

/* As JSON and back; numbers survive exactly. Loading treats the value as hostile. */
json_t *tdl_prepare_save(const tdl_prepare *prepare); /* NULL: no memory */
tdl_status tdl_prepare_load(const json_t *saved, tdl_prepare **ret, tdl_report *why);

#endif
