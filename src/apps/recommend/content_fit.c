#include "apps/recommend/content_fit.h"

#include <stdlib.h>

/* The code of an item as serving has it. Under the lock. False: it says nothing. */
static bool copy_code(const tdl_app *app, tdl_str id, tdl_content_code *ret)
{
    int32_t item = tdl_catalogue_find(app->catalogue, id);
    const tdl_content_code *code =
        item < 0 ? NULL : tdl_content_at(tdl_catalogue_content(app->catalogue), item);

    if (code)
        *ret = *code;
    return code != NULL;
}

/* In the data set's numbers. */
static void copy_codes(tdl_app *app, const tdl_names *items, size_t n, tdl_content_code *ret)
{
    pthread_rwlock_rdlock(&app->lock);
    for (size_t i = 0; i < n; i++)
        copy_code(app, tdl_names_at(items, (int32_t)i), &ret[i]);
    pthread_rwlock_unlock(&app->lock);
}

tdl_status tdl_content_of_log(tdl_app *app, const tdl_feedback *feedback, tdl_content_code **ret,
                              tdl_report *why)
{
    size_t n = tdl_feedback_all(feedback)->items_n, found = 0;
    tdl_content_code *code = calloc(n + 1, sizeof *code);

    if (!code)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the contents of %zu items", n);
    pthread_rwlock_rdlock(&app->lock);
    for (size_t i = 0; i < n; i++)
        found += copy_code(app, tdl_feedback_item(feedback, (int32_t)i), &code[i]);
    pthread_rwlock_unlock(&app->lock);
    if (found < TDL_CONTENT_ITEMS_LEAST) {
        free(code);
        code = NULL;
    }
    *ret = code;
    return TDL_OK;
}

tdl_status tdl_content_fit(tdl_app *app, const tdl_dataset *dataset, const tdl_rung_ops *rung,
                           const void *model, tdl_content_map **ret, tdl_report *why)
{
    const tdl_interactions *all = &dataset->interactions;
    size_t n = all->items_n, d;
    tdl_report few = {0};

    *ret = NULL;
    if (!model || !rung->vectors)
        return TDL_OK;
    tdl_content_code *code = calloc(n + 1, sizeof *code);
    uint32_t *events = calloc(n + 1, sizeof *events);
    tdl_status st = code && events ? TDL_OK
                                   : TDL_FAIL(&few, TDL_E_NO_MEMORY,
                                              "no memory for the contents of %zu items", n);

    if (!st) {
        copy_codes(app, dataset->items, n, code);
        for (size_t i = 0; i < all->offsets[all->users_n]; i++)
            events[all->item[i]]++;
        const float *vector = rung->vectors(model, &d);
        st = tdl_content_map_fit(&(tdl_content_space){code, vector, events, n, d}, 0,
                                 app->context.pool, ret, &few);
    }
    free(code);
    free(events);
    if (st == TDL_E_INVALID) // too few items say anything: cosines will do
        return TDL_OK;
    return st ? TDL_FAIL(why, st, "%s", few.message) : TDL_OK;
}
