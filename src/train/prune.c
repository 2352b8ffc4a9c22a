#include "train/prune.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train/prune_rank.h"

static bool is_prunable(const tdl_slice *slice)
{
    return slice->decay && !slice->frozen;
}

static size_t prunable_n(const tdl_params *params)
{
    size_t n = 0;

    for (int k = 0; k < params->slices_n; k++)
        if (is_prunable(&params->slice[k]))
            n += params->slice[k].rows * params->slice[k].cols;
    return n;
}

static tdl_status check_sparsity(double sparsity, tdl_report *why)
{
    if (sparsity >= 0 && sparsity < 1)
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_INVALID, "a sparsity of %g: expected 0 <= sparsity < 1", sparsity);
}

static size_t share_of(double share, size_t n)
{
    return (size_t)floor(share * (double)n + 0.5);
}

/* ---- the mask ---- */

static tdl_status make_mask(const tdl_params *params, uint8_t **ret, tdl_report *why)
{
    uint8_t *mask = malloc(params->n + 1);

    if (!mask)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a mask of %zu weights", params->n);
    memset(mask, 1, params->n + 1);
    *ret = mask;
    return TDL_OK;
}

/* Weights under 0 become zero and are held there from now on. */
static void set_mask(tdl_params *params, uint8_t *take_mask)
{
    for (size_t i = 0; i < params->n; i++)
        params->value[i] = take_mask[i] ? params->value[i] : 0;
    free(params->mask);
    params->mask = take_mask;
}

tdl_status tdl_prune_hold_zeros(tdl_params *params, tdl_report *why)
{
    uint8_t *mask = NULL;
    tdl_status st = make_mask(params, &mask, why);

    if (st)
        return st;
    for (int k = 0; k < params->slices_n; k++) {
        const tdl_slice *slice = &params->slice[k];
        size_t end = slice->offset + slice->rows * slice->cols;

        for (size_t i = slice->offset; is_prunable(slice) && i < end; i++)
            mask[i] = params->value[i] != 0;
    }
    set_mask(params, mask);
    return TDL_OK;
}

void tdl_prune_let_go(tdl_params *params)
{
    free(params->mask);
    params->mask = NULL;
}

double tdl_prune_sparsity(const tdl_params *params)
{
    size_t n = prunable_n(params), zeros = 0;

    for (int k = 0; k < params->slices_n; k++) {
        const tdl_slice *slice = &params->slice[k];
        size_t end = slice->offset + slice->rows * slice->cols;

        for (size_t i = slice->offset; is_prunable(slice) && i < end; i++)
            zeros += params->value[i] == 0;
    }
    return n ? (double)zeros / (double)n : 0;
}

/* ---- by size ---- */

static tdl_status rank_all(const tdl_params *params, tdl_ranked *entry, tdl_report *why)
{
    for (int k = 0; k < params->slices_n; k++) {
        const tdl_slice *slice = &params->slice[k];
        size_t end = slice->offset + slice->rows * slice->cols;

        for (size_t i = slice->offset; is_prunable(slice) && i < end; i++) {
            *entry = (tdl_ranked){fabs((double)params->value[i]), i};
            if (isnan(entry++->score))
                return TDL_FAIL(why, TDL_E_INVALID, "%s: weight %zu is no number", slice->name,
                                i - slice->offset);
        }
    }
    return TDL_OK;
}

tdl_status tdl_prune_by_size(tdl_params *params, double sparsity, tdl_report *why)
{
    size_t n = prunable_n(params);
    tdl_ranked *entry = NULL;
    uint8_t *mask = NULL;
    tdl_status st;

    if ((st = check_sparsity(sparsity, why)))
        return st;
    if (!n)
        return TDL_FAIL(why, TDL_E_INVALID, "no weights to prune: all are frozen, or none decays");
    if (!(entry = calloc(n, sizeof *entry)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to rank %zu weights", n);
    if (!(st = rank_all(params, entry, why)) && !(st = make_mask(params, &mask, why))) {
        size_t gone = share_of(sparsity, n);

        tdl_rank_smallest(entry, n, gone);
        for (size_t i = 0; i < gone; i++)
            mask[entry[i].at] = 0;
        set_mask(params, mask);
    }
    free(entry);
    return st;
}

/* ---- by input ---- */

static bool is_linear(const tdl_net *net, int k)
{
    return net->node[k].op == &tdl_op_linear &&
           is_prunable(&net->params->slice[net->node[k].param[0]]);
}

/* A net in which the input of every linear stays until the end of a pass. */
static tdl_status open_probe(const tdl_net *net, const tdl_nn_batch *batch, tdl_net *ret,
                             tdl_report *why)
{
    const tdl_plan_options plan = {.rows = batch->rows, .tokens = tdl_nn_batch_tokens(batch)};
    tdl_status st;

    if (net->failed)
        return TDL_FAIL(why, TDL_E_INVALID, "a net that was built wrongly");
    if ((st = tdl_net_copy(net, net->nodes_n, net->params, ret, why)))
        return st;
    for (int k = 0; k < ret->nodes_n; k++)
        if (is_linear(ret, k))
            tdl_net_keep(ret, ret->node[k].in[0]);
    return tdl_net_plan(ret, &plan, why);
}

/* ret[cols] = length of each column of x[rows][cols] */
static void column_lengths(const tdl_real *x, size_t rows, size_t cols, double *ret)
{
    for (size_t c = 0; c < cols; c++)
        ret[c] = 0;
    for (size_t r = 0; r < rows; r++)
        for (size_t c = 0; c < cols; c++)
            ret[c] += (double)x[r * cols + c] * (double)x[r * cols + c];
    for (size_t c = 0; c < cols; c++)
        ret[c] = sqrt(ret[c]);
}

/* The weights of each output of W [in][out] that count least. */
static tdl_status mark_linear(const tdl_slice *w, const tdl_real *value, const double *length,
                              double sparsity, tdl_ranked *entry, uint8_t *mask, tdl_report *why)
{
    size_t gone = share_of(sparsity, w->rows);

    for (size_t j = 0; j < w->cols; j++) {
        for (size_t i = 0; i < w->rows; i++) {
            entry[i] = (tdl_ranked){fabs((double)value[i * w->cols + j]) * length[i], i};
            if (isnan(entry[i].score))
                return TDL_FAIL(why, TDL_E_INVALID, "%s: input %zu of output %zu is no number",
                                w->name, i, j);
        }
        tdl_rank_smallest(entry, w->rows, gone);
        for (size_t i = 0; i < gone; i++)
            mask[w->offset + entry[i].at * w->cols + j] = 0;
    }
    return TDL_OK;
}

static tdl_status mark(const tdl_net *probe, int k, const tdl_nn_batch *batch, double sparsity,
                       uint8_t *mask, tdl_report *why)
{
    const tdl_node *node = &probe->node[k];
    const tdl_slice *w = &probe->params->slice[node->param[0]];
    const tdl_real *x = tdl_net_value(probe, node->in[0]);
    double *length = calloc(w->rows + 1, sizeof *length);
    tdl_ranked *entry = calloc(w->rows + 1, sizeof *entry);
    tdl_status st;

    if (!length || !entry) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to rank the inputs of %s", w->name);
    } else {
        // the batch's own numbers have no place in the net
        column_lengths(x ? x : batch->x, tdl_net_rows(probe, node->in[0], batch), w->rows, length);
        st = mark_linear(w, tdl_params_value(probe->params, node->param[0]), length, sparsity,
                         entry, mask, why);
    }
    free(length);
    free(entry);
    return st;
}

tdl_status tdl_prune_by_input(tdl_net *net, const tdl_nn_batch *batch, double sparsity,
                              tdl_report *why)
{
    const tdl_run run = {0};
    tdl_nn_batch asked = *batch;
    tdl_net probe = {0};
    uint8_t *mask = NULL;
    tdl_status st = check_sparsity(sparsity, why);

    asked.target = NULL;
    asked.value = NULL;
    if (st || (st = open_probe(net, batch, &probe, why)) ||
        (st = tdl_net_forward(&probe, &asked, &run, why)) ||
        (st = make_mask(net->params, &mask, why)))
        goto out;
    for (int k = 0; !st && k < probe.nodes_n; k++)
        if (is_linear(&probe, k))
            st = mark(&probe, k, batch, sparsity, mask, why);
    if (!st) {
        set_mask(net->params, mask);
        mask = NULL;
    }
out:
    free(mask);
    tdl_net_release(&probe);
    return st;
}

/* ---- and training on ---- */

static tdl_status metric_of(tdl_net *net, const tdl_trial_data *data, double *ret, tdl_report *why)
{
    tdl_trial trial = {0};
    tdl_status st = tdl_trial_run(net, data, &trial, why);

    if (!st)
        *ret = trial.metric;
    tdl_trial_release(&trial);
    return st;
}

tdl_status tdl_prune_net(tdl_net *net, const tdl_trial_data *data, const tdl_prune_options *options,
                         tdl_prune_report *ret, tdl_report *why)
{
    tdl_prune_report report = {0};
    tdl_loop_result result;
    tdl_status st;

    if ((st = metric_of(net, data, &report.metric_before, why)))
        return st;
    st = options->calibration
             ? tdl_prune_by_input(net, options->calibration, options->sparsity, why)
             : tdl_prune_by_size(net->params, options->sparsity, why);
    if (st || (st = metric_of(net, data, &report.metric_after, why)))
        return st;
    report.metric_tuned = report.metric_after;
    if (options->trainee && ((st = tdl_loop_run(options->trainee, options->loop, &result, why)) ||
                             (st = metric_of(net, data, &report.metric_tuned, why))))
        return st;
    report.sparsity = tdl_prune_sparsity(net->params);
    *ret = report;
    return TDL_OK;
}
