/* The public face of nn and train: include/treadle/nn.h.
 *
 * A model is a list of layers. Its net is built anew whenever what is wanted of it changes: another
 * loss, more rows at once.
 */
#include "api/model.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/act.h"
#include "nn/init.h"
#include "nn/layers.h"

/* ---- building ---- */

tdl_status tdl_model_new(size_t inputs, tdl_model **ret, tdl_report *why)
{
    if (inputs == 0 || inputs > TDL_MODEL_WIDTH_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "a model of %zu inputs: from 1 to %d are possible",
                        inputs, TDL_MODEL_WIDTH_MAX);
    tdl_model *model = calloc(1, sizeof *model);
    if (!model)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a model");
    model->inputs = inputs;
    *ret = model;
    return TDL_OK;
}

void tdl_model_free(tdl_model *model)
{
    if (!model)
        return;
    tdl_net_release(&model->net);
    tdl_params_release(&model->params);
    free(model);
}

size_t tdl_model_inputs(const tdl_model *model)
{
    return model->inputs;
}

size_t tdl_model_outputs(const tdl_model *model)
{
    size_t outputs = model->inputs;

    for (size_t i = 0; i < model->layers_n; i++)
        outputs = model->layer[i].outputs;
    return outputs;
}

static tdl_status append(tdl_model *model, tdl_model_layer layer, tdl_report *why)
{
    if (model->params.value)
        return TDL_FAIL(why, TDL_E_INVALID, "a layer after the model was used");
    if (model->layers_n == TDL_MODEL_LAYERS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "more than %d layers", TDL_MODEL_LAYERS_MAX);
    model->layer[model->layers_n++] = layer;
    return TDL_OK;
}

tdl_status tdl_model_dense(tdl_model *model, size_t outputs, const char *activation,
                           tdl_report *why)
{
    tdl_act act;
    tdl_status st = tdl_act_find(activation, &act, why);

    if (st)
        return st;
    if (outputs == 0 || outputs > TDL_MODEL_WIDTH_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "a layer of %zu units: from 1 to %d are possible",
                        outputs, TDL_MODEL_WIDTH_MAX);
    return append(model, (tdl_model_layer){.outputs = outputs, .act = act}, why);
}

tdl_status tdl_model_dropout(tdl_model *model, double rate, tdl_report *why)
{
    if (!(rate >= 0 && rate < 1))
        return TDL_FAIL(why, TDL_E_INVALID, "dropout: rate %g is not in [0, 1)", rate);
    return append(
        model,
        (tdl_model_layer){.dropout = true, .rate = rate, .outputs = tdl_model_outputs(model)}, why);
}

static bool is_relu_like(tdl_act act)
{
    return act != TDL_ACT_NONE && act != TDL_ACT_TANH && act != TDL_ACT_SIGMOID;
}

void tdl_model_start(tdl_model *model, uint64_t seed)
{
    for (size_t i = 0; i < model->layers_n; i++) {
        const tdl_model_layer *l = &model->layer[i];
        if (l->dropout)
            continue;
        tdl_init_slice(&model->params, l->weight,
                       is_relu_like(l->act) ? TDL_INIT_HE : TDL_INIT_XAVIER, 1, seed);
        tdl_init_slice(&model->params, l->bias, TDL_INIT_ZERO, 1, seed);
    }
}

tdl_status tdl_model_seal(tdl_model *model, tdl_report *why)
{
    size_t inputs = model->inputs, dense = 0;
    tdl_status st;

    if (model->params.value)
        return TDL_OK;
    for (size_t i = 0; i < model->layers_n; i++) {
        tdl_model_layer *l = &model->layer[i];
        char name[TDL_PARAM_NAME_MAX];
        if (l->dropout)
            continue;
        snprintf(name, sizeof name, "dense.%zu.weight", dense);
        l->weight = tdl_params_add(&model->params, name, inputs, l->outputs, true);
        snprintf(name, sizeof name, "dense.%zu.bias", dense++);
        l->bias = tdl_params_add(&model->params, name, 1, l->outputs, false);
        inputs = l->outputs;
    }
    if (!dense)
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "add one with tdl_model_dense",
                             "a model without layers");
    if ((st = tdl_params_seal(&model->params, why)))
        return st;
    tdl_model_start(model, 0);
    return TDL_OK;
}

int tdl_model_build(tdl_model *model)
{
    int x;

    tdl_net_release(&model->net);
    model->net.params = &model->params;
    x = tdl_net_input(&model->net, model->inputs);
    for (size_t i = 0; i < model->layers_n; i++) {
        const tdl_model_layer *l = &model->layer[i];
        x = l->dropout ? tdl_net_dropout(&model->net, x, l->rate)
                       : tdl_net_linear(&model->net, x, l->weight, l->bias, l->act);
    }
    return x;
}

/* ---- parameters ---- */

static tdl_status find(tdl_model *model, const char *name, size_t n, int *ret, tdl_report *why)
{
    char names[256] = "";
    size_t used = 0;
    tdl_status st = tdl_model_seal(model, why);

    if (st)
        return st;
    for (int i = 0; i < model->params.slices_n; i++) {
        const tdl_slice *slice = &model->params.slice[i];
        if (!strcmp(slice->name, name)) {
            *ret = i;
            if (n && n != slice->rows * slice->cols)
                return TDL_FAIL(why, TDL_E_INVALID, "%s has %zu x %zu numbers, not %zu", name,
                                slice->rows, slice->cols, n);
            return TDL_OK;
        }
        if (used < sizeof names)
            used += (size_t)snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                                     slice->name);
    }
    return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, names, "there is no parameter \"%s\"", name);
}

tdl_status tdl_model_set(tdl_model *model, const char *parameter, const float *values, size_t n,
                         tdl_report *why)
{
    int slice = 0;
    tdl_status st;

    for (size_t i = 0; i < n; i++)
        if (!isfinite(values[i]))
            return TDL_FAIL(why, TDL_E_INVALID, "%s: number %zu is not finite", parameter, i);
    if ((st = find(model, parameter, n ? n : SIZE_MAX, &slice, why)))
        return st;
    memcpy(tdl_params_value(&model->params, slice), values, n * sizeof *values);
    return TDL_OK;
}

tdl_status tdl_model_get(tdl_model *model, const char *parameter, float *ret, size_t n,
                         tdl_report *why)
{
    int slice = 0;
    tdl_status st = find(model, parameter, n ? n : SIZE_MAX, &slice, why);

    if (!st)
        memcpy(ret, tdl_params_value(&model->params, slice), n * sizeof *ret);
    return st;
}

tdl_status tdl_model_fill(tdl_model *model, const char *parameter, float value, tdl_report *why)
{
    int slice = 0;
    tdl_status st = find(model, parameter, 0, &slice, why);

    if (st)
        return st;
    if (!isfinite(value))
        return TDL_FAIL(why, TDL_E_INVALID, "%s: the value is not finite", parameter);
    const tdl_slice *s = &model->params.slice[slice];
    float *at = tdl_params_value(&model->params, slice);
    for (size_t i = 0; i < s->rows * s->cols; i++)
        at[i] = value;
    return TDL_OK;
}

/* ---- predicting ---- */

tdl_status tdl_model_predict(tdl_model *model, const float *x, size_t rows, float *y,
                             tdl_report *why)
{
    enum { ROWS_AT_ONCE = 1024 };
    size_t step = rows < ROWS_AT_ONCE ? rows : ROWS_AT_ONCE, outputs = tdl_model_outputs(model);
    const tdl_plan_options plan = {.rows = step};
    const tdl_run run = {0};
    tdl_status st = tdl_model_seal(model, why);

    if (st || rows == 0)
        return st;
    int last = tdl_model_build(model);
    if ((st = tdl_net_plan(&model->net, &plan, why)))
        return st;
    for (size_t at = 0; at < rows; at += step) {
        size_t n = rows - at < step ? rows - at : step;
        const tdl_nn_batch batch = {.rows = n, .x = x + at * model->inputs};

        if ((st = tdl_net_forward(&model->net, &batch, &run, why))) {
            tdl_report_prefix(why, "rows from %zu on", at);
            return st;
        }
        memcpy(y + at * outputs, tdl_net_value(&model->net, last), n * outputs * sizeof *y);
    }
    return TDL_OK;
}
