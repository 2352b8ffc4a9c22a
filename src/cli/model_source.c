#include "cli/model_source.h"

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

tdl_status tdl_read_for_model(const char *source, const tdl_read_values *values,
                              const tdl_predictor *model, bool quiet, tdl_frame *ret,
                              tdl_report *why)
{
    tdl_read_options options;
    tdl_column_wish *wish = NULL;
    size_t n = 0;
    tdl_status st = tdl_read_values_options(values, &options, why);

    if (st)
        return st;
    if (!options.wishes_n && !(st = tdl_schema_wishes(model->schema, &wish, &n, why))) {
        options.wish = wish;
        options.wishes_n = n;
    }
    TDL_UNUSED(quiet);
    if (!st)
        st = tdl_frame_read(source, &options, ret, NULL, why);
    if (wish)
        free(wish);
    else
        tdl_read_free_wishes(&options);
    return st;
}
