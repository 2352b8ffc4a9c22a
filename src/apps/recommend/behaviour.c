#include "apps/recommend/behaviour_net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/init.h"
#include "nn/layers.h"
#include "tensor/rows.h"

static const double ROPE_BASE = 10000;

void tdl_behaviour_free(tdl_behaviour *m)
{
    if (!m)
        return;
    tdl_behaviour_states_free(m->states);
    tdl_kept_free(m->lacking);
    if (m->serving)
        tdl_nn_serving_close(m->serving);
    free(m->serving);
    tdl_nn_snapshot_release(m->snapshot);
    tdl_packed_free(m->scorer);
    tdl_net_release(&m->net);
    tdl_tf_release(&m->core);
    tdl_params_release(&m->values);
    free(m->returns);
    free(m);
}

static tdl_tf_config core_of(const tdl_behaviour_params *p)
{
    double drop = p->drop > 0 ? p->drop : 0;

    return (tdl_tf_config){.n_layer = p->blocks,
                           .d_model = p->d,
                           .n_head = p->heads,
                           .d_ff = p->hidden,
                           .max_len = p->window,
                           .norm = TDL_NORM_LAYER,
                           .act = TDL_ACT_RELU,
                           .bias_qkv = true,
                           .bias_out = true,
                           .bias_ff = true,
                           .rope_base = ROPE_BASE,
                           .mask = TDL_MASK_CAUSAL,
                           .drop_resid = drop};
}

static void declare(tdl_behaviour *m)
{
    const tdl_behaviour_params *p = &m->params;

    m->item_table = tdl_params_add(&m->values, "item", m->items_n ? m->items_n : 1, p->d, true);
    m->gap_table = tdl_params_add(&m->values, "gap", TDL_BEHAVIOUR_GAPS, p->d, true);
    m->kind_table = tdl_params_add(&m->values, "kind", p->kinds_n, p->d, true);
}

static void build(tdl_behaviour *m)
{
    const tdl_behaviour_params *p = &m->params;
    const tdl_embed_tables tables = {.table = {m->item_table, m->gap_table, m->kind_table},
                                     .positions = TDL_NONE,
                                     .position = TDL_POSITION_NONE,
                                     .scale = sqrt((double)p->d)};

    m->net.params = &m->values;
    int x = tdl_net_embed(&m->net, &tables);
    if (p->drop > 0)
        x = tdl_net_dropout(&m->net, x, p->drop);
    m->hidden = tdl_tf_build(&m->core, &m->net, x);
    tdl_net_keep(&m->net, m->hidden);
}

tdl_status tdl_behaviour_new(const tdl_behaviour_params *params, size_t items_n,
                             tdl_behaviour **ret, tdl_report *why)
{
    tdl_behaviour *m = calloc(1, sizeof *m);
    tdl_tf_config core;
    tdl_status st;

    if (!m)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the behaviour model");
    m->params = *params;
    m->items_n = items_n;
    core = core_of(params);
    m->saved[0] = (double)params->d;
    m->saved[1] = (double)params->blocks;
    m->saved[2] = (double)params->heads;
    m->saved[3] = (double)params->hidden;
    m->saved[4] = (double)params->window;
    m->saved[5] = (double)params->kinds_n;
    declare(m);
    if ((st = tdl_tf_declare(&m->core, &core, &m->values, why)) ||
        (st = tdl_params_seal(&m->values, why)))
        goto out;
    build(m);
    *ret = m;
    m = NULL; /* the caller's now */
out:
    tdl_behaviour_free(m);
    return st;
}

void tdl_behaviour_start(tdl_behaviour *m, uint64_t seed)
{
    double std = m->core.config.init_std;

    tdl_init_slice(&m->values, m->item_table, TDL_INIT_GAUSSIAN, std, seed);
    tdl_init_slice(&m->values, m->gap_table, TDL_INIT_GAUSSIAN, std / 10, seed);
    tdl_init_slice(&m->values, m->kind_table, TDL_INIT_GAUSSIAN, std / 10, seed);
    tdl_tf_start(&m->core, &m->values, seed);
}

tdl_status tdl_behaviour_ready(tdl_behaviour *m, tdl_report *why)
{
    const tdl_nn_snapshot_options options = {.precision = TDL_PRECISION_F32,
                                             .rows = TDL_BEHAVIOUR_PASSES,
                                             .tokens = TDL_BEHAVIOUR_PASSES * m->params.window};
    tdl_status st;

    tdl_params_freeze(&m->values);
    if ((st = tdl_pack(tdl_params_value(&m->values, m->item_table), true, m->params.d,
                       m->items_n ? m->items_n : 1, &m->scorer, why)))
        return st;
    m->serving = calloc(1, sizeof *m->serving);
    if (!m->serving)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to serve the behaviour model");
    if ((st = tdl_nn_snapshot_new(&m->net, &options, &m->snapshot, why)))
        return st;
    return tdl_nn_serving_publish(m->serving, m->snapshot, why);
}

/* ---- asking ---- */

size_t tdl_behaviour_width(const tdl_behaviour *m)
{
    return m->params.d;
}

size_t tdl_behaviour_items_n(const tdl_behaviour *m)
{
    return m->items_n;
}

const float *tdl_behaviour_items(const tdl_behaviour *m)
{
    return tdl_params_value(&m->values, m->item_table);
}

size_t tdl_behaviour_bytes(const tdl_behaviour *m)
{
    return 2 * m->values.n * sizeof(float) + tdl_packed_bytes(m->scorer) +
           (m->states ? tdl_behaviour_states_bytes(m->states) : 0);
}

void tdl_behaviour_read_out(const float *hidden, size_t d, size_t last, size_t n, float *ret)
{
    memset(ret, 0, d * sizeof *ret);
    for (size_t i = last; i < n; i++)
        for (size_t k = 0; k < d; k++)
            ret[k] += hidden[i * d + k];
    for (size_t k = 0; n > last + 1 && k < d; k++)
        ret[k] /= (float)(n - last);
}

tdl_status tdl_behaviour_vector(const tdl_behaviour *m, const tdl_history *history, float *ret)
{
    return tdl_behaviour_state_vector(m->states, m, history, ret);
}

void tdl_behaviour_scores(const tdl_behaviour *m, const float *vector, float *scores)
{
    if (!m->items_n)
        return;
    tdl_linear(m->scorer, 1, vector, m->params.d, NULL, TDL_ACT_NONE, scores, m->items_n, NULL);
    tdl_softmax_rows(1, m->items_n, scores, m->items_n, NULL, NULL);
}
