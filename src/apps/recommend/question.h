/* What POST /v1/recommend asks:
 *
 *     {"surface", "user"? | "anonymous_id"?, "items"?, "k"? = 10, "context"?, "filter"?,
 * "exclude"?, "explain"? = 1, "explore"? = true, "policy"?: of a preview alone}
 */
#ifndef TDL_APPS_RECOMMEND_QUESTION_H
#define TDL_APPS_RECOMMEND_QUESTION_H

#include "base/arena.h"
#include "base/json.h"

enum {
    TDL_QUESTION_ITEMS_MAX = 1000, /* in items, in exclude */
    TDL_QUESTION_EXPLAIN_MAX = 3
};

typedef struct tdl_question {
    bool brief; /* asked without an object: what is asked about must be there */
    tdl_str surface;
    tdl_str user;        /* or the anonymous id; empty = a stranger */
    const tdl_str *item; /* [items_n] */
    size_t items_n;
    const tdl_str *exclude; /* [exclude_n] */
    size_t exclude_n;
    size_t k;       /* 1..100 */
    size_t explain; /* reasons for each item */
    bool explore;
    tdl_str filter;        /* expression; empty = none */
    const json_t *context; /* object; NULL = none */
    const json_t *policy;  /* object; NULL = that of the surface */
} tdl_question;

/* Borrows from `object` and `arena`. TDL_E_INVALID names the field and its range. */
tdl_status tdl_question_read(const json_t *object, bool preview, tdl_arena *arena,
                             tdl_question *ret, tdl_report *why);

/* The same without an object: what is similar to an item, or, where that is empty, what a person
 * sees at home; n of them, with all reasons. Borrows. TDL_E_INVALID */
tdl_status tdl_question_brief(tdl_str user, const tdl_str *item, size_t n, tdl_question *ret,
                              tdl_report *why);

#endif
