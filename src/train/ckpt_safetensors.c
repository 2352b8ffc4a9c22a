#include "train/ckpt_safetensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "train/safetensors_format.h"

#define FORMAT "treadle-checkpoint/1"

enum { NAME_SIZE = TDL_PARAM_NAME_MAX + 16 };

static void name_of(char ret[NAME_SIZE], const char *prefix, const tdl_slice *slice)
{
    snprintf(ret, NAME_SIZE, "%s%s", prefix, slice->name);
}

/* ---- writing ---- */

static void add_block(tdl_st_writer *writer, const tdl_params *params, const char *prefix,
                      const tdl_real *value)
{
    char name[NAME_SIZE];

    for (int k = 0; k < params->slices_n; k++) {
        const tdl_slice *slice = &params->slice[k];
        name_of(name, prefix, slice);
        tdl_st_add(writer, name, TDL_F32, 2, (size_t[]){slice->rows, slice->cols},
                   value + slice->offset);
    }
}

static void add_texts(tdl_st_writer *writer, const char *prefix, json_t *texts)
{
    char name[NAME_SIZE];
    const char *key;
    json_t *value;

    json_object_foreach(texts, key, value)
    {
        snprintf(name, sizeof name, "%s%s", prefix, key);
        tdl_st_meta(writer, name, (tdl_str){json_string_value(value), json_string_length(value)});
    }
}

tdl_status tdl_ckpt_encode(const tdl_ckpt *ckpt, tdl_buf *ret, tdl_report *why)
{
    tdl_st_writer *writer = tdl_st_writer_new();

    tdl_st_meta(writer, "format", TDL_STR(FORMAT));
    add_texts(writer, "", ckpt->state);
    add_texts(writer, "config.", ckpt->config);
    for (size_t i = 0; i < TDL_CKPT_BLOCKS; i++)
        if (ckpt->block[i].value)
            add_block(writer, ckpt->params, ckpt->block[i].prefix, ckpt->block[i].value);
    tdl_status st = tdl_st_encode(writer, ret, why);
    tdl_st_writer_free(writer);
    return st;
}

/* ---- reading ---- */

tdl_status tdl_ckpt_check(const tdl_st_file *file, const json_t *config, tdl_report *why)
{
    tdl_str format = tdl_st_meta_get(file, "format");
    tdl_buf differ = {.limit = 1 << 12};
    char name[NAME_SIZE];
    const char *key;
    json_t *value;

    if (!tdl_str_is(format, FORMAT))
        return TDL_FAIL(why, TDL_E_CORRUPT, "the format is \"%.*s\", expected \"%s\"",
                        TDL_FMT(format), FORMAT);
    json_object_foreach((json_t *)config, key, value)
    {
        snprintf(name, sizeof name, "config.%s", key);
        tdl_str there = tdl_st_meta_get(file, name);
        if (!tdl_str_is(there, json_string_value(value)))
            tdl_buf_printf(&differ, "%s%s (%.*s there, %s here)", differ.len ? ", " : "", key,
                           there.len > 40 ? 40 : TDL_FMT(there), json_string_value(value));
    }
    if (!differ.len && !differ.failed)
        return TDL_OK;
    TDL_FAIL_HINT(why, TDL_E_CONFLICT,
                  "resume under the same configuration, or take its parameters only",
                  "the checkpoint is of another configuration: %s", differ.len ? differ.at : "");
    tdl_buf_release(&differ);
    return TDL_E_CONFLICT;
}

static tdl_status check_tensor(const tdl_st_file *file, const char *name, const tdl_slice *slice,
                               tdl_report *why)
{
    const tdl_st_view *view = NULL;
    tdl_status st = tdl_st_get(file, name, TDL_F32, 2, &view, why);

    if (st)
        return st;
    if (view->shape[0] != slice->rows || view->shape[1] != slice->cols)
        return TDL_FAIL(why, TDL_E_CORRUPT, "tensor \"%s\" is [%zu][%zu], expected [%zu][%zu]",
                        name, view->shape[0], view->shape[1], slice->rows, slice->cols);
    const float *value = view->data;
    for (size_t i = 0; i < view->n; i++)
        if (!isfinite(value[i]))
            return TDL_FAIL(why, TDL_E_CORRUPT,
                            "tensor \"%s\": value %zu is %g, expected a finite number", name, i,
                            (double)value[i]);
    return TDL_OK;
}

/* As many tensors as slices, each of them named: none is left over. */
static tdl_status check_block(const tdl_st_file *file, const tdl_params *params, const char *prefix,
                              tdl_report *why)
{
    size_t found = 0;
    char name[NAME_SIZE];
    tdl_status st;

    for (int k = 0; k < params->slices_n; k++) {
        name_of(name, prefix, &params->slice[k]);
        if ((st = check_tensor(file, name, &params->slice[k], why)))
            return st;
    }
    for (size_t i = 0; i < tdl_st_count(file); i++)
        found += tdl_str_starts(tdl_st_at(file, i)->name, tdl_str_of(prefix));
    if (found != (size_t)params->slices_n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%zu tensors \"%s...\", expected %d", found, prefix,
                        params->slices_n);
    return TDL_OK;
}

static void copy_block(const tdl_st_file *file, const tdl_params *params, const char *prefix,
                       tdl_real *value)
{
    char name[NAME_SIZE];

    for (int k = 0; k < params->slices_n; k++) {
        const tdl_slice *slice = &params->slice[k];
        name_of(name, prefix, slice);
        const tdl_st_view *view = tdl_st_find(file, name);
        if (view->n)
            memcpy(value + slice->offset, view->data, view->n * sizeof *value);
    }
}

tdl_status tdl_ckpt_restore(const tdl_ckpt *ckpt, const tdl_st_file *file, tdl_report *why)
{
    tdl_status st;

    for (size_t i = 0; i < TDL_CKPT_BLOCKS; i++)
        if (ckpt->block[i].value &&
            (st = check_block(file, ckpt->params, ckpt->block[i].prefix, why)))
            return st;
    for (size_t i = 0; i < TDL_CKPT_BLOCKS; i++)
        if (ckpt->block[i].value)
            copy_block(file, ckpt->params, ckpt->block[i].prefix, ckpt->block[i].value);
    return TDL_OK;
}
