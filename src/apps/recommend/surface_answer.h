/* One answer for a surface on its way:
 *
 *     question, policy, what is stored of the person
 *     -> gather (lock): history, who may be shown -> score -> pool (lock) -> slate -> explain
 *     -> write (lock) -> seal
 *
 * Everything lives in the request's arena, but for what is counted: surface, traits, records.
 */
#ifndef TDL_APPS_RECOMMEND_SURFACE_ANSWER_H
#define TDL_APPS_RECOMMEND_SURFACE_ANSWER_H

#include "apps/recommend/answer.h"
#include "apps/recommend/effects.h"
#include "apps/recommend/eligible.h"
#include "apps/recommend/question.h"
#include "apps/recommend/slate.h"
#include "apps/recommend/top.h"

enum {
    TDL_MIX_HISTORY = 2000, /* newest events that a mix is shown */
    TDL_POOL = 200,         /* best of the model, filled up by popularity */
    TDL_POOL_CONTENT = 50,  /* items that few had, by what they say of themselves */
    TDL_POOL_NEW = 10,      /* new items beside them */
    TDL_POOL_RULE = 10,     /* for a rule that nobody in the pool fits */
    TDL_NEW_USERS = 20      /* an item that fewer have is new: no model knows it well */
};

/* A candidate. */
typedef struct tdl_pooled {
    int32_t item;       /* catalogue number */
    int32_t model_item; /* number in the snapshot; -1 = the model does not speak of it */
    double relevance;   /* log-odds against the tenth best, boosts and buries included */
    bool is_new, by_content;
    tdl_record *record; /* counted; NULL = says nothing, or no rule asks */
} tdl_pooled;

/* One of those who answer together, and what it says. Numbers are the catalogue's. */
typedef struct tdl_asked_part {
    const tdl_part *part; /* of the snapshot's line-up */
    double weight, scale;
    float *scores;    /* [base.catalogue_n]; NULL: it was scanned */
    uint64_t *spoken; /* bits [base.catalogue_n]: who has a score; NULL: all have */
    const float *x;   /* then [d], who asks */
    tdl_scored *best; /* and its best of those who may be shown, [best_n <= TDL_POOL] */
    size_t best_n;
    bool live; /* by what is counted with every event, not by the snapshot's model */
} tdl_asked_part;

typedef struct tdl_surface_answer {
    tdl_answer base;
    tdl_ask ask; /* what base.ask points to */
    tdl_question q;
    tdl_surface *surface;
    const tdl_policy *policy; /* the surface's */
    /* stored of the person */
    json_t *traits;      /* NULL: not looked at */
    const tdl_str *sent; /* [sent_n] items that answers of this surface showed lately */
    size_t sent_n;
    const char *suppressed; /* NULL, or why nothing is shown: "rule", "frequency" */
    /* gathered */
    tdl_bound where, filter; /* of the policy, of the question; expression NULL = none */
    tdl_bound *bound;        /* [rules_n] */
    int32_t *cap_attribute;  /* [rules_n] */
    tdl_eligible_ask eligible;
    uint64_t *blocked; /* bits [base.catalogue_n]; items that came later are not looked at */
    size_t eligible_n;
    const tdl_str *unknown; /* [unknown_n] of the question's items */
    size_t unknown_n;
    bool by_context; /* somebody without a history: the question's items stand for one */
    /* ranked */
    tdl_content_weights content_weights;
    tdl_asked_part *asked; /* [asked_n] the mix that answers; none = base.ops, or nobody */
    size_t asked_n;
    tdl_pooled *pool; /* [pool_n] the model's first, best first */
    size_t pool_n;
    tdl_slot *slot; /* [slots_n <= q.k] */
    size_t slots_n;
    tdl_effects *effects;
} tdl_surface_answer;

static inline bool tdl_surface_blocks(const tdl_surface_answer *a, int32_t item)
{
    return (size_t)item >= a->base.catalogue_n ||
           (a->blocked[(uint32_t)item / 64] >> ((uint32_t)item % 64) & 1);
}

/* surface_stored.c: traits and what was sent, as far as the policy asks; waits for the store. */
bool tdl_surface_asks_store(const tdl_surface_answer *answer);
tdl_status tdl_surface_read_stored(tdl_surface_answer *answer, tdl_report *why);

/* surface_gather.c: under the lock. */
tdl_status tdl_surface_gather(tdl_surface_answer *answer, tdl_report *why);

/* surface_blend.c: which mix answers, if the snapshot has one for such a question: then
 * base.history is in the catalogue's numbers, with repeats. And its candidates, in place of those
 * of one model. */
tdl_status tdl_surface_choose_mix(tdl_surface_answer *answer, tdl_report *why);
tdl_status tdl_surface_pool_mix(tdl_surface_answer *answer, tdl_report *why);
/* Of one item, by all who answer: its log-odds; and which of them adds most to it. */
double tdl_surface_blended(const tdl_surface_answer *answer, int32_t item);
size_t tdl_surface_largest_part(const tdl_surface_answer *answer, int32_t item);

/* surface_rungs.c: those that the policy names, of which the snapshot has asked_n: parts of the
 * task's mix with its weights, if all are of it; else all weigh the same. */
tdl_status tdl_surface_take_named(tdl_surface_answer *answer, tdl_recommend_task task,
                                  tdl_report *why);
/* Who says what is similar: the first that is named and can, else the snapshot's own. */
size_t tdl_surface_similar_rung(tdl_surface_answer *answer);

/* surface_parts.c: what one part says, its scale too; what of one item; and why, as
 * tdl_rung_ops.explain with TDL_REASONS_MAX, places in base.history. */
tdl_status tdl_surface_score_part(tdl_surface_answer *answer, tdl_asked_part *part,
                                  tdl_report *why);
float tdl_surface_part_score(const tdl_surface_answer *answer, const tdl_asked_part *part,
                             int32_t item);
void tdl_surface_explain_part(tdl_surface_answer *answer, const tdl_asked_part *part,
                              const int32_t *items, size_t items_n, tdl_reason *ret, size_t *ret_n);

/* surface_pool.c: candidates of the model; then, under the lock, those of popularity and rules, and
 * what all of them are worth. The records are to be released in any case. */
tdl_status tdl_surface_pool_model(tdl_surface_answer *answer, tdl_report *why);
/* Where one part answers alone: its best, against its tenth. */
tdl_status tdl_surface_pool_alone(tdl_surface_answer *answer, tdl_report *why);
tdl_status tdl_surface_pool_rest(tdl_surface_answer *answer, tdl_report *why);
void tdl_surface_pool_release(tdl_surface_answer *answer);

/* base.history in the snapshot's numbers. at [n]: the place of each event in base.history. */
typedef struct tdl_surface_history {
    tdl_history history;
    size_t *at;
} tdl_surface_history;

/* surface_parts.c: events with items that the snapshot knows; repeats: each time, else the first.
 * TDL_E_NO_MEMORY */
tdl_status tdl_surface_model_history(tdl_surface_answer *answer, bool repeats,
                                     tdl_surface_history *ret);

/* log((s + e) / (tenth + e)), e a hundredth of tenth: what a score is worth beside the tenth best.
 */
double tdl_surface_log_odds(double score, double tenth);

/* content_pool.c: candidates by content, among those that are not in `blocked`. Under the lock. */
tdl_status tdl_surface_pool_content(tdl_surface_answer *answer, const uint64_t *blocked,
                                    tdl_report *why);

/* surface_write.c: the decision's candidates and the answer's members. Under the lock. */
tdl_status tdl_surface_answer_write(tdl_surface_answer *answer, tdl_decision *ret, tdl_jw *extra,
                                    tdl_report *why);

#endif
