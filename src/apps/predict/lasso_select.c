#include <stdlib.h>

#include "apps/predict/column_selection.h"
#include "learn/kinds.h"

/* A line's attribution of a row of ones against a row of zeros is its weights. */
static tdl_status read_weights(const tdl_learner *line, const tdl_matrix *like, double *ret,
                               tdl_report *why)
{
    float *cell = calloc(2 * like->cols + 2, sizeof *cell);
    tdl_matrix ones = {.rows = 1, .cols = like->cols, .x = cell, .feature = like->feature};
    tdl_matrix zeros = ones;
    tdl_attribution weights = {.x = ret, .base = &(double){0}};
    tdl_status st;

    if (!cell)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu weights", like->cols);
    for (size_t j = 0; j < like->cols; j++)
        cell[j] = 1;
    zeros.x = cell + like->cols;
    st = tdl_learner_attribute(line, &ones, &zeros, 0, NULL, &weights, why);
    free(cell);
    return st;
}

static void leave_out(const tdl_column_selection *s, const tdl_matrix *x, const double *weight,
                      tdl_str always, bool *ret_left_out)
{
    bool any = false;

    for (size_t j = 0; j < x->cols; j++)
        any |= weight[j] != 0;
    for (size_t c = 0; c < s->frame->columns_n; c++)
        ret_left_out[c] = s->left_out[c] || (any && !s->frame->column[c].pixel &&
                                             !tdl_str_is(always, s->frame->column[c].name));
    for (size_t j = 0; j < x->cols; j++)
        if (weight[j] != 0)
            ret_left_out[x->feature[j].column] = s->left_out[x->feature[j].column];
}

tdl_status tdl_lasso_select(const tdl_column_selection *s, tdl_str always, bool *ret_left_out,
                            tdl_report *why)
{
    const tdl_learner_ops *lasso = &tdl_learner_lasso;
    tdl_problem problem = *s->problem;
    tdl_prepare *prepare = NULL;
    tdl_learner *line = NULL;
    tdl_matrix x = {0};
    float *y = malloc((s->rows_n + 1) * sizeof *y);
    float *rows_weight = s->target->weight ? malloc((s->rows_n + 1) * sizeof *y) : NULL;
    json_t *setting = json_pack("{s:f}", "error", 1.0);
    double *weight = NULL;
    tdl_status st;

    if (!y || (s->target->weight && !rows_weight)) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to select by %zu rows", s->rows_n);
        goto out;
    }
    for (size_t i = 0; i < s->rows_n; i++) {
        y[i] = s->target->y[s->row[i]];
        if (rows_weight)
            rows_weight[i] = s->target->weight[s->row[i]];
    }
    if ((st = tdl_prepare_fit(s->frame, s->left_out, s->row, s->rows_n, s->target, &lasso->prepare,
                              s->seed, &prepare, &x, why)))
        goto out;
    problem.x = &x;
    problem.y = y;
    problem.weight = rows_weight;
    problem.group = NULL;
    problem.seed = s->seed;
    problem.seconds = 0;
    if (!lasso->suits(&problem, x.rows, x.cols, why)) {
        st = TDL_E_INVALID;
        goto out;
    }
    if (!(weight = calloc(x.cols + 1, sizeof *weight)))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu weights", x.cols);
    else if (!(st = tdl_learner_fit(lasso, &problem, setting, &line, NULL, why)) &&
             !(st = read_weights(line, &x, weight, why)))
        leave_out(s, &x, weight, always, ret_left_out);
out:
    json_decref(setting);
    tdl_learner_free(line);
    tdl_prepare_free(prepare);
    tdl_matrix_release(&x);
    free(y);
    free(rows_weight);
    free(weight);
    return st;
}
