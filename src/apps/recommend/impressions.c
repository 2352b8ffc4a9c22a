#include "apps/recommend/impressions.h"

#include "apps/recommend/effects.h"
#include "apps/recommend/surface_answer.h"
#include "base/timestamp.h"

enum { PIECE = 200, PIECE_BYTES = 64 << 20, DECISIONS_MAX = 200000 };
static const int64_t LOOK_BACK_US = INT64_C(30) * 86400 * 1000000;

static bool any_new(const tdl_catalogue *catalogue)
{
    for (size_t i = 0; i < tdl_catalogue_count(catalogue); i++)
        if (tdl_catalogue_record(catalogue, (int32_t)i) &&
            tdl_catalogue_users(catalogue)[i] < TDL_NEW_USERS)
            return true;
    return false;
}

static bool is_of_surface(const tdl_decision *d)
{
    tdl_packed packed = {d->why.at, d->why.len, false};

    return tdl_effects_has(tdl_packed_number(&packed, 1)) && !packed.bad;
}

static void count_row(tdl_app *app, const tdl_decision *d)
{
    if (!is_of_surface(d))
        return;
    for (size_t i = 0; i < d->candidates_n; i++) {
        int32_t item = d->candidates[i].chosen
                           ? tdl_catalogue_find(app->catalogue, d->candidates[i].item)
                           : -1;
        if (item >= 0)
            tdl_catalogue_show(app->catalogue, item);
    }
}

tdl_status tdl_impressions_count(tdl_app *app, tdl_report *why)
{
    tdl_arena *arena = NULL;
    int64_t position = 0;
    size_t n = 1, read_n = 0;
    tdl_status st = TDL_OK;

    if (!any_new(app->catalogue))
        return TDL_OK;
    if (!(arena = tdl_arena_new(PIECE_BYTES)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read the decision log");
    st = tdl_store_log_begin(app->context.store, tdl_time_now() - LOOK_BACK_US, &position, why);
    for (; !st && n && read_n < DECISIONS_MAX; read_n += n) {
        tdl_decision_row *row;
        tdl_arena_reset(arena);
        if ((st = tdl_store_log_read(app->context.store, &position, PIECE, arena, &row, &n, why)))
            break;
        for (size_t i = 0; i < n; i++)
            if (tdl_str_is(row[i].decision.app, tdl_recommend_app.name))
                count_row(app, &row[i].decision);
    }
    tdl_arena_free(arena);
    return st;
}
