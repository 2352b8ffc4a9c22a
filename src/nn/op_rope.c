/* rope: rotary positions (Su et al. 2021). Columns 2 i and 2 i + 1 of each head are turned by the
 * angle position * base^(-2 i / d_head); all other columns pass as they are:
 *
 *     out[2 i]     = in[2 i] cos - in[2 i + 1] sin
 *     out[2 i + 1] = in[2 i] sin + in[2 i + 1] cos
 *     d in: d out turned back
 *
 * Cosines and sines are computed once for each position of the batch, in double, then rounded.
 * Keys that lie behind the queries are turned by the same op: heads counts both.
 */
#include <math.h>
#include <stdlib.h>

#include "nn/kv_cache.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_rope_config *rope = &config->rope;
    size_t cols = shapes->in_cols[0], wide;

    if (rope->d_head == 0 || rope->d_head % 2)
        return TDL_FAIL(why, TDL_E_INVALID, "rope: heads of %zu columns, not an even number",
                        rope->d_head);
    if (__builtin_mul_overflow(rope->heads, rope->d_head, &wide) || rope->at > cols ||
        wide > cols - rope->at)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "rope: %zu heads of %zu columns from column %zu on, the input has %zu",
                        rope->heads, rope->d_head, rope->at, cols);
    if (!(rope->base > 0) || !isfinite(rope->base))
        return TDL_FAIL(why, TDL_E_INVALID, "rope: base %g is not above 0", rope->base);
    shapes->out_cols = cols;
    return TDL_OK;
}

/* ---- the table ---- */

typedef struct table {
    const tdl_op_call *call;
    size_t pairs;  /* of a head */
    bool by_token; /* entry = the row of the value; else position - first */
    int64_t first;
    tdl_real *cos, *sin; /* [entries][pairs] */
    double *turn;        /* [pairs] angle of position 1 */
} table;

static int64_t position_of(const tdl_op_call *call, size_t r, size_t begin, size_t i)
{
    if (call->batch->position && call->shapes->in_per_row[0] == TDL_RAGGED)
        return call->batch->position[i];
    return (int64_t)(tdl_kv_cache_length(call->cache, r) + i - begin);
}

static void fill_entry(const table *t, size_t entry, int64_t position)
{
    for (size_t i = 0; i < t->pairs; i++) {
        double angle = (double)position * t->turn[i];

        t->cos[entry * t->pairs + i] = (tdl_real)cos(angle);
        t->sin[entry * t->pairs + i] = (tdl_real)sin(angle);
    }
}

static void find_range(const tdl_op_call *call, int64_t *ret_first, int64_t *ret_last)
{
    *ret_first = INT64_MAX;
    *ret_last = INT64_MIN;
    for (size_t r = 0; r < call->batch->rows; r++) {
        size_t begin, end;

        tdl_op_rows_of(call->batch, call->shapes->in_per_row[0], r, &begin, &end);
        for (size_t i = begin; i < end; i++) {
            int64_t position = position_of(call, r, begin, i);

            *ret_first = position < *ret_first ? position : *ret_first;
            *ret_last = position > *ret_last ? position : *ret_last;
        }
    }
}

static void fill_by_token(const table *t)
{
    const tdl_op_call *call = t->call;

    for (size_t r = 0; r < call->batch->rows; r++) {
        size_t begin, end;

        tdl_op_rows_of(call->batch, call->shapes->in_per_row[0], r, &begin, &end);
        for (size_t i = begin; i < end; i++)
            fill_entry(t, i, position_of(call, r, begin, i));
    }
}

static void free_table(table *t)
{
    free(t->cos);
    free(t->turn);
}

/* sign: 1 to turn, -1 to turn back */
static tdl_status make_table(const tdl_op_call *call, double sign, table *ret, tdl_report *why)
{
    const tdl_rope_config *rope = &call->config->rope;
    int64_t first, last;
    size_t entries;

    find_range(call, &first, &last);
    *ret = (table){.call = call, .pairs = rope->d_head / 2, .first = first};
    ret->by_token = (uint64_t)(last - first) >= call->rows;
    entries = ret->by_token ? call->rows : (size_t)(last - first + 1);
    ret->cos = calloc(entries, rope->d_head * sizeof *ret->cos);
    ret->turn = calloc(ret->pairs, sizeof *ret->turn);
    if (!ret->cos || !ret->turn) {
        free_table(ret);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "rope: no memory for %zu positions", entries);
    }
    ret->sin = ret->cos + entries * ret->pairs;
    for (size_t i = 0; i < ret->pairs; i++)
        ret->turn[i] = sign * pow(rope->base, -(double)i / (double)ret->pairs);
    if (ret->by_token)
        fill_by_token(ret);
    else
        for (size_t e = 0; e < entries; e++)
            fill_entry(ret, e, first + (int64_t)e);
    return TDL_OK;
}

/* ---- turning ---- */

typedef struct turn {
    const table *table;
    const tdl_real *from; /* NULL: in place */
    tdl_real *to;         /* [rows][cols] */
} turn;

static void turn_head(size_t pairs, const tdl_real *restrict cos, const tdl_real *restrict sin,
                      tdl_real *restrict x)
{
    for (size_t i = 0; i < pairs; i++) {
        tdl_real a = x[2 * i], b = x[2 * i + 1];

        x[2 * i] = a * cos[i] - b * sin[i];
        x[2 * i + 1] = a * sin[i] + b * cos[i];
    }
}

static void turn_rows(void *context, size_t first, size_t last, unsigned part)
{
    const turn *j = context;
    const table *t = j->table;
    const tdl_op_call *call = t->call;
    const tdl_rope_config *rope = &call->config->rope;
    size_t cols = call->shapes->out_cols;

    TDL_UNUSED(part);
    for (size_t r = first; r < last; r++) {
        size_t begin, end;

        tdl_op_rows_of(call->batch, call->shapes->in_per_row[0], r, &begin, &end);
        for (size_t i = begin; i < end; i++) {
            size_t entry = t->by_token ? i : (size_t)(position_of(call, r, begin, i) - t->first);
            tdl_real *row = j->to + i * cols;

            if (j->from)
                tdl_put(false, cols, j->from + i * cols, row);
            for (size_t h = 0; h < rope->heads; h++)
                turn_head(t->pairs, t->cos + entry * t->pairs, t->sin + entry * t->pairs,
                          row + rope->at + h * rope->d_head);
        }
    }
}

static tdl_status run(const tdl_op_call *call, double sign, const tdl_real *from, tdl_real *to,
                      tdl_report *why)
{
    table t;
    turn j = {.table = &t, .from = from, .to = to};
    tdl_status st;

    if (!call->rows)
        return TDL_OK;
    if ((st = make_table(call, sign, &t, why)))
        return st;
    tdl_pool_run(call->pool, call->batch->rows, 1, turn_rows, &j);
    free_table(&t);
    return TDL_OK;
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    return run(call, 1, call->in[0], call->out, why);
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    tdl_status st;

    if (!call->d_in[0] || (st = run(call, -1, NULL, call->d_out, why)))
        return call->d_in[0] ? st : TDL_OK;
    tdl_put(call->d_in_add[0], call->rows * call->shapes->out_cols, call->d_out, call->d_in[0]);
    return TDL_OK;
}

const tdl_op tdl_op_rope = {
    .name = "rope",
    .inputs_n = 1,
    .may_replace_input = true,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
