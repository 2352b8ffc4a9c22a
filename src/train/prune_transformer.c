/* Structured pruning: heads and hidden units of a transformer go, and its matrices shrink.
 *
 * Every layer loses as many, since a transformer has one number of each, but its own weakest. Query
 * heads go with the key head they read. Values and output cancel what one lets the other scale up,
 * as do the weights into a unit and out of it, so a strength is a product of lengths.
 */
#include "train/prune_transformer.h"

#include <stdlib.h>

#include "train/prune_places.h"

/* What stays of one layer. */
typedef struct layer_places {
    tdl_places heads, units;    /* key heads; hidden units */
    tdl_places qkv, out, ff_in; /* columns; rows; columns */
} layer_places;

/* ---- strengths ---- */

typedef double strength_of(const tdl_transformer *model, const tdl_tf_layer *layer, size_t unit);

/* |values of the key head| * |what reads the heads of its group| */
static double head_strength(const tdl_transformer *model, const tdl_tf_layer *l, size_t head)
{
    const tdl_tf_config *c = &model->core.config;
    size_t group = c->n_head / c->n_kv_head * c->d_head;
    size_t values = (c->n_head + c->n_kv_head + head) * c->d_head;

    return tdl_columns_length(&model->params, l->qkv, values, c->d_head) *
           tdl_rows_length(&model->params, l->out, head * group, group);
}

/* |weights in|, of a gated unit those of both halves, * |weights out| */
static double unit_strength(const tdl_transformer *model, const tdl_tf_layer *l, size_t unit)
{
    const tdl_tf_config *c = &model->core.config;
    double in = tdl_columns_length(&model->params, l->ff_in, unit, 1);

    if (c->glu || c->glu_second)
        in *= tdl_columns_length(&model->params, l->ff_in, c->d_ff + unit, 1);
    return in * tdl_rows_length(&model->params, l->ff_out, unit, 1);
}

static tdl_status choose(const tdl_transformer *model, const tdl_tf_layer *l, strength_of *of,
                         size_t n, double share, tdl_places *ret, tdl_report *why)
{
    double *strength = calloc(n, sizeof *strength);

    if (!strength)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to rank %zu units", n);
    for (size_t i = 0; i < n; i++)
        strength[i] = of(model, l, i);
    tdl_status st = tdl_places_stronger(strength, n, share, ret, why);
    free(strength);
    return st;
}

/* ---- rows and columns ---- */

/* Append, for each unit that stays, its block of `width` places; the blocks begin at `begin`. */
static void add_blocks(tdl_places *to, const tdl_places *units, size_t begin, size_t width)
{
    for (size_t u = 0; u < units->n; u++)
        for (size_t i = 0; i < width; i++)
            to->at[to->n++] = begin + units->at[u] * width + i;
}

static tdl_status spread(const tdl_tf_config *c, layer_places *p, tdl_report *why)
{
    size_t group = c->n_head / c->n_kv_head * c->d_head, q = c->n_head * c->d_head;
    size_t kv = c->n_kv_head * c->d_head;

    p->qkv.at = calloc(p->heads.n * (group + 2 * c->d_head), sizeof *p->qkv.at);
    p->out.at = calloc(p->heads.n * group, sizeof *p->out.at);
    p->ff_in.at = calloc(2 * p->units.n + 1, sizeof *p->ff_in.at);
    if (!p->qkv.at || !p->out.at || !p->ff_in.at)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the places of %zu heads", p->heads.n);
    add_blocks(&p->qkv, &p->heads, 0, group);
    add_blocks(&p->qkv, &p->heads, q, c->d_head);
    add_blocks(&p->qkv, &p->heads, q + kv, c->d_head);
    add_blocks(&p->out, &p->heads, 0, group);
    add_blocks(&p->ff_in, &p->units, 0, 1);
    if (c->glu || c->glu_second)
        add_blocks(&p->ff_in, &p->units, c->d_ff, 1);
    return TDL_OK;
}

static tdl_status choose_layer(const tdl_transformer *model, size_t layer,
                               const tdl_prune_shares *shares, layer_places *ret, tdl_report *why)
{
    const tdl_tf_config *c = &model->core.config;
    const tdl_tf_layer *l = &model->core.layer[layer];
    tdl_status st = choose(model, l, head_strength, c->n_kv_head, shares->heads, &ret->heads, why);

    if (!st && c->d_ff)
        st = choose(model, l, unit_strength, c->d_ff, shares->units, &ret->units, why);
    return st ? st : spread(c, ret, why);
}

static void free_layers(layer_places *layer, size_t n)
{
    for (size_t i = 0; layer && i < n; i++) {
        tdl_places_free(&layer[i].heads);
        tdl_places_free(&layer[i].units);
        tdl_places_free(&layer[i].qkv);
        tdl_places_free(&layer[i].out);
        tdl_places_free(&layer[i].ff_in);
    }
    free(layer);
}

/* ---- the smaller model ---- */

static tdl_status check(const tdl_transformer *model, const tdl_prune_shares *shares,
                        tdl_report *why)
{
    tdl_status st;

    if ((st = tdl_places_check_share("heads", shares->heads, why)) ||
        (st = tdl_places_check_share("units", shares->units, why)))
        return st;
    if (model->core.config.out_gate)
        return TDL_FAIL(why, TDL_E_INVALID, "out_gate: its norm runs over all heads, none can go");
    for (int i = 0; i < model->params.slices_n; i++)
        if (model->params.slice[i].adapter)
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "merge it first (tdl_lora_merge)",
                                 "'%s' has an adapter, which cannot be pruned",
                                 model->params.slice[i].name);
    return TDL_OK;
}

static tdl_transformer_config smaller(const tdl_transformer *model, const layer_places *layer)
{
    tdl_transformer_config config = model->config;
    const tdl_tf_config *c = &model->core.config;

    config.core = *c;
    config.core.n_kv_head = layer->heads.n;
    config.core.n_head = c->n_head / c->n_kv_head * layer->heads.n;
    config.core.fewer_heads |= config.core.n_head < c->n_head;
    config.core.d_ff = layer->units.n;
    config.lora = NULL; // which was read when the model was made
    return config;
}

static void copy(const tdl_transformer *from, const tdl_transformer *to, const layer_places *layer)
{
    const tdl_places all = {0};

    for (int i = 0; i < from->params.slices_n; i++)
        if (from->params.slice[i].rows == to->params.slice[i].rows &&
            from->params.slice[i].cols == to->params.slice[i].cols)
            tdl_places_copy(&from->params, &to->params, i, &all, &all);
    for (size_t i = 0; i < from->core.config.n_layer; i++) {
        const tdl_tf_layer *l = &from->core.layer[i];
        const layer_places *p = &layer[i];
        const struct {
            int slice;
            const tdl_places *rows, *cols;
        } cut[] = {{l->qkv, &all, &p->qkv},          {l->qkv_bias, &all, &p->qkv},
                   {l->out, &p->out, &all},          {l->ff_in, &all, &p->ff_in},
                   {l->ff_in_bias, &all, &p->ff_in}, {l->ff_out, &p->units, &all}};

        for (size_t k = 0; k < sizeof cut / sizeof *cut; k++)
            if (cut[k].slice != TDL_NONE)
                tdl_places_copy(&from->params, &to->params, cut[k].slice, cut[k].rows, cut[k].cols);
    }
}

tdl_status tdl_prune_transformer(const tdl_transformer *model, const tdl_prune_shares *shares,
                                 tdl_transformer *ret, tdl_report *why)
{
    size_t layers = model->core.config.n_layer;
    layer_places *layer = NULL;
    tdl_status st;

    if ((st = check(model, shares, why)))
        return st;
    if (!(layer = calloc(layers, sizeof *layer)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to prune %zu layers", layers);
    for (size_t i = 0; !st && i < layers; i++)
        st = choose_layer(model, i, shares, &layer[i], why);
    if (!st) {
        const tdl_transformer_config config = smaller(model, layer);

        if (!(st = tdl_transformer_init(ret, &config, why)))
            copy(model, ret, layer);
    }
    free_layers(layer, layers);
    return st;
}
