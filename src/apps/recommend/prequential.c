/* Prequential evaluation: the log is replayed in order of time, and every event of its last fifth
 * is ranked, among the items that the person did not have, by what was known before its group
 * (Dawid, 1984). Nothing is fitted beforehand and nothing is chosen on the stream. */
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/decay.h"
#include "apps/recommend/live.h"
#include "apps/recommend/offline.h"

enum { PARTS = 5, FIRST_EVENTS = 5, MODELS = 3, SCRATCH_BYTES = 64 << 20 };

/* What is added of an item's share of all events, for people the counts know little of. */
static const double POPULARITY_SHARE = .02, HALF_LIFE_DAYS = 365;

static const char *const model_name[MODELS] = {"popularity", "recent-popularity", "directed"};

/* A group of one person, in the order of the replay. */
typedef struct group {
    int64_t time_us;
    size_t user, begin, end; /* events [begin, end) */
} group;

typedef struct replay {
    const tdl_interactions *all;
    group *groups;
    size_t groups_n;
    tdl_live *live;
    tdl_decay all_time, of_late;
    double events; /* learnt so far */
    tdl_arena *scratch;
    float *scores; /* [MODELS][items_n] */
    bool *had;     /* [items_n] by the person under way */
    /* of the events that are ranked, [ranked_n] */
    tdl_rung_trial trial[MODELS];
    bool *is_first; /* one of the person's first FIRST_EVENTS */
    int32_t *user;
    size_t ranked_n, at;
} replay;

static int by_time_user(const void *left, const void *right)
{
    const group *a = left, *b = right;

    if (a->time_us != b->time_us)
        return a->time_us < b->time_us ? -1 : 1;
    if (a->user != b->user)
        return a->user < b->user ? -1 : 1;
    return a->begin < b->begin ? -1 : a->begin > b->begin;
}

static bool list_groups(replay *r)
{
    const tdl_interactions *all = r->all;
    size_t n = all->offsets[all->users_n];

    r->groups = malloc((n + 1) * sizeof *r->groups);
    if (!r->groups)
        return false;
    for (size_t u = 0; u < all->users_n; u++)
        for (size_t at = all->offsets[u], end; at < all->offsets[u + 1]; at = end) {
            for (end = at + 1; end < all->offsets[u + 1] && all->time_us[end] == all->time_us[at];)
                end++;
            r->groups[r->groups_n++] = (group){all->time_us[at], u, at, end};
        }
    qsort(r->groups, r->groups_n, sizeof *r->groups, by_time_user);
    return true;
}

static tdl_status make_replay(replay *r, tdl_report *why)
{
    static const tdl_directed_params params = {10, .8, .3, 0, 5, 0, 10, .7, .65, 0, 0, .5};
    size_t items_n = r->all->items_n, n = r->all->offsets[r->all->users_n];
    tdl_status st;

    r->ranked_n = n / PARTS + (n % PARTS != 0);
    if ((st = tdl_decay_init(&r->all_time, items_n, 0, why)) ||
        (st = tdl_decay_init(&r->of_late, items_n, HALF_LIFE_DAYS * (double)TDL_DAY_US, why)))
        return st;
    r->live = tdl_live_new(&params, items_n);
    r->scratch = tdl_arena_new(SCRATCH_BYTES);
    r->scores = calloc(MODELS * items_n + 1, sizeof *r->scores);
    r->had = calloc(items_n + 1, sizeof *r->had);
    r->is_first = calloc(r->ranked_n + 1, sizeof *r->is_first);
    r->user = calloc(r->ranked_n + 1, sizeof *r->user);
    bool ok = r->live && r->scratch && r->scores && r->had && r->is_first && r->user;
    for (size_t m = 0; m < MODELS; m++)
        ok = (r->trial[m].value = calloc(r->ranked_n + 1, sizeof *r->trial[m].value)) && ok;
    return ok && list_groups(r)
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to replay %zu events", n);
}

static void release_replay(replay *r)
{
    tdl_live_free(r->live);
    tdl_decay_release(&r->all_time);
    tdl_decay_release(&r->of_late);
    tdl_arena_free(r->scratch);
    free(r->scores);
    free(r->had);
    free(r->is_first);
    free(r->user);
    free(r->groups);
    for (size_t m = 0; m < MODELS; m++)
        tdl_rung_trial_release(&r->trial[m]);
}

static tdl_history before(const replay *r, const group *g)
{
    size_t from = r->all->offsets[g->user];

    return (tdl_history){r->all->item + from, r->all->time_us + from, g->begin - from};
}

static tdl_status score_group(replay *r, const group *g)
{
    size_t items_n = r->all->items_n;
    tdl_history history = before(r, g);
    float *directed = r->scores + 2 * items_n;

    for (size_t i = 0; i < items_n; i++) {
        r->scores[i] = (float)tdl_decay_at(&r->all_time, i, g->time_us);
        r->scores[items_n + i] = (float)tdl_decay_at(&r->of_late, i, g->time_us);
    }
    if (tdl_live_score(r->live, &history, r->scratch, directed, items_n, NULL))
        return TDL_E_NO_MEMORY;
    for (size_t i = 0; r->events > 0 && i < items_n; i++)
        directed[i] += (float)(POPULARITY_SHARE * tdl_decay_at(&r->all_time, i, 0) / r->events);
    return TDL_OK;
}

static tdl_status rank_group(replay *r, const group *g, size_t skip)
{
    size_t from = r->all->offsets[g->user], items_n = r->all->items_n;
    tdl_status st;

    tdl_arena_reset(r->scratch);
    if ((st = score_group(r, g)))
        return st;
    for (size_t i = from; i < g->begin; i++)
        r->had[r->all->item[i]] = true;
    for (size_t i = g->begin + skip; !st && i < g->end && r->at < r->ranked_n; i++, r->at++) {
        r->is_first[r->at] = i - from < FIRST_EVENTS;
        r->user[r->at] = (int32_t)g->user;
        for (size_t m = 0; !st && m < MODELS; m++) // what was had again is a miss of all
            if (!r->had[r->all->item[i]])
                st = tdl_tied_metrics(r->scores + m * items_n, r->had, items_n, &r->all->item[i], 1,
                                      1, tdl_rung_trial_k, TDL_RUNG_TRIAL_KS, r->scratch,
                                      r->trial[m].value[r->at]);
    }
    for (size_t i = from; i < g->begin; i++)
        r->had[r->all->item[i]] = false;
    return st;
}

static tdl_status learn_group(replay *r, const group *g)
{
    tdl_history history = before(r, g);

    for (size_t i = g->begin; i < g->end; i++, r->events++) {
        tdl_decay_add(&r->all_time, (size_t)r->all->item[i], g->time_us, 1);
        tdl_decay_add(&r->of_late, (size_t)r->all->item[i], g->time_us, 1);
    }
    return tdl_live_learn(r->live, &history, r->all->item + g->begin, g->end - g->begin);
}

static tdl_status run_replay(replay *r, const tdl_rung_contest_options *options, tdl_report *why)
{
    size_t n = r->all->offsets[r->all->users_n], known = n - r->ranked_n, done = 0;
    tdl_status st = TDL_OK;

    for (size_t i = 0; !st && i < r->groups_n; i++) {
        const group *g = &r->groups[i];
        size_t size = g->end - g->begin;
        if (i % 256 == 0 && options->progress &&
            !options->progress(options->progress_context, "replay", (double)done / (double)n, NULL))
            return TDL_FAIL(why, TDL_E_STOPPED, "stopped on request");
        if (done + size > known)
            st = rank_group(r, g, done < known ? known - done : 0);
        if (!st)
            st = learn_group(r, g);
        done += size;
    }
    return st ? TDL_FAIL(why, st, "no memory to replay %zu events", n) : TDL_OK;
}

/* ---- the report ---- */

static double mean_first(const replay *r, size_t m)
{
    double sum = 0;
    size_t n = 0;

    for (size_t i = 0; i < r->ranked_n; i++)
        if (r->is_first[i]) {
            sum += r->trial[m].value[i][TDL_K10].ndcg;
            n++;
        }
    return n ? sum / (double)n : 0;
}

static tdl_status write_models(replay *r, uint64_t seed, tdl_jw *w, double *ndcg10, tdl_report *why)
{
    tdl_status st = TDL_OK;

    tdl_jw_key(w, "ladder");
    tdl_jw_array(w);
    for (size_t m = 0; !st && m < MODELS; m++) {
        tdl_figures f;
        if ((st = tdl_figures_of(&r->trial[m], r->ranked_n, seed, &f, why)))
            break;
        tdl_jw_object(w);
        tdl_jw_ktext(w, "model", model_name[m]);
        tdl_jw_knumber(w, "hr10", f.hr[TDL_K10].mean);
        tdl_jw_knumber(w, "hr10_low", f.hr[TDL_K10].low);
        tdl_jw_knumber(w, "hr10_high", f.hr[TDL_K10].high);
        tdl_jw_knumber(w, "ndcg10", f.ndcg[TDL_K10].mean);
        tdl_jw_knumber(w, "ndcg10_low", f.ndcg[TDL_K10].low);
        tdl_jw_knumber(w, "ndcg10_high", f.ndcg[TDL_K10].high);
        tdl_jw_knumber(w, "mrr100", f.mrr[TDL_K100].mean);
        tdl_jw_knumber(w, "first_events_ndcg10", mean_first(r, m));
        tdl_jw_end_object(w);
        *ndcg10 = f.ndcg[TDL_K10].mean;
    }
    tdl_jw_end_array(w);
    return st;
}

tdl_status tdl_offline_prequential(const tdl_feedback *feedback,
                                   const tdl_rung_contest_options *options, tdl_jw *w,
                                   double *ret_ndcg10, tdl_report *why)
{
    replay r = {.all = tdl_feedback_all(feedback)};
    tdl_status st = make_replay(&r, why);

    if (!st)
        st = run_replay(&r, options, why);
    if (!st) {
        tdl_jw_object(w);
        tdl_jw_ktext(w, "task", "stream");
        tdl_jw_kint(w, "ranked_events", (int64_t)r.ranked_n);
        tdl_jw_kint(w, "people", (int64_t)tdl_count_people(r.user, r.ranked_n));
        tdl_jw_kint(w, "live_bytes", (int64_t)tdl_live_bytes(r.live));
        st = write_models(&r, options->seed, w, ret_ndcg10, why);
        tdl_jw_end_object(w);
    }
    release_replay(&r);
    return st;
}
