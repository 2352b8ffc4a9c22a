/* What comes next in a session, its end included: perplexity of counts of rising order, of the
 * behaviour model, and of both.
 *
 * A person's events are one session until half an hour passes without any. Sessions that began
 * before a cut are learnt from, as far as they had come; those that begin in its window are asked,
 * symbol by symbol. The first window chooses order, prior and the share of the model. Events of one
 * microsecond stand in order of arrival here, because a session of 20 kinds of event has no sets
 * worth asking for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/decay.h"
#include "apps/recommend/next_event.h"
#include "apps/recommend/session_net.h"

enum {
    CLASSES_MAX = 5000,
    SCRATCH_BYTES = 1 << 20,
    PRIORS = 6,
    SHARES = 10 /* that the net may have of the blend: 0, 1/10, .. 1 */
};

static const size_t ks[TDL_NEXT_KS] = {1, 3, 10};
static const double priors[PRIORS] = {50, 100, 200, 400, 800, 1600};

typedef struct session {
    size_t begin, end; /* events */
    int64_t start_us;
    size_t user;
} session;

typedef struct next_event {
    const tdl_feedback *feedback;
    const tdl_interactions *all;
    session *session; /* in order of people */
    size_t sessions_n;
    /* of the cut under way */
    size_t items_n;
    int32_t *symbol;  /* [events + sessions] room for a fit */
    int64_t *time_us; /* [events + sessions] of them */
    size_t *offsets;  /* [sessions + 1] */
    int32_t *one;     /* [events + 1] the session that is asked */
    tdl_ngram *counts;
    tdl_session_net *net;
    tdl_next_tests tests;
    uint64_t seed;
    tdl_pool *pool;
    tdl_arena *scratch;
    double *p[TDL_NEXT_MODELS]; /* [classes_n] each */
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
    e->tests.tokens = calloc(events_n + 1, sizeof *e->tests.tokens);
    e->tests.user = calloc(events_n + 1, sizeof *e->tests.user);
    e->time_us = calloc(2 * events_n + 1, sizeof *e->time_us);
    e->scores = calloc(classes, sizeof *e->scores);
    e->scratch = tdl_arena_new(SCRATCH_BYTES);
    bool ok = e->session && e->symbol && e->offsets && e->one && e->tests.tokens && e->tests.user &&
              e->time_us && e->scores && e->scratch;
    for (size_t m = 0; m < TDL_NEXT_MODELS; m++) {
        ok = (e->tests.worth[m] = calloc(events_n + 1, sizeof *e->tests.worth[m])) && ok;
        ok = (e->p[m] = calloc(classes, sizeof *e->p[m])) && ok;
    }
    if (!ok)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu events", events_n);
    for (size_t u = 0; u < all->users_n; u++)
        for (size_t i = all->offsets[u]; i < all->offsets[u + 1]; i++) {
            bool first =
                i == all->offsets[u] || all->time_us[i] - all->time_us[i - 1] > TDL_SESSION_GAP_US;
            e->sessions_n += first;
            if (first)
                e->session[e->sessions_n - 1] = (session){i, i, all->time_us[i], u};
            e->session[e->sessions_n - 1].end = i + 1;
        }
    return TDL_OK;
}

static void drop_models(next_event *e)
{
    tdl_ngram_free(e->counts);
    tdl_session_net_free(e->net);
    e->counts = NULL;
    e->net = NULL;
}

static void release(next_event *e)
{
    drop_models(e);
    free(e->session);
    free(e->symbol);
    free(e->offsets);
    free(e->one);
    free(e->tests.tokens);
    free(e->tests.user);
    free(e->time_us);
    free(e->scores);
    tdl_arena_free(e->scratch);
    for (size_t m = 0; m < TDL_NEXT_MODELS; m++) {
        free(e->tests.worth[m]);
        free(e->p[m]);
    }
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
    e->tests.classes_n = e->items_n + 1 + (e->items_n < e->all->items_n);
}

/* What the sessions before a cut are learnt as. Too much for a net: there is none. */
static tdl_status fit(next_event *e, int64_t cut_us, tdl_report *why)
{
    size_t n = 0, rows = 0;
    tdl_status st;

    drop_models(e);
    set_classes(e, cut_us);
    for (size_t s = 0; s < e->sessions_n; s++) {
        const session *one = &e->session[s];
        if (one->start_us >= cut_us)
            continue;
        for (size_t i = one->begin; i < one->end && e->all->time_us[i] < cut_us; i++) {
            e->time_us[n] = e->all->time_us[i];
            e->symbol[n++] = symbol_of(e, i);
        }
        if (e->all->time_us[one->end - 1] < cut_us) {
            e->time_us[n] = e->all->time_us[one->end - 1];
            e->symbol[n++] = (int32_t)e->tests.classes_n - 1;
        }
        e->offsets[++rows] = n;
    }
    if ((st = tdl_ngram_fit(e->symbol, e->offsets, rows, e->tests.classes_n, &e->counts, why)) ||
        e->tests.models_n < TDL_NEXT_MODELS || !rows)
        return st;
    const tdl_sessions sessions = {e->symbol, e->time_us, e->offsets, rows, e->tests.classes_n};
    st = tdl_session_net_fit(&sessions, e->seed, e->pool, &e->net, why);
    if (st == TDL_E_TOO_LARGE) {
        e->tests.models_n = TDL_NEXT_NET;
        st = TDL_OK;
    }
    return st;
}

/* Symbols of a session, its end included. */
static size_t read_session(const next_event *e, const session *s)
{
    size_t n = 0;

    for (size_t i = s->begin; i < s->end; i++)
        e->one[n++] = symbol_of(e, i);
    e->one[n++] = (int32_t)e->tests.classes_n - 1;
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

static void choose_form(next_event *e, tdl_cut window)
{
    double least = INFINITY;

    e->tests.chosen = (tdl_ngram_form){2, priors[2]};
    for (size_t order = 1; order <= TDL_NGRAM_ORDER_MAX; order++)
        for (size_t m = 0; m < PRIORS; m++) {
            tdl_ngram_form form = {order, priors[m]};
            double loss = loss_of_window(e, e->counts, form, window);
            if (loss > 0 && loss < least) {
                least = loss;
                e->tests.chosen = form;
            }
        }
}

/* What every model says after the first i symbols of session s, which stands in `one`. */
static tdl_status after(next_event *e, const session *s, size_t i)
{
    tdl_status st;

    for (size_t m = 0; m <= TDL_NEXT_COUNTS; m++)
        tdl_ngram_after(e->counts, tdl_next_form(&e->tests, m), e->one, i, e->p[m]);
    if (!e->net) { // nothing to learn from yet
        for (size_t m = TDL_NEXT_NET; m < TDL_NEXT_MODELS; m++)
            memcpy(e->p[m], e->p[TDL_NEXT_COUNTS], e->tests.classes_n * sizeof *e->p[m]);
        return TDL_OK;
    }
    if ((st = tdl_session_net_after(e->net, e->one, e->all->time_us + s->begin, i,
                                    e->p[TDL_NEXT_NET])))
        return st;
    for (size_t c = 0; c < e->tests.classes_n; c++)
        e->p[TDL_NEXT_BLEND][c] = e->tests.net_share * e->p[TDL_NEXT_NET][c] +
                                  (1 - e->tests.net_share) * e->p[TDL_NEXT_COUNTS][c];
    return TDL_OK;
}

/* The share that loses least; of equals the smallest. */
static tdl_status choose_share(next_event *e, tdl_cut window, tdl_report *why)
{
    double loss[SHARES + 1] = {0};
    size_t best = 0;

    for (size_t s = 0; e->net && s < e->sessions_n; s++) {
        size_t n = is_in(&e->session[s], window) ? read_session(e, &e->session[s]) : 0;
        for (size_t i = 0; i < n; i++) {
            if (after(e, &e->session[s], i))
                return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu classes",
                                e->tests.classes_n);
            double net = e->p[TDL_NEXT_NET][e->one[i]], counts = e->p[TDL_NEXT_COUNTS][e->one[i]];
            for (size_t k = 0; k <= SHARES; k++)
                loss[k] -= log(((double)k * net + (double)(SHARES - k) * counts) / SHARES);
        }
    }
    for (size_t k = 1; k <= SHARES; k++)
        best = loss[k] < loss[best] ? k : best;
    e->tests.net_share = (double)best / SHARES;
    return TDL_OK;
}

static tdl_status choose(next_event *e, tdl_cut window, tdl_report *why)
{
    tdl_status st = fit(e, window.cut_us, why);

    if (st)
        return st;
    choose_form(e, window);
    return choose_share(e, window, why);
}

/* ---- asking ---- */

static tdl_status ask_session(next_event *e, const session *s)
{
    size_t n = read_session(e, s);
    tdl_tied tied[TDL_NEXT_KS];

    for (size_t i = 0; i < n; i++) {
        if (after(e, s, i))
            return TDL_E_NO_MEMORY;
        for (size_t m = 0; m < e->tests.models_n; m++) {
            tdl_next_worth *w = &e->tests.worth[m][e->tests.n];
            w->loss -= log(e->p[m][e->one[i]]);
            for (size_t c = 0; c < e->tests.classes_n; c++)
                e->scores[c] = (float)e->p[m][c];
            tdl_arena_reset(e->scratch);
            if (tdl_tied_metrics(e->scores, NULL, e->tests.classes_n, &e->one[i], 1, 1, ks,
                                 TDL_NEXT_KS, e->scratch, tied))
                return TDL_E_NO_MEMORY;
            for (size_t k = 0; k < TDL_NEXT_KS; k++)
                w->hits[k] += tied[k].hr;
        }
    }
    e->tests.tokens[e->tests.n] = (double)n;
    e->tests.user[e->tests.n++] = (int32_t)s->user;
    return TDL_OK;
}

static tdl_status test_window(next_event *e, tdl_cut window, tdl_report *why)
{
    tdl_status st = fit(e, window.cut_us, why);

    for (size_t s = 0; !st && s < e->sessions_n; s++)
        if (is_in(&e->session[s], window) && ask_session(e, &e->session[s]))
            st =
                TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to rank %zu classes", e->tests.classes_n);
    return st;
}

tdl_status tdl_offline_next_event(const tdl_feedback *feedback, const tdl_offline_options *o,
                                  tdl_jw *w, tdl_report *why)
{
    next_event e = {.feedback = feedback,
                    .all = tdl_feedback_all(feedback),
                    .tests.models_n = o->run.in_background ? TDL_NEXT_NET : TDL_NEXT_MODELS,
                    .seed = o->run.seed,
                    .pool = o->run.pool};
    tdl_cut window[TDL_CUTS_MAX + 1];
    size_t windows_n = 0;
    tdl_status st;

    if (e.all->items_n > CLASSES_MAX)
        return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "name the column of the kind: --map item=event",
                             "next-event is about kinds of event, at most %d; this log has %zu",
                             CLASSES_MAX, e.all->items_n);
    if ((st = tdl_offline_windows(feedback, o, window, &windows_n, why)) ||
        (st = part_sessions(&e, why)) || (st = choose(&e, window[0], why)))
        goto out;
    for (size_t k = 1; !st && k < windows_n; k++)
        if (o->run.progress && !o->run.progress(o->run.progress_context, "next-event",
                                                (double)k / (double)windows_n, NULL))
            st = TDL_FAIL(why, TDL_E_STOPPED, "stopped on request");
        else
            st = test_window(&e, window[k], why);
    if (!st)
        st = tdl_next_event_report(&e.tests, window, windows_n, o->run.seed, w, why);
out:
    release(&e);
    return st;
}
