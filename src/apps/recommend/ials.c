#include "apps/recommend/ials.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/rng.h"
#include "tensor/gemm.h"
#include "tensor/scratch.h"

enum { GRAIN = 8, STREAM_USERS = 1, STREAM_ITEMS = 2 };

/* One side of the pairs: which vectors of the other side each row has. */
typedef struct half {
    size_t n;
    size_t *offsets; /* [n + 1] into member */
    int32_t *member;
    size_t most;   /* members of one row */
    float *vector; /* [n][d] */
} half;

struct tdl_ials_fit {
    tdl_ials_params params;
    tdl_pool *pool;
    half users, items;
    double *gram; /* [d][d] */
};

static void release_half(half *h)
{
    free(h->offsets);
    free(h->member);
    free(h->vector);
}

void tdl_ials_end(tdl_ials_fit *fit)
{
    if (!fit)
        return;
    release_half(&fit->users);
    release_half(&fit->items);
    free(fit->gram);
    free(fit);
}

float *tdl_ials_users(tdl_ials_fit *fit)
{
    return fit->users.vector;
}

float *tdl_ials_items(tdl_ials_fit *fit)
{
    return fit->items.vector;
}

/* ---- beginning ---- */

static tdl_status make_half(half *h, size_t n, size_t d, size_t pairs_n, tdl_report *why)
{
    if (n > SIZE_MAX / sizeof(float) / d - 1)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu vectors of %zu numbers are too many", n, d);
    *h = (half){.n = n,
                .offsets = calloc(n + 2, sizeof *h->offsets),
                .member = malloc((pairs_n + 1) * sizeof *h->member),
                .vector = tdl_floats_new(n * d + 1)};
    if (!h->offsets || !h->member || !h->vector)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu vectors of %zu numbers", n, d);
    return TDL_OK;
}

static void list_users(tdl_ials_fit *fit, const tdl_fit_data *data)
{
    half *users = &fit->users;
    size_t at = 0;

    for (size_t u = 0; u < users->n; u++) {
        tdl_history h = tdl_fit_history(data, u);
        for (size_t i = 0; i < h.n; i++)
            users->member[at++] = h.item[i];
        users->offsets[u + 1] = at;
        users->most = h.n > users->most ? h.n : users->most;
    }
}

/* The same pairs by item: users of an item in their order. */
static void list_items(tdl_ials_fit *fit)
{
    const half *users = &fit->users;
    half *items = &fit->items;
    size_t *next = items->offsets + 1; // [n + 1]: where the next user of an item goes

    for (size_t at = 0; at < users->offsets[users->n]; at++)
        next[users->member[at] + 1]++;
    for (size_t i = 0; i < items->n; i++) {
        items->most = next[i + 1] > items->most ? next[i + 1] : items->most;
        next[i + 1] += next[i];
    }
    for (size_t u = 0; u < users->n; u++)
        for (size_t at = users->offsets[u]; at < users->offsets[u + 1]; at++)
            items->member[next[users->member[at]]++] = (int32_t)u;
}

static void start_vectors(half *h, size_t d, uint64_t seed, uint64_t stream)
{
    tdl_rng rng = tdl_rng_make(seed, stream);
    double spread = .1 / sqrt((double)d);

    for (size_t i = 0; i < h->n * d; i++)
        h->vector[i] = (float)(spread * tdl_rng_normal(&rng));
}

static tdl_status check_params(const tdl_ials_params *p, const tdl_fit_data *data, tdl_report *why)
{
    if (p->d < 1 || p->d > TDL_IALS_D_MAX || p->block < 1 || p->block > p->d)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "%zu numbers a vector in blocks of %zu: there are 1 to %d numbers, and a "
                        "block is at most all of them",
                        p->d, p->block, TDL_IALS_D_MAX);
    if (!(p->lambda > 0 && isfinite(p->lambda) && p->a0 >= 0 && isfinite(p->a0)))
        return TDL_FAIL(why, TDL_E_INVALID,
                        "lambda is %g and a0 %g: the one must be above 0, the other not below",
                        p->lambda, p->a0);
    if (data->all->users_n > INT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "%zu users are too many", data->all->users_n);
    return TDL_OK;
}

tdl_status tdl_ials_begin(const tdl_ials_params *params, const tdl_fit_data *data, tdl_pool *pool,
                          tdl_ials_fit **ret, tdl_report *why)
{
    size_t pairs_n = 0;
    tdl_ials_fit *fit = NULL;
    tdl_status st = check_params(params, data, why);

    if (st)
        return st;
    for (size_t u = 0; u < data->all->users_n; u++)
        pairs_n += tdl_fit_history(data, u).n;
    fit = calloc(1, sizeof *fit);
    if (!fit || !(fit->gram = calloc(params->d * params->d, sizeof *fit->gram))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu pairs", pairs_n);
        goto out;
    }
    fit->params = *params;
    fit->pool = pool;
    if ((st = make_half(&fit->users, data->all->users_n, params->d, pairs_n, why)) ||
        (st = make_half(&fit->items, data->all->items_n, params->d, pairs_n, why)))
        goto out;
    list_users(fit, data);
    list_items(fit);
    start_vectors(&fit->users, params->d, params->seed, STREAM_USERS);
    start_vectors(&fit->items, params->d, params->seed, STREAM_ITEMS);
    *ret = fit;
    fit = NULL; /* the caller's now */
out:
    tdl_ials_end(fit);
    return st;
}

/* ---- passes ---- */

tdl_status tdl_ials_gram(const float *vector, size_t n, size_t d, tdl_pool *pool, double *ret,
                         tdl_report *why)
{
    float *product = tdl_floats_new(d * d);
    tdl_status st = TDL_OK;

    if (!product)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the products of %zu vectors", n);
    if (!(st = tdl_gemm(true, false, d, d, n, vector, d, vector, d, product, d, false, pool, why)))
        for (size_t i = 0; i < d * d; i++)
            ret[i] = (double)product[i];
    free(product);
    return st;
}

typedef struct passing {
    tdl_ials_side side; /* held */
    half *moving;
    tdl_status *failed; /* [threads] */
} passing;

static tdl_status move_rows(const passing *p, size_t begin, size_t end, double *row, double *room)
{
    size_t d = p->side.params.d;
    tdl_status st = TDL_OK;

    for (size_t r = begin; !st && r < end; r++) {
        const size_t *offset = p->moving->offsets + r;
        float *vector = p->moving->vector + r * d;

        if (offset[0] == offset[1]) { // nothing asks for anything: the minimum is where it starts
            memset(vector, 0, d * sizeof *vector);
            continue;
        }
        for (size_t k = 0; k < d; k++)
            row[k] = (double)vector[k];
        st = tdl_ials_move(&p->side, p->moving->member + offset[0], offset[1] - offset[0], row,
                           room, NULL);
        for (size_t k = 0; k < d; k++)
            vector[k] = (float)row[k];
    }
    return st;
}

static void pass_share(void *context, size_t begin, size_t end, unsigned part)
{
    const passing *p = context;
    double *room =
        malloc((tdl_ials_room(&p->side, p->moving->most) + p->side.params.d) * sizeof *room);

    p->failed[part] =
        room ? move_rows(p, begin, end, room, room + p->side.params.d) : TDL_E_NO_MEMORY;
    free(room);
}

static tdl_status pass(tdl_ials_fit *fit, half *moving, const half *held, tdl_report *why)
{
    passing p = {
        .side = {.params = fit->params, .n = held->n, .vector = held->vector, .gram = fit->gram},
        .moving = moving,
        .failed = calloc(tdl_pool_threads(fit->pool), sizeof *p.failed)};
    tdl_status st =
        p.failed ? tdl_ials_gram(held->vector, held->n, fit->params.d, fit->pool, fit->gram, why)
                 : TDL_E_NO_MEMORY;

    if (!st)
        tdl_pool_run(fit->pool, moving->n, GRAIN, pass_share, &p);
    for (unsigned t = 0; !st && t < tdl_pool_threads(fit->pool); t++)
        st = p.failed[t];
    free(p.failed);
    if (st == TDL_E_NO_MEMORY)
        return TDL_FAIL(why, st, "no memory to solve %zu vectors", moving->n);
    if (st == TDL_E_INVALID)
        return TDL_FAIL(why, st, "vectors grew without end: raise lambda (it is %g)",
                        fit->params.lambda);
    return st;
}

tdl_status tdl_ials_pass_users(tdl_ials_fit *fit, tdl_report *why)
{
    return pass(fit, &fit->users, &fit->items, why);
}

tdl_status tdl_ials_pass_items(tdl_ials_fit *fit, tdl_report *why)
{
    return pass(fit, &fit->items, &fit->users, why);
}

/* ---- loss ---- */

/* sum over rows of (members + a0 others) |row|^2 */
static double weighted_norms(const half *h, size_t others, const tdl_ials_params *p)
{
    double sum = 0;

    for (size_t r = 0; r < h->n; r++) {
        double norm = 0;
        for (size_t k = 0; k < p->d; k++)
            norm += (double)h->vector[r * p->d + k] * (double)h->vector[r * p->d + k];
        sum += ((double)(h->offsets[r + 1] - h->offsets[r]) + p->a0 * (double)others) * norm;
    }
    return sum;
}

/* sum over pairs (1 - w.h)^2 */
static double pair_errors(const tdl_ials_fit *fit)
{
    size_t d = fit->params.d;
    double sum = 0;

    for (size_t u = 0; u < fit->users.n; u++)
        for (size_t at = fit->users.offsets[u]; at < fit->users.offsets[u + 1]; at++) {
            const float *w = fit->users.vector + u * d;
            const float *h = fit->items.vector + (size_t)fit->users.member[at] * d;
            double error = -1;
            for (size_t k = 0; k < d; k++)
                error += (double)w[k] * (double)h[k];
            sum += error * error;
        }
    return sum;
}

tdl_status tdl_ials_loss(tdl_ials_fit *fit, double *ret, tdl_report *why)
{
    const tdl_ials_params *p = &fit->params;
    size_t all = p->d * p->d;
    double *w = malloc(all * sizeof *w), everything = 0;
    tdl_status st;

    if (!w)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the loss");
    if ((st = tdl_ials_gram(fit->users.vector, fit->users.n, p->d, fit->pool, w, why)) ||
        (st = tdl_ials_gram(fit->items.vector, fit->items.n, p->d, fit->pool, fit->gram, why)))
        goto out;
    for (size_t i = 0; i < all; i++) // the trace of W'W H'H
        everything += w[i] * fit->gram[i];
    *ret = pair_errors(fit) + p->a0 * everything +
           p->lambda * (weighted_norms(&fit->users, fit->items.n, p) +
                        weighted_norms(&fit->items, fit->users.n, p));
out:
    free(w);
    return st;
}
