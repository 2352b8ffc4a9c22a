/* Structured pruning: units of a fully connected network go, and its matrices shrink. */
#include <stdlib.h>

#include "train/prune.h"
#include "train/prune_places.h"

/* |weights into unit j of a hidden layer| * |weights out of it| */
static tdl_status choose(const tdl_mlp *model, size_t layer, double share, tdl_places *ret,
                         tdl_report *why)
{
    size_t width = model->config.hidden[layer].width;
    double *strength = calloc(width, sizeof *strength);

    if (!strength)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to rank %zu units", width);
    for (size_t j = 0; j < width; j++)
        strength[j] = tdl_columns_length(&model->params, model->w[layer], j, 1) *
                      tdl_rows_length(&model->params, model->w[layer + 1], j, 1);
    tdl_status st = tdl_places_stronger(strength, width, share, ret, why);
    free(strength);
    return st;
}

tdl_status tdl_prune_units(const tdl_mlp *model, double share, tdl_mlp *ret, tdl_report *why)
{
    const tdl_places all = {0};
    tdl_places stay[TDL_MLP_HIDDEN_MAX + 1] = {{0}}; /* of each layer; of the last all */
    tdl_mlp_config config = model->config;
    tdl_status st = tdl_places_check_share("units", share, why);

    for (size_t i = 0; !st && i < config.hidden_n; i++)
        if (!(st = choose(model, i, share, &stay[i], why)))
            config.hidden[i].width = stay[i].n;
    if (!st)
        st = tdl_mlp_init(ret, &config, why);
    for (size_t i = 0; !st && i <= config.hidden_n; i++) {
        tdl_places_copy(&model->params, &ret->params, model->w[i], i ? &stay[i - 1] : &all,
                        &stay[i]);
        tdl_places_copy(&model->params, &ret->params, model->b[i], &all, &stay[i]);
    }
    for (size_t i = 0; i < config.hidden_n; i++)
        tdl_places_free(&stay[i]);
    return st;
}
