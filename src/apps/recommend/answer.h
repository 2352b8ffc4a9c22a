/* What every answer rests on: a history, the model that serves and the rung of it that speaks,
 * reasons. surface_answer.h takes the steps; everything here lives in the request's arena.
 */
#ifndef TDL_APPS_RECOMMEND_ANSWER_H
#define TDL_APPS_RECOMMEND_ANSWER_H

#include "apps/recommend/reasons.h"
#include "apps/recommend/serving.h"
#include "apps/recommend/sparse.h"

enum {
    TDL_ANSWER_MAX = 100,  /* items in an answer */
    TDL_CAUSES_MAX = 255,  /* different events that are reasons of an answer: a byte each */
    TDL_REASONS_MAX = 3,   /* per item */
    TDL_HISTORY_USED = 200 /* newest items that a model is shown */
};

/* One item of the answer. */
typedef struct tdl_pick {
    int32_t item;       /* catalogue number */
    int32_t model_item; /* number in the snapshot; -1 = filled in by popularity */
    float score;
    const tdl_reason *reason; /* [reasons_n <= TDL_REASONS_MAX] */
    size_t reasons_n;
} tdl_pick;

/* Where the head of a cause stands in the answer. */
typedef struct tdl_cause_head {
    int32_t item;      /* catalogue number */
    size_t begin, end; /* 0, 0: not written yet */
} tdl_cause_head;

typedef struct tdl_answer {
    tdl_app *app;
    const tdl_ask *ask;
    tdl_arena *arena;
    size_t catalogue_n; /* items when the question came */

    /* gathered */
    int32_t asked_item; /* catalogue number of ask->item; -1 when asked for a user */
    int32_t *seen;      /* [seen_n] catalogue numbers that must not be answered, oldest first */
    size_t seen_n;
    size_t newest;      /* the model is shown seen[newest ..], TDL_HISTORY_USED at most */
    int64_t *newest_us; /* [seen_n - newest] their times */
    tdl_digest history_digest;
    bool is_persons; /* seen is what the asking person took, not what the question names */

    /* the model */
    tdl_serving *serving;    /* NULL: popularity alone */
    const tdl_rung_ops *ops; /* of the rung that answers; NULL = popularity by the live counts */
    const void *model;
    size_t similar_rung;   /* index into tdl_ladder: who says what is similar */
    const char *fallback;  /* NULL, "no_model", "stranger", "no_consent", "no_rung" */
    tdl_history history;   /* in the snapshot's numbers, the newest TDL_HISTORY_USED */
    int32_t *history_item; /* [history.n] catalogue numbers of the same */
    /* [catalogue_n] of live counts, which answer in the rung's place: then its numbers, and those
     * of `history`, are the catalogue's. NULL: the snapshot's model answers */
    const float *live_scores;

    /* picked */
    tdl_pick *picks; /* [picks_n] slot by slot */
    size_t picks_n;
    tdl_candidate *candidate; /* of the picks, then the runners-up */
    uint8_t *cause_of;        /* [history.n] which cause an event is, from 1; 0 = none */
    tdl_cause *cause;         /* [causes_n] events that are reasons, each once */
    tdl_cause_head *head;     /* [causes_n] */
    size_t causes_n;          /* <= TDL_CAUSES_MAX */
    tdl_str asked; /* what else the answer depends on: the surface, its policy, the question */
} tdl_answer;

static inline tdl_status tdl_answer_no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "the answer does not fit into the request's memory");
}

/* ---- steps ---- */

/* Under the lock: the user's history. */
tdl_status tdl_answer_copy_history(tdl_answer *answer, tdl_report *why);
/* Which rung answers, or why none does; what it is shown. */
tdl_status tdl_answer_choose_rung(tdl_answer *answer, tdl_report *why);
/* The rung's numbers: how many items it has, and an item's number in the catalogue. */
static inline size_t tdl_answer_items_n(const tdl_answer *answer)
{
    return answer->live_scores ? answer->catalogue_n : answer->serving->snapshot->items_n;
}
static inline int32_t tdl_answer_item(const tdl_answer *answer, int32_t model_item)
{
    return answer->live_scores ? model_item : answer->serving->to_catalogue[model_item];
}
/* As tdl_rung_ops.explain, by whoever scored. */
void tdl_answer_explain(tdl_answer *answer, const int32_t *items, size_t items_n, tdl_reason *ret,
                        size_t max, size_t *ret_n);
/* scores [tdl_answer_items_n]; a rung was chosen. */
tdl_status tdl_answer_score(tdl_answer *answer, float *scores, tdl_report *why);
/* Which events of the history are reasons, each numbered once. Under the lock, as what follows.
 * False: no memory. */
bool tdl_answer_list_causes(tdl_answer *answer);
/* Reasons of one chosen item as they are stored. */
void tdl_answer_number_reasons(const tdl_answer *answer, const tdl_pick *pick,
                               tdl_packed_reason ret[TDL_REASONS_MAX]);
/* The same in full: elements of an array. */
void tdl_answer_write_reasons(tdl_buf *out, const tdl_answer *answer,
                              const tdl_packed_reason *reasons, size_t n);
/* Room for `before` bytes and the packed reasons. NULL without memory. */
char *tdl_answer_start_packing(const tdl_answer *answer, size_t before);
/* Six decimals: enough to compare, quick to write, and all a reader wants. */
double tdl_answer_rounded(double value);

/* ---- by what items say of themselves: content_pool.c; under the lock ---- */

/* How much each part of what items say counts for likeness, in the model that serves. */
tdl_content_weights tdl_answer_content_weights(const tdl_answer *answer);
/* Of the items that are asked about, or that the person had. False: nothing is known. */
bool tdl_answer_taste(const tdl_answer *answer, tdl_content_taste *ret);
/* Which of what the person had are most like `item`: their share of its likeness, approximately.
 *   term [seen_n - newest]: room    ret [max]; returns how many */
size_t tdl_answer_explain_content(const tdl_answer *answer, const tdl_content_taste *taste,
                                  int32_t item, tdl_term *term, tdl_reason *ret, size_t max);
/* Member "next_new": the chances that the person takes something new soon. Nothing where it is not
 * asked for, or no model knows. Without the lock: answer_return.c. */
tdl_status tdl_answer_write_return(const tdl_answer *answer, tdl_jw *extra, tdl_report *why);
/* Where no model answers: reasons may be any of the items that the person had last. */
void tdl_answer_keep_own(tdl_answer *answer);

/* The rest of the decision: user, model version, context hash. */
tdl_status tdl_answer_seal(const tdl_answer *answer, tdl_decision *ret, tdl_report *why);

#endif
