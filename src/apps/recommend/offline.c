#include "apps/recommend/offline.h"

#include <math.h>
#include <sys/resource.h>

#include "apps/recommend/cold_items.h"
#include "apps/recommend/decay.h"

const char *const tdl_protocol_name[TDL_PROTOCOLS_N] = {
    "global-cut", "prequential", "strong", "literature-loo", "next-event", "cold-items"};

enum { HORIZON_DAYS = 30, SHORT_LOG_PARTS = 8 };

/* ---- windows of a global cut ---- */

static int64_t choose_horizon(const tdl_offline_options *o, int64_t first_us, int64_t last_us)
{
    int64_t horizon_us = HORIZON_DAYS * TDL_DAY_US,
            part_us = (last_us - first_us) / SHORT_LOG_PARTS;

    if (o->horizon_us)
        return o->horizon_us;
    horizon_us = part_us < horizon_us ? part_us : horizon_us;
    return horizon_us > 0 ? horizon_us : 1;
}

/* The last event that is not of the future; the last of all where every one is. */
static int64_t last_event(const tdl_feedback *f, const tdl_offline_options *o)
{
    const tdl_interactions *all = tdl_feedback_all(f);
    int64_t first_us, last_us, ret = INT64_MIN;

    tdl_feedback_span(f, &first_us, &last_us);
    if (!o->now_us || last_us <= o->now_us)
        return last_us;
    for (size_t i = 0; i < all->offsets[all->users_n]; i++)
        if (all->time_us[i] <= o->now_us && all->time_us[i] > ret)
            ret = all->time_us[i];
    return ret > INT64_MIN ? ret : last_us;
}

tdl_status tdl_offline_windows(const tdl_feedback *f, const tdl_offline_options *o, tdl_cut *ret,
                               size_t *ret_n, tdl_report *why)
{
    int64_t first_us, last_us;

    tdl_feedback_span(f, &first_us, &last_us);
    last_us = last_event(f, o);
    int64_t horizon_us = choose_horizon(o, first_us, last_us);
    if (o->cuts_n > TDL_CUTS_MAX + 1)
        return TDL_FAIL(why, TDL_E_USAGE, "at most %d cuts", TDL_CUTS_MAX + 1);
    for (size_t k = 0; k < o->cuts_n; k++) {
        int64_t end_us = o->cut_us[k] + horizon_us;
        if (k && o->cut_us[k] <= o->cut_us[k - 1])
            return TDL_FAIL(why, TDL_E_USAGE, "cuts must rise: number %zu does not", k + 1);
        if (o->cut_us[k] <= first_us || o->cut_us[k] > last_us)
            return TDL_FAIL_HINT(why, TDL_E_USAGE, "leave --cut out to have some chosen",
                                 "cut %zu lies outside of the log", k + 1);
        ret[k + (o->cuts_n == 1)] = (tdl_cut){
            .cut_us = o->cut_us[k], .end_us = k + 1 < o->cuts_n ? o->cut_us[k + 1] : end_us};
    }
    *ret_n = o->cuts_n + (o->cuts_n == 1);
    if (o->cuts_n == 1)
        ret[0] = (tdl_cut){.cut_us = o->cut_us[0] - horizon_us, .end_us = o->cut_us[0]};
    if (!o->cuts_n) {
        *ret_n = 3;
        for (int k = 0; k < 3; k++)
            ret[k] = (tdl_cut){.cut_us = last_us + 1 - (3 - k) * horizon_us,
                               .end_us = last_us + 1 - (2 - k) * horizon_us};
    }
    return TDL_OK;
}

/* The least of what serves. */
static void keep_least(const tdl_rung_contest *c, double *ndcg10)
{
    for (size_t k = 0; k < c->cuts_n && c->entries_n; k++)
        if (c->heat[k].split.questions_n)
            *ndcg10 = fmin(*ndcg10, c->entry[c->serves].figures[k].ndcg[TDL_K10].mean);
}

static tdl_status run_cuts(tdl_feedback *f, const tdl_offline_options *o, tdl_jw *w, double *ndcg10,
                           tdl_report *why)
{
    tdl_rung_contest_options run = o->run;
    tdl_cut window[TDL_CUTS_MAX + 1];
    size_t windows_n;
    tdl_weighing_choice weighing;
    tdl_status st = tdl_offline_windows(f, o, window, &windows_n, why);

    if (st || (st = tdl_weighing_choose(f, tdl_target_of(f, run.target[TDL_RECOMMEND_DISCOVERY]),
                                        window[0], run.pool, &weighing, why)))
        return st;
    run.weighing = weighing.chosen;
    run.shelf = tdl_fit_shelf_new(); // without memory for it: each task fits its own
    for (size_t t = 0; !st && t < TDL_RECOMMEND_TASKS_N; t++) {
        tdl_rung_contest c;
        if (o->tasks && !(o->tasks & 1U << t))
            continue;
        if ((st =
                 tdl_rung_contest_cuts(f, (tdl_recommend_task)t, window, windows_n, &run, &c, why)))
            break;
        st = tdl_offline_write_contest(w, f, &c, o->run.seed, why);
        keep_least(&c, ndcg10);
        tdl_rung_contest_release(&c);
    }
    tdl_fit_shelf_free(run.shelf);
    return st;
}

/* ---- the whole ---- */

typedef tdl_status contest_fn(const tdl_feedback *feedback, const tdl_rung_contest_options *options,
                              tdl_rung_contest *ret, tdl_report *why);

static tdl_status run_contest(const tdl_feedback *f, const tdl_offline_options *o,
                              contest_fn *contest, tdl_jw *w, double *ndcg10, tdl_report *why)
{
    tdl_rung_contest c;
    tdl_status st = contest(f, &o->run, &c, why);

    if (st)
        return st;
    st = tdl_offline_write_contest(w, f, &c, o->run.seed, why);
    keep_least(&c, ndcg10);
    tdl_rung_contest_release(&c);
    return st;
}

static tdl_status run_cold_items(const tdl_feedback *f, const tdl_offline_options *o, tdl_jw *w,
                                 tdl_report *why)
{
    tdl_cold_items cold;
    tdl_status st;

    if (!o->run.content)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "name a table of items: --catalogue ITEMS.csv",
                             "cold-items needs to know what items say of themselves");
    if (!(st = tdl_cold_items_run(f, o->run.content, &o->run, &cold, why)))
        tdl_cold_items_write(w, &cold);
    return st;
}

static tdl_status run_protocol(tdl_feedback *f, const tdl_offline_options *o, tdl_jw *w,
                               double *ndcg10, tdl_report *why)
{
    switch (o->protocol) {
    case TDL_PROTOCOL_LITERATURE:
        return run_contest(f, o, tdl_rung_contest_literature, w, ndcg10, why);
    case TDL_PROTOCOL_STRONG:
        return run_contest(f, o, tdl_rung_contest_strong, w, ndcg10, why);
    case TDL_PROTOCOL_COLD_ITEMS:
        return run_cold_items(f, o, w, why);
    case TDL_PROTOCOL_PREQUENTIAL:
        return tdl_offline_prequential(f, &o->run, w, ndcg10, why);
    case TDL_PROTOCOL_NEXT_EVENT:
        return tdl_offline_next_event(f, o, w, why);
    default:
        return run_cuts(f, o, w, ndcg10, why);
    }
}

static int64_t peak_bytes(void)
{
    struct rusage usage;

    return getrusage(RUSAGE_SELF, &usage) ? 0 : (int64_t)usage.ru_maxrss * 1024;
}

tdl_status tdl_offline_run(tdl_feedback *f, const tdl_offline_options *o, tdl_buf *out,
                           double *ret_ndcg10, tdl_report *why)
{
    tdl_jw w = {.out = out};
    double ndcg10 = INFINITY;
    bool by_time = o->protocol != TDL_PROTOCOL_LITERATURE && o->protocol != TDL_PROTOCOL_STRONG &&
                   o->protocol != TDL_PROTOCOL_COLD_ITEMS;

    if (by_time && !o->timed)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "use --protocol literature-loo or strong",
                             "%s needs times, and this log has none",
                             tdl_protocol_name[o->protocol]);
    tdl_jw_object(&w);
    if (o->protocol == TDL_PROTOCOL_LITERATURE)
        tdl_jw_ktext(&w, "warning", "for comparison with papers only; leaks the future");
    tdl_jw_ktext(&w, "app", "recommend");
    tdl_jw_ktext(&w, "protocol", tdl_protocol_name[o->protocol]);
    tdl_jw_ktext(&w, "ranking", "all candidates, ties by expectation");
    tdl_jw_kint(&w, "seed", (int64_t)o->run.seed);
    tdl_jw_key(&w, "log");
    tdl_jw_object(&w);
    tdl_offline_write_log(&w, f, o);
    tdl_jw_end_object(&w);
    tdl_jw_key(&w, "tasks");
    tdl_jw_array(&w);
    tdl_status st = run_protocol(f, o, &w, &ndcg10, why);
    tdl_jw_end_array(&w);
    tdl_jw_kint(&w, "peak_bytes", peak_bytes());
    tdl_jw_end_object(&w);
    if (!st && out->failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the report");
    *ret_ndcg10 = isinf(ndcg10) ? NAN : ndcg10;
    return st;
}
