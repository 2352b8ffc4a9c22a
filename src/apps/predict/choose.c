#include "apps/predict/choose.h"

#include <math.h>
#include <stdlib.h>

enum { BLEND_BEST = 6 /* models that a blend is made of, at most */ };

static const double blend_ridge = 2;

static double better(const tdl_contest_data *data, double a, double b)
{
    return data->metric->higher_is_better ? a - b : b - a;
}

static size_t find_best(const tdl_contest_data *data, const tdl_contest *c)
{
    size_t best = SIZE_MAX;

    for (size_t i = 0; i < c->entries_n; i++)
        if (c->entry[i].score && !isnan(c->entry[i].metric) &&
            (best == SIZE_MAX || better(data, c->entry[i].metric, c->entry[best].metric) > 0))
            best = i;
    return best;
}

/* Is there less to read of a than of b? */
static bool is_simpler(const tdl_entry *a, const tdl_entry *b)
{
    return a->ops->rank != b->ops->rank ? a->ops->rank < b->ops->rank : a->terms < b->terms;
}

static size_t find_simplest(const tdl_contest_data *data, const tdl_contest *c, size_t best)
{
    const tdl_entry *top = &c->entry[best];
    double limit = isnan(top->standard_error) ? 0 : top->standard_error;
    size_t simplest = best;

    for (size_t i = 0; i < c->entries_n; i++) {
        const tdl_entry *e = &c->entry[i];
        if (e->score && better(data, top->metric, e->metric) <= limit &&
            is_simpler(e, &c->entry[simplest]))
            simplest = i;
    }
    return simplest;
}

/* ---- the blend ---- */

typedef struct blending {
    const tdl_contest_data *data;
    const double *score[TDL_BLEND_MAX];
    double *y;     /* [rows_n] */
    uint32_t *row; /* [rows_n] those learnt from */
    tdl_blend_data blend;
} blending;

static tdl_status fit_on(blending *b, size_t without, double *ret_weight, double *ret_temperature,
                         tdl_report *why)
{
    size_t n = 0;

    for (size_t i = 0; i < b->data->rows_n; i++)
        if (tdl_contest_tests(b->data, b->data->fold[i]) && b->data->fold[i] != without)
            b->row[n++] = (uint32_t)i;
    b->blend.rows_n = n;
    return tdl_blend_fit(&b->blend, blend_ridge, ret_weight, ret_temperature, why);
}

static tdl_status blend_fold(blending *b, size_t fold, double *score, double *ret_metric,
                             tdl_report *why)
{
    double weight[TDL_BLEND_MAX], temperature[TDL_BLEND_MAX];
    size_t k = b->blend.scores_n;
    tdl_status st = fit_on(b, fold, weight, temperature, why);

    if (st)
        return st;
    for (size_t i = 0; i < b->data->rows_n; i++)
        if (b->data->fold[i] == fold)
            tdl_blend_row(&b->blend, weight, temperature, i, score + i * k);
    return tdl_contest_measure(b->data, score, k, fold, ret_metric, why);
}

/* The best models that are no floor, or are the best of all: at most BLEND_BEST. */
static void pick_members(const tdl_contest_data *data, const tdl_contest *c, tdl_choice *ret)
{
    bool taken[TDL_CONTEST_ENTRIES_MAX] = {false};

    for (ret->entries_n = 0; ret->entries_n < BLEND_BEST; ret->entries_n++) {
        size_t best = SIZE_MAX;

        for (size_t i = 0; i < c->entries_n; i++)
            if (c->entry[i].score && !taken[i] && !isnan(c->entry[i].metric) &&
                (!c->entry[i].ops->simple || i == ret->best) &&
                (best == SIZE_MAX || better(data, c->entry[i].metric, c->entry[best].metric) > 0))
                best = i;
        if (best == SIZE_MAX)
            break;
        taken[best] = true;
        ret->entry[ret->entries_n] = best;
    }
}

/* Row by row, out of fold: how much less the blend loses than the best single model, that at the
 * temperature which suits it best. */
static tdl_status compare(blending *b, const tdl_entry *best, tdl_choice *ret, tdl_report *why)
{
    tdl_blend_data single = b->blend;
    size_t k = single.scores_n, n = 0;
    double weight[1], temperature[1], z[TDL_BLEND_SCORES_MAX] = {0}, sum = 0, squares = 0;
    const double *score = best->score;
    tdl_status st;

    single.models_n = 1;
    single.score = &score;
    if ((st = fit_on(b, SIZE_MAX, ret->weight, ret->temperature, why))) // for its rows: all tested
        return st;
    single.rows_n = b->blend.rows_n;
    if ((st = tdl_blend_fit(&single, 0, weight, temperature, why)))
        return st;
    for (; n < single.rows_n; n++) {
        size_t r = single.row[n];

        tdl_blend_row(&single, weight, temperature, r, z);
        double gain =
            tdl_blend_loss(&single, r, z) - tdl_blend_loss(&single, r, ret->score + r * k);
        sum += gain;
        squares += gain * gain;
    }
    ret->gain = sum / (double)n;
    ret->gain_error = sqrt(fmax(squares / (double)n - ret->gain * ret->gain, 0) / (double)n);
    ret->blend = ret->gain > -ret->gain_error;
    tdl_contest_mean(ret->fold_metric, b->data->folds_n, &ret->metric, &ret->standard_error);
    return TDL_OK;
}

static tdl_status try_blend(blending *b, const tdl_contest *c, tdl_choice *ret, tdl_report *why)
{
    const tdl_contest_data *data = b->data;
    tdl_status st = TDL_OK;

    for (size_t j = 0; j < ret->entries_n; j++)
        b->score[j] = c->entry[ret->entry[j]].score;
    for (size_t i = 0; i < data->rows_n; i++)
        b->y[i] = (double)data->target->y[data->row[i]];
    b->blend = (tdl_blend_data){.task = data->target->task,
                                .scores_n = c->scores_n,
                                .models_n = ret->entries_n,
                                .score = b->score,
                                .row = b->row,
                                .y = b->y,
                                .quantile = data->target->quantile,
                                .aim = data->target->aim,
                                .power = data->target->power};
    for (size_t f = 0; f < data->folds_n && !st; f++) {
        ret->fold_metric[f] = NAN;
        if (tdl_contest_tests(data, f))
            st = blend_fold(b, f, ret->score, &ret->fold_metric[f], why);
    }
    if (st)
        return st;
    ret->has_blend = true;
    return compare(b, &c->entry[ret->best], ret, why);
}

static void take_single(const tdl_contest_data *data, const tdl_contest *c, size_t entry,
                        tdl_choice *ret)
{
    ret->blend = false;
    ret->entries_n = 1;
    ret->entry[0] = entry;
    ret->weight[0] = ret->temperature[0] = 1;
    memcpy(ret->score, c->entry[entry].score, data->rows_n * c->scores_n * sizeof *ret->score);
}

tdl_status tdl_choose(const tdl_contest_data *data, const tdl_contest *c, bool simple,
                      bool may_blend, tdl_choice *ret, tdl_report *why)
{
    tdl_choice choice = {.best = find_best(data, c), .linear = SIZE_MAX};
    blending b = {.data = data};
    tdl_status st = TDL_OK;

    if (choice.best == SIZE_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "no model could be measured");
    for (size_t i = 0; i < c->entries_n; i++)
        if (c->entry[i].score && (!strcmp(c->entry[i].ops->name, "logistic") ||
                                  !strcmp(c->entry[i].ops->name, "linear")))
            choice.linear = i;
    choice.score = malloc((data->rows_n * c->scores_n + 1) * sizeof *choice.score);
    b.y = malloc((data->rows_n + 1) * sizeof *b.y);
    b.row = malloc((data->rows_n + 1) * sizeof *b.row);
    if (!choice.score || !b.y || !b.row) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", data->rows_n);
        goto out;
    }
    for (size_t i = 0; i < data->rows_n * c->scores_n; i++)
        choice.score[i] = NAN;
    pick_members(data, c, &choice);
    if (may_blend && !simple && choice.entries_n > 1 && c->scores_n <= TDL_BLEND_SCORES_MAX &&
        data->target->task != TDL_TASK_RANKING)
        st = try_blend(&b, c, &choice, why);
    if (!st && !choice.blend)
        take_single(data, c, simple ? find_simplest(data, c, choice.best) : choice.best, &choice);
out:
    free(b.y);
    free(b.row);
    if (st)
        tdl_choice_release(&choice);
    else
        *ret = choice;
    return st;
}

void tdl_choice_release(tdl_choice *choice)
{
    free(choice->score);
    *choice = (tdl_choice){0};
}
