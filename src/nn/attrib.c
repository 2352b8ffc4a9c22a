#include "nn/attrib.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/gauss_legendre.h"
#include "nn/layers.h"

enum { STEPS = 50, GAUSS_STEPS = 32 };

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
    const tdl_attrib_options *options;
    size_t n;      /* numbers of the input */
    size_t copies; /* points of the path in one pass */
    size_t steps;
    double *node, *weight; /* [steps] */
    tdl_real *end, *at;    /* [n] x; [copies][n] where the path is */
    tdl_real *x;           /* [copies] times batch->x, where that is not the input; or NULL */
    int32_t *category;     /* [copies] times; or NULL */
    int32_t *target;       /* [copies] times */
    double *sum;           /* [n] */
    double *from, *to;     /* [rows] F(b), F(x) */
} path;

static tdl_real baseline_at(const path *p, size_t i)
{
    return p->options->baseline ? p->options->baseline[i] : 0;
}

static bool is_of_batch(const path *p)
{
    return p->net->node[p->input].op == &tdl_op_input;
}

/* Numbers and categories that the net reads of each row of the batch. */
static void columns_of(const tdl_net *net, size_t *ret_x, size_t *ret_category)
{
    *ret_x = *ret_category = 0;
    for (int k = 0; k < net->nodes_n; k++) {
        const tdl_node *node = &net->node[k];

        if (node->op == &tdl_op_input)
            *ret_x = node->shapes.out_cols;
        if (node->op != &tdl_op_feature_tokens)
            continue;
        *ret_category = node->config.features.categories;
        if (node->config.features.numbers)
            *ret_x = node->config.features.numbers;
    }
}

/* What is read of the batch, once for each point of a pass; NULL where nothing is. */
static void *repeat(const void *from, size_t bytes, size_t copies, bool *failed)
{
    char *to = from && bytes ? malloc(bytes * copies) : NULL;

    for (size_t c = 0; to && c < copies; c++)
        memcpy(to + c * bytes, from, bytes);
    *failed |= from && bytes && !to;
    return to;
}

static tdl_status open_path(path *p, tdl_report *why)
{
    const tdl_net *net = p->net;
    const tdl_nn_batch *batch = p->batch;
    size_t rows = batch->rows, x_cols, category_cols;
    bool failed = false;

    p->n = numbers_of(net, p->input, batch);
    p->steps = p->options->steps ? p->options->steps : p->options->gauss ? GAUSS_STEPS : STEPS;
    p->copies = batch->offsets || !rows ? 1 : net->rows_max / rows;
    p->copies = p->copies > p->steps ? p->steps : p->copies;
    columns_of(net, &x_cols, &category_cols);
    p->node = calloc(2 * p->steps + p->n + 2 * rows + 1, sizeof *p->node);
    p->end = calloc((p->copies + 1) * p->n + 1, sizeof *p->end);
    if (!p->node || !p->end)
        failed = true;
    if (!batch->offsets) {
        if (!is_of_batch(p))
            p->x = repeat(batch->x, rows * x_cols * sizeof *p->x, p->copies, &failed);
        p->category =
            repeat(batch->category, rows * category_cols * sizeof *p->category, p->copies, &failed);
        p->target =
            repeat(batch->target, tdl_net_rows(net, net->nodes_n - 1, batch) * sizeof *p->target,
                   p->copies, &failed);
    }
    if (failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the attributions of %zu rows", rows);
    p->at = p->end + p->n;
    p->weight = p->node + p->steps;
    p->sum = p->weight + p->steps;
    p->from = p->sum + p->n;
    p->to = p->from + rows;
    return TDL_OK;
}

static void close_path(path *p)
{
    free(p->node);
    free(p->end);
    free(p->x);
    free(p->category);
    free(p->target);
}

/* A pass at `count` points of the path, one after the other. Numbers of the batch are exchanged in
 * it, other values as they are computed. */
static tdl_status forward_at(const path *p, const double *share, size_t count, bool back,
                             tdl_report *why)
{
    tdl_nn_batch batch = *p->batch;
    const tdl_given given = {.value = p->input, .numbers = p->at};
    tdl_run run = {.pool = p->options->pool};
    tdl_status st;

    for (size_t c = 0; c < count; c++)
        for (size_t i = 0; i < p->n; i++)
            p->at[c * p->n + i] =
                baseline_at(p, i) + (tdl_real)share[c] * (p->end[i] - baseline_at(p, i));
    batch.rows *= count;
    batch.x = p->x ? p->x : batch.x;
    batch.category = p->category ? p->category : batch.category;
    batch.target = p->target ? p->target : batch.target;
    if (is_of_batch(p))
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

static void find_nodes(const path *p)
{
    if (p->options->gauss) {
        tdl_gauss_legendre(p->steps, p->node, p->weight);
        return;
    }
    for (size_t k = 0; k < p->steps; k++) {
        p->node[k] = ((double)k + 0.5) / (double)p->steps;
        p->weight[k] = 1 / (double)p->steps;
    }
}

/* sum += weight times the gradient at each node */
static tdl_status integrate(const path *p, tdl_report *why)
{
    for (size_t k = 0; k < p->steps; k += p->copies) {
        size_t count = p->steps - k < p->copies ? p->steps - k : p->copies;
        tdl_status st = forward_at(p, p->node + k, count, true, why);

        if (st)
            return st;
        const tdl_real *gradient = tdl_net_gradient(p->net, p->input);
        for (size_t c = 0; c < count; c++)
            for (size_t i = 0; i < p->n; i++)
                p->sum[i] += p->weight[k + c] * (double)gradient[c * p->n + i];
    }
    return TDL_OK;
}

/* x itself: what the batch holds, or what the net made of it in the last pass. */
static void read_end(const path *p)
{
    memcpy(p->end, is_of_batch(p) ? p->batch->x : tdl_net_value(p->net, p->input),
           p->n * sizeof *p->end);
}

static tdl_status follow(const path *p, tdl_real *ret, tdl_report *why)
{
    tdl_status st;

    read_end(p);
    read_scores(p, p->to);
    if ((st = forward_at(p, &(double){0}, 1, false, why)))
        return st;
    read_scores(p, p->from);
    find_nodes(p);
    if ((st = integrate(p, why)))
        return st;
    for (size_t i = 0; i < p->n; i++)
        ret[i] = (tdl_real)p->sum[i] * (p->end[i] - baseline_at(p, i));
    return TDL_OK;
}

tdl_status tdl_attrib_integrated(tdl_net *net, int input, const tdl_nn_batch *batch,
                                 const tdl_attrib_options *options, tdl_real *ret, double *ret_gap,
                                 tdl_report *why)
{
    const tdl_run run = {.pool = options->pool};
    path p = {.net = net, .input = input, .batch = batch, .options = options};
    tdl_status st = tdl_net_forward(net, batch, &run, why);

    if (st) // before any size is taken from the batch
        return st;
    if ((st = open_path(&p, why)) || (st = follow(&p, ret, why)))
        goto out;
    if (ret_gap)
        *ret_gap = gap_of(&p, ret);
    if (options->ret_from)
        memcpy(options->ret_from, p.from, batch->rows * sizeof *p.from);
    if (options->ret_to)
        memcpy(options->ret_to, p.to, batch->rows * sizeof *p.to);
out:
    close_path(&p);
    return st;
}
