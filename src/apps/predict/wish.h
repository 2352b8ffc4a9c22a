/* Wishes: what is done to the rows of every learner in place of, or beside, what it asks for
 * itself.
 *
 *     prepare   "impute=mean,select=50,text=1024,winsor=.01"
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
    size_t select_max;   /* features of most mutual information with the target; 0 = all */
    size_t text_buckets; /* 0 = as many as the learner has */
    tdl_augment_options augment;
} tdl_wish;

/* Either may be NULL. TDL_E_INVALID names the word that cannot be, and those there are. */
tdl_status tdl_wish_read(const char *prepare, const char *augment, tdl_wish *ret, tdl_report *why);

/* "key=value,...": an object of numbers and texts, the caller's. NULL: NULL. TDL_E_INVALID */
tdl_status tdl_wish_read_set(const char *text, json_t **ret, tdl_report *why);

/* How rows are prepared for a learner. */
tdl_prepare_options tdl_wish_prepare(const tdl_wish *wish, const tdl_learner_ops *ops);

/* tdl_learner_fit on the problem's rows and those that augmenting makes of them. */
tdl_status tdl_wish_fit(const tdl_wish *wish, const tdl_learner_ops *ops,
                        const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                        json_t **ret_note, tdl_report *why);

#endif
