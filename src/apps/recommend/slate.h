/* A slate: candidates into the slots of an answer, one slot after the other, under the rules of a
 * policy. In each slot:
 *
 *     a pin of now gets it, with probability 1: forced, and outside every estimate
 *     else, of those that caps and the slot's own rule let in (if it lets in nobody, of all that
 *     caps let in), variety gives each its objective, exploration its chance, and u decides
 *
 * An item that a pin wants in a later slot is not given away before, and caps count it from the
 * start. A slot that nobody may have is left out, and those below move up.
 */
#ifndef TDL_APPS_RECOMMEND_SLATE_H
#define TDL_APPS_RECOMMEND_SLATE_H

#include "apps/recommend/policy.h"

typedef struct tdl_slate_candidate {
    tdl_item_view view;
    double relevance; /* log-odds, boosts and buries included */
    bool is_new;      /* has a right to guaranteed impressions */
} tdl_slate_candidate;

typedef struct tdl_slate_ask {
    const tdl_policy *policy;
    const tdl_bound *bound;       /* [policy->rules_n], of rules with an expression */
    const int32_t *cap_attribute; /* [policy->rules_n] of caps: number; -1 = no item has it */
    const tdl_slate_candidate *candidate; /* [n], best first */
    size_t n, k;                          /* candidates; slots */
    int64_t now_us;                       /* for pins */
    const char *decision_id;              /* the draws come from it */
    bool explore;
    tdl_similarity_fn *similarity; /* of candidates */
    const void *context;           /* of similarity */
} tdl_slate_ask;

typedef struct tdl_slot {
    size_t candidate;
    double propensity;     /* given the slots above */
    double u;              /* what decided; 0 where nothing was left to chance */
    size_t pool_n;         /* how many could have had the slot */
    bool forced;           /* by a pin */
    bool explored;         /* it is not the best of those who could */
    bool estimated;        /* the propensity is estimated, by draws */
    bool fresh;            /* a new item that chance gave the slot to */
    const tdl_rule *by;    /* NULL, or the pin or slot rule that it stands here for */
    const tdl_rule *above; /* NULL, or the rule that kept a better one out */
} tdl_slot;

/* ret  [k], *ret_n of them filled
 * TDL_E_NO_MEMORY only */
tdl_status tdl_slate_fill(const tdl_slate_ask *ask, tdl_arena *arena, tdl_slot *ret, size_t *ret_n,
                          tdl_report *why);

#endif
