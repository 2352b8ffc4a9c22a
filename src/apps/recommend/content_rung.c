/* Rung "content" (R4): iALS++ (ials.h) whose items stand between where they were learnt to be and
 * where what they say of themselves puts them (content_map.h):
 *
 *     h_i = n / (n + kappa) learnt_i + kappa / (n + kappa) mapped_i
 *
 * n the events of item i that were learnt from. An item without any stands where its content says;
 * one that says nothing stays where it was learnt. People are folded in among these vectors, so the
 * terms of a score are iALS++'s and add up to it. kappa is the rung's setting.
 *
 * In a file it is what it is afterwards: the vectors of an iALS++ model.
 */
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/contenders.h"
#include "apps/recommend/content_map.h"
#include "apps/recommend/ials.h"
#include "tensor/scratch.h"

const double tdl_content_kappa[TDL_CONTENT_KAPPAS] = {1, 3, 10, 30, 100, 300};
enum { KAPPA_DEFAULT = 2 };

typedef struct content_rung {
    void *placed; /* a model of tdl_rung_ials */
    /* what another kappa is made from; NULL in one that was read from a file */
    float *learnt, *mapped; /* [items_n][d] */
    uint32_t *events;       /* [items_n] */
    size_t items_n, d;
} content_rung;

static void content_free(void *model)
{
    content_rung *m = model;

    if (!m)
        return;
    tdl_rung_ials.free(m->placed);
    free(m->learnt);
    free(m->mapped);
    free(m->events);
    free(m);
}

static tdl_status no_memory(tdl_report *why)
{
    return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the contents of items");
}

/* Item vectors by kappa, in place of those that `like` has. */
static tdl_status place(content_rung *m, const void *like, double kappa, tdl_report *why)
{
    float *vector = tdl_floats_new(m->items_n * m->d + 1);
    void *placed = NULL;

    if (!vector)
        return no_memory(why);
    for (size_t i = 0; i < m->items_n; i++) {
        float share = (float)(kappa / ((double)m->events[i] + kappa));
        for (size_t k = i * m->d; k < (i + 1) * m->d; k++)
            vector[k] = m->learnt[k] + share * (m->mapped[k] - m->learnt[k]);
    }
    tdl_status st = tdl_ials_like(like, vector, NULL, &placed, why);
    free(vector);
    if (st)
        return st;
    tdl_rung_ials.free(m->placed);
    m->placed = placed;
    return TDL_OK;
}

/* Where each item was learnt to be, how often, and where its content puts it. */
static tdl_status learn(content_rung *m, const tdl_fit_data *data, const tdl_fit_options *o,
                        const void *ials, tdl_report *why)
{
    const float *vector = tdl_rung_ials.vectors(ials, &m->d);
    tdl_content_map *map = NULL;
    size_t n = m->items_n;

    m->learnt = tdl_floats_new(n * m->d + 1);
    m->mapped = tdl_floats_new(n * m->d + 1);
    m->events = calloc(n + 1, sizeof *m->events);
    if (!m->learnt || !m->mapped || !m->events)
        return no_memory(why);
    for (size_t u = 0; u < data->all->users_n; u++)
        for (size_t i = data->all->offsets[u]; i < data->end[u]; i++)
            m->events[data->all->item[i]]++;
    if (n) {
        memcpy(m->learnt, vector, n * m->d * sizeof *vector);
        memcpy(m->mapped, vector, n * m->d * sizeof *vector);
    }
    const tdl_content_space space = {o->content, vector, m->events, n, m->d};
    tdl_status st = tdl_content_map_fit(&space, 0, o->pool, &map, why);
    for (size_t i = 0; !st && i < n; i++)
        if (tdl_content_says(&o->content[i]))
            tdl_content_map_apply(map, &o->content[i], m->mapped + i * m->d);
    tdl_content_map_free(map);
    return st;
}

static tdl_status content_rung_fit(const tdl_fit_data *data, tdl_fit_options *options,
                                   void **ret_model, tdl_report *why)
{
    tdl_fit_options of_ials = {.seed = options->seed,
                               .pool = options->pool,
                               .progress = options->progress,
                               .progress_context = options->progress_context};
    const void *ials = options->base;
    content_rung *m = NULL;
    void *mine = NULL;
    tdl_status st = TDL_OK;

    if (!options->content)
        return TDL_FAIL(why, TDL_E_INVALID, "items say nothing of themselves");
    options->ret_setting = options->setting ? options->setting : KAPPA_DEFAULT + 1;
    if (!ials && (st = tdl_rung_ials.fit(data, &of_ials, &mine, why)))
        return st;
    ials = ials ? ials : mine;
    if (!(m = calloc(1, sizeof *m))) {
        st = no_memory(why);
        goto out;
    }
    m->items_n = data->all->items_n;
    if ((st = learn(m, data, options, ials, why)) ||
        (st = place(m, ials, tdl_content_kappa[(options->ret_setting - 1) % TDL_CONTENT_KAPPAS],
                    why)))
        goto out;
    *ret_model = m;
    m = NULL; /* the caller's now */
out:
    content_free(m);
    tdl_rung_ials.free(mine);
    return st;
}

static bool content_retune(void *model, unsigned setting)
{
    content_rung *m = model;

    return m->learnt &&
           !place(m, m->placed, tdl_content_kappa[(setting - 1) % TDL_CONTENT_KAPPAS], NULL);
}

/* ---- the rest is iALS++'s ---- */

static const void *placed_of(const void *model)
{
    return ((const content_rung *)model)->placed;
}

static tdl_status content_score(const void *model, const tdl_history *history, tdl_arena *scratch,
                                float *scores)
{
    return tdl_rung_ials.score(placed_of(model), history, scratch, scores);
}

static void content_explain(const void *model, const tdl_history *history, const int32_t *items,
                            size_t items_n, tdl_arena *scratch, tdl_reason *ret, size_t max,
                            size_t *ret_n)
{
    tdl_rung_ials.explain(placed_of(model), history, items, items_n, scratch, ret, max, ret_n);
}

static tdl_status content_similar(const void *model, int32_t item, float *scores)
{
    return tdl_rung_ials.similar(placed_of(model), item, scores);
}

static void content_save(const void *model, tdl_st_writer *writer)
{
    tdl_rung_ials.save(placed_of(model), writer);
}

static tdl_status content_load(const tdl_st_file *file, size_t items_n, void **ret_model,
                               tdl_report *why)
{
    content_rung *m = calloc(1, sizeof *m);

    if (!m)
        return no_memory(why);
    m->items_n = items_n;
    tdl_status st = tdl_rung_ials.load(file, items_n, &m->placed, why);
    if (st) {
        content_free(m);
        return st;
    }
    *ret_model = m;
    return TDL_OK;
}

static size_t content_bytes(const void *model)
{
    return tdl_rung_ials.bytes(placed_of(model));
}

static const float *content_vectors(const void *model, size_t *ret_d)
{
    return tdl_rung_ials.vectors(placed_of(model), ret_d);
}

static tdl_status content_query(const void *model, const tdl_history *history, tdl_arena *scratch,
                                float *x)
{
    return tdl_rung_ials.query(placed_of(model), history, scratch, x);
}

const tdl_rung_ops tdl_rung_content = {
    .name = "content",
    .must_prove = true,
    .fit = content_rung_fit,
    .free = content_free,
    .score = content_score,
    .explain = content_explain,
    .similar = content_similar,
    .save = content_save,
    .load = content_load,
    .bytes = content_bytes,
    .retune = content_retune,
    .vectors = content_vectors,
    .query = content_query,
};
