/* What was chosen, fitted on all rows, and set right by the scores that were made out of fold. */
#include <math.h>
#include <stdlib.h>

#include "apps/predict/decision_cost.h"
#include "apps/predict/session.h"
#include "base/sorted.h"
#include "base/timestamp.h"

enum { RESIDUALS_MAX = 10000 };

/* ---- members ---- */

typedef struct all_rows {
    float *y, *weight;
    int32_t *group;
} all_rows;

static tdl_status gather(const tdl_fit_session *s, all_rows *ret, tdl_report *why)
{
    size_t column, n = s->rows_n + 1;

    ret->y = malloc(n * sizeof *ret->y);
    ret->weight = s->weight ? malloc(n * sizeof *ret->weight) : NULL;
    ret->group = s->group ? malloc(n * sizeof *ret->group) : NULL;
    if (!ret->y || (s->weight && !ret->weight) || (s->group && !ret->group))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", s->rows_n);
    for (size_t i = 0; i < s->rows_n; i++) {
        ret->y[i] = s->target.y[s->row[i]];
        if (s->weight)
            ret->weight[i] = s->weight[s->row[i]];
    }
    if (!s->group)
        return TDL_OK;
    tdl_status st = tdl_find_columns(s->frame, s->options->group, &column, 1, &n, why);
    return st ? st
              : tdl_number_values(&s->frame->column[column], s->row, s->rows_n, ret->group, &n,
                                  why);
}

static tdl_status fit_member(const tdl_fit_session *s, const all_rows *rows, const tdl_entry *entry,
                             tdl_member *ret, tdl_report *why)
{
    const tdl_target target = {
        .y = s->target.y, .classes_n = s->target.classes_n, .weight = s->weight};
    tdl_matrix x = {0};
    tdl_problem problem = {.task = s->target.task,
                           .classes_n = s->target.classes_n,
                           .quantiles_n = s->target.quantiles_n,
                           .aim = s->target.aim,
                           .power = s->target.power,
                           .x = &x,
                           .y = rows->y,
                           .weight = rows->weight,
                           .group = rows->group,
                           .seed = s->options->seed,
                           .pool = s->options->pool};
    tdl_status st;

    memcpy(problem.quantile, s->target.quantile, sizeof problem.quantile);
    st = tdl_wish_prepare_fit(&s->data.wish, entry->ops, &problem, s->frame, s->left_out, s->row,
                              s->rows_n, &target, s->options->seed, &ret->prepare, &x, why);
    if (!st)
        st = tdl_wish_fit(&s->data.wish, entry->ops, &problem, entry->setting, &ret->learner, NULL,
                          why);
    tdl_matrix_release(&x);
    return st;
}

tdl_status tdl_fit_members(tdl_fit_session *s, tdl_report *why)
{
    tdl_predictor *p = s->predictor;
    all_rows rows = {0};
    tdl_status st;

    if (!(p->member = calloc(s->choice.entries_n, sizeof *p->member)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    st = gather(s, &rows, why);
    for (size_t j = 0; j < s->choice.entries_n && !st; j++) {
        if (s->choice.weight[j] < 1e-3) // nothing that a reader or a prediction would notice
            continue;
        tdl_member *m = &p->member[p->members_n++];
        m->weight = s->choice.weight[j] / s->choice.temperature[j];
        st = fit_member(s, &rows, &s->contest.entry[s->choice.entry[j]], m, why);
    }
    free(rows.y);
    free(rows.weight);
    free(rows.group);
    return st;
}

/* ---- calibration ---- */

/* Scores and targets of rows that were tested; `without` leaves a fold out. */
static size_t gather_scores(const tdl_fit_session *s, uint32_t without, uint32_t only,
                            double *ret_score, double *ret_y, uint32_t *ret_row, int32_t *ret_list)
{
    size_t n = 0, k = s->contest.scores_n;

    for (size_t i = 0; i < s->contest_n; i++) {
        uint32_t fold = s->folds.fold[i];

        if (!tdl_contest_tests(&s->data, fold) || fold == without ||
            (only != UINT32_MAX && fold != only))
            continue;
        memcpy(ret_score + n * k, s->choice.score + i * k, k * sizeof *ret_score);
        if (ret_row)
            ret_row[n] = s->contest_row[i];
        if (ret_list)
            ret_list[n] = s->group[i];
        ret_y[n++] = (double)s->target.y[s->contest_row[i]];
    }
    return n;
}

/* Sizes of what was missed, out of fold; of very many an even part. */
static tdl_status keep_residuals(tdl_fit_session *s, const double *score, const double *y, size_t n,
                                 tdl_report *why)
{
    tdl_predictor *p = s->predictor;
    double *size = malloc((n + 1) * sizeof *size);
    size_t kept = n < RESIDUALS_MAX ? n : RESIDUALS_MAX;

    p->residual = malloc((kept + 1) * sizeof *p->residual);
    if (!size || !p->residual) {
        free(size);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu residuals", n);
    }
    for (size_t i = 0; i < n; i++)
        size[i] =
            fabs(y[i] - (s->target.task == TDL_TASK_COUNT ? exp(fmin(score[i], 80)) : score[i]));
    tdl_sort_numbers(size, n);
    for (size_t i = 0; i < kept; i++) // the upper end of each of `kept` equal parts
        p->residual[i] = size[(i + 1) * n / kept - 1];
    p->residuals_n = kept;
    free(size);
    return TDL_OK;
}

static tdl_status set_right(tdl_fit_session *s, double *score, const double *y, size_t n,
                            tdl_report *why)
{
    tdl_predictor *p = s->predictor;
    tdl_status st = tdl_decision_threshold(s->options, s->target.task, &p->threshold, why);

    if (st)
        return st;
    if (!s->target.classes_n)
        return s->target.task == TDL_TASK_REGRESSION || s->target.task == TDL_TASK_COUNT
                   ? keep_residuals(s, score, y, n, why)
                   : TDL_OK;
    return tdl_calibration_fit(TDL_CALIBRATION_AUTO, score, p->scores_n, y, NULL, n,
                               &p->calibration, NULL, why);
}

tdl_status tdl_fit_calibrate(tdl_fit_session *s, tdl_report *why)
{
    size_t k = s->contest.scores_n;
    double *score = malloc((s->contest_n * k + 1) * sizeof *score);
    double *y = malloc((s->contest_n + 1) * sizeof *y);
    tdl_status st = score && y
                        ? TDL_OK
                        : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu scores", s->contest_n);

    if (!st)
        st = set_right(s, score, y, gather_scores(s, UINT32_MAX, UINT32_MAX, score, y, NULL, NULL),
                       why);
    free(score);
    free(y);
    return st;
}

/* The outputs of one fold, by a calibration of the same kind that has not seen it. */
static tdl_status calibrate_fold(tdl_fit_session *s, uint32_t fold, double *others,
                                 double *others_y, tdl_tested *t, tdl_report *why)
{
    size_t k = s->contest.scores_n;
    double *output = t->output + t->n * k;
    tdl_calibration calibration = {0};
    size_t here = gather_scores(s, UINT32_MAX, fold, output, t->y + t->n, t->row + t->n,
                                t->list ? t->list + t->n : NULL);
    size_t others_n = gather_scores(s, fold, UINT32_MAX, others, others_y, NULL, NULL);
    tdl_status st = TDL_OK;

    if (!s->target.classes_n) {
        tdl_scores_to_outputs(s->target.task, output, here, k);
    } else if (!(st = tdl_calibration_fit(s->predictor->calibration.method, others, k, others_y,
                                          NULL, others_n, &calibration, NULL, why))) {
        tdl_calibration_apply(&calibration, output, here, output);
    }
    tdl_calibration_release(&calibration);
    for (size_t i = 0; i < here; i++)
        t->fold[t->n + i] = fold;
    t->n += here;
    return st;
}

void tdl_tested_release(tdl_tested *t)
{
    free(t->y);
    free(t->output);
    free(t->row);
    free(t->fold);
    free(t->list);
    *t = (tdl_tested){0};
}

tdl_status tdl_fit_tested_outputs(tdl_fit_session *s, tdl_tested *ret, tdl_report *why)
{
    size_t k = s->contest.scores_n, rows = s->contest_n + 1;
    tdl_tested t = {.y = malloc(rows * sizeof *t.y),
                    .output = malloc(rows * k * sizeof *t.output),
                    .row = malloc(rows * sizeof *t.row),
                    .fold = malloc(rows * sizeof *t.fold),
                    .list = s->group ? malloc(rows * sizeof *t.list) : NULL};
    double *others = malloc(rows * k * sizeof *others), *others_y = malloc(rows * sizeof *others_y);
    tdl_status st =
        t.y && t.output && t.row && t.fold && others && others_y && (t.list || !s->group)
            ? TDL_OK
            : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu rows", rows);

    for (uint32_t f = 0; f < s->folds.folds_n && !st; f++)
        if (tdl_contest_tests(&s->data, f))
            st = calibrate_fold(s, f, others, others_y, &t, why);
    free(others);
    free(others_y);
    if (st)
        tdl_tested_release(&t);
    else
        *ret = t;
    return st;
}
