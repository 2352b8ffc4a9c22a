#include "cli/model_source.h"

#include <stdio.h>
#include <stdlib.h>

#include "apps/predict/registry.h"
#include "cli/open_store.h"
#include "cli/read_options.h"

bool tdl_model_is_file(const char *model)
{
    size_t n = strlen(model), suffix = strlen(".safetensors");

    return strchr(model, '/') || (n > suffix && !strcmp(model + n - suffix, ".safetensors"));
}

static tdl_status open_named(const tdl_common *common, const char *name, tdl_predictor **ret,
                             tdl_report *why)
{
    tdl_store *store = NULL;
    tdl_arena *arena = tdl_arena_new((size_t)256 << 20);
    tdl_model_row row;
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (!(st = tdl_open_store(common, true, &store, why)) &&
        !(st = tdl_predict_active(store, tdl_str_of(name), arena, &row, why)))
        st = tdl_predict_load_row(store, common->data, &row, ret, why);
    tdl_store_close(store);
    tdl_arena_free(arena);
    return st;
}

tdl_status tdl_open_model(const tdl_common *common, const char *model, tdl_predictor **ret,
                          tdl_report *why)
{
    return tdl_model_is_file(model) ? tdl_predictor_load(model, ret, why)
                                    : open_named(common, model, ret, why);
}

/* The types of the schema, then what the user wishes, which goes before them. */
static tdl_status add_wishes(const tdl_read_options *options, const tdl_predictor *model,
                             tdl_column_wish **ret, size_t *ret_n, tdl_report *why)
{
    tdl_column_wish *wish = NULL, *more;
    size_t n = 0, k = options->wishes_n;
    tdl_status st = tdl_schema_wishes(model->schema, &wish, &n, why);

    if (st)
        return st;
    if (!(more = realloc(wish, (n + k + 1) * sizeof *wish))) {
        free(wish);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the types of %zu columns", n + k);
    }
    if (k)
        memcpy(more + n, options->wish, k * sizeof *more);
    *ret = more;
    *ret_n = n + k;
    return TDL_OK;
}

tdl_status tdl_read_for_model(const char *source, const tdl_read_values *values,
                              const tdl_predictor *model, bool quiet, tdl_model_rows *ret,
                              tdl_report *why)
{
    tdl_read_options given = {0}, options;
    tdl_model_rows rows = {0};
    tdl_column_wish *wish = NULL;
    size_t n = 0;
    tdl_status st = tdl_read_values_options(values, &given, why);

    if (st)
        return st;
    options = given;
    options.refused = &rows.refused;
    if (!options.missing)
        options.missing = tdl_schema_missing(model->schema);
    if ((st = add_wishes(&given, model, &wish, &n, why)))
        goto out;
    options.wish = wish;
    options.wishes_n = n;
    if ((st = tdl_read_told(source, &options, quiet, &rows.frame, why)))
        goto out;
    rows.rows_n = rows.frame.rows;
    if ((st = tdl_refused_take_out(&rows.refused, &rows.frame, why)))
        goto out;
    *ret = rows;
    rows = (tdl_model_rows){0};
out:
    tdl_model_rows_release(&rows);
    free(wish);
    tdl_read_free_wishes(&given);
    return st;
}

void tdl_model_rows_release(tdl_model_rows *rows)
{
    tdl_frame_release(&rows->frame);
    tdl_refused_release(&rows->refused);
    *rows = (tdl_model_rows){0};
}

tdl_status tdl_model_rows_answerable(const tdl_model_rows *rows, tdl_report *why)
{
    if (!rows->refused.n || rows->refused.n < rows->rows_n)
        return TDL_OK;
    return TDL_FAIL(why, TDL_E_INVALID, "none of %zu rows can be answered; row 1: %.400s",
                    rows->rows_n, tdl_refused_said(&rows->refused, 0));
}

void tdl_model_rows_tell(const tdl_model_rows *rows)
{
    const tdl_refused_rows *refused = &rows->refused;

    if (refused->n && refused->n < rows->rows_n) // else it is the error
        fprintf(stderr,
                tdl_tr("%zu of %zu rows refused; the first, row %zu: %s\n",
                       "%zu / %zu 行被拒绝；首个为第 %zu 行：%s\n"),
                refused->n, rows->rows_n, refused->row[0].row + 1, tdl_refused_said(refused, 0));
}
