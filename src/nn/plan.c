/* Planning a net: shapes, whose gradient is wanted, and where each value lies.
 *
 * Time runs over the forward steps 0 .. n - 1 and the backward steps n .. 2 n - 1, where op k runs
 * at k and at 2 n - 1 - k. A place is needed from its first use to its last; places whose times do
 * not meet may share memory. Largest first, each goes to the smallest gap that holds it.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nn/net.h"

enum { ALIGNMENT = 64, PER_LINE = ALIGNMENT / sizeof(tdl_real) };

/* ---- shapes ---- */

static tdl_status infer_node(const tdl_net *net, tdl_node *node, tdl_report *why)
{
    node->shapes = (tdl_op_shapes){.out_per_row = 1, .reads = node->op->reads};
    for (int i = 0; i < TDL_OP_INPUTS_MAX; i++) {
        if (node->in[i] == TDL_NONE)
            continue;
        const tdl_node *in = &net->node[node->in[i]];
        if (in->op->is_loss)
            return TDL_FAIL(why, TDL_E_INVALID, "%s reads the losses of %s", node->op->name,
                            in->op->name);
        node->shapes.in_cols[i] = in->shapes.out_cols;
        node->shapes.in_per_row[i] = in->shapes.out_per_row;
    }
    if (node->in[0] != TDL_NONE)
        node->shapes.out_per_row = node->shapes.in_per_row[0];
    for (int i = 0; i < TDL_OP_PARAMS_MAX; i++)
        if (node->param[i] != TDL_NONE)
            node->shapes.param[i] = &net->params->slice[node->param[i]];
    return node->op->infer(&node->config, &node->shapes, why);
}

tdl_status tdl_net_infer(tdl_net *net, tdl_report *why)
{
    tdl_status st;

    if (net->failed || net->nodes_n == 0)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "a net of no ops, or an op that reads what is not there");

    for (int k = 0; k < net->nodes_n; k++) {
        tdl_node *node = &net->node[k];
        if ((st = infer_node(net, node, why))) {
            tdl_report_prefix(why, "op %d", k);
            return st;
        }
        if (node->op->is_loss && k + 1 < net->nodes_n)
            return TDL_FAIL(why, TDL_E_INVALID, "op %d: a loss that is not the last op", k);
    }
    return TDL_OK;
}

/* ---- whose gradient is wanted ---- */

static bool is_trained(const tdl_net *net, const tdl_node *node)
{
    for (int i = 0; i < TDL_OP_PARAMS_MAX; i++)
        if (node->param[i] != TDL_NONE && !net->params->slice[node->param[i]].frozen)
            return true;
    return node->keep_gradient;
}

/* A gradient is wanted where something is trained at or above an op from which the loss can be
 * reached. */
static tdl_status find_gradients(tdl_net *net, tdl_report *why)
{
    bool *reaches = calloc((size_t)net->nodes_n, sizeof *reaches);

    if (!reaches)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a plan");
    reaches[net->nodes_n - 1] = net->node[net->nodes_n - 1].op->is_loss;
    for (int k = net->nodes_n; k-- > 0;)
        for (int i = 0; reaches[k] && i < TDL_OP_INPUTS_MAX; i++)
            if (net->node[k].in[i] != TDL_NONE)
                reaches[net->node[k].in[i]] = true;
    for (int k = 0; k < net->nodes_n; k++) {
        tdl_node *node = &net->node[k];
        node->wants_gradient = is_trained(net, node);
        for (int i = 0; i < TDL_OP_INPUTS_MAX; i++)
            node->wants_gradient |=
                node->in[i] != TDL_NONE && net->node[node->in[i]].wants_gradient;
        node->wants_gradient &= reaches[k];
    }
    free(reaches);
    for (int k = 0; k < net->nodes_n; k++)
        if (net->node[k].wants_gradient && !net->node[k].op->backward)
            return TDL_FAIL_HINT(why, TDL_E_INVALID,
                                 "use it for inference, or freeze what is above",
                                 "op %d: %s has no backward", k, net->node[k].op->name);
    return TDL_OK;
}

/* Slices lie in the order in which backward completes them, but one that several ops read is
 * complete only after the first of these: nothing behind the lowest of those still to come is. */
static void find_ends(tdl_net *net)
{
    size_t end = net->params->n;

    for (int k = 0; k < net->nodes_n; k++) {
        tdl_node *node = &net->node[k];

        node->gradient_end = end;
        for (int i = 0; node->wants_gradient && i < TDL_OP_PARAMS_MAX; i++)
            if (node->param[i] != TDL_NONE && node->shapes.param[i]->offset < end)
                end = node->shapes.param[i]->offset;
    }
}

/* ---- places ---- */

typedef struct place {
    size_t n;       /* numbers */
    int begin, end; /* first and last time of use */
    size_t at;      /* in the block */
} place;

enum { OUT, GRADIENT, SAVED, WORK, KINDS };

typedef struct layout {
    tdl_net *net;
    place *places; /* [KINDS * nodes] */
    int *of;       /* [KINDS * nodes] which place a node's value has; TDL_NONE */
    int places_n;
    bool backward, fits;
    size_t n; /* numbers of the block */
} layout;

static int *place_of(const layout *l, int kind, int node)
{
    return &l->of[kind * l->net->nodes_n + node];
}

static int pass_end(const layout *l)
{
    return l->backward ? 2 * l->net->nodes_n : l->net->nodes_n;
}

static int backward_time(const layout *l, int node)
{
    return 2 * l->net->nodes_n - 1 - node;
}

/* Value and its views are one: the value that has the place. */
static int root_of(const tdl_net *net, int value)
{
    while (net->node[value].op == &tdl_op_reshape)
        value = net->node[value].in[0];
    return value;
}

static void add_place(layout *l, int kind, int node, size_t cols, size_t per_row, int begin,
                      int end)
{
    size_t rows = l->net->tokens_max, n = 0;

    if (per_row != TDL_RAGGED)
        l->fits &= !__builtin_mul_overflow(l->net->rows_max, per_row, &rows);
    l->fits &= !__builtin_mul_overflow(rows, cols, &n) && n <= SIZE_MAX / 1024;
    n = (n + PER_LINE - 1) / PER_LINE * PER_LINE;
    l->places[l->places_n] = (place){.n = n, .begin = begin, .end = end};
    *place_of(l, kind, node) = l->places_n++;
}

/* Last op that reads the value going forward; the value's own when none does. */
static int last_reader(const tdl_net *net, int value)
{
    for (int k = net->nodes_n; k-- > value + 1;)
        for (int i = 0; i < TDL_OP_INPUTS_MAX; i++)
            if (net->node[k].op != &tdl_op_reshape && net->node[k].in[i] != TDL_NONE &&
                root_of(net, net->node[k].in[i]) == value)
                return k;
    return value;
}

/* Lowest op whose backward reads the value: the last to do so. nodes_n when none does. */
static int last_backward_reader(const layout *l, int value)
{
    const tdl_net *net = l->net;

    if (!l->backward)
        return net->nodes_n;
    if (net->node[value].wants_gradient && (net->node[value].shapes.reads & TDL_READS_OUT))
        return value;
    for (int k = value + 1; k < net->nodes_n; k++)
        for (int i = 0; net->node[k].wants_gradient && i < TDL_OP_INPUTS_MAX; i++)
            if (net->node[k].in[i] != TDL_NONE && root_of(net, net->node[k].in[i]) == value &&
                (net->node[k].shapes.reads & (unsigned)(TDL_READS_IN_0 << i)))
                return k;
    return net->nodes_n;
}

static bool is_kept(const tdl_net *net, int value)
{
    for (int k = value; k < net->nodes_n; k++)
        if (net->node[k].keep && root_of(net, k) == value)
            return true;
    return false;
}

/* Nobody but a loss reads it: it is there after a forward, for whoever asks. */
static bool is_left(const tdl_net *net, int value)
{
    int last = last_reader(net, root_of(net, value));

    return last <= value || net->node[last].op->is_loss;
}

/* May op k put its result where its first input is? */
static bool may_take_place(const layout *l, int k, int value)
{
    const tdl_net *net = l->net;

    return net->node[value].op != &tdl_op_input && last_reader(net, value) == k &&
           last_backward_reader(l, value) == net->nodes_n && !is_kept(net, value);
}

static bool same_shape(const tdl_node *node, const tdl_node *in)
{
    return node->shapes.out_cols == in->shapes.out_cols &&
           node->shapes.out_per_row == in->shapes.out_per_row;
}

static void extend(place *p, int time)
{
    p->begin = time < p->begin ? time : p->begin;
    p->end = time > p->end ? time : p->end;
}

static void place_value(layout *l, int k)
{
    const tdl_net *net = l->net;
    const tdl_node *node = &net->node[k];
    int in = node->in[0] == TDL_NONE ? TDL_NONE : root_of(net, node->in[0]);
    int reader = last_backward_reader(l, k);
    int end = node->op->is_loss || is_kept(net, k) ? pass_end(l)
              : reader < net->nodes_n              ? backward_time(l, reader)
              : is_left(net, k)                    ? net->nodes_n
                                                   : last_reader(net, k);

    if (node->op == &tdl_op_input || node->op == &tdl_op_reshape)
        return;
    if (node->op->may_replace_input && in != TDL_NONE && same_shape(node, &net->node[in]) &&
        may_take_place(l, k, in)) {
        *place_of(l, OUT, k) = *place_of(l, OUT, in);
        extend(&l->places[*place_of(l, OUT, k)], end);
    } else {
        add_place(l, OUT, k, node->shapes.out_cols, node->shapes.out_per_row, k, end);
    }
    if (node->shapes.saved_cols)
        add_place(l, SAVED, k, node->shapes.saved_cols, node->shapes.out_per_row, k,
                  l->backward && node->wants_gradient ? backward_time(l, k) : k);
    if (!node->op->works_on_input)
        return;
    if (may_take_place(l, k, in)) {
        *place_of(l, WORK, k) = *place_of(l, OUT, in);
        extend(&l->places[*place_of(l, WORK, k)], l->backward ? backward_time(l, k) : k);
    } else {
        add_place(l, WORK, k, node->shapes.in_cols[0], node->shapes.in_per_row[0], k,
                  l->backward ? backward_time(l, k) : k);
    }
}

/* Where op k may leave the gradient of its first input, the value `in`: where it has worked, or
 * where its own gradient is. */
static int place_to_leave(const layout *l, int k, int in)
{
    const tdl_node *node = &l->net->node[k];

    if (node->op->works_on_input)
        return *place_of(l, WORK, k);
    if (node->op->may_replace_input && !node->keep_gradient && same_shape(node, &l->net->node[in]))
        return *place_of(l, GRADIENT, root_of(l->net, k));
    return TDL_NONE;
}

/* The gradient of op k's input i. The first op to write one chooses its place; the others add. */
static void place_gradient_of(layout *l, int k, int i)
{
    tdl_node *node = &l->net->node[k];
    int in = node->in[i] == TDL_NONE ? TDL_NONE : root_of(l->net, node->in[i]);

    if (in == TDL_NONE || !l->net->node[in].wants_gradient)
        return;
    const tdl_node *value = &l->net->node[in];
    int *to = place_of(l, GRADIENT, in);
    int end = value->keep_gradient ? pass_end(l) : backward_time(l, in);

    node->add[i] = *to != TDL_NONE;
    if (node->add[i])
        return;
    if (i == 0)
        *to = place_to_leave(l, k, in);
    if (*to != TDL_NONE)
        extend(&l->places[*to], end);
    else
        add_place(l, GRADIENT, in, value->shapes.out_cols, value->shapes.out_per_row,
                  backward_time(l, k), end);
}

/* In the order in which backward meets them. */
static void place_gradients(layout *l)
{
    for (int k = l->net->nodes_n; k-- > 0;) {
        const tdl_node *node = &l->net->node[k];

        if (!node->wants_gradient || node->op == &tdl_op_reshape)
            continue;
        for (int i = TDL_OP_INPUTS_MAX; i-- > 0;)
            place_gradient_of(l, k, i);
    }
}

/* ---- putting them into the block ---- */

static int larger_first(const void *a, const void *b)
{
    const place *x = *(place *const *)a, *y = *(place *const *)b;

    if (x->n != y->n)
        return x->n < y->n ? 1 : -1;
    return x < y ? -1 : x > y;
}

static bool meet(const place *a, const place *b)
{
    return a->begin <= b->end && b->begin <= a->end;
}

/* The smallest gap between those already placed that live at the same time; else behind them.
 * by_at [n]: those placed so far, lowest first */
static size_t find_gap(const place *p, place *const *by_at, int n)
{
    size_t low = 0, best = SIZE_MAX, best_gap = SIZE_MAX;

    for (int i = 0; i < n; i++) {
        if (!meet(p, by_at[i]))
            continue;
        if (by_at[i]->at >= low + p->n && by_at[i]->at - low < best_gap) {
            best = low;
            best_gap = by_at[i]->at - low;
        }
        if (by_at[i]->at + by_at[i]->n > low)
            low = by_at[i]->at + by_at[i]->n;
    }
    return best_gap < SIZE_MAX ? best : low;
}

static bool put_all(layout *l)
{
    place **order = calloc(2 * (size_t)l->places_n + 1, sizeof *order);
    place **by_at = order ? order + l->places_n : NULL;

    if (!order)
        return false;
    for (int i = 0; i < l->places_n; i++)
        order[i] = &l->places[i];
    qsort(order, (size_t)l->places_n, sizeof(place *), larger_first);
    for (int i = 0; i < l->places_n; i++) {
        place *p = order[i];
        int at = i;

        p->at = find_gap(p, by_at, i);
        if (p->at + p->n > l->n)
            l->n = p->at + p->n;
        for (; at > 0 && by_at[at - 1]->at > p->at; at--)
            by_at[at] = by_at[at - 1];
        by_at[at] = p;
    }
    free(order);
    return true;
}

static tdl_real *number_at(const layout *l, int kind, int node)
{
    int p = *place_of(l, kind, node);

    return p == TDL_NONE || !l->places[p].n ? NULL : l->net->block + l->places[p].at;
}

static void point(layout *l)
{
    for (int k = 0; k < l->net->nodes_n; k++) {
        tdl_node *node = &l->net->node[k];
        int root = root_of(l->net, k);

        node->out = number_at(l, OUT, root);
        node->d_out = number_at(l, GRADIENT, root);
        node->saved = number_at(l, SAVED, k);
        node->work = number_at(l, WORK, k);
    }
    for (int k = 0; k < l->net->nodes_n; k++)
        l->net->node[k].left = is_left(l->net, k);
}

static tdl_status lay_out(layout *l, tdl_report *why)
{
    size_t n = KINDS * (size_t)l->net->nodes_n;

    l->places = calloc(n, sizeof *l->places);
    l->of = malloc(n * sizeof *l->of);
    l->fits = true;
    if (!l->places || !l->of)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a plan");
    for (size_t i = 0; i < n; i++)
        l->of[i] = TDL_NONE;
    for (int k = 0; k < l->net->nodes_n; k++)
        place_value(l, k);
    if (l->backward)
        place_gradients(l);
    if (!l->fits || !put_all(l))
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "a batch of %zu rows and %zu tokens does not fit",
                        l->net->rows_max, l->net->tokens_max);
    return TDL_OK;
}

static void release(layout *l)
{
    free(l->places);
    free(l->of);
}

static tdl_status prepare(tdl_net *net, const tdl_plan_options *o, layout *l, tdl_report *why)
{
    tdl_status st;

    if (net->block)
        return TDL_FAIL(why, TDL_E_INVALID, "a second plan of one net");
    if ((st = tdl_net_infer(net, why)) || (o->backward && (st = find_gradients(net, why))))
        return st;
    find_ends(net);
    net->rows_max = o->rows;
    net->tokens_max = o->tokens;
    net->training = o->backward;
    net->bf16 = o->bf16;
    *l = (layout){.net = net, .backward = o->backward};
    if ((st = lay_out(l, why)))
        release(l);
    return st;
}

tdl_status tdl_net_measure(tdl_net *net, const tdl_plan_options *options, size_t *ret_bytes,
                           tdl_report *why)
{
    layout l;
    tdl_status st = prepare(net, options, &l, why);

    if (st)
        return st;
    *ret_bytes = l.n * sizeof(tdl_real);
    release(&l);
    return TDL_OK;
}

static tdl_status allocate(tdl_net *net, const tdl_plan_options *o, size_t n, tdl_report *why)
{
    net->bytes = n * sizeof *net->block;
    if (o->budget && net->bytes > o->budget)
        return TDL_FAIL_HINT(
            why, TDL_E_TOO_LARGE, "use a smaller batch, or allow more memory",
            "the values of %zu rows and %zu tokens take %zu bytes, %zu are allowed: about %zu rows "
            "fit",
            o->rows, o->tokens, net->bytes, o->budget,
            (size_t)((double)o->rows * (double)o->budget / (double)net->bytes));
    net->block = aligned_alloc(ALIGNMENT, (n + PER_LINE) * sizeof *net->block);
    if (!net->block)
        return TDL_FAIL_HINT(why, TDL_E_NO_MEMORY, "use a smaller batch",
                             "no memory for the values of %zu rows: %zu bytes", o->rows,
                             net->bytes);
    return TDL_OK;
}

tdl_status tdl_net_plan(tdl_net *net, const tdl_plan_options *options, tdl_report *why)
{
    layout l;
    tdl_status st = prepare(net, options, &l, why);

    if (st)
        return st;
    if (!(st = allocate(net, options, l.n, why)))
        point(&l);
    release(&l);
    return st;
}
