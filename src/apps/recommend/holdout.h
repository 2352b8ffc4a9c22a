/* A split: what rungs may learn from, and the questions they are then asked.
 *
 *     tdl_holdout s = {0};
 *     tdl_holdout_init(&s, items_n, now_us, &why)
 *     tdl_holdout_train(&s, item, time_us, n, &why) ...   one row a person, or a basket
 *     tdl_holdout_seal(&s, &why)                          no more rows
 *     tdl_holdout_ask(&s, &question, &why) ...
 *     tdl_holdout_release(&s)
 *
 * Rows are copied, and each is checked against `now_us` and the catalogue: an event of later cannot
 * be learnt from, whichever protocol has a mistake. Rungs that do not want repeats are shown the
 * first time each item occurs, both in fitting and in questions.
 */
#ifndef TDL_APPS_RECOMMEND_HOLDOUT_H
#define TDL_APPS_RECOMMEND_HOLDOUT_H

#include "apps/recommend/rung.h"

/* One person, or one cart, and what he took next. */
typedef struct tdl_question {
    size_t items_n;        /* of the split's catalogue */
    tdl_history history;   /* n = 0: a stranger */
    tdl_history first;     /* the same without repeats */
    const int32_t *target; /* [target_n] different items of the catalogue, none excluded */
    size_t target_n;
    size_t relevant_n;       /* and those that came after the cut: misses whatever is answered */
    const int32_t *excluded; /* [excluded_n] no candidates */
    size_t excluded_n;
    int32_t user; /* whose interval the question counts for */
} tdl_question;

typedef struct tdl_holdout_rows {
    size_t *offsets; /* [users_n + 1] */
    int32_t *item;   /* [offsets[users_n]] */
    int64_t *time_us;
    tdl_interactions view;
} tdl_holdout_rows;

typedef struct tdl_holdout {
    size_t items_n; /* catalogue */
    int64_t now_us; /* events before this may be learnt from */
    tdl_holdout_rows all, first;
    uint8_t *weight; /* [events of `all`] tdl_fit_options.weight; NULL: each counts once */
    size_t rows_cap, events_cap, weights_cap; /* of `all` */
    tdl_question *question;                   /* [questions_n] */
    size_t questions_n, questions_cap;
    tdl_arena *arena; /* of the questions */
} tdl_holdout;

tdl_status tdl_holdout_init(tdl_holdout *s, size_t items_n, int64_t now_us, tdl_report *why);
void tdl_holdout_release(tdl_holdout *s); /* accepts a zeroed one */

/* One row: [n] events in time order. TDL_E_INTERNAL: of later, or not of the catalogue: the run
 * must stop. TDL_E_NO_MEMORY. */
tdl_status tdl_holdout_train(tdl_holdout *s, const int32_t *item, const int64_t *time_us, size_t n,
                             tdl_report *why);
/* The same of events that weigh, each of a split's rows or none. */
tdl_status tdl_holdout_train_weighed(tdl_holdout *s, const int32_t *item, const int64_t *time_us,
                                     const uint8_t *weight, size_t n, tdl_report *why);
tdl_status tdl_holdout_seal(tdl_holdout *s, tdl_report *why);

/* The arrays are copied; `first` and target_n are worked out: `target` holds relevant_n items, and
 * those that are not in the catalogue become misses. TDL_E_INTERNAL as above. */
tdl_status tdl_holdout_ask(tdl_holdout *s, const tdl_question *question, tdl_report *why);

/* The moment of a fit: now_us, or 0 (the newest event) where the protocol knows no time and now_us
 * is INT64_MAX. */
int64_t tdl_holdout_now(const tdl_holdout *s);

/* What a rung is fitted on. */
tdl_fit_data tdl_holdout_data(const tdl_holdout *s, const tdl_rung_ops *rung);

#endif
