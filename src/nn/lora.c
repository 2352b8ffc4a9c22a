#include "nn/lora.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/init.h"
#include "nn/pattern.h"

/* ---- declaring ---- */

static bool is_chosen(const tdl_slice *slice, const char *pattern)
{
    return slice->rows > 1 && tdl_pattern_fits(pattern, slice->name, NULL);
}

static bool any_chooses(const tdl_lora_config *config, const tdl_slice *slice)
{
    for (size_t i = 0; i < config->patterns_n; i++)
        if (is_chosen(slice, config->pattern[i]))
            return true;
    return false;
}

static int add_part(tdl_params *params, const char *base, const char *part, size_t rows,
                    size_t cols, bool decay)
{
    char name[2 * TDL_PARAM_NAME_MAX];

    snprintf(name, sizeof name, "%s.%s", base, part);
    return tdl_params_add(params, name, rows, cols, decay);
}

static tdl_status add_adapter(tdl_params *params, int k, size_t rank, tdl_report *why)
{
    const tdl_slice base = params->slice[k]; // a copy: adding may move the table

    if (!rank || rank >= base.rows || rank >= base.cols)
        return TDL_FAIL(why, TDL_E_INVALID, "an adapter of rank %zu for '%s' [%zu][%zu]", rank,
                        base.name, base.rows, base.cols);
    if (strlen(base.name) + sizeof ".lora_scale" > TDL_PARAM_NAME_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "no room for \".lora_scale\" behind the name '%s'",
                        base.name);
    int first = add_part(params, base.name, "lora_a", base.rows, rank, true);
    add_part(params, base.name, "lora_scale", 1, rank, false);
    add_part(params, base.name, "lora_b", rank, base.cols, true);
    if (params->failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for an adapter of '%s'", base.name);
    params->slice[first + TDL_LORA_SCALE].frozen = true;
    params->slice[k].adapter = first;
    return TDL_OK;
}

tdl_status tdl_lora_declare(tdl_params *params, const tdl_lora_config *config, tdl_report *why)
{
    int base_n = params->slices_n;

    for (size_t i = 0; config && i < config->patterns_n; i++) {
        int chosen = 0;

        for (int k = 0; k < base_n; k++)
            chosen += is_chosen(&params->slice[k], config->pattern[i]);
        if (!chosen)
            return TDL_FAIL(why, TDL_E_INVALID, "no matrix fits the pattern '%s' of the adapters",
                            config->pattern[i]);
    }
    for (int k = 0; config && k < base_n; k++) {
        tdl_status st;

        if (any_chooses(config, &params->slice[k]) &&
            (st = add_adapter(params, k, config->rank, why)))
            return st;
    }
    params->adapter_scale = config && config->alpha != 0 ? config->alpha / (double)config->rank : 1;
    return TDL_OK;
}

static bool is_read(const tdl_net *net, int slice)
{
    for (int k = 0; k < net->nodes_n; k++)
        for (int i = 0; i < TDL_OP_PARAMS_MAX; i++)
            if (net->node[k].param[i] == slice)
                return true;
    return false;
}

tdl_status tdl_lora_check(const tdl_net *net, tdl_report *why)
{
    for (int k = 0; k < net->params->slices_n; k++) {
        const tdl_slice *slice = &net->params->slice[k];

        if (slice->adapter && !is_read(net, slice->adapter))
            return TDL_FAIL_HINT(why, TDL_E_INVALID, "name the weights of linear layers only",
                                 "'%s' has an adapter, but no linear reads it", slice->name);
    }
    return TDL_OK;
}

/* ---- values ---- */

void tdl_lora_start(tdl_params *params, uint64_t seed)
{
    for (int k = 0; k < params->slices_n; k++) {
        const tdl_slice *slice = &params->slice[k];
        int first = slice->adapter;

        if (!first)
            continue;
        tdl_init_slice(params, first + TDL_LORA_A, TDL_INIT_GAUSSIAN, 1 / sqrt((double)slice->rows),
                       seed);
        tdl_init_slice(params, first + TDL_LORA_B, TDL_INIT_ZERO, 1, seed);
        for (size_t i = 0; i < params->slice[first + TDL_LORA_SCALE].cols; i++)
            tdl_params_value(params, first + TDL_LORA_SCALE)[i] = (tdl_real)params->adapter_scale;
    }
}

void tdl_lora_freeze_base(tdl_params *params)
{
    for (int k = 0; k < params->slices_n; k++)
        params->slice[k].frozen = true;
    for (int k = 0; k < params->slices_n; k++)
        if (params->slice[k].adapter) {
            params->slice[params->slice[k].adapter + TDL_LORA_A].frozen = false;
            params->slice[params->slice[k].adapter + TDL_LORA_B].frozen = false;
        }
}

static tdl_status merge(tdl_params *params, int k, tdl_pool *pool, tdl_report *why)
{
    const tdl_slice *w = &params->slice[k], *b = &params->slice[w->adapter + TDL_LORA_B];
    const tdl_real *a = tdl_params_value(params, w->adapter + TDL_LORA_A);
    const tdl_real *scale = tdl_params_value(params, w->adapter + TDL_LORA_SCALE);
    tdl_real *b_at = tdl_params_value(params, w->adapter + TDL_LORA_B);
    tdl_real *scaled = malloc(b->rows * b->cols * sizeof *scaled);
    tdl_status st;

    if (!scaled)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to merge the adapter of '%s'", w->name);
    for (size_t r = 0; r < b->rows; r++)
        for (size_t c = 0; c < b->cols; c++)
            scaled[r * b->cols + c] = scale[r] * b_at[r * b->cols + c];
    st = tdl_matmul(false, false, w->rows, w->cols, b->rows, a, b->rows, scaled, w->cols,
                    tdl_params_value(params, k), w->cols, true, pool, why);
    if (!st)
        memset(b_at, 0, b->rows * b->cols * sizeof *b_at);
    free(scaled);
    return st;
}

tdl_status tdl_lora_merge(tdl_params *params, tdl_pool *pool, tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (int k = 0; !st && k < params->slices_n; k++)
        if (params->slice[k].adapter)
            st = merge(params, k, pool, why);
    return st;
}
