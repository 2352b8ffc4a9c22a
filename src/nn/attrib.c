#include "nn/attrib.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/layers.h"

enum { STEPS = 50 };

void tdl_attrib_prepare(tdl_net *net, int scores, int input)
{
    if (net->nodes_n && net->node[net->nodes_n - 1].op->is_loss)
        net->nodes_n--;
    tdl_net_keep(net, input);
    tdl_net_keep_gradient(net, input);
    tdl_net_append(net, &tdl_op_pick, (tdl_op_config){0}, TDL_LIST(scores), TDL_EMPTY);
}

static size_t numbers_of(const tdl_net *net, int input, const tdl_nn_batch *batch)
{
    return tdl_net_rows(net, input, batch) * net->node[input].shapes.out_cols;
}

tdl_status tdl_attrib_gradient(tdl_net *net, int input, const tdl_nn_batch *batch, tdl_pool *pool,
                               tdl_real *ret, tdl_report *why)
{
    const tdl_run run = {.pool = pool};
    tdl_status st;

    if ((st = tdl_net_forward(net, batch, &run, why)) ||
        (st = tdl_net_backward(net, batch, &run, 1, why)))
        return st;
    memcpy(ret, tdl_net_gradient(net, input), numbers_of(net, input, batch) * sizeof *ret);
    return TDL_OK;
}

/* ---- integrated gradients ---- */

typedef struct path {
    tdl_net *net;
    int input;
    const tdl_nn_batch *batch;
    tdl_pool *pool;
    size_t n;                 /* numbers of the input */
    tdl_real *end, *at;       /* [n] x, and where the path is */
    const tdl_real *baseline; /* [n]; NULL = 0 */
    double *from, *to;        /* [rows] F(b), F(x) */
} path;

static tdl_real baseline_at(const path *p, size_t i)
{
    return p->baseline ? p->baseline[i] : 0;
}

/* Numbers of the batch are exchanged in it, other values as they are computed. */
static tdl_status forward_at(const path *p, double share, bool back, tdl_report *why)
{
    tdl_nn_batch batch = *p->batch;
    const tdl_given given = {.value = p->input, .numbers = p->at};
    tdl_run run = {.pool = p->pool};
    tdl_status st;

    for (size_t i = 0; i < p->n; i++)
        p->at[i] = baseline_at(p, i) + (tdl_real)share * (p->end[i] - baseline_at(p, i));
    if (p->net->node[p->input].op == &tdl_op_input)
        batch.x = p->at;
    else
        run.given = &given;
    st = tdl_net_forward(p->net, &batch, &run, why);
    return st || !back ? st : tdl_net_backward(p->net, &batch, &run, 1, why);
}

/* The score of each row of the batch; of several rows of scores their sum. */
static void read_scores(const path *p, double *ret)
{
    const tdl_node *last = &p->net->node[p->net->nodes_n - 1];

    for (size_t r = 0; r < p->batch->rows; r++) {
        size_t begin, end;

        tdl_op_rows_of(p->batch, last->shapes.out_per_row, r, &begin, &end);
        ret[r] = 0;
        for (size_t i = begin; i < end; i++)
            ret[r] += (double)last->out[i * TDL_LOSS_COLS];
    }
}

static double gap_of(const path *p, const tdl_real *attribution)
{
    const tdl_op_shapes *shapes = &p->net->node[p->input].shapes;
    double gap = 0, largest = 0;

    for (size_t r = 0; r < p->batch->rows; r++) {
        double sum = 0, whole = p->to[r] - p->from[r];
        size_t begin, end;

        tdl_op_rows_of(p->batch, shapes->out_per_row, r, &begin, &end);
        for (size_t i = begin * shapes->out_cols; i < end * shapes->out_cols; i++)
            sum += (double)attribution[i];
        gap = fmax(gap, fabs(sum - whole));
        largest = fmax(largest, fabs(whole));
    }
    return largest > 0 ? gap / largest : gap;
}

/* sum += the gradient at the middle of each step */
static tdl_status integrate(const path *p, size_t steps, double *sum, tdl_report *why)
{
    for (size_t k = 0; k < steps; k++) {
        tdl_status st = forward_at(p, ((double)k + 0.5) / (double)steps, true, why);

        if (st)
            return st;
        const tdl_real *gradient = tdl_net_gradient(p->net, p->input);
        for (size_t i = 0; i < p->n; i++)
            sum[i] += (double)gradient[i];
    }
    return TDL_OK;
}

/* x itself: what the batch holds, or what the net made of it in the last pass. */
static void read_end(const path *p)
{
    bool is_batch = p->net->node[p->input].op == &tdl_op_input;

    memcpy(p->end, is_batch ? p->batch->x : tdl_net_value(p->net, p->input), p->n * sizeof *p->end);
}

static tdl_status follow(const path *p, const tdl_attrib_options *options, double *sum,
                         tdl_real *ret, tdl_report *why)
{
    size_t steps = options->steps ? options->steps : STEPS;
    tdl_status st;

    read_end(p);
    read_scores(p, p->to);
    if ((st = forward_at(p, 0, false, why)))
        return st;
    read_scores(p, p->from);
    if ((st = integrate(p, steps, sum, why)))
        return st;
    for (size_t i = 0; i < p->n; i++)
        ret[i] = (tdl_real)(sum[i] / (double)steps) * (p->end[i] - baseline_at(p, i));
    return TDL_OK;
}

tdl_status tdl_attrib_integrated(tdl_net *net, int input, const tdl_nn_batch *batch,
                                 const tdl_attrib_options *options, tdl_real *ret, double *ret_gap,
                                 tdl_report *why)
{
    const tdl_run run = {.pool = options->pool};
    tdl_status st = tdl_net_forward(net, batch, &run, why);

    if (st) // before any size is taken from the batch
        return st;
    size_t n = numbers_of(net, input, batch), rows = batch->rows;
    tdl_real *point = calloc(2 * n + 1, sizeof *point);
    double *sum = calloc(n + 2 * rows + 1, sizeof *sum);
    const path p = {net,     input,         batch,     options->pool,
                    n,       point,         point + n, options->baseline,
                    sum + n, sum + n + rows};

    if (!point || !sum)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the attributions of %zu rows", rows);
    else
        st = follow(&p, options, sum, ret, why);
    if (!st && ret_gap)
        *ret_gap = gap_of(&p, ret);
    free(point);
    free(sum);
    return st;
}
