/* Records by hand: protocol buffers need three wire types here.
 *
 * Field numbers are those of tensorflow/tensorboard's event.proto, summary.proto and tensor.proto.
 */
#include <math.h>
#include <string.h>

#include "base/crc32c.h"
#include "train/tb.h"

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5, VARINT_MAX = 10 };
enum { EVENT_WALL_TIME = 1, EVENT_STEP = 2, EVENT_FILE_VERSION = 3, EVENT_SUMMARY = 5 };
enum { SUMMARY_VALUE = 1 };
enum { VALUE_TAG = 1, VALUE_SIMPLE = 2, VALUE_HISTOGRAM = 5, VALUE_TENSOR = 8, VALUE_METADATA = 9 };
enum {
    HISTOGRAM_MIN = 1,
    HISTOGRAM_MAX = 2,
    HISTOGRAM_NUM = 3,
    HISTOGRAM_SUM = 4,
    HISTOGRAM_SUM_SQUARES = 5,
    HISTOGRAM_LIMIT = 6,
    HISTOGRAM_BUCKET = 7
};
enum { METADATA_PLUGIN = 1, METADATA_DATA_CLASS = 4, PLUGIN_NAME = 1, DATA_CLASS_TENSOR = 2 };
enum { TENSOR_DTYPE = 1, TENSOR_SHAPE = 2, TENSOR_STRING = 8, SHAPE_DIM = 2, DIM_SIZE = 1 };
enum { DT_STRING = 7 };
enum { HEAD = 12 }; /* of a record: length and its checksum */

/* ---- protocol buffers ---- */

static size_t encode_varint(uint64_t value, uint8_t ret[VARINT_MAX])
{
    size_t n = 0;

    for (; value >= 0x80; value >>= 7)
        ret[n++] = (uint8_t)(value | 0x80);
    ret[n++] = (uint8_t)value;
    return n;
}

static void put_varint(tdl_buf *out, uint64_t value)
{
    uint8_t bytes[VARINT_MAX];

    tdl_buf_add(out, bytes, encode_varint(value, bytes));
}

static void put_key(tdl_buf *out, unsigned field, unsigned wire)
{
    put_varint(out, (uint64_t)field << 3 | wire);
}

static void put_little_endian(tdl_buf *out, uint64_t value, size_t bytes_n)
{
    uint8_t bytes[sizeof value];

    for (size_t i = 0; i < bytes_n; i++)
        bytes[i] = (uint8_t)(value >> 8 * i);
    tdl_buf_add(out, bytes, bytes_n);
}

static void put_number(tdl_buf *out, unsigned field, uint64_t value)
{
    put_key(out, field, WIRE_VARINT);
    put_varint(out, value);
}

static void put_bare_double(tdl_buf *out, double value)
{
    uint64_t bits;

    memcpy(&bits, &value, sizeof bits);
    put_little_endian(out, bits, sizeof bits);
}

static void put_double(tdl_buf *out, unsigned field, double value)
{
    put_key(out, field, WIRE_64);
    put_bare_double(out, value);
}

static void put_float(tdl_buf *out, unsigned field, float value)
{
    uint32_t bits;

    memcpy(&bits, &value, sizeof bits);
    put_key(out, field, WIRE_32);
    put_little_endian(out, bits, sizeof bits);
}

static void put_text(tdl_buf *out, unsigned field, const char *text)
{
    size_t n = strlen(text);

    put_key(out, field, WIRE_BYTES);
    put_varint(out, n);
    tdl_buf_add(out, text, n);
}

static void put_doubles(tdl_buf *out, unsigned field, const double *values, size_t n)
{
    put_key(out, field, WIRE_BYTES);
    put_varint(out, n * sizeof *values);
    for (size_t i = 0; i < n; i++)
        put_bare_double(out, values[i]);
}

/* A message within a message: its length, known at the end only, is put before what was written
 * since. */
static size_t begin_message(tdl_buf *out, unsigned field)
{
    put_key(out, field, WIRE_BYTES);
    return out->len;
}

static void end_message(tdl_buf *out, size_t begin)
{
    uint8_t length[VARINT_MAX];
    size_t inner = out->len - begin, n = encode_varint(inner, length);

    tdl_buf_add(out, length, n); // room; what it holds is overwritten
    if (out->failed)
        return;
    memmove(out->at + begin + n, out->at + begin, inner);
    memcpy(out->at + begin, length, n);
}

/* ---- records and the events in them ---- */

static void write_little_endian(char *at, uint64_t value, size_t bytes_n)
{
    for (size_t i = 0; i < bytes_n; i++)
        at[i] = (char)(uint8_t)(value >> 8 * i);
}

static size_t begin_event(tdl_buf *out, double wall_time, uint64_t step)
{
    static const char head[HEAD] = {0};
    size_t begin = out->len;

    tdl_buf_add(out, head, sizeof head);
    put_double(out, EVENT_WALL_TIME, wall_time);
    if (step) // proto3 leaves out what is zero
        put_number(out, EVENT_STEP, step);
    return begin;
}

static uint32_t checksum(const char *at, size_t n)
{
    return tdl_crc32c_masked(tdl_crc32c(0, at, n));
}

/* A record that did not fit is taken back whole. */
static void end_event(tdl_buf *out, size_t begin)
{
    size_t n = out->len - begin - HEAD;

    if (!out->failed)
        put_little_endian(out, checksum(out->at + begin + HEAD, n), sizeof(uint32_t));
    if (out->failed) {
        out->len = begin;
        return;
    }
    write_little_endian(out->at + begin, n, sizeof(uint64_t));
    write_little_endian(out->at + begin + sizeof(uint64_t),
                        checksum(out->at + begin, sizeof(uint64_t)), sizeof(uint32_t));
}

void tdl_tb_put_version(tdl_buf *out, double wall_time)
{
    size_t event = begin_event(out, wall_time, 0);

    put_text(out, EVENT_FILE_VERSION, "brain.Event:2");
    end_event(out, event);
}

void tdl_tb_put_scalars(tdl_buf *out, double wall_time, uint64_t step, const tdl_tb_scalar *scalars,
                        size_t scalars_n)
{
    size_t event = begin_event(out, wall_time, step);
    size_t summary = begin_message(out, EVENT_SUMMARY);

    for (size_t i = 0; i < scalars_n; i++) {
        size_t value = begin_message(out, SUMMARY_VALUE);
        put_text(out, VALUE_TAG, scalars[i].tag);
        put_float(out, VALUE_SIMPLE, scalars[i].value);
        end_message(out, value);
    }
    end_message(out, summary);
    end_event(out, event);
}

void tdl_tb_put_histogram(tdl_buf *out, double wall_time, uint64_t step, const char *tag,
                          const tdl_tb_histogram *h)
{
    size_t event = begin_event(out, wall_time, step);
    size_t summary = begin_message(out, EVENT_SUMMARY);
    size_t value = begin_message(out, SUMMARY_VALUE);

    put_text(out, VALUE_TAG, tag);
    size_t histogram = begin_message(out, VALUE_HISTOGRAM);
    put_double(out, HISTOGRAM_MIN, h->min);
    put_double(out, HISTOGRAM_MAX, h->max);
    put_double(out, HISTOGRAM_NUM, h->count);
    put_double(out, HISTOGRAM_SUM, h->sum);
    put_double(out, HISTOGRAM_SUM_SQUARES, h->sum_squares);
    put_doubles(out, HISTOGRAM_LIMIT, h->limit, h->buckets_n);
    put_doubles(out, HISTOGRAM_BUCKET, h->bucket, h->buckets_n);
    end_message(out, histogram);
    end_message(out, value);
    end_message(out, summary);
    end_event(out, event);
}

/* metadata { plugin_data { plugin_name: "text" } data_class: TENSOR } */
static void put_text_metadata(tdl_buf *out)
{
    size_t metadata = begin_message(out, VALUE_METADATA);
    size_t plugin = begin_message(out, METADATA_PLUGIN);

    put_text(out, PLUGIN_NAME, "text");
    end_message(out, plugin);
    put_number(out, METADATA_DATA_CLASS, DATA_CLASS_TENSOR);
    end_message(out, metadata);
}

/* tensor { dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: text } */
static void put_text_tensor(tdl_buf *out, const char *text)
{
    size_t tensor = begin_message(out, VALUE_TENSOR);

    put_number(out, TENSOR_DTYPE, DT_STRING);
    size_t shape = begin_message(out, TENSOR_SHAPE);
    size_t dim = begin_message(out, SHAPE_DIM);
    put_number(out, DIM_SIZE, 1);
    end_message(out, dim);
    end_message(out, shape);
    put_text(out, TENSOR_STRING, text);
    end_message(out, tensor);
}

void tdl_tb_put_text(tdl_buf *out, double wall_time, const char *tag, const char *text)
{
    size_t event = begin_event(out, wall_time, 0);
    size_t summary = begin_message(out, EVENT_SUMMARY);
    size_t value = begin_message(out, SUMMARY_VALUE);

    put_text(out, VALUE_TAG, tag);
    put_text_tensor(out, text);
    put_text_metadata(out);
    end_message(out, value);
    end_message(out, summary);
    end_event(out, event);
}

/* ---- histograms ---- */

static bool measure(const float *x, size_t n, tdl_tb_histogram *ret)
{
    *ret = (tdl_tb_histogram){.min = INFINITY, .max = -INFINITY, .buckets_n = TDL_TB_BUCKETS};
    for (size_t i = 0; i < n; i++) {
        double value = (double)x[i];
        if (!isfinite(value))
            continue;
        ret->min = fmin(ret->min, value);
        ret->max = fmax(ret->max, value);
        ret->count++;
        ret->sum += value;
        ret->sum_squares += value * value;
    }
    return ret->count > 0;
}

bool tdl_tb_count(const float *x, size_t n, double *limit, double *bucket, tdl_tb_histogram *ret)
{
    if (!measure(x, n, ret))
        return false;
    double width = (ret->max - ret->min) / TDL_TB_BUCKETS;
    for (int k = 0; k < TDL_TB_BUCKETS; k++) {
        limit[k] = k + 1 < TDL_TB_BUCKETS ? ret->min + (k + 1) * width : ret->max;
        bucket[k] = 0;
    }
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            continue;
        double place = width > 0 ? ((double)x[i] - ret->min) / width : 0;
        bucket[place < TDL_TB_BUCKETS - 1 ? (int)place : TDL_TB_BUCKETS - 1]++;
    }
    ret->limit = limit;
    ret->bucket = bucket;
    return true;
}
