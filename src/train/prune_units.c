/* Structured pruning: units of a fully connected network go, and its matrices shrink. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/prune.h"
#include "train/prune_rank.h"

/* The units of a layer that stay, rising. */
typedef struct units {
    size_t *at; /* [n]; NULL: all */
    size_t n;
} units;

static const tdl_slice *weights(const tdl_mlp *model, size_t layer)
{
    return &model->params.slice[model->w[layer]];
}

/* |weights into unit j of a hidden layer| * |weights out of it| */
static double strength(const tdl_mlp *model, size_t layer, size_t j)
{
    const tdl_slice *in = weights(model, layer), *out = weights(model, layer + 1);
    const tdl_real *w_in = tdl_params_value(&model->params, model->w[layer]);
    const tdl_real *w_out = tdl_params_value(&model->params, model->w[layer + 1]);
    double into = 0, from = 0;

    for (size_t i = 0; i < in->rows; i++)
        into += (double)w_in[i * in->cols + j] * (double)w_in[i * in->cols + j];
    for (size_t i = 0; i < out->cols; i++)
        from += (double)w_out[j * out->cols + i] * (double)w_out[j * out->cols + i];
    return sqrt(into) * sqrt(from);
}

static int by_place(const void *a, const void *b)
{
    size_t x = *(const size_t *)a, y = *(const size_t *)b;

    return x < y ? -1 : x > y;
}

static tdl_status choose(const tdl_mlp *model, size_t layer, double share, units *ret,
                         tdl_report *why)
{
    size_t width = model->config.hidden[layer].width;
    size_t gone = (size_t)floor(share * (double)width + 0.5);
    tdl_ranked *entry = calloc(width, sizeof *entry);

    gone = gone < width ? gone : width - 1;
    ret->n = width - gone;
    ret->at = calloc(ret->n, sizeof *ret->at);
    if (!entry || !ret->at) {
        free(entry);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to rank %zu units", width);
    }
    for (size_t j = 0; j < width; j++)
        entry[j] = (tdl_ranked){strength(model, layer, j), j};
    tdl_rank_smallest(entry, width, gone);
    for (size_t j = 0; j < ret->n; j++)
        ret->at[j] = entry[gone + j].at;
    qsort(ret->at, ret->n, sizeof *ret->at, by_place);
    free(entry);
    return TDL_OK;
}

static size_t place(const units *u, size_t i)
{
    return u->at ? u->at[i] : i;
}

/* The rows and columns that stay of a slice of `from` become the slice of `to`. */
static void copy_slice(const tdl_mlp *from, const tdl_mlp *to, int slice, const units *rows,
                       const units *cols)
{
    const tdl_slice *small = &to->params.slice[slice], *large = &from->params.slice[slice];
    const tdl_real *source = tdl_params_value(&from->params, slice);
    tdl_real *value = tdl_params_value(&to->params, slice);

    for (size_t r = 0; r < small->rows; r++)
        for (size_t c = 0; c < small->cols; c++)
            value[r * small->cols + c] = source[place(rows, r) * large->cols + place(cols, c)];
}

tdl_status tdl_prune_units(const tdl_mlp *model, double share, tdl_mlp *ret, tdl_report *why)
{
    const units all = {0};
    units stay[TDL_MLP_HIDDEN_MAX + 1] = {{0}}; /* of each layer; of the last all */
    tdl_mlp_config config = model->config;
    tdl_status st = TDL_OK;

    if (!(share >= 0 && share < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "a share of units of %g: expected 0 <= share < 1",
                        share);
    for (size_t i = 0; !st && i < config.hidden_n; i++)
        if (!(st = choose(model, i, share, &stay[i], why)))
            config.hidden[i].width = stay[i].n;
    if (!st)
        st = tdl_mlp_init(ret, &config, why);
    for (size_t i = 0; !st && i <= config.hidden_n; i++) {
        copy_slice(model, ret, model->w[i], i ? &stay[i - 1] : &all, &stay[i]);
        copy_slice(model, ret, model->b[i], &all, &stay[i]);
    }
    for (size_t i = 0; i < config.hidden_n; i++)
        free(stay[i].at);
    return st;
}
