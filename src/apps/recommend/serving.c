#include "apps/recommend/serving.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/directed.h"

enum { REGISTRY_BYTES = 16 << 20 };

tdl_serving *tdl_serving_take(tdl_app *app)
{
    pthread_mutex_lock(&app->serving_lock);
    tdl_serving *serving = app->serving;
    if (serving)
        atomic_fetch_add(&serving->references, 1);
    pthread_mutex_unlock(&app->serving_lock);
    return serving;
}

void tdl_serving_drop(tdl_serving *serving)
{
    if (!serving || atomic_fetch_sub(&serving->references, 1) > 1)
        return;
    tdl_snapshot_free(serving->snapshot);
    free(serving->to_catalogue);
    free(serving->to_model);
    tdl_kept_free(serving->kept);
    free(serving);
}

/* Where the snapshot's items stand in the catalogue; those it lacks are added. */
static bool find_in_catalogue(tdl_app *app, const tdl_snapshot *snapshot, int32_t *ret,
                              size_t *ret_catalogue_n)
{
    bool ok = true;

    pthread_rwlock_wrlock(&app->lock);
    for (size_t i = 0; ok && i < snapshot->items_n; i++) {
        ret[i] = tdl_catalogue_add(app->catalogue, snapshot->item_id[i]);
        ok = ret[i] >= 0;
    }
    *ret_catalogue_n = tdl_catalogue_count(app->catalogue);
    pthread_rwlock_unlock(&app->lock);
    return ok;
}

static tdl_status number_items(tdl_app *app, tdl_serving *serving, tdl_report *why)
{
    size_t items_n = serving->snapshot->items_n;

    serving->to_catalogue = malloc((items_n + 1) * sizeof *serving->to_catalogue);
    if (!serving->to_catalogue ||
        !find_in_catalogue(app, serving->snapshot, serving->to_catalogue, &serving->catalogue_n))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to number %zu items", items_n);
    serving->to_model = malloc((serving->catalogue_n + 1) * sizeof *serving->to_model);
    if (!serving->to_model)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to number %zu items", items_n);
    for (size_t i = 0; i < serving->catalogue_n; i++)
        serving->to_model[i] = -1;
    for (size_t i = 0; i < items_n; i++)
        serving->to_model[serving->to_catalogue[i]] = (int32_t)i;
    return TDL_OK;
}

static const tdl_part *directed_in(const tdl_lineup *lineup, tdl_recommend_task task)
{
    const tdl_mix *mix = &lineup->task[task];

    for (size_t i = 0; i < mix->n; i++) {
        const tdl_part *part = &lineup->part[mix->part[i]];
        if (part->contender->rung == &tdl_rung_directed &&
            !(tdl_part_directed(part).half_life_days > 0)) // such are not kept live
            return part;
    }
    return NULL;
}

/* The settings of the directed counts that a snapshot has of a matrix: of its line-up, which
 * serves, before those of the ladder. One of each matrix is kept live; where two tasks have
 * settings of their own, the one for something new is. False: it has none. */
static bool directed_of(const tdl_snapshot *snapshot, tdl_live_matrix matrix,
                        tdl_directed_params *ret)
{
    const void *model = snapshot->model[tdl_ladder_find(TDL_STR("directed"))];
    bool stream = matrix == TDL_LIVE_STREAM;
    const tdl_part *part =
        directed_in(&snapshot->lineup, stream ? TDL_RECOMMEND_DISCOVERY : TDL_RECOMMEND_CART);

    if (!part && stream)
        part = directed_in(&snapshot->lineup, TDL_RECOMMEND_NEXT);
    if (part)
        *ret = tdl_part_directed(part);
    else if (stream && model)
        *ret = *tdl_directed_params_of(model);
    return part || (stream && model);
}

/* The live counts are made as the model's were, while the former ones answer. */
static void count_live(tdl_app *app, const tdl_snapshot *snapshot)
{
    const tdl_lineup *lineup = &snapshot->lineup;
    tdl_directed_params params;
    bool more = false;

    pthread_rwlock_wrlock(&app->lock);
    tdl_live_state_weigh(app->live, tdl_str_of(lineup->target),
                         tdl_weighing_of(lineup->weighing, true),
                         tdl_weighing_of(lineup->weighing, false));
    for (tdl_live_matrix m = 0; m < TDL_LIVE_MATRICES_N; m++)
        more |=
            tdl_live_state_want(app->live, m, directed_of(snapshot, m, &params) ? &params : NULL);
    pthread_rwlock_unlock(&app->lock);
    while (more) { // in stretches: nobody is answered meanwhile
        pthread_rwlock_wrlock(&app->lock);
        more = tdl_live_state_build(app->live);
        pthread_rwlock_unlock(&app->lock);
    }
}

void tdl_serving_forget(tdl_app *app)
{
    tdl_serving *serving = tdl_serving_take(app);

    if (!serving)
        return;
    tdl_kept_forget(serving->kept);
    const tdl_snapshot *s = serving->snapshot;
    for (size_t r = 0; r < TDL_RUNGS_N; r++)
        if (s->model[r] && tdl_ladder[r]->forget)
            tdl_ladder[r]->forget(s->model[r]);
    for (size_t i = 0; i < s->lineup.parts_n; i++) {
        const tdl_part *part = &s->lineup.part[i];
        if (part->model && part->contender->rung->forget)
            part->contender->rung->forget(part->model);
    }
    tdl_serving_drop(serving);
}

tdl_status tdl_serving_load(tdl_app *app, const tdl_model_row *row, tdl_report *why)
{
    char path[PATH_MAX];
    tdl_serving *serving = calloc(1, sizeof *serving);
    tdl_status st;

    if (!serving || !(serving->kept = tdl_kept_new(TDL_KEPT_PLACES, TDL_KEPT_BYTES))) {
        free(serving);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a model");
    }
    atomic_init(&serving->references, 1);
    serving->content_weights = (tdl_content_weights){{1, 1, 1, 1}};
    snprintf(path, sizeof path, "%s/%.*s", app->context.data_dir, TDL_FMT(row->path));
    if ((st = tdl_store_fetch_model(app->context.store, row, why)) ||
        (st = tdl_snapshot_read(path, row->version, row->hash, &serving->snapshot, why)))
        goto out;
    if (serving->snapshot->content_map)
        serving->content_weights = serving->snapshot->content_map->weights;
    if ((st = number_items(app, serving, why)) ||
        (st = tdl_lineup_index(&serving->snapshot->lineup, serving->snapshot->items_n,
                               TDL_SCAN_ITEMS_MIN, why)))
        goto out;
    count_live(app, serving->snapshot);
    pthread_mutex_lock(&app->serving_lock);
    tdl_serving *former = app->serving;
    app->serving = serving;
    pthread_mutex_unlock(&app->serving_lock);
    serving = former; /* to be dropped */
out:
    tdl_serving_drop(serving);
    return st;
}

static bool is_serving(tdl_app *app, tdl_str version)
{
    tdl_serving *serving = tdl_serving_take(app);
    bool is = serving && tdl_str_eq(serving->snapshot->version, version);

    tdl_serving_drop(serving);
    return is;
}

tdl_status tdl_serving_refresh(tdl_app *app, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(REGISTRY_BYTES);
    tdl_model_row *rows;
    size_t rows_n;
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read the registry");
    st = tdl_store_models(app->context.store, TDL_STR("recommend"), arena, &rows, &rows_n, why);
    for (size_t i = 0; !st && i < rows_n; i++)
        if (rows[i].active) {
            if (!is_serving(app, rows[i].version))
                st = tdl_serving_load(app, &rows[i], why);
            break;
        }
    tdl_arena_free(arena);
    return st;
}
