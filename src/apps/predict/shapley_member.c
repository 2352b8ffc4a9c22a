#include "apps/predict/shapley_member.h"

#include <stdlib.h>

#include "learn/players.h"
#include "stats/shapley.h"

enum { PAIRS = 24 };

/* The game of one row: coalitions become rows that are part row, part median. */
typedef struct row_game {
    const tdl_member *member;
    const tdl_matrix *x;
    size_t row, which;
    const size_t *player; /* [cols + categories_n] of each feature */
    size_t players_n;
    tdl_pool *pool;
} row_game;

static void fill_row(const row_game *g, const bool *take, tdl_matrix *to, size_t at)
{
    const tdl_matrix *x = g->x, *median = &g->member->median;

    for (size_t j = 0; j < x->cols; j++)
        to->x[at * x->cols + j] = take[g->player[j]] ? x->x[g->row * x->cols + j] : median->x[j];
    for (size_t j = 0; j < x->categories_n; j++)
        to->category[at * x->categories_n + j] = take[g->player[x->cols + j]]
                                                     ? x->category[g->row * x->categories_n + j]
                                                     : median->category[j];
}

static tdl_status value(void *context, const bool *take, size_t n, double *ret, tdl_report *why)
{
    const row_game *g = context;
    size_t scores_n = g->member->learner->scores_n;
    tdl_matrix mixed = *g->x;
    double *score = malloc((n * scores_n + 1) * sizeof *score);
    tdl_status st;

    mixed.rows = n;
    mixed.x = malloc((n * mixed.cols + 1) * sizeof *mixed.x);
    mixed.category = malloc((n * mixed.categories_n + 1) * sizeof *mixed.category);
    if (!score || !mixed.x || !mixed.category) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu coalitions", n);
        goto out;
    }
    for (size_t i = 0; i < n; i++)
        fill_row(g, take + i * g->players_n, &mixed, i);
    if ((st = tdl_learner_score(g->member->learner, &mixed, g->pool, score, why)))
        goto out;
    for (size_t i = 0; i < n; i++)
        ret[i] = score[i * scores_n + g->which];
out:
    free(score);
    free(mixed.x);
    free(mixed.category);
    return st;
}

tdl_status tdl_shapley_member(const tdl_member *member, const tdl_matrix *x, size_t which,
                              tdl_pool *pool, tdl_attribution *ret, tdl_report *why)
{
    const tdl_shapley_options options = {.pairs = PAIRS};
    size_t features_n = x->cols + x->categories_n;
    size_t *player = malloc((features_n + 1) * sizeof *player);
    size_t *first = malloc((features_n + 1) * sizeof *first);
    double *share = malloc((features_n + 1) * sizeof *share);
    double *error = malloc((features_n + 1) * sizeof *error);
    tdl_status st = TDL_OK;

    if (!player || !first || !share || !error) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to explain");
        goto out;
    }
    size_t n = tdl_players_number(x, player, first);
    for (size_t r = 0; r < x->rows && !st; r++) {
        row_game row = {member, x, r, which, player, n, pool};
        const tdl_game game = {.groups_n = n, .context = &row, .value = value};
        tdl_rng rng = tdl_rng_make(0, r);
        tdl_shapley outcome;

        if ((st = tdl_shapley_values(&game, &options, &rng, share, error, &outcome, why)))
            break;
        ret->base[r] = outcome.base;
        for (size_t k = 0; k < n; k++)
            if (first[k] < x->cols)
                ret->x[r * x->cols + first[k]] = share[k];
            else
                ret->category[r * x->categories_n + first[k] - x->cols] = share[k];
    }
out:
    free(player);
    free(first);
    free(share);
    free(error);
    return st;
}
