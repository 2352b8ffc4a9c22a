#include "train/quant_file.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/formats.h"
#include "train/quant.h"

#define FORMAT "treadle-quantised/1"
enum { Q4_BYTES = 18, NAME_SIZE = TDL_PARAM_NAME_MAX + 8 };

/* A slice as weights from `in` inputs to `out` outputs; weight (o, i) is value[o * by_out + i *
 * by_in]. out = 0: it is not quantised. */
typedef struct weights {
    size_t in, out, by_in, by_out;
} weights;

static weights weights_of(const tdl_net *net, int slice)
{
    const tdl_slice *w = &net->params->slice[slice];
    const tdl_op *reader = NULL;
    size_t readers = 0;

    for (int k = 0; k < net->nodes_n; k++)
        for (int i = 0; i < TDL_OP_PARAMS_MAX; i++) {
            if (net->node[k].param[i] != slice)
                continue;
            readers++;
            reader = i == 0 ? net->node[k].op : NULL;
        }
    if (readers == 1 && reader == &tdl_op_linear)
        return (weights){.in = w->rows, .out = w->cols, .by_in = w->cols, .by_out = 1};
    if (readers == 1 && reader == &tdl_op_dot_score)
        return (weights){.in = w->cols, .out = w->rows, .by_in = 1, .by_out = w->cols};
    return (weights){0};
}

static size_t blocks_of(size_t in)
{
    return in / TDL_Q4_BLOCK + (in % TDL_Q4_BLOCK != 0);
}

/* ---- int8: scale and rounding are those of tensor's kernels ---- */

static float scale_of(const weights *w, const float *value)
{
    float most = 0;

    for (size_t i = 0; i < w->in; i++)
        most = fmaxf(most, fabsf(value[i * w->by_in]));
    return most < 0x1p-100F ? 0 : most / 127;
}

static void to_int8(const weights *w, const float *value, int8_t *q, float *scale)
{
    for (size_t o = 0; o < w->out; o++, value += w->by_out, q += w->in) {
        scale[o] = scale_of(w, value);
        double inverse = scale[o] > 0 ? (double)(1 / scale[o]) : 0;

        for (size_t i = 0; i < w->in; i++) // exact in double, so rounded once, half to even
            q[i] = (int8_t)rint((double)value[i * w->by_in] * inverse);
    }
}

/* 127 times a scale has that scale again, for every scale that is the 127th part of a float (all
 * 2^23 mantissas were tried), so what is read quantises to the same integers and scales. */
static void from_int8(const weights *w, const int8_t *q, const float *scale, float *value)
{
    for (size_t o = 0; o < w->out; o++, value += w->by_out, q += w->in)
        for (size_t i = 0; i < w->in; i++)
            value[i * w->by_in] = (float)q[i] * scale[o];
}

/* ---- int4 ---- */

static void to_int4(const weights *w, const float *value, uint8_t *bytes)
{
    for (size_t o = 0; o < w->out; o++, value += w->by_out)
        for (size_t at = 0; at < w->in; at += TDL_Q4_BLOCK, bytes += Q4_BYTES) {
            float x[TDL_Q4_BLOCK] = {0};
            tdl_q4 block;

            for (size_t i = 0; i < TDL_Q4_BLOCK && at + i < w->in; i++)
                x[i] = value[(at + i) * w->by_in];
            tdl_q4_of(x, 1, &block);
            bytes[0] = (uint8_t)block.d;
            bytes[1] = (uint8_t)(block.d >> 8);
            memcpy(bytes + 2, block.q, sizeof block.q);
        }
}

static void from_int4(const weights *w, const uint8_t *bytes, float *value)
{
    for (size_t o = 0; o < w->out; o++, value += w->by_out)
        for (size_t at = 0; at < w->in; at += TDL_Q4_BLOCK, bytes += Q4_BYTES) {
            float x[TDL_Q4_BLOCK];
            tdl_q4 block = {.d = (uint16_t)(bytes[0] | bytes[1] << 8)};

            memcpy(block.q, bytes + 2, sizeof block.q);
            tdl_q4_to_floats(&block, 1, x);
            for (size_t i = 0; i < TDL_Q4_BLOCK && at + i < w->in; i++)
                value[(at + i) * w->by_in] = x[i];
        }
}

/* ---- writing ---- */

static void name_scale(const tdl_slice *slice, char ret[NAME_SIZE])
{
    snprintf(ret, NAME_SIZE, "%s.scale", slice->name);
}

static tdl_status check_finite(const tdl_slice *slice, const float *value, tdl_status status,
                               tdl_report *why)
{
    for (size_t i = 0; i < slice->rows * slice->cols; i++)
        if (!isfinite(value[i]))
            return TDL_FAIL(why, status, "%s: value %zu is %g, expected a finite number",
                            slice->name, i, (double)value[i]);
    return TDL_OK;
}

/* What is written of a slice lies in *ret_bytes until the file is. */
static tdl_status add_slice(const tdl_net *net, int k, tdl_precision precision,
                            tdl_st_writer *writer, void **ret_bytes, tdl_report *why)
{
    const tdl_slice *slice = &net->params->slice[k];
    const float *value = tdl_params_value(net->params, k);
    weights w = weights_of(net, k);
    char scale_name[NAME_SIZE];
    tdl_status st = check_finite(slice, value, TDL_E_INVALID, why);

    if (st)
        return st;
    if (!w.out) {
        tdl_st_add(writer, slice->name, TDL_F32, 2, (size_t[]){slice->rows, slice->cols}, value);
        return TDL_OK;
    }
    // scales first: they are aligned wherever they come to lie
    *ret_bytes = calloc(w.out, sizeof(float) + w.in + blocks_of(w.in) * Q4_BYTES);
    if (!*ret_bytes)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to quantise %s", slice->name);
    float *scale = *ret_bytes;
    void *packed = scale + w.out;
    if (precision == TDL_PRECISION_INT8) {
        to_int8(&w, value, packed, scale);
        name_scale(slice, scale_name);
        tdl_st_add(writer, slice->name, TDL_I8, 2, (size_t[]){w.out, w.in}, packed);
        tdl_st_add_1d(writer, scale_name, TDL_F32, w.out, scale);
    } else {
        to_int4(&w, value, packed);
        tdl_st_add(writer, slice->name, TDL_U8, 3, (size_t[]){w.out, blocks_of(w.in), Q4_BYTES},
                   packed);
    }
    return TDL_OK;
}

tdl_status tdl_quant_encode(const tdl_net *net, tdl_precision precision, tdl_buf *ret,
                            tdl_report *why)
{
    const char *name = tdl_precision_name(precision);
    int slices_n = net->params->slices_n;
    tdl_st_writer *writer = NULL;
    void **bytes = NULL;
    tdl_status st = TDL_OK;

    if (precision != TDL_PRECISION_INT8 && precision != TDL_PRECISION_INT4)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: expected int8 or int4", name);
    if (!(bytes = calloc((size_t)slices_n + 1, sizeof(void *))))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to quantise %d slices", slices_n);
    writer = tdl_st_writer_new();
    tdl_st_meta(writer, "format", TDL_STR(FORMAT));
    tdl_st_meta(writer, "precision", (tdl_str){name, strlen(name)});
    for (int k = 0; !st && k < slices_n; k++)
        st = add_slice(net, k, precision, writer, &bytes[k], why);
    if (!st)
        st = tdl_st_encode(writer, ret, why);
    tdl_st_writer_free(writer);
    for (int k = 0; k < slices_n; k++)
        free(bytes[k]);
    free(bytes);
    return st;
}

/* ---- reading ---- */

static tdl_status get(const tdl_st_file *file, const char *name, tdl_dtype dtype, size_t rank,
                      const size_t *shape, const tdl_st_view **ret, tdl_report *why)
{
    tdl_status st = tdl_st_get(file, name, dtype, rank, ret, why);

    for (size_t i = 0; !st && i < rank; i++)
        if ((*ret)->shape[i] != shape[i])
            return TDL_FAIL(why, TDL_E_CORRUPT, "tensor \"%s\": axis %zu is %zu, expected %zu",
                            name, i, (*ret)->shape[i], shape[i]);
    return st;
}

static tdl_status check_int8(const tdl_st_view *q, const tdl_st_view *scale, tdl_report *why)
{
    const int8_t *integer = q->data;
    const float *of = scale->data;

    for (size_t i = 0; i < q->n; i++)
        if (integer[i] == INT8_MIN)
            return TDL_FAIL(why, TDL_E_CORRUPT,
                            "tensor \"%.*s\": value %zu is -128, expected >= "
                            "-127",
                            TDL_FMT(q->name), i);
    for (size_t i = 0; i < scale->n; i++)
        if (!(of[i] >= 0 && of[i] <= 0x1p+120F))
            return TDL_FAIL(why, TDL_E_CORRUPT, "tensor \"%.*s\": scale %zu is %g, expected >= 0",
                            TDL_FMT(scale->name), i, (double)of[i]);
    return TDL_OK;
}

static tdl_status read_int8(const tdl_st_file *file, const tdl_slice *slice, const weights *w,
                            float *value, tdl_report *why)
{
    const tdl_st_view *q, *scale;
    char scale_name[NAME_SIZE];
    tdl_status st;

    name_scale(slice, scale_name);
    if ((st = get(file, slice->name, TDL_I8, 2, (size_t[]){w->out, w->in}, &q, why)) ||
        (st = get(file, scale_name, TDL_F32, 1, &w->out, &scale, why)) ||
        (st = check_int8(q, scale, why)))
        return st;
    from_int8(w, q->data, scale->data, value);
    return TDL_OK;
}

static tdl_status read_slice(const tdl_st_file *file, const tdl_net *net, int k,
                             tdl_precision precision, float *value, tdl_report *why)
{
    const tdl_slice *slice = &net->params->slice[k];
    const tdl_st_view *view;
    weights w = weights_of(net, k);
    tdl_status st;

    if (w.out && precision == TDL_PRECISION_INT8)
        return read_int8(file, slice, &w, value, why);
    if (w.out) {
        const size_t shape[] = {w.out, blocks_of(w.in), Q4_BYTES};

        if (!(st = get(file, slice->name, TDL_U8, 3, shape, &view, why)))
            from_int4(&w, view->data, value);
    } else {
        const size_t shape[] = {slice->rows, slice->cols};

        if (!(st = get(file, slice->name, TDL_F32, 2, shape, &view, why)))
            tdl_st_read_f32(view, 0, view->n, value);
    }
    return st ? st : check_finite(slice, value, TDL_E_CORRUPT, why);
}

static tdl_status find_precision(const tdl_st_file *file, tdl_precision *ret, tdl_report *why)
{
    tdl_str format = tdl_st_meta_get(file, "format"), name = tdl_st_meta_get(file, "precision");

    if (!tdl_str_eq(format, TDL_STR(FORMAT)))
        return TDL_FAIL(why, TDL_E_CORRUPT, "format \"%.*s\", expected \"" FORMAT "\"",
                        TDL_FMT(format));
    if (!tdl_str_eq(name, TDL_STR("int8")) && !tdl_str_eq(name, TDL_STR("int4")))
        return TDL_FAIL(why, TDL_E_CORRUPT, "precision \"%.*s\", expected \"int8\" or \"int4\"",
                        TDL_FMT(name));
    *ret = tdl_str_eq(name, TDL_STR("int8")) ? TDL_PRECISION_INT8 : TDL_PRECISION_INT4;
    return TDL_OK;
}

tdl_status tdl_quant_decode(const tdl_st_file *file, tdl_net *net, tdl_precision *ret_precision,
                            tdl_report *why)
{
    tdl_params *params = net->params;
    tdl_precision precision = TDL_PRECISION_INT8;
    float *value = NULL;
    tdl_status st = find_precision(file, &precision, why);

    if (st)
        return st;
    if (!(value = calloc(params->n + 1, sizeof *value)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read %zu parameters", params->n);
    for (int k = 0; !st && k < params->slices_n; k++)
        st = read_slice(file, net, k, precision, value + params->slice[k].offset, why);
    if (!st) {
        memcpy(params->value, value, params->n * sizeof *value);
        *ret_precision = precision;
    }
    free(value);
    return st;
}
