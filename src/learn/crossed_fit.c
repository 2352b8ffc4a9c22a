/* Fitting crossed effects: terms take turns (backfitting), their variances are re-estimated on the
 * way, and interactions are added one by one while a hold-out says so. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "learn/crossed_model.h"
#include "learn/design.h"
#include "stats/cholesky.h"

enum {
    PASSES = 40,
    POLISH = 4,
    INTERACTIONS_MOST = 12,
    CANDIDATES_MOST = 120,
    TRIPLE_GROUPS_MOST = 2000, /* combinations of levels */
    HOLDOUT = 5                /* one row in so many */
};

typedef struct fit {
    const tdl_problem *p;
    tdl_crossed_model *m;
    double shrinkage;
    double noise;    /* variance of a residual of weight 1; 1 for binary and count */
    double *given;   /* [rows] weights of the rows, 0 = held out */
    double *weight;  /* [rows] working weights */
    double *left;    /* [rows] working residuals */
    double *score;   /* [rows] */
    double *gram;    /* [cols + 1][cols + 1] */
    double *right;   /* [cols + 1] */
    double *product; /* [rows] */
    int32_t *group[TDL_CROSSED_TERMS_MOST]; /* [rows] of each term, -1 = none */
    double *sum, *weights;                  /* [rows] sums by group */
} fit;

static bool gaussian(const fit *f)
{
    return f->p->task == TDL_TASK_REGRESSION || f->p->task == TDL_TASK_RANKING;
}

/* ---- groups ---- */

static int by_key(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

/* Find the term's groups among all rows. ret_group [rows], the caller's. */
static tdl_status find_groups(const tdl_matrix *x, const size_t *levels_n, tdl_crossed_term *term,
                              int32_t **ret_group, tdl_report *why)
{
    int64_t *key = malloc(x->rows * sizeof *key);
    int32_t *group = malloc(x->rows * sizeof *group);
    size_t n = 0;

    if (!key || !group) {
        free(key);
        free(group);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the groups of %zu rows", x->rows);
    }
    for (size_t i = 0; i < x->rows; i++)
        key[i] = tdl_crossed_key(levels_n, term, x->category + i * x->categories_n);
    qsort(key, x->rows, sizeof *key, by_key);
    for (size_t i = 0; i < x->rows; i++)
        if (key[i] >= 0 && (n == 0 || key[n - 1] != key[i]))
            key[n++] = key[i];
    term->groups_n = n;
    term->key = key;
    for (size_t i = 0; i < x->rows; i++)
        group[i] = tdl_crossed_group(
            term, tdl_crossed_key(levels_n, term, x->category + i * x->categories_n));
    if (!(term->effect = calloc(n + 1, sizeof *term->effect))) {
        free(key);
        free(group);
        term->key = NULL;
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu groups", n);
    }
    *ret_group = group;
    return TDL_OK;
}

static tdl_status add_term(fit *f, const tdl_crossed_term *like, tdl_report *why)
{
    size_t at = f->m->terms_n;
    tdl_crossed_term term = *like;
    tdl_status st;

    if (at == TDL_CROSSED_TERMS_MOST)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "more than %d categories and interactions",
                        TDL_CROSSED_TERMS_MOST);
    if ((st = find_groups(f->p->x, f->m->levels_n, &term, &f->group[at], why)))
        return st;
    term.lambda = 10;
    f->m->term[f->m->terms_n++] = term;
    return TDL_OK;
}

static void drop_term(fit *f)
{
    f->m->terms_n--;
    tdl_crossed_term_release(&f->m->term[f->m->terms_n]);
    free(f->group[f->m->terms_n]);
    f->group[f->m->terms_n] = NULL;
}

/* ---- one pass ---- */

/* The working response of iteratively reweighted least squares, from the scores. */
static void rework(fit *f)
{
    for (size_t i = 0; i < f->p->x->rows; i++) {
        double y = (double)f->p->y[i], curve = 1, mean = f->score[i];

        if (f->p->task == TDL_TASK_BINARY) {
            mean = 1 / (1 + exp(-f->score[i]));
            curve = fmax(mean * (1 - mean), 1e-4);
        } else if (f->p->task == TDL_TASK_COUNT) {
            mean = exp(fmin(f->score[i], 30));
            curve = fmax(mean, 1e-4);
        }
        f->weight[i] = f->given[i] * curve;
        f->left[i] = (y - mean) / curve;
    }
}

static void sum_groups(fit *f, size_t t)
{
    const tdl_crossed_term *term = &f->m->term[t];

    memset(f->sum, 0, term->groups_n * sizeof *f->sum);
    memset(f->weights, 0, term->groups_n * sizeof *f->weights);
    for (size_t i = 0; i < f->p->x->rows; i++) {
        int32_t g = f->group[t][i];

        if (g < 0)
            continue;
        f->sum[g] += f->weight[i] * f->left[i];
        f->weights[g] += f->weight[i];
    }
}

/* One term's turn, and with it one EM step of its variance: the mean of effect^2 + its own
 * uncertainty over groups that were seen.  *ret_df: how many parameters it is worth. */
static double turn(fit *f, size_t t, double *ret_df)
{
    tdl_crossed_term *term = &f->m->term[t];
    double lambda = term->lambda * f->shrinkage, squares = 0, seen = 0, most = 0;

    sum_groups(f, t);
    for (size_t g = 0; g < term->groups_n; g++) {
        double w = f->weights[g],
               now = w > 0 ? (f->sum[g] + w * term->effect[g]) / (w + lambda) : 0;

        f->sum[g] = now - term->effect[g];
        most = fmax(most, fabs(f->sum[g]));
        term->effect[g] = now;
        if (!(w > 0))
            continue;
        squares += now * now + f->noise / (w + lambda);
        seen++;
        *ret_df += w / (w + lambda);
    }
    for (size_t i = 0; i < f->p->x->rows; i++)
        if (f->group[t][i] >= 0)
            f->left[i] -= f->sum[f->group[t][i]];
    if (seen > 0)
        term->lambda = fmin(fmax(f->noise * seen / fmax(squares, 1e-300), 1e-3), 1e9);
    return most;
}

/* The linear part's turn. */
static tdl_status linear_turn(fit *f, double *ret_most, tdl_report *why)
{
    const tdl_matrix *x = f->p->x;
    size_t n = x->cols + 1;
    tdl_status st;

    if ((st = tdl_design_gram(x, f->weight, f->p->pool, f->gram, why)))
        return st;
    for (size_t i = 0; i < x->rows; i++)
        f->product[i] = f->weight[i] * f->left[i];
    tdl_design_gradient(x, f->product, 1, f->p->pool, f->right);
    for (size_t j = 0; j < n; j++) {
        double ridge = j + 1 < n ? 1 : 1e-9;

        f->gram[j * n + j] += ridge;
        f->right[j] -= j + 1 < n ? f->m->w[j] : 0;
    }
    if ((st = tdl_cholesky(f->gram, n, why)))
        return st;
    tdl_cholesky_solve(f->gram, n, f->right, 1);
    for (size_t j = 0; j < n; j++) {
        f->m->w[j] += f->right[j];
        *ret_most = fmax(*ret_most, fabs(f->right[j]));
    }
    tdl_design_apply(x, f->right, 1, f->p->pool, f->product);
    for (size_t i = 0; i < x->rows; i++)
        f->left[i] -= f->product[i];
    return TDL_OK;
}

static void rescore(fit *f)
{
    tdl_design_apply(f->p->x, f->m->w, 1, f->p->pool, f->score);
    for (size_t t = 0; t < f->m->terms_n; t++) {
        const int32_t *group = f->group[t];

        assert(group); // add_term and drop_term keep it beside the model's term
        for (size_t i = 0; i < f->p->x->rows; i++)
            if (group[i] >= 0)
                f->score[i] += f->m->term[t].effect[group[i]];
    }
}

static tdl_status passes(fit *f, size_t n, tdl_report *why)
{
    tdl_status st;

    for (size_t pass = 0; pass < n; pass++) {
        double most = 0, df = 1 + (double)f->p->x->cols, squares = 0, weights = 0;

        if (f->p->stop && atomic_load(f->p->stop))
            return TDL_FAIL(why, TDL_E_STOPPED, "stopped");
        rescore(f);
        rework(f);
        if ((st = linear_turn(f, &most, why)))
            return st;
        for (size_t t = 0; t < f->m->terms_n; t++)
            most = fmax(most, turn(f, t, &df));
        for (size_t i = 0; i < f->p->x->rows; i++) {
            squares += f->weight[i] * f->left[i] * f->left[i];
            weights += f->weight[i];
        }
        if (gaussian(f))
            f->noise = fmax(squares / fmax(weights - df, 1), 1e-12);
        if (most < 1e-6 * sqrt(f->noise))
            break;
    }
    rescore(f);
    for (int k = 0; k < POLISH && !gaussian(f); k++) { // mean and predicted mean then agree
        double most = 0;

        rework(f);
        if ((st = linear_turn(f, &most, why)))
            return st;
        rescore(f);
    }
    return TDL_OK;
}

/* ---- interactions ---- */

static double row_loss(const fit *f, size_t i, double score)
{
    double y = (double)f->p->y[i];

    if (f->p->task == TDL_TASK_BINARY)
        return fmax(score, 0) + log1p(exp(-fabs(score))) - y * score;
    if (f->p->task == TDL_TASK_COUNT)
        return exp(fmin(score, 30)) - y * score;
    return (y - score) * (y - score) / 2;
}

/* Gain of `now` over `before` on rows held out: mean and its standard error. */
static double gain_of(const fit *f, const bool *held, const double *before, const double *now,
                      double *ret_error)
{
    double n = 0, sum = 0, squares = 0;

    for (size_t i = 0; i < f->p->x->rows; i++) {
        double gain;

        if (!held[i])
            continue;
        gain = row_loss(f, i, before[i]) - row_loss(f, i, now[i]);
        n++;
        sum += gain;
        squares += gain * gain;
    }
    n = fmax(n, 1);
    *ret_error = sqrt(fmax(squares / n - sum / n * sum / n, 0) / n);
    return sum / n;
}

/* What a term would give on its own over what is left: the hold-out's gain. */
static double screen(fit *f, const bool *held, double *before)
{
    size_t t = f->m->terms_n - 1;
    double df = 0, error, gain;

    rework(f);
    for (int k = 0; k < 8; k++)
        turn(f, t, &df);
    memcpy(before, f->score, f->p->x->rows * sizeof *before);
    for (size_t i = 0; i < f->p->x->rows; i++)
        if (f->group[t][i] >= 0)
            f->score[i] += f->m->term[t].effect[f->group[t][i]];
    gain = gain_of(f, held, before, f->score, &error);
    memcpy(f->score, before, f->p->x->rows * sizeof *before);
    return gain;
}

static size_t list_candidates(const tdl_matrix *x, const size_t *levels_n,
                              tdl_crossed_term ret[CANDIDATES_MOST])
{
    size_t n = 0, all = x->categories_n;

    for (size_t a = 0; a < all; a++)
        for (size_t b = a + 1; b < all && n < CANDIDATES_MOST; b++) {
            ret[n] = (tdl_crossed_term){.members_n = 2, .member = {(int32_t)a, (int32_t)b, -1}};
            n += tdl_crossed_fits(levels_n, &ret[n]);
        }
    for (size_t a = 0; a < all; a++)
        for (size_t b = a + 1; b < all; b++)
            for (size_t c = b + 1; c < all && n < CANDIDATES_MOST; c++) {
                double groups = (double)levels_n[a] * (double)levels_n[b] * (double)levels_n[c];

                if (groups > TRIPLE_GROUPS_MOST)
                    continue;
                ret[n++] = (tdl_crossed_term){.members_n = 3,
                                              .member = {(int32_t)a, (int32_t)b, (int32_t)c}};
            }
    return n;
}

/* The candidate whose term gains most; *ret_best = n when none gains. */
static tdl_status best_candidate(fit *f, const bool *held, const tdl_crossed_term *candidate,
                                 const bool *taken, size_t n, double *scratch, size_t *ret_best,
                                 tdl_report *why)
{
    double most = 0;
    tdl_status st;

    *ret_best = n;
    for (size_t k = 0; k < n; k++) {
        double gain;

        if (taken[k])
            continue;
        if ((st = add_term(f, &candidate[k], why)))
            return st;
        gain = screen(f, held, scratch);
        drop_term(f);
        if (gain > most) {
            most = gain;
            *ret_best = k;
        }
    }
    return TDL_OK;
}

/* Add interactions to the model while rows held out get better. The model ends with them, fitted to
 * the other rows. */
static tdl_status choose(fit *f, const bool *held, double *before, tdl_report *why)
{
    tdl_crossed_term *candidate = malloc(CANDIDATES_MOST * sizeof *candidate);
    bool taken[CANDIDATES_MOST] = {false};
    size_t n, best;
    tdl_status st = TDL_OK;

    if (!candidate)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for interactions");
    n = list_candidates(f->p->x, f->m->levels_n, candidate);
    for (size_t k = 0; k < INTERACTIONS_MOST && f->m->terms_n < TDL_CROSSED_TERMS_MOST; k++) {
        double error;

        if ((st = best_candidate(f, held, candidate, taken, n, before, &best, why)) || best == n)
            break;
        taken[best] = true;
        memcpy(before, f->score, f->p->x->rows * sizeof *before);
        if ((st = add_term(f, &candidate[best], why)) || (st = passes(f, PASSES / 2, why)))
            break;
        if (gain_of(f, held, before, f->score, &error) > error)
            continue;
        drop_term(f); // the others' effects have moved, by little: the final fit starts anew
        if ((st = passes(f, PASSES / 4, why)))
            break;
    }
    free(candidate);
    return st;
}

/* ---- all of it ---- */

static tdl_status make_room(fit *f, tdl_report *why)
{
    size_t rows = f->p->x->rows, n = f->p->x->cols + 1;

    f->given = malloc(7 * rows * sizeof *f->given);
    f->gram = malloc((n * n + n) * sizeof *f->gram);
    if (!f->given || !f->gram)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fit %zu rows", rows);
    f->weight = f->given + rows;
    f->left = f->weight + rows;
    f->score = f->left + rows;
    f->product = f->score + rows;
    f->sum = f->product + rows;
    f->weights = f->sum + rows;
    f->right = f->gram + n * n;
    return TDL_OK;
}

static void weigh(fit *f, const bool *held)
{
    for (size_t i = 0; i < f->p->x->rows; i++)
        f->given[i] = held && held[i] ? 0 : f->p->weight ? (double)f->p->weight[i] : 1;
}

/* From nothing, with the terms there are. */
static tdl_status restart(fit *f, tdl_report *why)
{
    memset(f->m->w, 0, (f->p->x->cols + 1) * sizeof *f->m->w);
    for (size_t t = 0; t < f->m->terms_n; t++) {
        memset(f->m->term[t].effect, 0, f->m->term[t].groups_n * sizeof(double));
        f->m->term[t].lambda = 10;
    }
    f->noise = 1;
    return passes(f, PASSES, why);
}

tdl_status tdl_crossed_fit(const tdl_problem *problem, bool interactions, double shrinkage,
                           tdl_crossed_model *model, tdl_report *why)
{
    const tdl_matrix *x = problem->x;
    fit f = {.p = problem, .m = model, .shrinkage = shrinkage, .noise = 1};
    bool *held = calloc(x->rows, sizeof *held);
    double *before = malloc(x->rows * sizeof *before);
    tdl_rng rng = tdl_rng_make(problem->seed, 0);
    tdl_status st = tdl_design_check(x, why);

    if (st)
        goto out;
    if (!held || !before) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fit %zu rows", x->rows);
        goto out;
    }
    if ((st = make_room(&f, why)))
        goto out;
    for (size_t c = 0; c < x->categories_n && !st; c++)
        st = add_term(&f, &(tdl_crossed_term){.members_n = 1, .member = {(int32_t)c, -1, -1}}, why);
    if (st)
        goto out;
    if (interactions && x->categories_n > 1 && x->rows >= 50) {
        for (size_t i = 0; i < x->rows; i++)
            held[i] = tdl_rng_below(&rng, HOLDOUT) == 0;
        weigh(&f, held);
        if ((st = restart(&f, why)) || (st = choose(&f, held, before, why)))
            goto out;
    }
    weigh(&f, NULL);
    st = restart(&f, why);
out:
    for (size_t t = 0; t < TDL_CROSSED_TERMS_MOST; t++)
        free(f.group[t]);
    free(f.given);
    free(f.gram);
    free(held);
    free(before);
    return st;
}
