/* Inside of the behaviour model, for its own files. */
#ifndef TDL_APPS_RECOMMEND_BEHAVIOUR_NET_H
#define TDL_APPS_RECOMMEND_BEHAVIOUR_NET_H

#include "apps/recommend/behaviour.h"
#include "apps/recommend/behaviour_state.h"
#include "apps/recommend/behaviour_window.h"
#include "apps/recommend/kept.h"
#include "nn/core.h"
#include "nn/snapshot.h"

enum { TDL_BEHAVIOUR_PASSES = 8 /* windows of one reader's batch */ };

struct tdl_behaviour {
    tdl_behaviour_params params;
    size_t items_n;
    tdl_params values;
    tdl_tf core;
    tdl_net net; /* of tokens: hidden is its last value. Reads `values`: not to be moved */
    int item_table, gap_table, kind_table, hidden;
    double saved[8]; /* sizes, as the file has them */
    float *returns;  /* [GAPS][d + GAPS + 1] the head of behaviour_return.h; NULL = none */
    double returns_scale;
    /* once it is ready */
    tdl_packed *scorer;      /* the item table, for scores */
    tdl_nn_serving *serving; /* nets for any number of threads */
    tdl_nn_snapshot *snapshot;
    tdl_behaviour_states *states; /* NULL: none are kept */
    tdl_kept *lacking; /* vectors without one event each, for reasons; NULL = none kept */
};

/* Parameters declared, all zero. All of `params` is filled in. TDL_E_INVALID | TDL_E_NO_MEMORY */
tdl_status tdl_behaviour_new(const tdl_behaviour_params *params, size_t items_n,
                             tdl_behaviour **ret, tdl_report *why);
void tdl_behaviour_start(tdl_behaviour *model, uint64_t seed); /* starting values */
/* Fitted or loaded: from now on immutable. TDL_E_NO_MEMORY */
tdl_status tdl_behaviour_ready(tdl_behaviour *model, tdl_report *why);

/* Mean of the rows of the last group of hidden [n][d]. */
void tdl_behaviour_read_out(const float *hidden, size_t d, size_t last, size_t n, float *ret);

#endif
