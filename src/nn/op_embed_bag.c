/* embed_bag: out[r] = sum over the entries e of row r of weight[e] * table[id[e]]
 *
 *     d table[i] += sum over the entries e with id[e] = i of weight[e] * d_out[row of e]
 *
 * The gradient touches only the rows of the table that the batch names. Entries are grouped by id
 * first; each group is then summed in entry order by one thread.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn/op.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    TDL_UNUSED(config);
    if (!shapes->param[0])
        return TDL_FAIL(why, TDL_E_INVALID, "embed_bag: no table");
    shapes->out_cols = shapes->param[0]->cols;
    return TDL_OK;
}

static tdl_status check(const tdl_op_call *call, tdl_report *why)
{
    const tdl_nn_batch *batch = call->batch;
    tdl_status st;

    if (!batch->offsets || !batch->weight)
        return TDL_FAIL(why, TDL_E_INVALID, "embed_bag: the batch has no entries, or no weights");
    if ((st = tdl_nn_batch_check_ids(batch, 0, call->shapes->param[0]->rows, why)))
        return st;
    for (size_t r = 0; r < batch->rows; r++)
        for (size_t e = batch->offsets[r]; e < batch->offsets[r + 1]; e++)
            if (!isfinite(batch->weight[e]))
                return TDL_FAIL(why, TDL_E_INVALID, "row %zu, entry %zu: weight %g is not finite",
                                r, e - batch->offsets[r], (double)batch->weight[e]);
    return TDL_OK;
}

static void add_scaled(size_t n, tdl_real scale, const tdl_real *restrict x, tdl_real *restrict y)
{
    for (size_t i = 0; i < n; i++)
        y[i] += scale * x[i];
}

static void sum_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_nn_batch *batch = call->batch;
    size_t d = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *out = call->out + r * d;

        memset(out, 0, d * sizeof *out);
        for (size_t e = batch->offsets[r]; e < batch->offsets[r + 1]; e++)
            add_scaled(d, batch->weight[e], call->param[0] + (size_t)batch->id[0][e] * d, out);
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 16, sum_rows, (void *)call);
    return TDL_OK;
}

/* The entries of a batch in order of (id, entry). */
typedef struct grouped {
    const tdl_op_call *call;
    uint32_t *begin; /* [ids + 1] into entry */
    uint32_t *entry; /* [entries] */
    uint32_t *row;   /* [entries] row of each entry, in entry order */
} grouped;

static void group_by_id(grouped *g, size_t ids)
{
    const tdl_nn_batch *batch = g->call->batch;
    size_t n = batch->offsets[batch->rows];

    for (size_t e = 0; e < n; e++)
        g->begin[batch->id[0][e] + 1]++;
    for (size_t i = 0; i < ids; i++)
        g->begin[i + 1] += g->begin[i];
    for (size_t r = 0; r < batch->rows; r++)
        for (size_t e = batch->offsets[r]; e < batch->offsets[r + 1]; e++)
            g->row[e] = (uint32_t)r;
    for (size_t e = 0; e < n; e++)
        g->entry[g->begin[batch->id[0][e]]++] = (uint32_t)e;
    memmove(g->begin + 1, g->begin, ids * sizeof *g->begin); // each begin had moved to its end
    g->begin[0] = 0;
}

static void scatter(void *context, size_t begin, size_t end, unsigned part)
{
    const grouped *g = context;
    const tdl_op_call *call = g->call;
    size_t d = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t id = begin; id < end; id++)
        for (size_t at = g->begin[id]; at < g->begin[id + 1]; at++) {
            size_t e = g->entry[at];
            add_scaled(d, call->batch->weight[e], call->d_out + g->row[e] * d,
                       call->d_param[0] + id * d);
        }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t ids = call->shapes->param[0]->rows, n = call->batch->offsets[call->rows];
    grouped g = {.call = call};
    tdl_status st = TDL_OK;

    if (!call->d_param[0])
        return TDL_OK;
    if (n >= UINT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "embed_bag: a batch of %zu entries", n);
    g.begin = calloc(ids + 2, sizeof *g.begin);
    g.entry = malloc((n + 1) * sizeof *g.entry);
    g.row = malloc((n + 1) * sizeof *g.row);
    if (!g.begin || !g.entry || !g.row) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "embed_bag: no memory for %zu entries", n);
        goto out;
    }
    group_by_id(&g, ids);
    tdl_pool_run(call->pool, ids, 64, scatter, &g);
out:
    free(g.begin);
    free(g.entry);
    free(g.row);
    return st;
}

const tdl_op tdl_op_embed_bag = {
    .name = "embed_bag",
    .inputs_n = 0,
    .infer = infer,
    .check = check,
    .forward = forward,
    .backward = backward,
};
