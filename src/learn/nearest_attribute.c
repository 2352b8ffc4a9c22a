/* Shapley values of nearest neighbours.
 *
 * A coalition S of columns asks for the neighbours of a row that is the row itself in the columns
 * of S and the baseline elsewhere. Its squared distance to training row r is a sum over columns,
 *
 *     d(S, r) = sum over all columns b(c, r) + sum over c in S (a(c, r) - b(c, r))
 *
 * a: from the row, b: from the baseline. So a coalition that differs from the one before by a
 * column costs one addition a training row, not a distance over all features. Distances are whole
 * numbers of 2^-20, kept in doubles below 2^52: adding and taking away is exact, and rows that are
 * alike stay equally far.
 *
 * Columns in which the row is as the baseline change nothing: their value is 0. Training rows that
 * are beyond reach of every coalition (at their nearest farther than k others are at their
 * farthest) are not looked at.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "learn/nearest.h"
#include "learn/players.h"
#include "stats/shapley.h"

enum { PAIRS = 24, EXACT_MAX = 9, BLOCK = 8 };

static const double unit = 1 << 20;

typedef struct setup { /* the same for every row */
    const tdl_nearest *m;
    const tdl_matrix *x;
    size_t which;
    size_t *player, *first; /* [features]; categories are no part of a distance */
    size_t players_n;
    const float *middle; /* [cols] the baseline, finite */
    double *from_middle; /* [players_n][rows] b */
    double most;         /* that one column may add */
    const double *full;  /* [x->rows][scores_n] */
    double base;
    tdl_attribution *ret;
    tdl_status *status; /* [x->rows] */
    tdl_report *why;    /* [x->rows] */
} setup;

typedef struct row_game {
    const setup *s;
    tdl_problem found;
    size_t row;       /* of x */
    size_t *plays;    /* [players_n] whose columns differ from the baseline */
    size_t plays_n;   /* */
    uint32_t *kept;   /* [kept_n] training rows within reach, ascending */
    size_t kept_n;    /* */
    double *delta;    /* [plays_n][kept_n] a - b */
    double *distance; /* [kept_n rounded up to BLOCK] of `now`; INFINITY behind the end */
    bool *now;        /* [plays_n] */
    double *scratch;  /* [2 k] */
    double *score;    /* [scores_n] */
    tdl_neighbour *heap;
    uint32_t *found_row; /* [k] */
} row_game;

static double known(float value)
{
    return isfinite(value) ? (double)value : 0;
}

/* ---- distances ---- */

/* ret [rows]: of player p alone, from a row of features to every training row. */
static void measure_player(const setup *s, const float *from, size_t p, double *ret)
{
    const tdl_nearest *m = s->m;
    size_t cols = s->x->cols;

    for (size_t r = 0; r < m->rows; r++)
        ret[r] = 0;
    for (size_t j = s->first[p]; j < cols; j++) {
        if (s->player[j] != p)
            continue;
        double at = known(from[j]);
        for (size_t r = 0; r < m->rows; r++) {
            double off = at - (double)m->x[r * cols + j];
            ret[r] += off * off;
        }
    }
    for (size_t r = 0; r < m->rows; r++)
        ret[r] = rint(fmin(ret[r] * unit, s->most));
}

static bool differs(const setup *s, size_t row, size_t p)
{
    const float *x = s->x->x + row * s->x->cols;

    for (size_t j = s->first[p]; j < s->x->cols; j++)
        if (s->player[j] == p && known(x[j]) != known(s->middle[j]))
            return true;
    return false;
}

/* Training rows that may be a neighbour of some coalition, and what they are off by.
 *   whole  [plays_n][rows] a - b, least, most: [rows] scratch */
static void keep_rows(row_game *g, const double *whole, double *least, double *most)
{
    const setup *s = g->s;
    const tdl_nearest *m = s->m;

    for (size_t r = 0; r < m->rows; r++) {
        least[r] = 0;
        for (size_t p = 0; p < s->players_n; p++)
            least[r] += s->from_middle[p * m->rows + r];
        most[r] = least[r];
        for (size_t c = 0; c < g->plays_n; c++) {
            double delta = whole[c * m->rows + r];
            least[r] += fmin(delta, 0);
            most[r] += fmax(delta, 0);
        }
        tdl_neighbours_offer(g->heap, m->k, r, (tdl_neighbour){most[r], (uint32_t)r});
    }
    for (size_t r = 0; r < m->rows; r++)
        if (least[r] <= g->heap[0].distance)
            g->kept[g->kept_n++] = (uint32_t)r;
    for (size_t c = 0; c < g->plays_n; c++)
        for (size_t i = 0; i < g->kept_n; i++)
            g->delta[c * g->kept_n + i] = whole[c * m->rows + g->kept[i]];
    for (size_t i = 0; i < g->kept_n; i++) { // nobody takes part
        double sum = 0;
        for (size_t p = 0; p < s->players_n; p++)
            sum += s->from_middle[p * m->rows + g->kept[i]];
        g->distance[i] = sum;
    }
    for (size_t i = g->kept_n; i % BLOCK; i++)
        g->distance[i] = INFINITY;
}

/* ---- the game ---- */

static void move_to(row_game *g, const bool *take)
{
    for (size_t c = 0; c < g->plays_n; c++) {
        const double *delta = g->delta + c * g->kept_n;

        if (take[c] == g->now[c])
            continue;
        g->now[c] = take[c];
        if (take[c])
            for (size_t i = 0; i < g->kept_n; i++)
                g->distance[i] += delta[i];
        else
            for (size_t i = 0; i < g->kept_n; i++)
                g->distance[i] -= delta[i];
    }
}

static double nearest_of(const double *block)
{
    double least = block[0];

    for (size_t i = 1; i < BLOCK; i++)
        least = block[i] < least ? block[i] : least;
    return least;
}

static double value_now(row_game *g)
{
    const tdl_nearest *m = g->s->m;
    size_t i = 0;

    for (; i < m->k; i++)
        tdl_neighbours_offer(g->heap, m->k, i, (tdl_neighbour){g->distance[i], g->kept[i]});
    for (; i < g->kept_n && i % BLOCK; i++)
        tdl_neighbours_offer(g->heap, m->k, i, (tdl_neighbour){g->distance[i], g->kept[i]});
    for (; i < g->kept_n; i += BLOCK) {
        if (!(nearest_of(g->distance + i) < g->heap[0].distance))
            continue;
        for (size_t j = i; j < i + BLOCK && j < g->kept_n; j++)
            tdl_neighbours_offer(g->heap, m->k, j, (tdl_neighbour){g->distance[j], g->kept[j]});
    }
    tdl_nearest_summary(m, &g->found, g->heap, g->found_row, g->scratch, g->score);
    return g->score[g->s->which];
}

/* Nobody and everybody have the model's own scores, which round distances in their own way. */
static double value_of(row_game *g, const bool *take)
{
    const setup *s = g->s;
    size_t n = 0;

    for (size_t c = 0; c < g->plays_n; c++)
        n += take[c];
    if (n == 0)
        return s->base;
    if (n == g->plays_n)
        return s->full[g->row * s->m->learner.scores_n + s->which];
    move_to(g, take);
    return value_now(g);
}

static tdl_status value(void *context, const bool *take, size_t coalitions_n, double *ret,
                        tdl_report *why)
{
    row_game *g = context;

    TDL_UNUSED(why);
    for (size_t i = 0; i < coalitions_n; i++)
        ret[i] = value_of(g, take + i * g->plays_n);
    return TDL_OK;
}

/* ---- rows ---- */

static void release(row_game *g)
{
    free(g->plays);
    free(g->kept);
    free(g->delta);
    free(g->distance);
    free(g->now);
    free(g->scratch);
    free(g->score);
    free(g->heap);
    free(g->found_row);
}

static tdl_status start(row_game *g, tdl_report *why)
{
    const setup *s = g->s;
    const tdl_nearest *m = s->m;
    size_t rows = m->rows, n = s->players_n + 1, room;
    double *whole = NULL, *bounds = NULL;
    tdl_status st = TDL_OK;

    if (__builtin_mul_overflow(rows + BLOCK, n * sizeof *g->delta, &room))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "%zu columns of %zu rows", n, rows);
    g->found = tdl_nearest_found(m);
    g->plays = calloc(n, sizeof *g->plays);
    g->kept = calloc(rows + 1, sizeof *g->kept);
    g->delta = malloc(room);
    g->distance = calloc(rows + BLOCK, sizeof *g->distance);
    g->now = calloc(n, sizeof *g->now);
    g->scratch = calloc(m->k, 2 * sizeof *g->scratch);
    g->score = calloc(m->learner.scores_n, sizeof *g->score);
    g->heap = calloc(m->k, sizeof *g->heap);
    g->found_row = calloc(m->k, sizeof *g->found_row);
    whole = malloc(room);
    bounds = calloc(rows + 1, 2 * sizeof *bounds);
    if (!g->plays || !g->kept || !g->delta || !g->distance || !g->now || !g->scratch || !g->score ||
        !g->heap || !g->found_row || !whole || !bounds) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain by %zu rows", rows);
        goto out;
    }
    for (size_t p = 0; p < s->players_n; p++) {
        double *delta = whole + g->plays_n * rows;

        if (!differs(s, g->row, p))
            continue;
        measure_player(s, s->x->x + g->row * s->x->cols, p, delta);
        for (size_t r = 0; r < rows; r++)
            delta[r] -= s->from_middle[p * rows + r];
        g->plays[g->plays_n++] = p;
    }
    keep_rows(g, whole, bounds, bounds + rows);
out:
    free(whole);
    free(bounds);
    return st;
}

static tdl_status explain_row(const setup *s, size_t row, tdl_report *why)
{
    const tdl_shapley_options options = {.pairs = PAIRS};
    row_game g = {.s = s, .row = row};
    const size_t cols = s->x->cols;
    double *share = calloc(2 * s->players_n + 1, sizeof *share);
    tdl_rng rng = tdl_rng_make(0, 0);
    tdl_shapley outcome;
    tdl_status st = share ? start(&g, why) : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");

    if (st)
        goto out;
    const tdl_game game = {.groups_n = g.plays_n, .context = &g, .value = value};
    s->ret->base[row] = s->base;
    if (g.plays_n == 0)
        goto out;
    st = g.plays_n <= EXACT_MAX
             ? tdl_shapley_exact(&game, share, &outcome, why)
             : tdl_shapley_sample(&game, &options, &rng, share, share + g.plays_n, &outcome, why);
    for (size_t c = 0; c < g.plays_n && !st; c++)
        s->ret->x[row * cols + s->first[g.plays[c]]] = share[c];
out:
    release(&g);
    free(share);
    return st;
}

static void explain_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const setup *s = context;

    TDL_UNUSED(part);
    for (size_t i = begin; i < end; i++)
        s->status[i] = explain_row(s, i, &s->why[i]);
}

static tdl_status prepare(setup *s, tdl_report *why)
{
    size_t cells, rows = s->m->rows;

    s->players_n = tdl_players_number(s->x, s->player, s->first);
    s->most = floor(ldexp(1, 51) / (double)(s->players_n + 1));
    if (__builtin_mul_overflow(rows, s->players_n + 1, &cells) ||
        cells > SIZE_MAX / sizeof *s->from_middle ||
        !(s->from_middle = malloc(cells * sizeof *s->from_middle)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain by %zu rows", rows);
    for (size_t p = 0; p < s->players_n; p++)
        measure_player(s, s->middle, p, s->from_middle + p * rows);
    return TDL_OK;
}

tdl_status tdl_nearest_attribute(const tdl_learner *learner, const tdl_matrix *x,
                                 const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                                 tdl_attribution *ret, tdl_report *why)
{
    size_t n = x->rows, scores_n = learner->scores_n, features_n = x->cols + x->categories_n;
    tdl_matrix middle = *x;
    float *zeros = calloc(x->cols + 1, sizeof *zeros);
    double *score = malloc((n + 1) * scores_n * sizeof *score);
    setup s = {.m = (const tdl_nearest *)learner,
               .x = x,
               .which = which,
               .player = calloc(features_n + 1, sizeof *s.player),
               .first = calloc(features_n + 1, sizeof *s.first),
               .middle = baseline ? baseline->x : zeros,
               .full = score,
               .ret = ret,
               .status = calloc(n + 1, sizeof *s.status),
               .why = calloc(n + 1, sizeof *s.why)};
    tdl_status st = TDL_OK;

    if (!zeros || !score || !s.player || !s.first || !s.status || !s.why) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain %zu rows", n);
        goto out;
    }
    middle.rows = 1;
    middle.x = (float *)s.middle;
    if ((st = tdl_learner_score(learner, &middle, pool, score + n * scores_n, why)) ||
        (st = tdl_learner_score(learner, x, pool, score, why)) || (st = prepare(&s, why)))
        goto out;
    s.base = score[n * scores_n + which];
    memset(ret->x, 0, n * x->cols * sizeof *ret->x);
    tdl_pool_run(pool, n, 1, explain_rows, &s);
    for (size_t i = 0; i < n && !st; i++)
        if ((st = s.status[i]) && why)
            *why = s.why[i];
    ret->error = 0; // what a game's values add up to is its last value less its first
out:
    free(zeros);
    free(score);
    free(s.player);
    free(s.first);
    free(s.from_middle);
    free(s.status);
    free(s.why);
    return st;
}
