/* One fit under way: what its steps hand on to each other. Private to fit.c, refit.c, nested.c and
 * card.c. */
#ifndef TDL_PREDICT_SESSION_H
#define TDL_PREDICT_SESSION_H

#include "apps/predict/choose.h"
#include "apps/predict/fit.h"
#include "apps/predict/folds.h"
#include "table/leak.h"

typedef struct tdl_fit_session {
    const tdl_frame *frame;
    const tdl_predict_options *options;
    tdl_predict_target target;
    tdl_wish wish;
    json_t *set;         /* settings of the models named; NULL = none */
    bool *left_out;      /* [columns_n] */
    const char **reason; /* [columns_n] why it is left out; NULL = it is a feature */
    uint32_t *row;       /* [rows_n] with a target: all that there are */
    size_t rows_n;
    int32_t *list;  /* [rows_n] ranking: rows of one stand together; else NULL */
    float *weight;  /* [rows of the frame] or NULL */
    tdl_leak *leak; /* [leaks_n] */
    size_t leaks_n;
    size_t duplicates;     /* rows that are exact copies of an earlier one */
    uint32_t *contest_row; /* [contest_n] those of the contest */
    size_t contest_n;
    int32_t *group; /* [contest_n] ranking; NULL = none */
    tdl_folds folds;
    tdl_search_log *log; /* NULL = nothing is kept */
    tdl_contest_data data;
    tdl_contest contest;
    tdl_choice choice;
    const char *note[8]; /* [notes_n] what a reader of the card must know */
    size_t notes_n;
    double contest_seconds, refit_seconds;
    json_t *mitigation; /* for the card: what thresholds by group cost; NULL = none */
    tdl_predictor *predictor;
} tdl_fit_session;

/* Of a ranking: rows of a list side by side, lists in order of first appearance; learners and
 * metrics count on it. Then, of the rows of the contest, which list each is of. */
tdl_status tdl_fit_order_lists(tdl_fit_session *s, tdl_report *why);
tdl_status tdl_fit_number_lists(tdl_fit_session *s, tdl_report *why);

/* Fit what was chosen on all rows: the predictor's members. */
tdl_status tdl_fit_members(tdl_fit_session *s, tdl_report *why);
/* Calibration, threshold and residuals, from scores out of fold. */
tdl_status tdl_fit_calibrate(tdl_fit_session *s, tdl_report *why);

/* Calibrated outputs of every row that was tested, each by a calibration that was fitted without
 * its fold. */
typedef struct tdl_tested {
    size_t n;
    double *y, *output; /* [n], [n][scores_n] */
    uint32_t *row;      /* [n] of the frame */
    uint32_t *fold;     /* [n] the one it was tested in */
    int32_t *list;      /* [n] ranking; else NULL */
} tdl_tested;
tdl_status tdl_fit_tested_outputs(tdl_fit_session *s, tdl_tested *ret, tdl_report *why);
void tdl_tested_release(tdl_tested *tested); /* accepts a zeroed struct */

/* Thresholds by group, where they are asked for: the predictor's adjustment. */
tdl_status tdl_fit_mitigate(tdl_fit_session *s, tdl_report *why);
/* Can they be had, and has somebody said why? Before all the work. */
tdl_status tdl_fit_check_mitigation(const tdl_fit_session *s, tdl_report *why);

/* Audit the columns of options->fairness, and each pair of them: "fairness": [...] */
tdl_status tdl_fit_fairness(const tdl_fit_session *s, const tdl_tested *tested, tdl_jw *out,
                            tdl_report *why);

/* Write the predictor's card. */
tdl_status tdl_fit_card(tdl_fit_session *s, tdl_report *why);

bool tdl_fit_tell(const tdl_predict_options *options, const char *stage, double done);

#endif
