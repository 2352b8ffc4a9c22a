/* What an answer says of when the person takes something new again, if the behaviour model that was
 * trained last has learnt it (behaviour_return.h). */
#include "apps/recommend/answer.h"
#include "apps/recommend/behaviour_return.h"

static const int64_t DAY_US = INT64_C(86400000000);

/* The model that knows; NULL: none does. */
static const tdl_behaviour *model_of(const tdl_answer *a)
{
    const tdl_behaviour *m;

    if (!a->ask->forecast || !a->serving || !a->is_persons || a->ask->impersonal)
        return NULL;
    m = a->serving->snapshot->model[tdl_ladder_find(TDL_STR("behaviour"))];
    return m && tdl_behaviour_returns(m) ? m : NULL;
}

tdl_status tdl_answer_write_return(const tdl_answer *a, tdl_jw *extra, tdl_report *why)
{
    const tdl_behaviour *m = model_of(a);
    size_t shown_n = a->seen_n - a->newest, n = 0;
    double gaps[TDL_BEHAVIOUR_GAPS];

    if (!m || !shown_n)
        return TDL_OK;
    int32_t *item = tdl_arena_alloc(a->arena, shown_n, sizeof *item);
    int64_t *time_us = tdl_arena_alloc(a->arena, shown_n, sizeof *time_us);
    if (!item || !time_us)
        return tdl_answer_no_memory(why);
    for (size_t i = 0; i < shown_n; i++) {
        int32_t own = a->seen[a->newest + i];
        int32_t number = (size_t)own < a->serving->catalogue_n ? a->serving->to_model[own] : -1;
        if (number < 0)
            continue; // came after the model was trained
        time_us[n] = a->newest_us[i];
        item[n++] = number;
    }
    if (!n)
        return TDL_OK;
    const tdl_history history = {item, time_us, n};
    if (tdl_behaviour_gaps(m, &history, gaps))
        return tdl_answer_no_memory(why);
    int64_t last_us = a->newest_us[shown_n - 1];
    int64_t since_us = a->ask->time_us > last_us ? a->ask->time_us - last_us : 0;
    tdl_jw_key(extra, "next_new");
    tdl_jw_object(extra);
    tdl_jw_knumber(extra, "within_7_days",
                   tdl_answer_rounded(tdl_behaviour_within(gaps, since_us, 7 * DAY_US)));
    tdl_jw_knumber(extra, "within_30_days",
                   tdl_answer_rounded(tdl_behaviour_within(gaps, since_us, 30 * DAY_US)));
    tdl_jw_ktime(extra, "last", last_us);
    tdl_jw_end_object(extra);
    return TDL_OK;
}
