/* Rung "popularity": how many users each item has. The floor that every other rung must beat. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/rung.h"

typedef struct popularity {
    size_t items_n;
    float *users; /* [items_n] how many users had the item */
} popularity;

static void popularity_free(void *model)
{
    popularity *p = model;

    if (p)
        free(p->users);
    free(p);
}

static popularity *popularity_new(size_t items_n)
{
    popularity *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->items_n = items_n;
    p->users = calloc(items_n + 1, sizeof *p->users);
    if (p->users)
        return p;
    popularity_free(p);
    return NULL;
}

static tdl_status popularity_fit(const tdl_fit_data *data, tdl_fit_options *options,
                                 void **ret_model, tdl_report *why)
{
    popularity *p = popularity_new(data->all->items_n);

    TDL_UNUSED(options);
    if (!p)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for popularity");
    for (size_t user = 0; user < data->all->users_n; user++) {
        tdl_history history = tdl_fit_history(data, user);
        for (size_t i = 0; i < history.n; i++)
            p->users[history.item[i]]++;
    }
    *ret_model = p;
    return TDL_OK;
}

static tdl_status popularity_score(const void *model, const tdl_history *history,
                                   tdl_arena *scratch, float *scores)
{
    const popularity *p = model;

    TDL_UNUSED(history);
    TDL_UNUSED(scratch);
    memcpy(scores, p->users, p->items_n * sizeof *scores);
    return TDL_OK;
}

void tdl_popularity_explain(const void *model, const tdl_history *history, const int32_t *items,
                            size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max,
                            size_t *ret_n)
{
    TDL_UNUSED(model);
    TDL_UNUSED(history);
    TDL_UNUSED(items);
    TDL_UNUSED(scratch);
    for (size_t i = 0; i < items_n; i++) {
        ret_n[i] = max > 0;
        if (max)
            ret[i * max] = (tdl_reason){.kind = TDL_REASON_POPULAR, .share = 1, .exact = true};
    }
}

static void popularity_save(const void *model, tdl_st_writer *writer)
{
    const popularity *p = model;

    tdl_st_add_1d(writer, "popularity/users", TDL_F32, p->items_n, p->users);
}

static tdl_status popularity_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                                  tdl_report *why)
{
    const tdl_st_view *users;
    tdl_status st = tdl_st_get(file, "popularity/users", TDL_F32, 1, &users, why);

    if (st)
        return st;
    if (users->n != items_n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "popularity/users: %zu values for %zu items", users->n,
                        items_n);
    popularity *p = popularity_new(items_n);
    if (!p)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for popularity");
    for (size_t i = 0; i < items_n; i++) {
        p->users[i] = ((const float *)users->data)[i];
        if (!isfinite(p->users[i])) {
            popularity_free(p);
            return TDL_FAIL(why, TDL_E_CORRUPT, "popularity/users: value %zu is not finite", i);
        }
    }
    *ret_model = p;
    return TDL_OK;
}

static size_t popularity_bytes(const void *model)
{
    return ((const popularity *)model)->items_n * sizeof(float);
}

const tdl_rung_ops tdl_rung_popularity = {
    .name = "popularity",
    .fit = popularity_fit,
    .free = popularity_free,
    .score = popularity_score,
    .explain = tdl_popularity_explain,
    .save = popularity_save,
    .load = popularity_load,
    .bytes = popularity_bytes,
};
