/* Wishes: what is done to the rows of every learner in place of, or beside, what it asks for
 * itself.
 *
 *     prepare   "impute=mean|group:region,select=50,text=1024,winsor=.01"
 *     augment   "smote=1,noise=.05,swap=.1,mixup=.2,copies=1"   training rows only
 */
#ifndef TDL_PREDICT_WISH_H
#define TDL_PREDICT_WISH_H

#include "learn/learner.h"
#include "table/augment.h"

typedef struct tdl_wish {
    double winsor; /* 0 = none */
    bool imputes;  /* numbers are imputed by `impute`, where the learner wants them imputed */
    tdl_impute impute;
    tdl_str group;     /* of TDL_IMPUTE_GROUP: a column; borrowed from `prepare` */
    double correlated; /* features correlated as much are one; 0 = never */
    /* only columns that the lasso keeps are learnt from, or whose shuffling hurts:
     * column_selection.h */
    bool lasso, permutes;
    size_t columns_max; /* of these: at most so many; 0 = all of them */
    size_t select_max;  /* features of most mutual information with the target; 0 = all */
    const tdl_holiday_table *holidays; /* for columns of dates, wished for by itself; NULL = none */
    size_t text_buckets;               /* 0 = as many as the learner has */
    tdl_augment_options augment;
} tdl_wish;

/* Either may be NULL. TDL_E_INVALID names the word that cannot be, and those there are. */
tdl_status tdl_wish_read(const char *prepare, const char *augment, tdl_wish *ret, tdl_report *why);

/* Are the columns that are wished for there? TDL_E_INVALID names the one that is not. */
tdl_status tdl_wish_check(const tdl_wish *wish, tdl_task task, const tdl_frame *frame,
                          const bool *left_out, tdl_report *why);

/* "key=value,...": an object of numbers and texts, the caller's. NULL: NULL. TDL_E_INVALID */
tdl_status tdl_wish_read_set(const char *text, json_t **ret, tdl_report *why);

/* How rows are prepared for a learner. */
tdl_prepare_options tdl_wish_prepare(const tdl_wish *wish, const tdl_learner_ops *ops);

/* tdl_prepare_fit with those options, for the problem that `ops` is to learn, of which only task
 * and quantiles are looked at: of the columns that the wish selects. */
tdl_status tdl_wish_prepare_fit(const tdl_wish *wish, const tdl_learner_ops *ops,
                                const tdl_problem *problem, const tdl_frame *frame,
                                const bool *left_out, const uint32_t *row, size_t rows_n,
                                const tdl_target *target, uint64_t seed, tdl_prepare **ret,
                                tdl_matrix *ret_train, tdl_report *why);

/* tdl_learner_fit on the problem's rows and those that augmenting makes of them. */
tdl_status tdl_wish_fit(const tdl_wish *wish, const tdl_learner_ops *ops,
                        const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                        json_t **ret_note, tdl_report *why);

#endif
