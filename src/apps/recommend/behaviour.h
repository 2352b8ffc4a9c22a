/* The behaviour model: a causal transformer over what a person did, which says what comes next.
 *
 *     token     item + kind of event + gap before it (32 buckets of log2(1 + seconds))
 *     position  number of the tie group, rotary; a token sees its own and earlier groups
 *     vector    mean of the states of the last group, so that no order inside a group counts
 *     score     vector . row of the item table, which also embeds the items
 *
 * Life cycle   tdl_behaviour_fit or _load -> tdl_behaviour_vector, _scores ... -> _free
 * Threads      a fitted model is immutable; any number of threads may ask
 * What counts  of a long history the newest events: see tdl_behaviour_window_of. The same events
 *              give the same bits, whatever stood before them
 * Others       the user's vector and the item vectors are there for any app: two people, or a
 *              person and an item, are as near as their vectors' inner product says
 */
#ifndef TDL_APPS_RECOMMEND_BEHAVIOUR_H
#define TDL_APPS_RECOMMEND_BEHAVIOUR_H

#include "apps/recommend/rung.h"

enum {
    TDL_BEHAVIOUR_GAPS = 32,
    TDL_BEHAVIOUR_GROUP_MAX = 32, /* members of one group that are looked at */
    TDL_BEHAVIOUR_WINDOW_MAX = 1024,
    TDL_BEHAVIOUR_KINDS_MAX = 256,
    TDL_BEHAVIOUR_D_MAX = 512,
    TDL_BEHAVIOUR_BLOCKS_MAX = 16
};

typedef struct tdl_behaviour tdl_behaviour;

/* Zeros are chosen by the data. */
typedef struct tdl_behaviour_params {
    size_t d, blocks, heads, hidden; /* hidden: width between the two matrices of a block */
    size_t window;                   /* tokens it looks back on */
    double drop;                     /* < 0 = none */
    size_t negatives; /* shared by a batch, half uniform, half targets of the batch */
    bool full;        /* softmax over all items, whatever `negatives` says */
    bool calibrated;  /* gBCE with `t` in place of the sampled softmax */
    double t;         /* in [0, 1] */
    double rate;      /* of Adam */
    size_t batch;     /* windows a step */
    unsigned epochs, patience;
    size_t tokens_max; /* of one fit, over all epochs */
    size_t kinds_n;    /* of events; 0 = 1 */
} tdl_behaviour_params;

/* What the rung takes of a log: everything filled in. TDL_E_TOO_LARGE: a fit would take hours; says
 * how many, and what it counts on. */
tdl_status tdl_behaviour_choose(const tdl_fit_data *data, tdl_behaviour_params *params,
                                tdl_report *why);

/* options: seed, pool, validate (else some people's last group is held out), epochs, progress,
 * log, and `params`: a tdl_behaviour_params or NULL. */
tdl_status tdl_behaviour_fit(const tdl_fit_data *data, tdl_fit_options *options,
                             tdl_behaviour **ret, tdl_report *why);
void tdl_behaviour_free(tdl_behaviour *model); /* accepts NULL */

size_t tdl_behaviour_width(const tdl_behaviour *model); /* d */
size_t tdl_behaviour_items_n(const tdl_behaviour *model);
const float *tdl_behaviour_items(const tdl_behaviour *model); /* [items_n][d] */
size_t tdl_behaviour_bytes(const tdl_behaviour *model);

/* The vector of a person: ret [d]; zeros for an empty history. TDL_E_NO_MEMORY */
tdl_status tdl_behaviour_vector(const tdl_behaviour *model, const tdl_history *history, float *ret);
/* The chance that each item is next, by such a vector: scores [items_n]. */
void tdl_behaviour_scores(const tdl_behaviour *model, const float *vector, float *scores);

/* Tensors "behaviour/...". What is read is checked: shapes, sizes, every number. */
void tdl_behaviour_save(const tdl_behaviour *model, tdl_st_writer *writer);
tdl_status tdl_behaviour_load(const tdl_st_file *file, size_t items_n, tdl_behaviour **ret,
                              tdl_report *why);

#endif
