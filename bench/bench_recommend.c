/* The matrix rungs beside what bounds them: a product of our own, and the figures of
 * spec/recommend.md section 5.4. CPU time of one thread. The other parts, each also a
 * benchmark by its own name: bench_scan.c, bench_counts.c, bench_answers.c.
 *
 * Data are made up to the sizes of the sheet: 3,613 people, 3,791 items, 188,399 pairs of an uneven
 * popularity.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/recommend/ease.h"
#include "apps/recommend/ials.h"
#include "bars.h"
#include "base/rng.h"
#include "cli/command.h"
#include "peak.h"
#include "stats/cholesky.h"
#include "tensor/gemm.h"
#include "tensor/scratch.h"

enum { PEOPLE = 3613, ITEMS = 3791, PAIRS = 188399, D = 64, EPOCHS = 8, REPEATS = 3 };

/* ---- who had what ---- */

typedef struct crowd {
    size_t offsets[PEOPLE + 1];
    int32_t item[PAIRS];
    int64_t time_us[PAIRS];
    tdl_interactions all;
} crowd;

/* People have from few to hundreds of items, near a taste of their own and near the popular. */
static crowd *make_crowd(void)
{
    crowd *c = calloc(1, sizeof *c);
    bool *had = calloc(ITEMS, sizeof *had);
    tdl_rng rng = tdl_rng_make(11, 0);
    size_t n = 0;

    for (size_t u = 0; c && had && u < PEOPLE; u++) {
        size_t left = PEOPLE - u, share = (PAIRS - n) / left;
        double spread = 2 * tdl_rng_uniform(&rng);
        size_t wanted = left == 1 ? PAIRS - n : (size_t)(spread * (double)share);
        size_t taste = tdl_rng_below(&rng, ITEMS), begin = n;

        for (wanted = wanted < ITEMS ? wanted : ITEMS; n - begin < wanted;) {
            double x = tdl_rng_uniform(&rng);
            size_t near = (size_t)(x * x * x * ITEMS);
            size_t item = tdl_rng_below(&rng, 3) ? (taste + near) % ITEMS : near;
            if (!had[item]) {
                had[item] = true;
                c->item[n++] = (int32_t)item;
            }
        }
        for (size_t i = begin; i < n; i++)
            had[c->item[i]] = false;
        c->offsets[u + 1] = n;
    }
    if (c)
        c->all = (tdl_interactions){PEOPLE, ITEMS, c->offsets, c->item, c->time_us};
    if (!had) {
        free(c);
        c = NULL;
    }
    free(had);
    return c;
}

/* ---- EASE ---- */

enum { CHECKED = 64, APART = ITEMS / CHECKED };

/* The largest difference of some columns of B from what double gives. */
static tdl_status ease_error(const tdl_ease *model, const tdl_fit_data *data, double *ret,
                             tdl_report *why)
{
    size_t n = model->items_n;
    double *factor = calloc(n * n, sizeof *factor), *inverse = calloc(n * CHECKED, sizeof *inverse);
    tdl_status st = TDL_OK;

    if (!factor || !inverse) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the matrix in double");
        goto out;
    }
    for (size_t u = 0; u < data->all->users_n; u++) {
        tdl_history h = tdl_fit_history(data, u);
        for (size_t a = 0; a < h.n; a++)
            for (size_t b = 0; b < h.n; b++)
                factor[(size_t)h.item[a] * n + (size_t)h.item[b]]++;
    }
    for (size_t i = 0; i < n; i++)
        factor[i * n + i] += model->params.lambda;
    for (size_t c = 0; c < CHECKED; c++)
        inverse[c * APART * CHECKED + c] = 1;
    if ((st = tdl_cholesky(factor, n, why)))
        goto out;
    tdl_cholesky_solve(factor, n, inverse, CHECKED);
    *ret = 0;
    for (size_t i = 0; i < n; i++)
        for (size_t c = 0; c < CHECKED; c++) {
            double own = inverse[c * APART * CHECKED + c];
            if (i != c * APART)
                *ret = fmax(*ret, fabs((double)model->b[i * n + c * APART] +
                                       inverse[i * CHECKED + c] / own));
        }
out:
    free(factor);
    free(inverse);
    return st;
}

static tdl_status bench_ease(const tdl_fit_data *data, tdl_bars *bars, tdl_report *why)
{
    const tdl_ease_params params = {.lambda = 300};
    float *product = tdl_floats_new((size_t)ITEMS * ITEMS);
    double ratio[REPEATS], fit_s = 0, gemm_s = 0, error = 0;
    tdl_ease *model = NULL;
    tdl_status st = TDL_OK;

    if (!product)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a product of %d items", ITEMS);
    for (size_t r = 0; r < REPEATS; r++) {
        tdl_ease_free(model);
        model = NULL;
        fit_s = -tdl_cpu_seconds();
        if ((st = tdl_ease_fit(&params, data, NULL, &model, why)))
            goto out;
        fit_s += tdl_cpu_seconds();
        gemm_s = -tdl_cpu_seconds();
        if ((st = tdl_gemm(false, false, ITEMS, ITEMS, ITEMS, model->b, ITEMS, model->b, ITEMS,
                           product, ITEMS, false, NULL, why)))
            goto out;
        gemm_s += tdl_cpu_seconds();
        ratio[r] = fit_s / gemm_s;
    }
    if ((st = ease_error(model, data, &error, why)))
        goto out;
    tdl_bars_at_most(bars, "recommend: EASE fit, 3,791 items", tdl_median3(ratio), "ratio", .8,
                     "one n^3 product of ours, s", gemm_s);
    tdl_bars_at_most(bars, "recommend: EASE, error of B in f32", error, "", 1e-6, "double, fit s",
                     fit_s);
out:
    tdl_ease_free(model);
    free(product);
    return st;
}

/* ---- iALS++ ---- */

/* ret_s: CPU seconds of one epoch. */
static tdl_status run_ials(const tdl_fit_data *data, size_t d, size_t block, unsigned epochs,
                           tdl_ials_fit **ret, double *ret_s, double *ret_loss, tdl_report *why)
{
    tdl_ials_params params = {.d = d, .block = block, .lambda = .003, .a0 = 1, .seed = 1};
    tdl_status st = tdl_ials_begin(&params, data, NULL, ret, why);
    double started = tdl_cpu_seconds();

    for (unsigned epoch = 0; !st && epoch < epochs; epoch++)
        if (!(st = tdl_ials_pass_users(*ret, why)))
            st = tdl_ials_pass_items(*ret, why);
    *ret_s = (tdl_cpu_seconds() - started) / epochs;
    return st ? st : tdl_ials_loss(*ret, ret_loss, why);
}

/* Median microseconds of folding in the first 50 items of people who have that many. */
static tdl_status fold_in_us(const tdl_fit_data *data, tdl_ials_fit *fit, double *ret,
                             tdl_report *why)
{
    enum { MEMBERS = 50, TIMES = 2000 };
    double *gram = malloc(sizeof *gram * D * D), *room = NULL, w[D], us[REPEATS] = {0};
    tdl_ials_side side = {.params = {.d = D, .block = D, .lambda = .003, .a0 = 1},
                          .n = ITEMS,
                          .vector = tdl_ials_items(fit),
                          .gram = gram};
    tdl_status st = TDL_OK;

    if (!gram || !(room = malloc(tdl_ials_room(&side, MEMBERS) * sizeof *room))) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to fold in");
        goto out;
    }
    if ((st = tdl_ials_gram(side.vector, ITEMS, D, NULL, gram, why)))
        goto out;
    for (size_t r = 0; r < REPEATS; r++) {
        us[r] = -tdl_cpu_seconds() * 1e6 / TIMES;
        for (size_t i = 0; !st && i < TIMES; i++)
            st = tdl_ials_fold_in(&side, data->all->item + i * MEMBERS, MEMBERS, w, room, why);
        us[r] += tdl_cpu_seconds() * 1e6 / TIMES;
    }
    *ret = tdl_median3(us);
out:
    free(gram);
    free(room);
    return st;
}

static tdl_status bench_ials(const tdl_fit_data *data, tdl_bars *bars, tdl_report *why)
{
    tdl_ials_fit *fit = NULL, *exact = NULL, *wide = NULL;
    double seconds, exact_s, wide_s, loss, exact_loss, ignored, us = 0;
    tdl_status st;

    if ((st = run_ials(data, D, 32, EPOCHS, &fit, &seconds, &loss, why)) ||
        (st = run_ials(data, D, D, EPOCHS, &exact, &exact_s, &exact_loss, why)) ||
        (st = run_ials(data, 2 * D, 32, 2, &wide, &wide_s, &ignored, why)) ||
        (st = fold_in_us(data, fit, &us, why)))
        goto out;
    tdl_bars_at_most(bars, "recommend: iALS++ epoch, d 64, block 32", seconds, "s", .15,
                     "exact solves of ours, s", exact_s);
    tdl_bars_at_most(bars, "recommend: iALS++ epoch, d 128, block 32", wide_s, "s", .28, "bar, s",
                     .28);
    tdl_bars_at_most(bars, "recommend: iALS++ loss after 8 epochs", loss / exact_loss, "ratio",
                     1.001, "exact ALS", exact_loss);
    tdl_bars_at_most(bars, "recommend: fold-in, d 64, 50 items", us, "us", 50, "numpy, us", 33);
out:
    tdl_ials_end(fit);
    tdl_ials_end(exact);
    tdl_ials_end(wide);
    return st;
}

tdl_status tdl_bench_fits(bool quiet, tdl_bars *bars, tdl_report *why)
{
    crowd *c = make_crowd();
    tdl_status st;

    TDL_UNUSED(quiet);
    if (!c)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %d pairs", PAIRS);
    tdl_fit_data data = {&c->all, c->offsets + 1};
    if (!(st = bench_ials(&data, bars, why)))
        st = bench_ease(&data, bars, why);
    free(c);
    return st;
}

tdl_status tdl_bench_recommend(bool quiet, tdl_bars *bars, tdl_report *why)
{
    tdl_status st;

    if ((st = tdl_bench_scan(quiet, bars, why)) || (st = tdl_bench_counts(quiet, bars, why)) ||
        (st = tdl_bench_fits(quiet, bars, why)) || (st = tdl_bench_behaviour(quiet, bars, why)))
        return st;
    if (tdl_bench_answers(quiet, bars, why)) { // the other figures are worth having
        fprintf(stderr, "answers over HTTP: %s\n", why->message);
        tdl_bars_add(bars,
                     (tdl_bar){.unit = "done",
                               .kind = TDL_BAR_AT_LEAST,
                               .bound = 1,
                               .peer = "of",
                               .peer_value = 1},
                     "recommend: answers over HTTP measured");
    }
    return TDL_OK;
}
