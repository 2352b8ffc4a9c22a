/* Rung "behaviour": behaviour.h as a row of the ladder.
 *
 * Scores are the chances to be next. What serves keeps states of people between questions, so that
 * an event costs one token; what is only measured does not.
 */
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/behaviour_net.h"
#include "apps/recommend/cosine.h"
#include "apps/recommend/sparse.h"

enum { PASSES_MAX = 48, STATES_BYTES = 64 << 20 };
enum { LACKING_PLACES = 1024, LACKING_BYTES = 16 << 10 /* 48 of 64 numbers, and the whole */ };

static void behaviour_free(void *model)
{
    tdl_behaviour_free(model);
}

static tdl_status behaviour_fit(const tdl_fit_data *data, tdl_fit_options *options,
                                void **ret_model, tdl_report *why)
{
    tdl_behaviour *m = NULL;
    tdl_status st = tdl_behaviour_fit(data, options, &m, why);

    if (!st)
        *ret_model = m;
    return st;
}

static tdl_status behaviour_score(const void *model, const tdl_history *history, tdl_arena *scratch,
                                  float *scores)
{
    const tdl_behaviour *m = model;
    float *vector = tdl_arena_alloc(scratch, m->params.d, sizeof *vector);
    bool silent = true;
    tdl_status st;

    memset(scores, 0, m->items_n * sizeof *scores);
    if (!vector)
        return TDL_E_NO_MEMORY;
    if ((st = tdl_behaviour_vector(m, history, vector)))
        return st;
    for (size_t k = 0; k < m->params.d; k++)
        silent = silent && vector[k] == 0;
    if (!silent)
        tdl_behaviour_scores(m, vector, scores);
    return TDL_OK;
}

/* ---- explaining: what a score loses without one event ---- */

/* Windows of a history that lack one token each. */
typedef struct lacking {
    tdl_behaviour_tokens whole;
    size_t offsets[TDL_BEHAVIOUR_PASSES + 1], last[TDL_BEHAVIOUR_PASSES];
    int32_t *item, *gap, *position, *kind; /* [PASSES * window] */
} lacking;

static bool make_lacking(const tdl_behaviour *m, tdl_arena *scratch, lacking *l)
{
    size_t window = m->params.window, n = (TDL_BEHAVIOUR_PASSES + 1) * window;
    int32_t *room = tdl_arena_alloc(scratch, 4 * n, sizeof *room);
    size_t *at = tdl_arena_alloc(scratch, window, sizeof *at);

    if (!room || !at)
        return false;
    l->whole = (tdl_behaviour_tokens){
        .item = room, .gap = room + window, .position = room + 2 * window, .at = at, .cap = window};
    room += 4 * window;
    n -= window;
    l->item = room;
    l->gap = room + n;
    l->position = room + 2 * n;
    l->kind = room + 3 * n;
    memset(l->kind, 0, n * sizeof *l->kind);
    return true;
}

/* Row r: all tokens but `without`; one that is not there leaves none out. */
static void add_lacking(lacking *l, size_t r, size_t without)
{
    const tdl_behaviour_tokens *w = &l->whole;
    size_t at = l->offsets[r], begin = at;

    l->last[r] = 0;
    for (size_t i = 0; i < w->n; i++) {
        if (i == without)
            continue;
        l->item[at] = w->item[i];
        l->gap[at] = w->gap[i];
        l->position[at] = w->position[i];
        if (at > begin && l->position[at] != l->position[at - 1])
            l->last[r] = at - begin;
        at++;
    }
    l->offsets[r + 1] = at;
}

/* Vectors of the whole window and of those without each of the newest tokens: ret [1 + n][d], the
 * whole window's first. */
static tdl_status vectors_without(const tdl_behaviour *m, lacking *l, size_t n, float *ret,
                                  tdl_report *why)
{
    size_t d = m->params.d, first = l->whole.n - n;
    const tdl_run run = {0};
    tdl_nn_reader reader = {0};
    tdl_status st = tdl_nn_serving_acquire(m->serving, &reader, why);

    for (size_t at = 0, rows; !st && at < n + 1; at += rows) {
        rows = n + 1 - at < TDL_BEHAVIOUR_PASSES ? n + 1 - at : TDL_BEHAVIOUR_PASSES;
        for (size_t r = 0; r < rows; r++)
            add_lacking(l, r, at + r ? first + at + r - 1 : l->whole.n);
        const tdl_nn_batch batch = {.rows = rows,
                                    .offsets = l->offsets,
                                    .id = {l->item, l->gap, l->kind},
                                    .position = l->position};
        st = tdl_net_forward(reader.net, &batch, &run, why);
        for (size_t r = 0; !st && r < rows; r++)
            tdl_behaviour_read_out(tdl_net_value(reader.net, m->hidden) + l->offsets[r] * d, d,
                                   l->last[r], l->offsets[r + 1] - l->offsets[r],
                                   ret + (at + r) * d);
    }
    tdl_nn_reader_release(&reader);
    return st;
}

/* The same, from the last time if they were kept. */
static tdl_status find_without(const tdl_behaviour *m, const tdl_history *history, lacking *l,
                               size_t n, tdl_arena *scratch, float *ret)
{
    static const tdl_history none;
    size_t bytes = (n + 1) * m->params.d * sizeof *ret;
    tdl_report why = {0};
    tdl_digest key;

    if (!m->lacking || !tdl_kept_key(NULL, 0, history, &none, scratch, &key))
        return vectors_without(m, l, n, ret, &why);
    if (tdl_kept_find(m->lacking, &key, ret, bytes))
        return TDL_OK;
    tdl_status st = vectors_without(m, l, n, ret, &why);
    if (!st)
        tdl_kept_put(m->lacking, &key, ret, bytes);
    return st;
}

static double inner(const float *x, const float *y, size_t d)
{
    double sum = 0;

    for (size_t k = 0; k < d; k++)
        sum += (double)x[k] * (double)y[k];
    return sum;
}

static size_t explain_one(const tdl_behaviour *m, const lacking *l, size_t n, const float *vector,
                          int32_t item, tdl_term *terms, tdl_reason *ret, size_t max)
{
    size_t d = m->params.d, found = 0, kept;
    const float *row = tdl_behaviour_items(m) + (size_t)item * d;
    double whole = inner(vector, row, d);

    for (size_t i = 0; i < n; i++) {
        double lost = whole - inner(vector + (i + 1) * d, row, d);
        if (lost > 0)
            terms[found++] = (tdl_term){l->whole.at[l->whole.n - n + i], lost};
    }
    kept = tdl_terms_reasons(terms, found, ret, max);
    for (size_t i = 0; i < kept; i++)
        ret[i].exact = false; // the net is no sum of its events
    return kept;
}

static void behaviour_explain(const void *model, const tdl_history *history, const int32_t *items,
                              size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max,
                              size_t *ret_n)
{
    const tdl_behaviour *m = model;
    lacking l = {0};

    memset(ret_n, 0, items_n * sizeof *ret_n);
    if (!make_lacking(m, scratch, &l))
        return;
    tdl_behaviour_window_of(history, m->items_n, &l.whole);
    size_t n = l.whole.n < PASSES_MAX ? l.whole.n : PASSES_MAX;
    float *vector = tdl_arena_alloc(scratch, (n + 1) * m->params.d, sizeof *vector);
    tdl_term *terms = tdl_arena_alloc(scratch, n + 1, sizeof *terms);
    if (!n || !vector || !terms || find_without(m, history, &l, n, scratch, vector))
        return;
    for (size_t i = 0; i < items_n; i++)
        if (items[i] >= 0 && (size_t)items[i] < m->items_n)
            ret_n[i] = explain_one(m, &l, n, vector, items[i], terms, ret + i * max, max);
}

static tdl_status behaviour_similar(const void *model, int32_t item, float *scores)
{
    const tdl_behaviour *m = model;

    tdl_cosine_rows(tdl_behaviour_items(m), m->items_n, m->params.d, (size_t)item, scores);
    return TDL_OK;
}

static size_t behaviour_bytes(const void *model)
{
    return tdl_behaviour_bytes(model);
}

/* ---- files ---- */

static void behaviour_save(const void *model, tdl_st_writer *writer)
{
    tdl_behaviour_save(model, writer);
}

static tdl_status behaviour_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                                 tdl_report *why)
{
    tdl_behaviour *m = NULL;
    tdl_status st = tdl_behaviour_load(file, items_n, &m, why);

    if (st)
        return st;
    m->states = tdl_behaviour_states_new(STATES_BYTES); // without memory for them: none
    m->lacking = tdl_kept_new(LACKING_PLACES, LACKING_BYTES);
    *ret_model = m;
    return TDL_OK;
}

static void behaviour_forget(const void *model)
{
    const tdl_behaviour *m = model;

    tdl_behaviour_states_forget(m->states);
    if (m->lacking)
        tdl_kept_forget(m->lacking);
}

const tdl_rung_ops tdl_rung_behaviour = {
    .name = "behaviour",
    .must_prove = true,
    .slow = true,
    .fit = behaviour_fit,
    .free = behaviour_free,
    .score = behaviour_score,
    .explain = behaviour_explain,
    .similar = behaviour_similar,
    .save = behaviour_save,
    .load = behaviour_load,
    .bytes = behaviour_bytes,
    .forget = behaviour_forget,
    .repeats = true,
};
