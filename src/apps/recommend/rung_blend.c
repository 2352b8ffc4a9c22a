#include "apps/recommend/rung_blend.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/blend_feature.h"
#include "apps/recommend/top.h"

enum {
    EACH = 50,        /* candidates of each part */
    QUESTIONS = 2000, /* that weights are learnt from, evenly chosen */
    CANDIDATES = EACH * TDL_RUNG_BLEND_MAX,
    STEPS = 50,
    SWEEPS = 100,
    SCRATCH_BYTES = 64 << 20
};
static const double RIDGE = 1e-3, ENOUGH = 1e-9;

static float feature(double score, double scale)
{
    return (float)tdl_blend_feature(score, scale);
}

tdl_status tdl_rung_blend_score(const void *context, const tdl_question *question,
                                tdl_arena *scratch, float *scores)
{
    const tdl_rung_blend *b = context;
    size_t items_n = question->items_n;
    float *of_part = tdl_arena_alloc(scratch, items_n, sizeof *of_part);

    if (!of_part)
        return TDL_E_NO_MEMORY;
    memset(scores, 0, items_n * sizeof *scores);
    for (size_t r = 0; r < b->n; r++) {
        if (!(b->weight[r] > 0))
            continue;
        if (tdl_fitted_rung_score(&b->part[r], question, scratch, of_part))
            return TDL_E_NO_MEMORY;
        double scale = tdl_blend_scale(of_part, items_n, b->own[r]);
        for (size_t i = 0; i < items_n; i++)
            scores[i] += (float)b->weight[r] * feature((double)of_part[i], scale);
    }
    /* A score of 0 means "nothing to say": all above it, in the same order. */
    float least = 0;
    for (size_t i = 0; i < items_n; i++)
        least = scores[i] < least ? scores[i] : least;
    for (size_t i = 0; i < items_n; i++)
        scores[i] += 1 - least;
    return TDL_OK;
}

/* ---- lists to learn from ---- */

/* Candidates of all questions, one after another. */
typedef struct lists {
    size_t *begin; /* [lists_n + 1] */
    size_t lists_n;
    float *feature; /* [begin[lists_n]][n] */
    float *target;  /* [begin[lists_n]] 1 / targets of its list, or 0 */
} lists;

typedef struct bench {
    tdl_arena *scratch;
    float *scores;      /* [n][items_n] */
    uint64_t *blocked;  /* set of excluded items */
    int32_t *candidate; /* [CANDIDATES] */
} bench;

static size_t gather(const tdl_rung_blend *b, bench *w, size_t items_n)
{
    tdl_scored best[EACH];
    size_t n = 0;

    for (size_t r = 0; r < b->n; r++) {
        size_t found =
            tdl_top(w->scores + r * items_n, items_n, w->blocked, 0, INFINITY, best, EACH);
        for (size_t i = 0; i < found; i++) {
            w->candidate[n++] = best[i].item;
            tdl_bits_set(w->blocked, best[i].item); // once, whoever names it
        }
    }
    return n;
}

static bool is_target(const tdl_question *q, int32_t item)
{
    for (size_t i = 0; i < q->target_n; i++)
        if (q->target[i] == item)
            return true;
    return false;
}

/* Append the list of one question, if a target is in it. False: no memory. */
static bool add_list(const tdl_rung_blend *b, const tdl_question *q, bench *w, lists *l)
{
    size_t items_n = q->items_n, begin = l->begin[l->lists_n], targets = 0;

    tdl_arena_reset(w->scratch);
    for (size_t r = 0; r < b->n; r++)
        if (tdl_fitted_rung_score(&b->part[r], q, w->scratch, w->scores + r * items_n))
            return false;
    memset(w->blocked, 0, tdl_bits_words(items_n) * sizeof *w->blocked);
    for (size_t i = 0; i < q->excluded_n; i++)
        tdl_bits_set(w->blocked, q->excluded[i]);
    size_t n = gather(b, w, items_n);
    for (size_t i = 0; i < n; i++) {
        l->target[begin + i] = is_target(q, w->candidate[i]);
        targets += l->target[begin + i] > 0;
    }
    if (!targets)
        return true;
    for (size_t r = 0; r < b->n; r++) {
        const float *scores = w->scores + r * items_n;
        double scale = tdl_blend_scale(scores, items_n, b->own[r]);
        for (size_t i = 0; i < n; i++)
            l->feature[(begin + i) * b->n + r] = feature((double)scores[w->candidate[i]], scale);
    }
    for (size_t i = 0; i < n; i++)
        l->target[begin + i] /= (float)targets;
    l->begin[++l->lists_n] = begin + n;
    return true;
}

static void release_lists(lists *l)
{
    free(l->begin);
    free(l->feature);
    free(l->target);
}

static tdl_status make_lists(const tdl_rung_blend *b, const tdl_holdout *split, lists *l,
                             tdl_report *why)
{
    size_t asked = split->questions_n < QUESTIONS ? split->questions_n : QUESTIONS;
    size_t most = asked * b->n * EACH + 1;
    bench w = {.scratch = tdl_arena_new(SCRATCH_BYTES),
               .scores = malloc((b->n * split->items_n + 1) * sizeof *w.scores),
               .blocked = malloc((tdl_bits_words(split->items_n) + 1) * sizeof *w.blocked),
               .candidate = malloc(CANDIDATES * sizeof *w.candidate)};

    *l = (lists){.begin = calloc(asked + 1, sizeof *l->begin),
                 .feature = malloc(most * b->n * sizeof *l->feature),
                 .target = malloc(most * sizeof *l->target)};
    bool ok =
        w.scratch && w.scores && w.blocked && w.candidate && l->begin && l->feature && l->target;
    for (size_t i = 0; ok && i < asked; i++)
        ok = add_list(b, &split->question[i * split->questions_n / asked], &w, l);
    tdl_arena_free(w.scratch);
    free(w.scores);
    free(w.blocked);
    free(w.candidate);
    return ok ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to learn a blend");
}

/* ---- conditional logit ---- */

typedef struct slope {
    double loss;
    double gradient[TDL_RUNG_BLEND_MAX];
    double curvature[TDL_RUNG_BLEND_MAX][TDL_RUNG_BLEND_MAX];
} slope;

static double logit(const tdl_rung_blend *b, const double *weight, const float *feature)
{
    double sum = 0;

    for (size_t r = 0; r < b->n; r++)
        sum += weight[r] * (double)feature[r];
    return sum;
}

/* Adds what one list says. p: chances of its candidates [n]. */
static void add_slope(const tdl_rung_blend *b, const lists *l, size_t at, const double *weight,
                      double *p, slope *s)
{
    size_t begin = l->begin[at], n = l->begin[at + 1] - begin;
    const float *x = l->feature + begin * b->n;
    double most = -INFINITY, sum = 0, mean[TDL_RUNG_BLEND_MAX] = {0};

    for (size_t i = 0; i < n; i++) {
        p[i] = logit(b, weight, x + i * b->n);
        most = p[i] > most ? p[i] : most;
    }
    for (size_t i = 0; i < n; i++) {
        s->loss -= (double)l->target[begin + i] * (p[i] - most);
        sum += p[i] = exp(p[i] - most);
    }
    s->loss += log(sum);
    for (size_t i = 0; i < n; i++) {
        p[i] /= sum;
        for (size_t r = 0; r < b->n; r++) {
            mean[r] += p[i] * (double)x[i * b->n + r];
            s->gradient[r] += (p[i] - (double)l->target[begin + i]) * (double)x[i * b->n + r];
        }
    }
    for (size_t i = 0; i < n; i++)
        for (size_t r = 0; r < b->n; r++)
            for (size_t c = 0; c <= r; c++)
                s->curvature[r][c] += p[i] * ((double)x[i * b->n + r] - mean[r]) *
                                      ((double)x[i * b->n + c] - mean[c]);
}

static slope slope_at(const tdl_rung_blend *b, const lists *l, const double *weight)
{
    slope s = {0};
    double p[CANDIDATES];

    for (size_t at = 0; at < l->lists_n; at++)
        add_slope(b, l, at, weight, p, &s);
    for (size_t r = 0; r < b->n; r++) {
        double size = l->lists_n ? (double)l->lists_n : 1;
        s.gradient[r] = s.gradient[r] / size + RIDGE * weight[r];
        for (size_t c = 0; c <= r; c++)
            s.curvature[c][r] = s.curvature[r][c] = s.curvature[r][c] / size + (c == r ? RIDGE : 0);
        s.loss += RIDGE / 2 * weight[r] * weight[r] * size;
    }
    return s;
}

/* Least of the local parabola with no weight below 0, one coordinate at a time; parts that are
 * `out` stay where they are. */
static void newton_step(size_t n, const slope *s, const bool *out, const double *from, double *ret)
{
    memcpy(ret, from, n * sizeof *ret);
    for (size_t sweep = 0; sweep < SWEEPS; sweep++)
        for (size_t r = 0; r < n; r++) {
            double gradient = s->gradient[r];
            if (out[r])
                continue;
            for (size_t c = 0; c < n; c++)
                gradient += s->curvature[r][c] * (ret[c] - from[c]);
            double to = ret[r] - gradient / s->curvature[r][r];
            ret[r] = to > 0 ? to : 0;
        }
}

/* The least loss, and its weights in `weight`; those of parts that are `out` are 0. */
static void solve(const tdl_rung_blend *b, const lists *l, const bool *out, double *weight)
{
    for (size_t r = 0; r < b->n; r++)
        weight[r] = !out[r];
    slope s = slope_at(b, l, weight);
    for (size_t step = 0; l->lists_n && step < STEPS; step++) {
        double to[TDL_RUNG_BLEND_MAX];
        newton_step(b->n, &s, out, weight, to);
        slope next = slope_at(b, l, to);
        for (int halvings = 0; next.loss > s.loss && halvings < 20; halvings++) {
            for (size_t r = 0; r < b->n; r++)
                to[r] = (to[r] + weight[r]) / 2;
            next = slope_at(b, l, to);
        }
        if (!(s.loss - next.loss > ENOUGH * (double)l->lists_n))
            break;
        memcpy(weight, to, b->n * sizeof *to);
        s = next;
    }
}

/* Is the loss under `without` higher, by more than chance? */
static bool is_missed(const tdl_rung_blend *b, const lists *l, const double *with,
                      const double *without)
{
    double p[CANDIDATES], sum = 0, squares = 0, n = (double)l->lists_n;

    for (size_t at = 0; at < l->lists_n; at++) {
        slope one = {0}, other = {0};
        add_slope(b, l, at, with, p, &one);
        add_slope(b, l, at, without, p, &other);
        sum += other.loss - one.loss;
        squares += (other.loss - one.loss) * (other.loss - one.loss);
    }
    return sum > 0 && sum * sum > 4 * (squares - sum * sum / n);
}

tdl_status tdl_rung_blend_fit(tdl_rung_blend *b, const tdl_holdout *split, tdl_report *why)
{
    lists l;
    bool out[TDL_RUNG_BLEND_MAX] = {0};
    double without[TDL_RUNG_BLEND_MAX];
    tdl_status st = make_lists(b, split, &l, why);

    if (!st)
        solve(b, &l, out, b->weight);
    for (size_t r = 0; !st && r < b->n; r++) {
        if (!b->costly[r] || !(b->weight[r] > 0))
            continue;
        out[r] = true;
        solve(b, &l, out, without);
        if (is_missed(b, &l, b->weight, without))
            out[r] = false;
        else
            memcpy(b->weight, without, b->n * sizeof *without);
    }
    release_lists(&l);
    return st;
}
