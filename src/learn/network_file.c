/* Networks as tensors of a model file and an object beside them, and back. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/network.h"

enum { NAME_MAX_BYTES = 256 };

static tdl_status make_name(const char *prefix, const char *name, char ret[NAME_MAX_BYTES],
                            tdl_report *why)
{
    if (snprintf(ret, NAME_MAX_BYTES, "%s%s", prefix, name) < NAME_MAX_BYTES)
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_INVALID, "a tensor's name of more than %d bytes: %s%s",
                    NAME_MAX_BYTES - 1, prefix, name);
}

tdl_status tdl_network_save(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                            json_t **ret_about, tdl_report *why)
{
    const tdl_network *n = (const tdl_network *)learner;
    json_t *about = json_object();

    for (int k = 0; k < n->params.slices_n; k++) {
        const tdl_slice *slice = &n->params.slice[k];
        char name[NAME_MAX_BYTES];
        tdl_status st = make_name(prefix, slice->name, name, why);

        if (st) {
            json_decref(about);
            return st;
        }
        tdl_st_add(writer, name, TDL_F32, 2, (size_t[]){slice->rows, slice->cols},
                   tdl_params_value(&n->params, k));
    }
    if (json_object_set_new(about, "setting", tdl_network_write_setting(n->kind, &n->setting))) {
        json_decref(about);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to save a network");
    }
    if (n->shape.numbers_n) {
        json_t *numbers = json_array();

        for (size_t i = 0; i < n->shape.numbers_n; i++)
            json_array_append_new(numbers, json_integer(n->number[i]));
        json_object_set_new(about, "numbers", numbers);
    }
    *ret_about = about;
    return TDL_OK;
}

/* ---- loading ---- */

/* A file cannot ask for more memory than it brings numbers for. */
static tdl_status check_size(const tdl_network_kind *kind, const tdl_network_setting *setting,
                             const tdl_matrix *x, size_t numbers_n, size_t outputs,
                             const tdl_st_file *file, const char *prefix, tdl_report *why)
{
    const tdl_network_shape shape = {.cols = x->cols,
                                     .categories_n = kind->images ? 0 : x->categories_n,
                                     .levels_n = x->levels_n,
                                     .numbers_n = numbers_n,
                                     .channels = x->channels,
                                     .height = x->height,
                                     .width = x->width,
                                     .outputs = outputs};
    double wanted = fmax(setting->of[TDL_NETWORK_MEMBERS], 1) * kind->weights(&shape, setting),
           there = 0;

    for (size_t i = 0; i < tdl_st_count(file); i++) {
        const tdl_st_view *view = tdl_st_at(file, i);

        if (view->name.len >= strlen(prefix) && !memcmp(view->name.at, prefix, strlen(prefix)))
            there += (double)view->n;
    }
    if (there >= wanted)
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_CORRUPT, "%s...: a network of %g parameters, the file has %g",
                    prefix, wanted, there);
}

static tdl_status read_slice(const tdl_st_file *file, const char *prefix, tdl_params *params, int k,
                             tdl_report *why)
{
    const tdl_slice *slice = &params->slice[k];
    float *to = tdl_params_value(params, k);
    const tdl_st_view *view;
    char name[NAME_MAX_BYTES];
    tdl_status st = make_name(prefix, slice->name, name, why);

    if (st || (st = tdl_st_get(file, name, TDL_F32, 2, &view, why)))
        return st;
    if (view->shape[0] != slice->rows || view->shape[1] != slice->cols)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s: [%zu][%zu], not [%zu][%zu]", name, view->shape[0],
                        view->shape[1], slice->rows, slice->cols);
    tdl_st_read_f32(view, 0, view->n, to);
    for (size_t i = 0; i < view->n; i++)
        if (!isfinite(to[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s: number %zu is not finite", name, i);
    return TDL_OK;
}

/* The towers have parameters of their own, for attributions. */
static void fill_towers(tdl_network *n)
{
    int k = 0;

    for (size_t i = 0; i < n->towers_n; i++) {
        tdl_params *to = n->tower[i].params;

        for (int j = 0; j < to->slices_n; j++, k++)
            memcpy(tdl_params_value(to, j), tdl_params_value(&n->params, k),
                   to->slice[j].rows * to->slice[j].cols * sizeof(tdl_real));
    }
}

static tdl_status read_about(const tdl_network_kind *kind, const json_t *about,
                             tdl_network_setting *ret, tdl_task *ret_task, size_t *ret_scores,
                             tdl_report *why)
{
    const json_t *setting = json_object_get(about, "setting");
    tdl_status st;
    tdl_str task;
    int64_t scores;

    if (!json_is_object(setting) || !tdl_json_get_str(about, "task", &task) ||
        !tdl_task_find(task, ret_task) || !tdl_json_get_int(about, "scores", &scores) ||
        scores < 1 || scores > 1 << 20)
        return TDL_FAIL(why, TDL_E_CORRUPT, "a network without its setting, task or scores");
    *ret_scores = (size_t)scores;
    if (!(st = tdl_network_read_setting(kind, setting, ret, why)))
        return TDL_OK;
    tdl_report_prefix(why, "a network's");
    return st == TDL_E_INVALID ? TDL_E_CORRUPT : st;
}

/* Rising columns; ret [cols]. */
static tdl_status read_numbers(const json_t *about, const tdl_matrix *x, uint32_t *ret,
                               size_t *ret_n, tdl_report *why)
{
    const json_t *numbers = json_object_get(about, "numbers");
    size_t n = json_array_size(numbers);

    for (size_t i = 0; i < n; i++) {
        json_int_t at = json_integer_value(json_array_get(numbers, i));

        if (i >= x->cols || at < 0 || (uint64_t)at >= x->cols || (i && (uint64_t)at <= ret[i - 1]))
            return TDL_FAIL(why, TDL_E_CORRUPT, "a network's number %zu is column %lld of %zu", i,
                            (long long)at, x->cols);
        ret[i] = (uint32_t)at;
    }
    *ret_n = n;
    return TDL_OK;
}

tdl_status tdl_network_load(const tdl_network_kind *kind, const json_t *about,
                            const tdl_st_file *file, const char *prefix, const tdl_matrix *x,
                            tdl_learner **ret, tdl_report *why)
{
    tdl_network *n = NULL;
    tdl_network_setting setting;
    tdl_task task;
    size_t scores;
    uint32_t *number = malloc((x->cols + 1) * sizeof *number);
    size_t numbers_n = 0;
    tdl_status st = number ? read_about(kind, about, &setting, &task, &scores, why)
                           : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a network");

    if (st || (st = read_numbers(about, x, number, &numbers_n, why)) ||
        (st = check_size(kind, &setting, x, numbers_n, scores, file, prefix, why)) ||
        (st = tdl_network_new(kind, &setting, x, number, numbers_n, task, scores, &n, why)) ||
        (st = tdl_network_join(n, why)))
        goto out;
    for (int k = 0; !st && k < n->params.slices_n; k++)
        st = read_slice(file, prefix, &n->params, k, why);
    if (st)
        goto out;
    fill_towers(n);
    if ((st = tdl_network_serve(n, why)))
        goto out;
    *ret = &n->learner;
    n = NULL;
out:
    free(number);
    tdl_network_free(n ? &n->learner : NULL);
    return st;
}
