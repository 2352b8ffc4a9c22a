/* periodic: numbers as waves of learnt frequency (Gorishniy et al., NeurIPS 2022), a token for each
 *
 *     out[r][j] = sin(2 pi c[j][0] x), ..., cos(2 pi c[j][0] x), ...     x = in[r][column[j]]
 *
 *     d c[j][i] = sum over r of 2 pi x (d sin cos - d cos sin)    d x = sum over i of 2 pi c (...)
 *
 * in [rows][cols], c [numbers][frequencies], out [rows numbers][2 frequencies]. In double and then
 * rounded: the last bit of sinf depends on the machine.
 */
#include <math.h>

#include "nn/op.h"

static const double TURN = 6.283185307179586;

static tdl_status infer(const tdl_op_config *config, tdl_op_shapes *shapes, tdl_report *why)
{
    const tdl_periodic_config *p = &config->periodic;

    if (!p->numbers || shapes->param[0]->rows != p->numbers || shapes->in_per_row[0] != 1)
        return TDL_FAIL(why, TDL_E_INVALID,
                        "periodic: %zu numbers, frequencies of %zu, %zu rows for each", p->numbers,
                        shapes->param[0]->rows, shapes->in_per_row[0]);
    for (size_t j = 0; j < p->numbers; j++)
        if (p->column[j] >= shapes->in_cols[0])
            return TDL_FAIL(why, TDL_E_INVALID, "periodic: number %zu is column %u of %zu", j,
                            p->column[j], shapes->in_cols[0]);
    shapes->out_cols = 2 * shapes->param[0]->cols;
    shapes->out_per_row = p->numbers;
    return TDL_OK;
}

/* The number that row `at` of out is of. */
static double number_of(const tdl_op_call *call, size_t at)
{
    const tdl_periodic_config *p = &call->config->periodic;

    return (double)
        call->in[0][at / p->numbers * call->shapes->in_cols[0] + p->column[at % p->numbers]];
}

static void forward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t k = call->shapes->param[0]->cols, numbers = call->config->periodic.numbers;

    TDL_UNUSED(part);
    for (size_t at = begin; at < end; at++) {
        const tdl_real *c = call->param[0] + at % numbers * k;
        tdl_real *out = call->out + at * 2 * k;
        double x = number_of(call, at);

        for (size_t i = 0; i < k; i++) {
            double angle = TURN * (double)c[i] * x;

            out[i] = (tdl_real)sin(angle);
            out[k + i] = (tdl_real)cos(angle);
        }
    }
}

static tdl_status forward(const tdl_op_call *call, tdl_report *why)
{
    TDL_UNUSED(why);
    tdl_pool_run(call->pool, call->rows, 64, forward_rows, (void *)call);
    return TDL_OK;
}

/* d angle / (2 pi) of frequency i in row `at`. */
static double d_angle(const tdl_op_call *call, size_t at, size_t i)
{
    size_t k = call->shapes->param[0]->cols;
    const tdl_real *out = call->out + at * 2 * k, *d = call->d_out + at * 2 * k;

    return TURN * ((double)d[i] * (double)out[k + i] - (double)d[k + i] * (double)out[i]);
}

/* Frequencies of numbers begin .. end: each sum by one thread, in row order. */
static void backward_numbers(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    size_t k = call->shapes->param[0]->cols, numbers = call->config->periodic.numbers;

    TDL_UNUSED(part);
    for (size_t j = begin; j < end; j++)
        for (size_t i = 0; i < k; i++) {
            double sum = 0;

            for (size_t at = j; at < call->rows; at += numbers)
                sum += d_angle(call, at, i) * number_of(call, at);
            call->d_param[0][j * k + i] += (tdl_real)sum;
        }
}

static void backward_rows(void *context, size_t begin, size_t end, unsigned part)
{
    const tdl_op_call *call = context;
    const tdl_periodic_config *p = &call->config->periodic;
    size_t k = call->shapes->param[0]->cols, cols = call->shapes->in_cols[0];

    TDL_UNUSED(part);
    for (size_t r = begin; r < end; r++) {
        tdl_real *d = call->d_in[0] + r * cols;

        for (size_t c = 0; c < cols && !call->d_in_add[0]; c++)
            d[c] = 0;
        for (size_t j = 0; j < p->numbers; j++) {
            double sum = 0;

            for (size_t i = 0; i < k; i++)
                sum += d_angle(call, r * p->numbers + j, i) * (double)call->param[0][j * k + i];
            d[p->column[j]] += (tdl_real)sum;
        }
    }
}

static tdl_status backward(const tdl_op_call *call, tdl_report *why)
{
    size_t numbers = call->config->periodic.numbers;

    TDL_UNUSED(why);
    if (call->d_param[0])
        tdl_pool_run(call->pool, numbers, 1, backward_numbers, (void *)call);
    if (call->d_in[0])
        tdl_pool_run(call->pool, call->rows / numbers, 16, backward_rows, (void *)call);
    return TDL_OK;
}

const tdl_op tdl_op_periodic = {
    .name = "periodic",
    .inputs_n = 1,
    .reads = TDL_READS_IN_0 | TDL_READS_OUT,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
