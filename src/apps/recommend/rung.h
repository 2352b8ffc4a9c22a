/* A rung: one model of the ladder. All are fitted and measured by the same code; one serves.
 *
 * Rungs work on dense item numbers 0..items_n-1 and see a user as the list of items in time order.
 * A fitted model is immutable: score and explain may run on any number of threads.
 */
#ifndef TDL_APPS_RECOMMEND_RUNG_H
#define TDL_APPS_RECOMMEND_RUNG_H

#include "apps/app.h"
#include "train/log.h"
#include "train/safetensors.h"

/* Every user's items in time order. Events of one user at one time are one tie group, without an
 * order inside; whoever lays out orders that came at the same microsecond gives them times of their
 * own (feedback.h). What serves holds each item of a user once, the first; a rung that asks for
 * `repeats` sees, offline, the item again in every later group that has it, once a group. */
typedef struct tdl_interactions {
    size_t users_n, items_n;
    const size_t *offsets;  /* [users_n + 1] into item and time_us */
    const int32_t *item;    /* [offsets[users_n]] */
    const int64_t *time_us; /* same */
} tdl_interactions;

/* What one user did, as a rung sees it. */
typedef struct tdl_history {
    const int32_t *item;    /* [n], oldest first */
    const int64_t *time_us; /* [n] */
    size_t n;
} tdl_history;

/* What a rung is fitted on: users' histories up to `end[u]`. */
typedef struct tdl_fit_data {
    const tdl_interactions *all;
    const size_t *end; /* [users_n], offsets[u] <= end[u] <= offsets[u + 1] */
} tdl_fit_data;

static inline tdl_history tdl_fit_history(const tdl_fit_data *data, size_t user)
{
    size_t begin = data->all->offsets[user];
    return (tdl_history){data->all->item + begin, data->all->time_us + begin,
                         data->end[user] - begin};
}

struct tdl_content_code; /* content_code.h */

typedef struct tdl_fit_options {
    uint64_t seed;
    tdl_pool *pool;
    /* For early stopping: the held-out next item of each user is all->item[end[u]] where
     * validate[u] is true. NULL = no validation split: fit for `epochs` exactly. */
    const bool *validate;
    unsigned epochs; /* 0 = the rung's own default; set from the run that had a validation split */
    unsigned ret_epochs; /* out: epochs that gave the best validation result */
    bool serves;         /* the model will answer: what it only says then is learnt too */
    /* Which of the rung's own settings: 0 = choose, by `validate` where there is one, else the
     * default. out: what was chosen, >= 1; 0 where a rung has nothing to choose. */
    unsigned setting, ret_setting;
    tdl_progress_fn *progress;
    void *progress_context;
    tdl_train_log log; /* what a rung that learns by steps tells; zeroed = nobody listens */

    const void *params; /* the rung's own kind of settings; NULL = its defaults */
    int64_t now_us;     /* the moment of the fit, for what decays; 0 = that of the newest event */
    /* [events of data->all] how much each counts as something to be predicted, by its kind; NULL:
     * once. Of rungs that want repeats; as a sign of what comes every event is as good. */
    const uint8_t *weight;
    size_t bytes_max; /* of a matrix of items by items; 0 = the rung's own limit */

    const struct tdl_content_code *content; /* [items_n] what items say; NULL = nothing */
    const void *base; /* "content": a model of "ials", fitted on the same; NULL = it fits its own */
} tdl_fit_options;

typedef enum tdl_reason_kind {
    TDL_REASON_EVENT,
    TDL_REASON_POPULAR,
    TDL_REASON_NO_CONSENT /* popular as well, because no personal answer is allowed */
} tdl_reason_kind;

typedef struct tdl_reason {
    tdl_reason_kind kind;
    size_t at;    /* index into the history, for TDL_REASON_EVENT */
    double share; /* of the item's score, in [0, 1] when exact */
    bool exact;   /* shares of all reasons sum to 1 */
} tdl_reason;

typedef struct tdl_rung_ops {
    const char *name; /* "popularity", "item-knn", "markov", "directed", "ease", "ials", "network",
                       * "behaviour" */

    /* TDL_E_TOO_LARGE: the rung refuses data of this size, and says what it would want. It then
     * takes no part; the others do. */
    tdl_status (*fit)(const tdl_fit_data *data, tdl_fit_options *options, void **ret_model,
                      tdl_report *why);
    void (*free)(void *model); /* accepts NULL */

    /* scores [items_n]; higher is better; 0 everywhere = nothing to say about this history.
     * scratch: an arena the rung may use for the call, never NULL. TDL_E_NO_MEMORY only. */
    tdl_status (*score)(const void *model, const tdl_history *history, tdl_arena *scratch,
                        float *scores);

    /* The events that caused each item's score, largest share first: ret_n[i] <= max of them in
     * ret[i * max ..]. None without memory.
     *   items  [items_n]    ret  [items_n * max]    ret_n  [items_n] */
    void (*explain)(const void *model, const tdl_history *history, const int32_t *items,
                    size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max, size_t *ret_n);

    /* Items most like `item`: scores [items_n]. NULL where a rung has no such notion. */
    tdl_status (*similar)(const void *model, int32_t item, float *scores);

    /* Tensors are named "<rung>/<tensor>". What save gave to the writer must live until written. */
    void (*save)(const void *model, tdl_st_writer *writer);
    tdl_status (*load)(const tdl_st_file *file, size_t items_n, void **ret_model, tdl_report *why);

    size_t (*bytes)(const void *model);

    /* Let a fitted model be what another of the rung's settings would have given, if that takes no
     * fit. False: it takes one, and the model is as it was. NULL: it always does. */
    bool (*retune)(void *model, unsigned setting);

    /* Where a score is an inner product: the items' vectors [items_n][ret_d], and that of who asks,
     * x [d], all 0 = nothing to say. NULL: it is none. So the best of very many items are found
     * without a score of each (scan.h), and items that the model has not met have a place among
     * them (content_map.h). query: as score. */
    const float *(*vectors)(const void *model, size_t *ret_d);
    tdl_status (*query)(const void *model, const tdl_history *history, tdl_arena *scratch,
                        float *x);

    /* A person was erased: let go of what was kept of those who asked. NULL: nothing is kept. May
     * run beside score. */
    void (*forget)(const void *model);

    /* Serves only where it is proven better than what is simpler: it answers by a fit that is as
     * old as the last training, or costs more. Counts need no proof. */
    bool must_prove;
    bool slow;    /* a fit takes long: the one for validation is also asked the test */
    bool repeats; /* wants an item again in each group that has it; false: the first only */
} tdl_rung_ops;

/* tdl_rung_ops.explain of what is popular with everybody: that it is, whole. popularity.c */
void tdl_popularity_explain(const void *model, const tdl_history *history, const int32_t *items,
                            size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max,
                            size_t *ret_n);

/* options->now_us, or the newest time of the data; 0 when there is none. */
static inline int64_t tdl_fit_now(const tdl_fit_data *data, const tdl_fit_options *options)
{
    int64_t now_us = options->now_us;

    for (size_t u = 0; !options->now_us && u < data->all->users_n; u++)
        if (data->end[u] > data->all->offsets[u] && data->all->time_us[data->end[u] - 1] > now_us)
            now_us = data->all->time_us[data->end[u] - 1];
    return now_us;
}

/* In order of complexity: the gate prefers the earlier one unless a later one is better. */
extern const tdl_rung_ops tdl_rung_popularity; /* popularity.c */
extern const tdl_rung_ops tdl_rung_decayed;    /* decayed.c, offline */
extern const tdl_rung_ops tdl_rung_own;        /* own.c, offline */
extern const tdl_rung_ops tdl_rung_item_knn;   /* item_knn.c */
extern const tdl_rung_ops tdl_rung_markov;     /* markov.c */
extern const tdl_rung_ops tdl_rung_directed;   /* directed.c */
extern const tdl_rung_ops tdl_rung_ease;       /* ease_rung.c */
extern const tdl_rung_ops tdl_rung_ials;       /* ials_rung.c */
extern const tdl_rung_ops tdl_rung_content;    /* content_rung.c, on logs of described items */
extern const tdl_rung_ops tdl_rung_network;    /* network.c */
extern const tdl_rung_ops tdl_rung_behaviour;  /* behaviour_rung.c */

#endif
