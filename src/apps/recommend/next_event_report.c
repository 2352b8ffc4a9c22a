/* Who serves by the protocol "next-event", and its figures: see next_event.h. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/decay.h"
#include "apps/recommend/next_event.h"
#include "apps/recommend/write_figure.h"
#include "base/sorted.h"
#include "stats/resample.h"

enum {
    RESAMPLES = 1000,
    STREAM_NEXT_EVENT = 14 /* of the seeded generator; figures.c has 11 to 13 */
};

static const char *const model_name[TDL_NEXT_MODELS] = {"order-0", "order-1",   "order-2",
                                                        "counts",  "behaviour", "blend"};

/* ---- figures ---- */

/* Of sum(value) / sum(tokens), sessions drawn whole. */
static tdl_status ratio_interval(const tdl_next_tests *t, const double *value, uint64_t seed,
                                 tdl_interval *ret, tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(seed, STREAM_NEXT_EVENT);
    tdl_resample r = {0};
    double drawn[RESAMPLES];
    tdl_status st = tdl_resample_init(&r, t->n, NULL, NULL, why);

    for (size_t draw = 0; !st && draw <= RESAMPLES;
         draw++) { // the first is the sessions themselves
        double sum = 0, tokens = 0;
        if (draw)
            tdl_resample_draw(&r, &rng);
        for (size_t i = 0; i < t->n; i++) {
            double weight = draw ? r.weight[i] : 1;
            sum += weight * value[i];
            tokens += weight * t->tokens[i];
        }
        if (draw)
            drawn[draw - 1] = sum / tokens;
        else
            ret->mean = sum / tokens;
    }
    if (!st) {
        tdl_sort_numbers(drawn, RESAMPLES);
        ret->low = tdl_quantile(drawn, RESAMPLES, .025);
        ret->high = tdl_quantile(drawn, RESAMPLES, .975);
    }
    tdl_resample_release(&r);
    return st;
}

static double mean_hits(const tdl_next_tests *t, size_t model, size_t k)
{
    double sum = 0, tokens = 0;

    for (size_t i = 0; i < t->n; i++) {
        sum += t->worth[model][i].hits[k];
        tokens += t->tokens[i];
    }
    return tokens > 0 ? sum / tokens : 0;
}

/* Losses of a model, less those of another unless it is TDL_NEXT_MODELS. */
static void losses(const tdl_next_tests *t, size_t model, size_t less, double *ret)
{
    for (size_t i = 0; i < t->n; i++)
        ret[i] = t->worth[model][i].loss - (less < TDL_NEXT_MODELS ? t->worth[less][i].loss : 0);
}

/* ---- the report ---- */

static const char *verdict_of(const tdl_interval *difference, bool enough)
{
    if (!enough)
        return "too_few_people";
    return difference->high < 0 ? "better" : difference->low > 0 ? "worse" : "no_difference";
}

typedef struct row {
    tdl_interval loss, difference;
    size_t against;
    const char *verdict;
} row;

/* In order of complexity: a model takes the place of the one that serves if it is shown to lose
 * less. */
static tdl_status judge(const tdl_next_tests *t, bool enough, uint64_t seed,
                        row ret[TDL_NEXT_MODELS], size_t *ret_serves, tdl_report *why)
{
    double *value = calloc(t->n + 1, sizeof *value);
    tdl_status st = value ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to compare");
    size_t serves = 0;

    for (size_t m = 0; !st && m < t->models_n; m++) {
        ret[m] = (row){.against = serves, .verdict = "floor"};
        losses(t, m, TDL_NEXT_MODELS, value);
        if ((st = ratio_interval(t, value, seed, &ret[m].loss, why)) || !m)
            continue;
        losses(t, m, serves, value);
        if ((st = ratio_interval(t, value, seed, &ret[m].difference, why)))
            break;
        ret[m].verdict = verdict_of(&ret[m].difference, enough);
        serves = strcmp(ret[m].verdict, "better") == 0 ? m : serves;
    }
    free(value);
    *ret_serves = serves;
    return st;
}

static void write_row(const tdl_next_tests *t, size_t m, const row *r, size_t serves, tdl_jw *w)
{
    static const char *const hit_key[TDL_NEXT_KS] = {"hr1", "hr3", "hr10"};

    tdl_jw_object(w);
    tdl_jw_ktext(w, "model", model_name[m]);
    if (m == TDL_NEXT_BLEND)
        tdl_jw_knumber(w, "behaviour_share", t->net_share);
    if (m <= TDL_NEXT_COUNTS)
        tdl_jw_kint(w, "order", (int64_t)tdl_next_form(t, m).order);
    if (m == TDL_NEXT_COUNTS)
        tdl_jw_knumber(w, "prior", tdl_next_form(t, m).prior);
    else if (m < TDL_NEXT_FIXED)
        tdl_jw_ktext(w, "smoothing", "witten-bell");
    tdl_jw_kbool(w, "serves", m == serves);
    tdl_jw_ktext(w, "verdict", r->verdict);
    if (m) {
        tdl_jw_ktext(w, "against", model_name[r->against]);
        tdl_write_interval(w, "difference", &r->difference);
    }
    tdl_jw_knumber(w, "perplexity", exp(r->loss.mean));
    tdl_write_interval(w, "nll", &r->loss);
    for (size_t k = 0; k < TDL_NEXT_KS; k++)
        tdl_jw_knumber(w, hit_key[k], mean_hits(t, m, k));
    tdl_jw_end_object(w);
}

static void write_windows(const tdl_cut *window, size_t n, tdl_jw *w)
{
    tdl_jw_key(w, "windows");
    tdl_jw_array(w);
    for (size_t k = 0; k < n; k++) {
        tdl_jw_object(w);
        tdl_jw_ktext(w, "role", k ? "test" : "tuning");
        tdl_jw_ktime(w, "cut", window[k].cut_us);
        tdl_jw_ktime(w, "end", window[k].end_us);
        tdl_jw_end_object(w);
    }
    tdl_jw_end_array(w);
}

tdl_status tdl_next_event_report(const tdl_next_tests *t, const tdl_cut *window, size_t windows_n,
                                 uint64_t seed, tdl_jw *w, tdl_report *why)
{
    row rows[TDL_NEXT_MODELS] = {{.verdict = "floor"}};
    size_t serves = 0, people_n = tdl_count_people(t->user, t->n), tokens_n = 0;
    bool enough = people_n >= TDL_GATE_PEOPLE_MIN;
    tdl_status st = t->n ? judge(t, enough, seed, rows, &serves, why) : TDL_OK;

    for (size_t i = 0; i < t->n; i++)
        tokens_n += (size_t)t->tokens[i];
    tdl_jw_object(w);
    tdl_jw_ktext(w, "task", "next-event");
    tdl_jw_kint(w, "sessions", (int64_t)t->n);
    tdl_jw_kint(w, "symbols", (int64_t)tokens_n);
    tdl_jw_kint(w, "classes", (int64_t)t->classes_n);
    tdl_jw_kint(w, "people", (int64_t)people_n);
    tdl_jw_kint(w, "people_wanted", TDL_GATE_PEOPLE_MIN);
    tdl_jw_kbool(w, "enough_people", enough);
    tdl_jw_kint(w, "session_gap_s", TDL_SESSION_GAP_US / 1000000);
    tdl_jw_ktext(w, "serves", t->n ? model_name[serves] : NULL);
    write_windows(window, windows_n, w);
    tdl_jw_key(w, "ladder");
    tdl_jw_array(w);
    for (size_t m = 0; !st && t->n && m < t->models_n; m++)
        write_row(t, m, &rows[m], serves, w);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
    return st;
}
