/* From a frame to a predictor: leaks are looked for, learners compete, the best is fitted on all
 * rows and calibrated, and what was found is written down as a card.
 *
 *     guard -> folds -> contest -> choose -> refit -> calibrate -> explain, audit -> card
 */
#ifndef TDL_PREDICT_FIT_H
#define TDL_PREDICT_FIT_H

#include "apps/app.h"
#include "apps/predict/predictor.h"
#include "stats/metric.h"

enum { TDL_FIT_COLUMNS_MAX = 64 };

typedef struct tdl_predict_options {
    const char *name;    /* of the model */
    const char *source;  /* where the rows are from; in the card */
    const char *missing; /* cells that were read as missing; the model reads alike (read.h) */
    tdl_target_wish target;
    const char *models; /* NULL = "auto"; or names with commas between */
    const char *set;    /* "periodic=16,dropout=.2": of the models named; NULL = as they try */
    bool prefer_simple; /* the least complex model within one standard error of the best */
    bool no_blend;
    const char *metric; /* NULL = auc, log_loss, rmse, ... by task */
    /* columns by name, "a,b"; NULL = none */
    const char *drop;       /* no features */
    const char *allow_leak; /* features although they look like leaks */
    const char *time;       /* split by time */
    const char *group;      /* rows of a group stay in one fold; of ranking: the lists */
    const char *fold;       /* the folds, given: any values, at most TDL_CONTEST_FOLDS_MAX */
    const char *fairness;   /* groups that are audited */
    const char *weight;     /* of each row */
    /* thresholds by group (adjustment.h): "selection" or "tpr", by a column, and why that is right;
     * without a reason it is refused. NULL = one threshold */
    const char *equal, *equal_by, *reason;
    const tdl_holiday_table *holidays; /* for columns of dates; NULL = none */
    const char *prepare, *augment;     /* of rows; see wish.h. NULL = as each learner has it */
    bool drop_duplicates;    /* of equal rows only the first is learnt from and tested on */
    size_t folds;            /* 0 = 5; 10 of few rows, 3 of very many */
    bool balance;            /* weigh classes alike */
    double cost_fp, cost_fn; /* of a wrong yes and a wrong no; 0, 0 = 1, 1 */
    double budget;           /* seconds for the contest, by estimate (contest.h); 0 = 300 */
    /* A file for the results of the contest while it runs (search_log.h), so that the same fit goes
     * on where one was killed; removed at the end. NULL = none */
    const char *search;
    uint64_t seed;
    const uint32_t *row; /* [rows_n] rows of the frame to learn from; NULL = all */
    size_t rows_n;
    bool bare; /* no explanation, audit and card: what nested measuring needs */
    tdl_pool *pool;
    tdl_progress_fn *progress; /* may be NULL */
    void *progress_context;
} tdl_predict_options;

/* TDL_E_INVALID: the target cannot be learnt, or a column looks like a leak: names it and what to
 * do. */
tdl_status tdl_predict_fit(const tdl_frame *frame, const tdl_predict_options *options,
                           tdl_predictor **ret, tdl_report *why);

/* Honest to the end: for each value of options->fold (or of `folds` new ones) everything, the
 * choice included, is done on the other rows, and measured on these. ret: JSON, appended. */
tdl_status tdl_predict_nested(const tdl_frame *frame, const tdl_predict_options *options,
                              tdl_buf *ret, tdl_report *why);

#endif
