#include "apps/recommend/behaviour_return.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/behaviour_net.h"
#include "base/rng.h"

enum {
    GAPS = TDL_BEHAVIOUR_GAPS,
    POSITIONS = 20000, /* gaps that are learnt from, at most */
    EPOCHS = 12,
    BATCH = 64,
    STREAM_ORDER = 15
};

static const double RATE = .02, BETA1 = .9, BETA2 = .999, TINY = 1e-8;
/* Of the weights: the vector says much, of which little is about time; the gap before is counted
 * well enough as it is, and what holds for everybody is not held back. */
static const double DECAY_VECTOR = .1, DECAY_GAP = 1e-3;

static const float LARGEST = 1e6F; /* of a number in a file */

/* One gap: what was known before it, and how long it was. */
typedef struct position {
    int32_t before; /* bucket of the gap before the last group */
    int32_t bucket; /* of this gap, */
    bool censored;  /* or of what of it has passed */
} position;

typedef struct positions {
    float *vector; /* [n][d] */
    position *at;  /* [n] */
    size_t n, cap, d;
} positions;

/* ---- what is learnt from ---- */

/* Every group of one window, whose states are `hidden`. */
static void take_groups(positions *p, const tdl_behaviour_tokens *t, const float *hidden,
                        int64_t passed_us)
{
    for (size_t begin = 0, end; begin < t->n && p->n < p->cap; begin = end, p->n++) {
        for (end = begin + 1; end < t->n && t->position[end] == t->position[begin];)
            end++;
        tdl_behaviour_read_out(hidden, p->d, begin, end, p->vector + p->n * p->d);
        p->at[p->n] = (position){.before = t->gap[begin],
                                 .bucket = end < t->n ? t->gap[end] : tdl_behaviour_gap(passed_us),
                                 .censored = end == t->n};
    }
}

/* Every `step`-th person's window, passed whole. */
static tdl_status take_people(const tdl_behaviour *m, const tdl_fit_data *data, int64_t now_us,
                              size_t step, positions *p, tdl_report *why)
{
    size_t window = m->params.window;
    int32_t *room = calloc(4 * window, sizeof *room);
    tdl_nn_reader reader = {0};
    const tdl_run run = {0};
    tdl_status st = room ? tdl_nn_serving_acquire(m->serving, &reader, why)
                         : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a window");

    for (size_t u = 0; !st && u < data->all->users_n && p->n < p->cap; u += step) {
        tdl_history h = tdl_fit_history(data, u);
        tdl_behaviour_tokens t = {
            .item = room, .gap = room + window, .position = room + 2 * window, .cap = window};
        tdl_behaviour_window_of(&h, m->items_n, &t);
        if (!t.n)
            continue;
        const size_t offsets[] = {0, t.n};
        const tdl_nn_batch batch = {.rows = 1,
                                    .offsets = offsets,
                                    .id = {t.item, t.gap, room + 3 * window},
                                    .position = t.position};
        int64_t last_us = h.time_us[h.n - 1];
        if (!(st = tdl_net_forward(reader.net, &batch, &run, why)))
            take_groups(p, &t, tdl_net_value(reader.net, m->hidden),
                        now_us > last_us ? now_us - last_us : 0);
    }
    tdl_nn_reader_release(&reader);
    free(room);
    return st;
}

/* Mean square root of the vectors' numbers: the head's inputs are of one size. */
static double scale_of(const positions *p)
{
    double sum = 0;

    for (size_t i = 0; i < p->n * p->d; i++)
        sum += (double)p->vector[i] * (double)p->vector[i];
    return sum > 0 ? sqrt(sum / (double)(p->n * p->d)) : 1;
}

/* ---- the head ---- */

static size_t inputs_n(const tdl_behaviour *m)
{
    return m->params.d + GAPS + 1;
}

static void chances(const tdl_behaviour *m, const float *vector, int32_t before, double ret[GAPS])
{
    size_t d = m->params.d, n = inputs_n(m);
    double most = -INFINITY, sum = 0;

    for (size_t b = 0; b < GAPS; b++) {
        const float *w = m->returns + b * n;
        double z = 0;
        for (size_t k = 0; k < d; k++)
            z += (double)w[k] * (double)vector[k];
        ret[b] = z / m->returns_scale + (double)w[d + (size_t)before] + (double)w[n - 1];
        most = ret[b] > most ? ret[b] : most;
    }
    for (size_t b = 0; b < GAPS; b++)
        sum += ret[b] = exp(ret[b] - most);
    for (size_t b = 0; b < GAPS; b++)
        ret[b] /= sum;
}

/* Slopes of the loss by the logits, of one gap: p - its bucket, or p - p given that it is not over.
 */
static void slopes(const tdl_behaviour *m, const positions *p, size_t at, double ret[GAPS])
{
    const position *one = &p->at[at];
    double left = 0;

    chances(m, p->vector + at * p->d, one->before, ret);
    if (!one->censored) {
        ret[one->bucket] -= 1;
        return;
    }
    for (size_t b = (size_t)one->bucket; b < GAPS; b++)
        left += ret[b];
    for (size_t b = (size_t)one->bucket; b < GAPS; b++)
        ret[b] -= left > 0 ? ret[b] / left : 0;
}

static void add_slopes(const tdl_behaviour *m, const positions *p, size_t at, double *gradient)
{
    size_t d = p->d, n = inputs_n(m);
    const float *vector = p->vector + at * d;
    double slope[GAPS];

    slopes(m, p, at, slope);
    for (size_t b = 0; b < GAPS; b++) {
        double *g = gradient + b * n, each = slope[b] / m->returns_scale;
        for (size_t k = 0; k < d; k++)
            g[k] += each * (double)vector[k];
        g[d + (size_t)p->at[at].before] += slope[b];
        g[n - 1] += slope[b];
    }
}

static double decay_of(const tdl_behaviour *m, size_t weight)
{
    size_t column = weight % inputs_n(m), d = m->params.d;

    return column < d ? DECAY_VECTOR : column < d + GAPS ? DECAY_GAP : 0;
}

/* Adam with a rate that falls to 0 (Kingma and Ba, 2015). state [3][size]: gradient and moments */
static void learn(tdl_behaviour *m, const positions *p, uint32_t *order, double *state, size_t size,
                  uint64_t seed)
{
    double *gradient = state, *mean = state + size, *square = state + 2 * size;
    size_t steps = (p->n + BATCH - 1) / BATCH, step = 0;
    tdl_rng rng = tdl_rng_make(seed, STREAM_ORDER);

    for (unsigned epoch = 0; epoch < EPOCHS; epoch++) {
        tdl_rng_shuffle(&rng, order, p->n);
        for (size_t at = 0; at < p->n; at += BATCH) {
            size_t end = at + BATCH < p->n ? at + BATCH : p->n;
            double rate = RATE * (1 - (double)step / (double)(steps * EPOCHS));
            memset(gradient, 0, size * sizeof *gradient);
            for (size_t i = at; i < end; i++)
                add_slopes(m, p, order[i], gradient);
            step++;
            double open1 = 1 - pow(BETA1, (double)step), open2 = 1 - pow(BETA2, (double)step);
            for (size_t k = 0; k < size; k++) {
                double g =
                    gradient[k] / (double)(end - at) + decay_of(m, k) * (double)m->returns[k];
                mean[k] += (1 - BETA1) * (g - mean[k]);
                square[k] += (1 - BETA2) * (g * g - square[k]);
                m->returns[k] -=
                    (float)(rate * (mean[k] / open1) / (sqrt(square[k] / open2) + TINY));
            }
        }
    }
}

static size_t step_of(const tdl_behaviour *m, const tdl_fit_data *data)
{
    size_t gaps = 0;

    for (size_t u = 0; u < data->all->users_n; u++) {
        size_t n = data->end[u] - data->all->offsets[u];
        gaps += n < m->params.window ? n : m->params.window;
    }
    return gaps / POSITIONS + 1;
}

tdl_status tdl_behaviour_return_fit(tdl_behaviour *m, const tdl_fit_data *data,
                                    const tdl_fit_options *options, tdl_report *why)
{
    size_t d = m->params.d, size = GAPS * inputs_n(m);
    positions p = {.d = d, .cap = POSITIONS};
    uint32_t *order = malloc(POSITIONS * sizeof *order);
    double *state = calloc(3 * size, sizeof *state);
    float *returns = calloc(size, sizeof *returns);
    tdl_status st;

    p.vector = malloc(POSITIONS * d * sizeof *p.vector);
    p.at = malloc(POSITIONS * sizeof *p.at);
    if (!order || !state || !returns || !p.vector || !p.at) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to learn when people come back");
        goto out;
    }
    if ((st = take_people(m, data, tdl_fit_now(data, options), step_of(m, data), &p, why)))
        goto out;
    for (size_t i = 0; i < p.n; i++)
        order[i] = (uint32_t)i;
    free(m->returns);
    m->returns = returns;
    m->returns_scale = scale_of(&p);
    returns = NULL; /* the model's now */
    learn(m, &p, order, state, size, options->seed);
out:
    free(order);
    free(state);
    free(returns);
    free(p.vector);
    free(p.at);
    return st;
}

/* ---- asking ---- */

bool tdl_behaviour_returns(const tdl_behaviour *m)
{
    return m->returns != NULL;
}

/* Bucket of the gap before the last group. */
static int32_t gap_before(const tdl_history *h)
{
    int64_t last_us = h->time_us[h->n - 1];
    size_t at = h->n - 1;

    while (at > 0 && h->time_us[at] == last_us)
        at--;
    return h->time_us[at] < last_us ? tdl_behaviour_gap(last_us - h->time_us[at]) : 0;
}

tdl_status tdl_behaviour_gaps(const tdl_behaviour *m, const tdl_history *h, double ret[GAPS])
{
    float vector[TDL_BEHAVIOUR_D_MAX];
    tdl_status st = tdl_behaviour_vector(m, h, vector);

    if (!st)
        chances(m, vector, gap_before(h), ret);
    return st;
}

/* The chance that a gap is over after `us`. */
static double over_after(const double gaps[GAPS], int64_t us)
{
    double at = log2(1 + (us > 0 ? (double)us / 1e6 : 0)), sum = 0;

    for (size_t b = 0; b < GAPS && (double)b < at; b++)
        sum += gaps[b] * fmin(at - (double)b, 1);
    return sum;
}

double tdl_behaviour_within(const double gaps[GAPS], int64_t since_us, int64_t us)
{
    int64_t until_us = since_us > INT64_MAX - us ? INT64_MAX : since_us + us;
    double over = over_after(gaps, since_us), left = 1 - over;

    return left > 1e-9 ? fmin((over_after(gaps, until_us) - over) / left, 1) : 0;
}

/* ---- files ---- */

void tdl_behaviour_return_save(const tdl_behaviour *m, tdl_st_writer *writer)
{
    if (!m->returns)
        return;
    tdl_st_add(writer, "behaviour/return", TDL_F32, 2, (size_t[]){GAPS, inputs_n(m)}, m->returns);
    tdl_st_add_1d(writer, "behaviour/return-scale", TDL_F64, 1, &m->returns_scale);
}

tdl_status tdl_behaviour_return_load(const tdl_st_file *file, tdl_behaviour *m, tdl_report *why)
{
    const tdl_st_view *view, *scale;
    tdl_status st;

    if (!tdl_st_find(file, "behaviour/return"))
        return TDL_OK;
    if ((st = tdl_st_get(file, "behaviour/return", TDL_F32, 2, &view, why)) ||
        (st = tdl_st_get(file, "behaviour/return-scale", TDL_F64, 1, &scale, why)))
        return st;
    if (view->shape[0] != GAPS || view->shape[1] != inputs_n(m) || scale->n != 1)
        return TDL_FAIL(why, TDL_E_CORRUPT, "behaviour/return is [%zu][%zu], expected [%d][%zu]",
                        view->shape[0], view->shape[1], GAPS, inputs_n(m));
    memcpy(&m->returns_scale, scale->data, sizeof m->returns_scale);
    if (!(isfinite(m->returns_scale) && m->returns_scale > 0))
        return TDL_FAIL(why, TDL_E_CORRUPT, "behaviour/return-scale is not above 0");
    if (!(m->returns = malloc(view->n * sizeof *m->returns)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for behaviour/return");
    memcpy(m->returns, view->data, view->n * sizeof *m->returns);
    for (size_t i = 0; i < view->n; i++)
        if (!(fabsf(m->returns[i]) <= LARGEST))
            return TDL_FAIL(why, TDL_E_CORRUPT, "behaviour/return: number %zu is beyond %g", i,
                            (double)LARGEST);
    return TDL_OK;
}
