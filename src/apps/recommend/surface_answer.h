/* One answer for a surface on its way:
 *
 *     question, policy, what is stored of the person
 *     -> gather (lock): history, who may be shown -> score -> pool (lock) -> slate -> explain
 *     -> write (lock) -> seal
 *
 * What the plain answer does too is the same code (answer.h). Everything lives in the request's
 * arena, but for what is counted: surface, traits, records.
 */
#ifndef TDL_APPS_RECOMMEND_SURFACE_ANSWER_H
#define TDL_APPS_RECOMMEND_SURFACE_ANSWER_H

#include "apps/recommend/answer.h"
#include "apps/recommend/effects.h"
#include "apps/recommend/eligible.h"
#include "apps/recommend/question.h"
#include "apps/recommend/slate.h"

enum {
    TDL_POOL = 200,        /* best of the model, filled up by popularity */
    TDL_POOL_CONTENT = 50, /* items that few had, by what they say of themselves */
    TDL_POOL_NEW = 10,     /* new items beside them */
    TDL_POOL_RULE = 10,    /* for a rule that nobody in the pool fits */
    TDL_NEW_USERS = 20     /* an item that fewer have is new: no model knows it well */
};

/* A candidate. */
typedef struct tdl_pooled {
    int32_t item;       /* catalogue number */
    int32_t model_item; /* number in the snapshot; -1 = the model does not speak of it */
    double relevance;   /* log-odds against the tenth best, boosts and buries included */
    bool is_new, by_content;
    tdl_record *record;           /* counted */
    const tdl_content_code *code; /* a copy; NULL = says nothing, or nobody asks */
} tdl_pooled;

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
    tdl_pooled *pool; /* [pool_n] the model's first, best first */
    size_t pool_n, spoken_n;
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

/* surface_pool.c: candidates of the model; then, under the lock, those of popularity and rules, and
 * what all of them are worth. The records are to be released in any case. */
tdl_status tdl_surface_pool_model(tdl_surface_answer *answer, tdl_report *why);
tdl_status tdl_surface_pool_rest(tdl_surface_answer *answer, tdl_report *why);
void tdl_surface_pool_release(tdl_surface_answer *answer);

/* log((s + e) / (tenth + e)), e a hundredth of tenth: what a score is worth beside the tenth best.
 */
double tdl_surface_log_odds(double score, double tenth);

/* content_pool.c: candidates by content, among those that are not in `blocked`. Under the lock. */
tdl_status tdl_surface_pool_content(tdl_surface_answer *answer, const uint64_t *blocked,
                                    tdl_report *why);

/* surface_write.c: the decision's candidates and the answer's members. Under the lock. */
tdl_status tdl_surface_answer_write(tdl_surface_answer *answer, tdl_decision *ret, tdl_jw *extra,
                                    tdl_report *why);

/* tdl_app_ops.decide with a question */
tdl_status tdl_surface_decide(tdl_app *app, const tdl_ask *ask, tdl_arena *arena, tdl_decision *ret,
                              tdl_jw *extra, tdl_report *why);

#endif
