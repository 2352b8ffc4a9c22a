#include "learn/network.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn/layers.h"

/* ---- settings ---- */

static const char *const precision_names[] = {
    [TDL_PRECISION_F32] = "f32",
    [TDL_PRECISION_BF16] = "bf16",
    [TDL_PRECISION_INT8] = "int8",
    [TDL_PRECISION_INT4] = "int4",
};
enum { PRECISIONS = sizeof precision_names / sizeof precision_names[0] };

static tdl_status read_precision(const json_t *setting, tdl_precision *ret, tdl_report *why)
{
    const json_t *value = json_object_get(setting, "precision");
    const char *name = value ? json_string_value(value) : precision_names[TDL_PRECISION_F32];

    for (int i = 0; name && i < PRECISIONS; i++)
        if (!strcmp(name, precision_names[i])) {
            *ret = (tdl_precision)i;
            return TDL_OK;
        }
    return TDL_FAIL(why, TDL_E_INVALID, "setting precision: not f32, bf16, int8 or int4");
}

static tdl_status check_keys(const tdl_network_kind *kind, const json_t *setting, tdl_report *why)
{
    char known[512] = "precision";
    size_t used = strlen(known);

    for (int k = 0; k < TDL_NETWORK_KEYS; k++)
        if (kind->range[k].key && used < sizeof known)
            used += (size_t)snprintf(known + used, sizeof known - used, " %s", kind->range[k].key);
    return tdl_setting_check(setting, known, why);
}

tdl_status tdl_network_read_setting(const tdl_network_kind *kind, const json_t *setting,
                                    tdl_network_setting *ret, tdl_report *why)
{
    tdl_status st = check_keys(kind, setting, why);

    if (st || (st = read_precision(setting, &ret->precision, why)))
        return st;
    for (int k = 0; k < TDL_NETWORK_KEYS; k++) {
        const tdl_network_range *r = &kind->range[k];

        ret->of[k] = 0;
        if (!r->key)
            continue;
        if (!tdl_setting_number(setting, r->key, r->fallback, r->low, r->high, &ret->of[k], why))
            return TDL_E_INVALID;
        if (r->whole && ret->of[k] != rint(ret->of[k]))
            return TDL_FAIL(why, TDL_E_INVALID, "setting %s: %g is not a whole number", r->key,
                            ret->of[k]);
    }
    return TDL_OK;
}

json_t *tdl_network_write_setting(const tdl_network_kind *kind, const tdl_network_setting *setting)
{
    json_t *ret = json_object();
    int failed = json_object_set_new(ret, "precision",
                                     json_string(precision_names[(int)setting->precision]));

    for (int k = 0; k < TDL_NETWORK_KEYS; k++) {
        const tdl_network_range *r = &kind->range[k];

        if (r->key)
            failed |= json_object_set_new(ret, r->key,
                                          r->whole ? json_integer((json_int_t)setting->of[k])
                                                   : json_real(setting->of[k]));
    }
    if (!failed)
        return ret;
    json_decref(ret);
    return NULL;
}

json_t *tdl_network_settings(const char *const *text, size_t n)
{
    json_t *ret = json_array();

    for (size_t i = 0; i < n; i++)
        json_array_append_new(ret, json_loads(text[i], 0, NULL));
    return ret;
}

/* ---- life cycle ---- */

void tdl_network_find_numbers(const tdl_matrix *x, uint32_t *ret, size_t *ret_n)
{
    size_t n = 0;

    for (size_t j = 0; j < x->cols; j++) {
        float a = x->rows ? x->x[j] : 0, b = a;
        size_t r = 0;

        if (n && x->feature && x->feature[j].column == x->feature[ret[n - 1]].column)
            continue; // bins of the number before
        for (; r < x->rows; r++) {
            float value = x->x[r * x->cols + j];

            if (value != a && b == a)
                b = value;
            else if (value != a && value != b)
                break;
        }
        if (r < x->rows)
            ret[n++] = (uint32_t)j;
    }
    *ret_n = n;
}

static tdl_status copy_shape(tdl_network *n, const tdl_matrix *x, const uint32_t *number,
                             size_t numbers_n, size_t scores_n, tdl_report *why)
{
    bool images = n->kind->images;

    n->levels_n = calloc(x->categories_n + 1, sizeof *n->levels_n);
    n->number = calloc(numbers_n + 1, sizeof *n->number);
    if (!n->levels_n || !n->number)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a network");
    for (size_t i = 0; i < numbers_n; i++)
        n->number[i] = number[i];
    for (size_t i = 0; i < x->categories_n; i++)
        n->levels_n[i] = x->levels_n[i];
    n->shape = (tdl_network_shape){.cols = x->cols,
                                   .categories_n = images ? 0 : x->categories_n,
                                   .levels_n = n->levels_n,
                                   .number = n->number,
                                   .numbers_n = numbers_n,
                                   .channels = images ? x->channels : 0,
                                   .height = images ? x->height : 0,
                                   .width = images ? x->width : 0,
                                   .outputs = scores_n};
    return TDL_OK;
}

static tdl_status open_tower(tdl_network *n, tdl_tower *ret, tdl_report *why)
{
    tdl_status st = n->kind->open(&n->shape, &n->setting, ret, why);

    if (!st && n->task == TDL_TASK_QUANTILE)
        ret->scores = tdl_net_rising(ret->net, ret->scores, n->shape.outputs);
    return st;
}

tdl_status tdl_network_new(const tdl_network_kind *kind, const tdl_network_setting *setting,
                           const tdl_matrix *x, const uint32_t *number, size_t numbers_n,
                           tdl_task task, size_t scores_n, tdl_network **ret, tdl_report *why)
{
    tdl_network *n = calloc(1, sizeof *n);
    size_t members = (size_t)fmax(setting->of[TDL_NETWORK_MEMBERS], 1);
    tdl_status st;

    if (!n)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a network");
    n->kind = kind;
    n->setting = *setting;
    n->task = task;
    n->pixel_gain = n->pixel_bias = TDL_NONE;
    if ((st = copy_shape(n, x, number, numbers_n, scores_n, why)))
        goto out;
    for (; n->towers_n < members; n->towers_n++)
        if ((st = open_tower(n, &n->tower[n->towers_n], why)))
            goto out;
    *ret = n;
    n = NULL;
out:
    tdl_network_free(n ? &n->learner : NULL);
    return st;
}

void tdl_network_free(tdl_learner *learner)
{
    tdl_network *n = (tdl_network *)learner;

    if (!n)
        return;
    tdl_nn_serving_close(&n->serving);
    for (size_t i = 0; i < n->towers_n; i++)
        n->tower[i].free(n->tower[i].model);
    tdl_net_release(&n->net);
    tdl_params_release(&n->params);
    free(n->levels_n);
    free(n->number);
    free(n);
}

/* ---- one net of all towers ---- */

/* Slices of a tower under its number. */
static tdl_status declare_tower(tdl_network *n, size_t which, int *ret_first, tdl_report *why)
{
    const tdl_params *from = n->tower[which].params;

    *ret_first = n->params.slices_n;
    for (int k = 0; k < from->slices_n; k++) {
        const tdl_slice *slice = &from->slice[k];
        char name[TDL_PARAM_NAME_MAX];

        if (snprintf(name, sizeof name, "%zu.%s", which, slice->name) >= (int)sizeof name)
            return TDL_FAIL(why, TDL_E_INVALID, "a slice's name of more than %zu bytes: %s",
                            sizeof name - 1, slice->name);
        tdl_params_add(&n->params, name, slice->rows, slice->cols, slice->decay);
    }
    return TDL_OK;
}

static void copy_tower(tdl_network *n, size_t which, int first)
{
    const tdl_params *from = n->tower[which].params;

    for (int k = 0; k < from->slices_n; k++)
        memcpy(tdl_params_value(&n->params, first + k), tdl_params_value(from, k),
               from->slice[k].rows * from->slice[k].cols * sizeof(tdl_real));
}

static bool reads_numbers(const tdl_net *net)
{
    for (int k = 0; k < net->nodes_n; k++)
        if (net->node[k].op == &tdl_op_input)
            return true;
    return false;
}

/* What all towers read: the numbers, or of images bytes brought to mean 0 and deviation 1. */
static int append_input(tdl_network *n)
{
    const tdl_network_shape *shape = &n->shape;

    if (n->pixel_gain != TDL_NONE) {
        int bytes = tdl_net_input(&n->net, tdl_network_inputs(shape));
        return tdl_net_scale_shift(&n->net, bytes, n->pixel_gain, n->pixel_bias);
    }
    return reads_numbers(n->tower[0].net) ? tdl_net_input(&n->net, shape->cols) : TDL_NONE;
}

static void append_towers(tdl_network *n, const int *first)
{
    int mean = TDL_NONE, input;

    n->net.params = &n->params;
    input = append_input(n);
    for (size_t i = 0; i < n->towers_n; i++) {
        const tdl_tower *t = &n->tower[i];
        int scores = tdl_net_join(&n->net, t->net, t->scores + 1, first[i], input);

        mean = mean == TDL_NONE ? scores : tdl_net_add(&n->net, mean, scores);
    }
    n->scores = tdl_net_scale_shift(&n->net, mean, n->gain, n->bias);
    tdl_net_keep(&n->net, n->scores);
}

/* What is left of a tower is what attributions ask: no loss, no gradients of parameters. */
static tdl_status strip_tower(tdl_tower *t, tdl_report *why)
{
    tdl_net bare;
    tdl_status st = tdl_net_copy(t->net, t->scores + 1, NULL, &bare, why);

    if (st)
        return st;
    tdl_net_release(t->net);
    *t->net = bare;
    for (int k = 0; k < t->params->slices_n; k++)
        t->params->slice[k].frozen = true;
    tdl_params_freeze(t->params);
    return TDL_OK;
}

tdl_status tdl_network_join(tdl_network *n, tdl_report *why)
{
    int first[TDL_NETWORK_MEMBERS_MAX] = {0};
    tdl_status st;

    for (size_t i = 0; i < n->towers_n; i++)
        if ((st = strip_tower(&n->tower[i], why)) || (st = declare_tower(n, i, &first[i], why)))
            return st;
    n->gain = tdl_params_add(&n->params, "gain", 1, n->shape.outputs, false);
    n->bias = tdl_params_add(&n->params, "bias", 1, n->shape.outputs, false);
    if (n->kind->images) {
        size_t inputs = tdl_network_inputs(&n->shape);

        n->pixel_gain = tdl_params_add(&n->params, "pixel.gain", 1, inputs, false);
        n->pixel_bias = tdl_params_add(&n->params, "pixel.bias", 1, inputs, false);
    }
    if ((st = tdl_params_seal(&n->params, why)))
        return st;
    tdl_params_freeze(&n->params);
    for (size_t i = 0; i < n->towers_n; i++)
        copy_tower(n, i, first[i]);
    append_towers(n, first);
    return TDL_OK;
}

/* ---- scoring ---- */

size_t tdl_network_inputs(const tdl_network_shape *shape)
{
    return shape->channels * shape->height * shape->width + shape->cols;
}

void tdl_network_put_image(const tdl_network_shape *shape, const tdl_matrix *x, size_t row,
                           float *ret)
{
    size_t pixels = shape->channels * shape->height * shape->width;
    const uint8_t *from = x->pixel + row * pixels;

    for (size_t i = 0; i < pixels; i++)
        ret[i] = (float)from[i];
    if (shape->cols)
        memcpy(ret + pixels, x->x + row * shape->cols, shape->cols * sizeof *ret);
}

enum { ROWS_AT_ONCE = 256 };

tdl_status tdl_network_serve(tdl_network *n, tdl_report *why)
{
    const tdl_nn_snapshot_options options = {.precision = n->setting.precision,
                                             .rows = ROWS_AT_ONCE};
    tdl_nn_snapshot *snapshot = NULL;
    tdl_status st = tdl_nn_snapshot_new(&n->net, &options, &snapshot, why);

    if (!st)
        st = tdl_nn_serving_publish(&n->serving, snapshot, why);
    tdl_nn_snapshot_release(snapshot);
    return st;
}

typedef struct scoring {
    tdl_network *network;
    const tdl_matrix *x;
    double *ret;
    tdl_status *status; /* [parts] */
    tdl_report *report; /* [parts] */
} scoring;

static tdl_status score_block(const scoring *s, tdl_net *net, size_t first, size_t n, float *pixels,
                              tdl_report *why)
{
    const tdl_network *network = s->network;
    const tdl_network_shape *shape = &network->shape;
    const tdl_run run = {0};
    tdl_nn_batch batch = {.rows = n};
    tdl_status st;

    if (pixels) {
        for (size_t i = 0; i < n; i++)
            tdl_network_put_image(shape, s->x, first + i, pixels + i * tdl_network_inputs(shape));
        batch.x = pixels;
    } else if (shape->cols)
        batch.x = s->x->x + first * shape->cols;
    if (shape->categories_n)
        batch.category = s->x->category + first * shape->categories_n;
    if ((st = tdl_net_forward(net, &batch, &run, why)))
        return st;
    const float *scores = tdl_net_value(net, network->scores);
    double *ret = s->ret + first * shape->outputs;
    for (size_t i = 0; i < n * shape->outputs; i++)
        ret[i] = (double)scores[i];
    return TDL_OK;
}

static tdl_status score_rows(const scoring *s, size_t begin, size_t end, tdl_report *why)
{
    const tdl_network_shape *shape = &s->network->shape;
    size_t pixels_n = s->network->kind->images ? tdl_network_inputs(shape) : 0;
    float *pixels = pixels_n ? malloc(ROWS_AT_ONCE * pixels_n * sizeof *pixels) : NULL;
    tdl_nn_reader reader = {0};
    tdl_status st;

    if (pixels_n && !pixels)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %d images", ROWS_AT_ONCE);
    st = tdl_nn_serving_acquire(&s->network->serving, &reader, why);
    for (size_t at = begin; !st && at < end; at += ROWS_AT_ONCE)
        st = score_block(s, reader.net, at, end - at < ROWS_AT_ONCE ? end - at : ROWS_AT_ONCE,
                         pixels, why);
    tdl_nn_reader_release(&reader);
    free(pixels);
    return st;
}

static void score_part(void *context, size_t begin, size_t end, unsigned part)
{
    const scoring *s = context;

    s->status[part] = score_rows(s, begin, end, &s->report[part]);
}

tdl_status tdl_network_score(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                             double *ret, tdl_report *why)
{
    scoring s = {.network = (tdl_network *)learner, .x = x, .ret = ret};
    const tdl_network_shape *shape = &s.network->shape;
    unsigned parts = tdl_pool_threads(pool);
    tdl_status st = TDL_OK;

    if (x->channels != shape->channels && s.network->kind->images)
        return TDL_FAIL(why, TDL_E_INVALID, "images of %zu channels, not of %zu", x->channels,
                        shape->channels);
    if (s.network->kind->images && (x->height != shape->height || x->width != shape->width))
        return TDL_FAIL(why, TDL_E_INVALID, "images of %zu x %zu pixels, not of %zu x %zu",
                        x->height, x->width, shape->height, shape->width);
    if (x->rows <= ROWS_AT_ONCE || parts == 1) // nothing to allocate, as for a row that is served
        return score_rows(&s, 0, x->rows, why);
    s.status = calloc(parts, sizeof *s.status);
    s.report = calloc(parts, sizeof *s.report);
    if (s.status && s.report)
        tdl_pool_run(pool, x->rows, ROWS_AT_ONCE, score_part, &s);
    else
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to score %zu rows", x->rows);
    for (unsigned i = 0; !st && i < parts; i++)
        if ((st = s.status[i]) && why)
            *why = s.report[i];
    free(s.status);
    free(s.report);
    return st;
}

/* ---- images ---- */

bool tdl_network_suits_images(const tdl_problem *problem, size_t rows, size_t columns,
                              tdl_report *why)
{
    bool images = problem->x ? problem->x->channels > 0 : problem->images || columns == 0;

    if (images && rows >= 20 && problem->task != TDL_TASK_RANKING)
        return true;
    tdl_report_set(why, TDL_E_INVALID, "",
                   images ? "too few images, or lists to rank: %zu rows"
                          : "there are no images in %zu rows",
                   rows);
    return false;
}
