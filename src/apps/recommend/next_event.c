/* What comes next in a session, its end included: perplexity of counts of rising order.
 *
 * A person's events are one session until half an hour passes without any. Sessions that began
 * before a cut are learnt from, as far as they had come; those that begin in its window are asked,
 * symbol by symbol. The first window chooses order and prior. Events of one microsecond stand in
 * order of arrival here, because a session of 20 kinds of event has no sets worth asking for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/decay.h"
#include "apps/recommend/ngram.h"
#include "apps/recommend/offline.h"
#include "apps/recommend/write_figure.h"
#include "base/sorted.h"
#include "stats/resample.h"

enum {
    KS = 3,
    RESAMPLES = 1000,
    CLASSES_MAX = 5000,
    SCRATCH_BYTES = 1 << 20,
    STREAM_NEXT_EVENT = 14, /* of the seeded generator; figures.c has 11 to 13 */
    PRIORS = 6,
    FIXED = 3, /* Witten-Bell of order 0, 1, 2 */
    MODELS = FIXED + 1
};

static const int64_t GAP_US = INT64_C(1800000000);
static const size_t ks[KS] = {1, 3, 10};
static const double priors[PRIORS] = {50, 100, 200, 400, 800, 1600};
static const char *const model_name[MODELS] = {"order-0", "order-1", "order-2", "counts"};

typedef struct session {
    size_t begin, end; /* events */
    int64_t start_us;
    size_t user;
} session;

/* What a model was worth in one session. */
typedef struct worth {
    double loss; /* -sum ln p */
    double hits[KS];
} worth;

typedef struct next_event {
    const tdl_feedback *feedback;
    const tdl_interactions *all;
    session *session; /* in order of people */
    size_t sessions_n;
    /* of the cut under way */
    size_t items_n, classes_n;
    int32_t *symbol; /* [events + sessions] room for a fit */
    size_t *offsets; /* [sessions + 1] */
    int32_t *one;    /* [events + 1] the session that is asked */
    /* of all tested sessions, [tested_n] */
    worth *worth[MODELS];
    double *tokens;
    int32_t *user;
    size_t tested_n;
    tdl_ngram_form chosen;
    tdl_arena *scratch;
    double *p; /* [classes_n] */
    float *scores;
} next_event;

/* ---- sessions ---- */

static tdl_status part_sessions(next_event *e, tdl_report *why)
{
    const tdl_interactions *all = e->all;
    size_t events_n = all->offsets[all->users_n], classes = all->items_n + 2;

    e->session = calloc(events_n + 1, sizeof *e->session);
    e->symbol = calloc(2 * events_n + 1, sizeof *e->symbol);
    e->offsets = calloc(events_n + 2, sizeof *e->offsets);
    e->one = calloc(events_n + 1, sizeof *e->one);
    e->tokens = calloc(events_n + 1, sizeof *e->tokens);
    e->user = calloc(events_n + 1, sizeof *e->user);
    e->p = calloc(classes, sizeof *e->p);
    e->scores = calloc(classes, sizeof *e->scores);
    e->scratch = tdl_arena_new(SCRATCH_BYTES);
    bool ok = e->session && e->symbol && e->offsets && e->one && e->tokens && e->user && e->p &&
              e->scores && e->scratch;
    for (size_t m = 0; m < MODELS; m++)
        ok = (e->worth[m] = calloc(events_n + 1, sizeof *e->worth[m])) && ok;
    if (!ok)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu events", events_n);
    for (size_t u = 0; u < all->users_n; u++)
        for (size_t i = all->offsets[u]; i < all->offsets[u + 1]; i++) {
            bool first = i == all->offsets[u] || all->time_us[i] - all->time_us[i - 1] > GAP_US;
            e->sessions_n += first;
            if (first)
                e->session[e->sessions_n - 1] = (session){i, i, all->time_us[i], u};
            e->session[e->sessions_n - 1].end = i + 1;
        }
    return TDL_OK;
}

static void release(next_event *e)
{
    free(e->session);
    free(e->symbol);
    free(e->offsets);
    free(e->one);
    free(e->tokens);
    free(e->user);
    free(e->p);
    free(e->scores);
    tdl_arena_free(e->scratch);
    for (size_t m = 0; m < MODELS; m++)
        free(e->worth[m]);
}

/* What came later than the cut is one class, "something new"; the last class is the end. */
static int32_t symbol_of(const next_event *e, size_t event)
{
    size_t item = (size_t)e->all->item[event];

    return (int32_t)(item < e->items_n ? item : e->items_n);
}

static void set_classes(next_event *e, int64_t cut_us)
{
    e->items_n = tdl_feedback_items_before(e->feedback, cut_us);
    e->classes_n = e->items_n + 1 + (e->items_n < e->all->items_n);
}

static tdl_status fit(next_event *e, int64_t cut_us, tdl_ngram **ret, tdl_report *why)
{
    size_t n = 0, rows = 0;

    set_classes(e, cut_us);
    for (size_t s = 0; s < e->sessions_n; s++) {
        const session *one = &e->session[s];
        if (one->start_us >= cut_us)
            continue;
        for (size_t i = one->begin; i < one->end && e->all->time_us[i] < cut_us; i++)
            e->symbol[n++] = symbol_of(e, i);
        if (e->all->time_us[one->end - 1] < cut_us)
            e->symbol[n++] = (int32_t)e->classes_n - 1;
        e->offsets[++rows] = n;
    }
    return tdl_ngram_fit(e->symbol, e->offsets, rows, e->classes_n, ret, why);
}

/* Symbols of a session, its end included. */
static size_t read_session(const next_event *e, const session *s)
{
    size_t n = 0;

    for (size_t i = s->begin; i < s->end; i++)
        e->one[n++] = symbol_of(e, i);
    e->one[n++] = (int32_t)e->classes_n - 1;
    return n;
}

static bool is_in(const session *s, tdl_cut window)
{
    return s->start_us >= window.cut_us && s->start_us < window.end_us;
}

/* ---- choosing ---- */

static double loss_of_window(const next_event *e, const tdl_ngram *model, tdl_ngram_form form,
                             tdl_cut window)
{
    double loss = 0;

    for (size_t s = 0; s < e->sessions_n; s++) {
        if (!is_in(&e->session[s], window))
            continue;
        size_t n = read_session(e, &e->session[s]);
        for (size_t i = 0; i < n; i++)
            loss -= log(tdl_ngram_of(model, form, e->one, i, e->one[i]));
    }
    return loss;
}

static tdl_status choose_form(next_event *e, tdl_cut window, tdl_report *why)
{
    tdl_ngram *model = NULL;
    double least = INFINITY;
    tdl_status st = fit(e, window.cut_us, &model, why);

    e->chosen = (tdl_ngram_form){2, priors[2]};
    for (size_t order = 1; !st && order <= TDL_NGRAM_ORDER_MAX; order++)
        for (size_t m = 0; m < PRIORS; m++) {
            tdl_ngram_form form = {order, priors[m]};
            double loss = loss_of_window(e, model, form, window);
            if (loss > 0 && loss < least) {
                least = loss;
                e->chosen = form;
            }
        }
    tdl_ngram_free(model);
    return st;
}

/* ---- asking ---- */

static tdl_ngram_form form_of(const next_event *e, size_t model)
{
    return model < FIXED ? (tdl_ngram_form){model, 0} : e->chosen;
}

static tdl_status ask_session(next_event *e, const tdl_ngram *model, const session *s)
{
    size_t n = read_session(e, s);
    tdl_tied tied[KS];

    for (size_t m = 0; m < MODELS; m++) {
        worth *w = &e->worth[m][e->tested_n];
        for (size_t i = 0; i < n; i++) {
            tdl_ngram_after(model, form_of(e, m), e->one, i, e->p);
            w->loss -= log(e->p[e->one[i]]);
            for (size_t c = 0; c < e->classes_n; c++)
                e->scores[c] = (float)e->p[c];
            tdl_arena_reset(e->scratch);
            if (tdl_tied_metrics(e->scores, NULL, e->classes_n, &e->one[i], 1, 1, ks, KS,
                                 e->scratch, tied))
                return TDL_E_NO_MEMORY;
            for (size_t k = 0; k < KS; k++)
                w->hits[k] += tied[k].hr;
        }
    }
    e->tokens[e->tested_n] = (double)n;
    e->user[e->tested_n++] = (int32_t)s->user;
    return TDL_OK;
}

static tdl_status test_window(next_event *e, tdl_cut window, tdl_report *why)
{
    tdl_ngram *model = NULL;
    tdl_status st = fit(e, window.cut_us, &model, why);

    for (size_t s = 0; !st && s < e->sessions_n; s++)
        if (is_in(&e->session[s], window) && ask_session(e, model, &e->session[s]))
            st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to rank %zu classes", e->classes_n);
    tdl_ngram_free(model);
    return st;
}

/* ---- figures ---- */

/* Of sum(value) / sum(tokens), sessions drawn whole. */
static tdl_status ratio_interval(const next_event *e, const double *value, uint64_t seed,
                                 tdl_interval *ret, tdl_report *why)
{
    tdl_rng rng = tdl_rng_make(seed, STREAM_NEXT_EVENT);
    tdl_resample r = {0};
    double drawn[RESAMPLES];
    tdl_status st = tdl_resample_init(&r, e->tested_n, NULL, NULL, why);

    for (size_t draw = 0; !st && draw <= RESAMPLES;
         draw++) { // the first is the sessions themselves
        double sum = 0, tokens = 0;
        if (draw)
            tdl_resample_draw(&r, &rng);
        for (size_t i = 0; i < e->tested_n; i++) {
            double weight = draw ? r.weight[i] : 1;
            sum += weight * value[i];
            tokens += weight * e->tokens[i];
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

static double mean_hits(const next_event *e, size_t model, size_t k)
{
    double sum = 0, tokens = 0;

    for (size_t i = 0; i < e->tested_n; i++) {
        sum += e->worth[model][i].hits[k];
        tokens += e->tokens[i];
    }
    return tokens > 0 ? sum / tokens : 0;
}

/* Losses of a model, less those of another unless it is MODELS. */
static void losses(const next_event *e, size_t model, size_t less, double *ret)
{
    for (size_t i = 0; i < e->tested_n; i++)
        ret[i] = e->worth[model][i].loss - (less < MODELS ? e->worth[less][i].loss : 0);
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
static tdl_status judge(const next_event *e, bool enough, uint64_t seed, row ret[MODELS],
                        size_t *ret_serves, tdl_report *why)
{
    double *value = calloc(e->tested_n + 1, sizeof *value);
    tdl_status st = value ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to compare");
    size_t serves = 0;

    for (size_t m = 0; !st && m < MODELS; m++) {
        ret[m] = (row){.against = serves, .verdict = "floor"};
        losses(e, m, MODELS, value);
        if ((st = ratio_interval(e, value, seed, &ret[m].loss, why)) || !m)
            continue;
        losses(e, m, serves, value);
        if ((st = ratio_interval(e, value, seed, &ret[m].difference, why)))
            break;
        ret[m].verdict = verdict_of(&ret[m].difference, enough);
        serves = strcmp(ret[m].verdict, "better") == 0 ? m : serves;
    }
    free(value);
    *ret_serves = serves;
    return st;
}

static void write_row(const next_event *e, size_t m, const row *r, size_t serves, tdl_jw *w)
{
    static const char *const hit_key[KS] = {"hr1", "hr3", "hr10"};

    tdl_jw_object(w);
    tdl_jw_ktext(w, "model", model_name[m]);
    tdl_jw_kint(w, "order", (int64_t)form_of(e, m).order);
    if (form_of(e, m).prior > 0)
        tdl_jw_knumber(w, "prior", form_of(e, m).prior);
    else
        tdl_jw_ktext(w, "smoothing", "witten-bell");
    tdl_jw_kbool(w, "serves", m == serves);
    tdl_jw_ktext(w, "verdict", r->verdict);
    if (m) {
        tdl_jw_ktext(w, "against", model_name[r->against]);
        tdl_write_interval(w, "difference", &r->difference);
    }
    tdl_jw_knumber(w, "perplexity", exp(r->loss.mean));
    tdl_write_interval(w, "nll", &r->loss);
    for (size_t k = 0; k < KS; k++)
        tdl_jw_knumber(w, hit_key[k], mean_hits(e, m, k));
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

static tdl_status write_report(next_event *e, const tdl_cut *window, size_t windows_n,
                               uint64_t seed, tdl_jw *w, tdl_report *why)
{
    row rows[MODELS] = {{.verdict = "floor"}};
    size_t serves = 0, people_n = tdl_count_people(e->user, e->tested_n), tokens_n = 0;
    bool enough = people_n >= TDL_GATE_PEOPLE_MIN;
    tdl_status st = e->tested_n ? judge(e, enough, seed, rows, &serves, why) : TDL_OK;

    for (size_t i = 0; i < e->tested_n; i++)
        tokens_n += (size_t)e->tokens[i];
    tdl_jw_object(w);
    tdl_jw_ktext(w, "task", "next-event");
    tdl_jw_kint(w, "sessions", (int64_t)e->tested_n);
    tdl_jw_kint(w, "symbols", (int64_t)tokens_n);
    tdl_jw_kint(w, "classes", (int64_t)e->classes_n);
    tdl_jw_kint(w, "people", (int64_t)people_n);
    tdl_jw_kint(w, "people_wanted", TDL_GATE_PEOPLE_MIN);
    tdl_jw_kbool(w, "enough_people", enough);
    tdl_jw_kint(w, "session_gap_s", GAP_US / 1000000);
    tdl_jw_ktext(w, "serves", e->tested_n ? model_name[serves] : NULL);
    write_windows(window, windows_n, w);
    tdl_jw_key(w, "ladder");
    tdl_jw_array(w);
    for (size_t m = 0; !st && e->tested_n && m < MODELS; m++)
        write_row(e, m, &rows[m], serves, w);
    tdl_jw_end_array(w);
    tdl_jw_end_object(w);
    return st;
}

tdl_status tdl_offline_next_event(const tdl_feedback *feedback, const tdl_offline_options *o,
                                  tdl_jw *w, tdl_report *why)
{
    next_event e = {.feedback = feedback, .all = tdl_feedback_all(feedback)};
    tdl_cut window[TDL_CUTS_MAX + 1];
    size_t windows_n = 0;
    tdl_status st;

    if (e.all->items_n > CLASSES_MAX)
        return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "name the column of the kind: --map item=event",
                             "next-event is about kinds of event, at most %d; this log has %zu",
                             CLASSES_MAX, e.all->items_n);
    if ((st = tdl_offline_windows(feedback, o, window, &windows_n, why)) ||
        (st = part_sessions(&e, why)) || (st = choose_form(&e, window[0], why)))
        goto out;
    for (size_t k = 1; !st && k < windows_n; k++)
        if (o->run.progress && !o->run.progress(o->run.progress_context, "next-event",
                                                (double)k / (double)windows_n, NULL))
            st = TDL_FAIL(why, TDL_E_STOPPED, "stopped on request");
        else
            st = test_window(&e, window[k], why);
    if (!st)
        st = write_report(&e, window, windows_n, o->run.seed, w, why);
out:
    release(&e);
    return st;
}
