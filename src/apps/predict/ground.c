#include "apps/predict/ground.h"

#include <stdlib.h>

void tdl_ground_release(tdl_ground *g)
{
    free(g->train_row);
    free(g->test_row);
    free(g->test_at);
    free(g->y);
    free(g->weight);
    free(g->group);
    tdl_prepare_free(g->prepare);
    tdl_matrix_release(&g->train);
    tdl_matrix_release(&g->test);
    *g = (tdl_ground){0};
}

tdl_status tdl_ground_take(const tdl_contest_data *data, size_t fold, tdl_ground *ret,
                           tdl_report *why)
{
    size_t n = data->rows_n + 1;
    tdl_ground p = {.train_row = malloc(n * sizeof *p.train_row),
                    .test_row = malloc(n * sizeof *p.test_row),
                    .test_at = malloc(n * sizeof *p.test_at),
                    .y = malloc(n * sizeof *p.y),
                    .weight = data->weight ? malloc(n * sizeof *p.weight) : NULL,
                    .group = data->group ? malloc(n * sizeof *p.group) : NULL};

    if (!p.train_row || !p.test_row || !p.test_at || !p.y || (data->weight && !p.weight) ||
        (data->group && !p.group)) {
        tdl_ground_release(&p);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a fold of %zu rows", data->rows_n);
    }
    for (size_t i = 0; i < data->rows_n; i++) {
        uint32_t row = data->row[i];

        if (tdl_contest_trains(data, fold, i)) {
            p.train_row[p.train_n] = row;
            p.y[p.train_n] = data->target->y[row];
            if (p.weight)
                p.weight[p.train_n] = data->weight[row];
            if (p.group)
                p.group[p.train_n] = data->group[i];
            p.train_n++;
        } else if (data->fold[i] == fold) {
            p.test_row[p.test_n] = row;
            p.test_at[p.test_n++] = (uint32_t)i;
        }
    }
    *ret = p;
    return TDL_OK;
}

tdl_status tdl_ground_prepare(const tdl_contest_data *data, const tdl_learner_ops *ops,
                              const tdl_problem *problem, tdl_ground *g, tdl_report *why)
{
    const tdl_target target = {
        .y = data->target->y, .classes_n = data->target->classes_n, .weight = data->weight};
    tdl_status st;

    if (g->prepare)
        return TDL_OK;
    if ((st = tdl_wish_prepare_fit(&data->wish, ops, problem, data->frame, data->left_out,
                                   g->train_row, g->train_n, &target, problem->seed, &g->prepare,
                                   &g->train, why)))
        return st;
    return tdl_prepare_apply(g->prepare, data->frame, g->test_row, g->test_n, &g->test, NULL, why);
}
