/* cosine_score: every row against every class by the cosine, table T [classes][d]
 *
 *     out[r][c] = scale * in[r] . T[c] / (|in[r]| |T[c]|)
 *
 * With x' = x / |x|, u = scale * sum over c of d out T'[c]:    d in = (u - (u . in') in') / |in|
 * and with v = scale * sum over r of d out in'[r]:             d T = (v - (v . T') T') / |T|
 *
 * Rows of zeros have cosine 0 with anything. config.scale is one over the temperature; 0 is 1.
 */
#include <stdlib.h>

#include "nn/op.h"
#include "nn/unit.h"

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_slice *table = shapes->param[0];

    TDL_UNUSED(config);
    if (!table)
        return TDL_FAIL(why, TDL_E_INVALID, "cosine_score: no table");
    if (table->cols != shapes->in_cols[0])
        return TDL_FAIL(why, TDL_E_INVALID,
                        "cosine_score: input of %zu columns, table '%s' [%zu][%zu]",
                        shapes->in_cols[0], table->name, table->rows, table->cols);
    shapes->out_cols = table->rows;
    return TDL_OK;
}

/* A matrix and the same with rows of length one. */
typedef struct units {
    size_t rows, d;
    const tdl_real *x;
    tdl_real *unit, *one_over; /* [rows][d], [rows] */
} units;

static void make_units(void *context, size_t begin, size_t end, unsigned part)
{
    const units *u = context;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        u->one_over[r] = tdl_one_over_length(u->d, u->x + r * u->d);
        for (size_t i = 0; i < u->d; i++)
            u->unit[r * u->d + i] = u->x[r * u->d + i] * u->one_over[r];
    }
}

/* In place of `sums`: what they give to the gradient of x. */
typedef struct job {
    const units *of;
    tdl_real *sums, *gradient;
    tdl_real scale;
    bool add;
} job;

static void give_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const job *j = context;
    size_t d = j->of->d;

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        const tdl_real *unit = j->of->unit + r * d;
        tdl_real *sums = j->sums + r * d, along = tdl_inner(d, sums, unit);

        for (size_t i = 0; i < d; i++)
            sums[i] = j->scale * j->of->one_over[r] * (sums[i] - along * unit[i]);
        tdl_put(j->add, d, sums, j->gradient + r * d);
    }
}

/* Units of the input and of the table, and room for sums as large as either, in one block. */
typedef struct scratch {
    units in, table;
    tdl_real *sums, *block;
} scratch;

static tdl_status open_scratch(const tdl_op_call *call, scratch *s, tdl_report *why)
{
    size_t rows = call->rows, classes = call->shapes->out_cols, d = call->shapes->in_cols[0];
    size_t more = rows > classes ? rows : classes;
    tdl_real *at = malloc(((rows + classes) * (d + 1) + more * d + 1) * sizeof *at);

    if (!at)
        return TDL_FAIL(why, TDL_E_NO_MEMORY,
                        "cosine_score: no memory for %zu rows and %zu classes", rows, classes);
    *s = (scratch){.block = at,
                   .in = {rows, d, call->in[0], at, at + rows * d},
                   .table = {classes, d, call->param[0], at + rows * (d + 1),
                             at + rows * (d + 1) + classes * d},
                   .sums = at + (rows + classes) * (d + 1)};
    tdl_pool_run(call->pool, rows, 16, make_units, &s->in);
    tdl_pool_run(call->pool, classes, 16, make_units, &s->table);
    return TDL_OK;
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    size_t classes = call->shapes->out_cols, d = call->shapes->in_cols[0];
    tdl_real scale = tdl_unit_scale(call->config);
    scratch s;
    tdl_status st = open_scratch(call, &s, why);

    if (st)
        return st;
    for (size_t i = 0; i < call->rows * d; i++)
        s.in.unit[i] *= scale;
    st = tdl_matmul(false, true, call->rows, classes, d, s.in.unit, d, s.table.unit, d, call->out,
                    classes, false, call->pool, why);
    free(s.block);
    return st;
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t classes = call->shapes->out_cols, d = call->shapes->in_cols[0], rows = call->rows;
    scratch s;
    tdl_status st = open_scratch(call, &s, why);

    if (st)
        return st;
    job of_in = {&s.in, s.sums, call->d_in[0], tdl_unit_scale(call->config), call->d_in_add[0]};
    job of_table = {&s.table, s.sums, call->d_param[0], of_in.scale, true};
    if (call->d_in[0] && !(st = tdl_matmul(false, false, rows, d, classes, call->d_out, classes,
                                           s.table.unit, d, s.sums, d, false, call->pool, why)))
        tdl_pool_run(call->pool, rows, 16, give_rows, &of_in);
    if (!st && call->d_param[0] &&
        !(st = tdl_matmul(true, false, classes, d, rows, call->d_out, classes, s.in.unit, d, s.sums,
                          d, false, call->pool, why)))
        tdl_pool_run(call->pool, classes, 16, give_rows, &of_table);
    free(s.block);
    return st;
}

const tdl_op tdl_op_cosine_score = {
    .name = "cosine_score",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
