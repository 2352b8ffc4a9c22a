/* What would have to be different for another answer: the nearest rows that a predictor answers as
 * wanted, within what may change (the search: stats/counterfactual.h).
 *
 * | `until`         | of                   | is wanted                                           |
 * |-----------------|----------------------|-----------------------------------------------------|
 * | CLASS           | classes              | that the decision is this class                     |
 * | [CLASS]>=P, <=P | classes              | a probability of it; binary: of the positive one    |
 * | P               | two classes          | >= P, unless a class is called so                   |
 * | >=X, <=X, X..Y  | numbers              | a value                                             |
 * | X               | numbers              | >= X of a row below it, <= X of a row above         |
 *
 * May change   numbers, whole numbers, booleans, and categories whose levels the schema lists;
 * dates, texts, ids, images and columns that the row does not have stay. So does the column whose
 * groups have thresholds of their own (adjustment.h) Values       those that the schema has of
 * training (tdl_schema_add_values): levels, or values at quantiles; what is found is moved back
 * towards the row as far as it holds
 */
#ifndef TDL_PREDICT_COUNTERFACTUAL_H
#define TDL_PREDICT_COUNTERFACTUAL_H

#include "apps/predict/predictor.h"
#include "stats/counterfactual.h"

typedef struct tdl_counterfactual_limits {
    const char *keep;      /* "a,b": stay as they are; NULL = none */
    const char *only_up;   /* numbers that may only rise */
    const char *only_down; /* numbers that may only fall */
    const char *between;   /* "age:18:70,income:0:1e5": ranges of numbers */
    size_t changed_max;    /* columns; 0 = 3, at most TDL_CF_CHANGED_MAX */
    size_t answers_max;    /* 0 = 5, at most TDL_CF_SET_MAX */
    double seconds;        /* 0 = 5 */
} tdl_counterfactual_limits;

typedef struct tdl_counterfactuals {
    tdl_frame
        rows; /* [1 + n] the row itself, then those that are answered as wanted, nearest first */
    size_t n; /* 0: none within the limits */
    bool already; /* the row is answered as wanted; n = 0 */
    size_t outputs_n;
    double *output; /* [1 + n][outputs_n] of predict */
    double distance[TDL_CF_SET_MAX];
    size_t scored;  /* rows that were tried */
    bool timed_out; /* there may be nearer ones */
} tdl_counterfactuals;

/* Of row `row` of the frame.
 *   returns  TDL_OK | TDL_E_INVALID (`until` or a limit cannot be; names it) | TDL_E_NO_MEMORY */
tdl_status tdl_predictor_counterfactual(const tdl_predictor *predictor, const tdl_frame *frame,
                                        size_t row, const char *until,
                                        const tdl_counterfactual_limits *limits, tdl_pool *pool,
                                        tdl_counterfactuals *ret, tdl_report *why);
void tdl_counterfactuals_release(tdl_counterfactuals *found); /* accepts a zeroed struct */

/* Is cell `column` of row k > 0 another than the row's? */
bool tdl_counterfactual_changes(const tdl_counterfactuals *found, size_t k, size_t column);

/* Members of an object that is open: "already", "timed_out", "tried", "counterfactuals":
 * [{"distance", "output": number or one for each output, "changes": [{"column", "from", "to"}]}] */
void tdl_counterfactuals_write(const tdl_counterfactuals *found, tdl_jw *out);

/* Add to each column of a schema that holds numbers what rows row[rows_n] of the frame had:
 * "values", at most 33, ascending, and "scale", their median distance from the median. */
tdl_status tdl_schema_add_values(json_t *schema, const tdl_frame *frame, const uint32_t *row,
                                 size_t rows_n, tdl_report *why);

#endif
