/* Records, and the events in them. Field numbers are those of tensorflow/tensorboard's event.proto,
 * summary.proto, tensor.proto, graph.proto, node_def.proto and attr_value.proto.
 */
#include <math.h>

#include "base/crc32c.h"
#include "train/protobuf.h"
#include "train/tb.h"

enum {
    EVENT_WALL_TIME = 1,
    EVENT_STEP = 2,
    EVENT_FILE_VERSION = 3,
    EVENT_GRAPH = 4,
    EVENT_SUMMARY = 5
};
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
enum { GRAPH_NODE = 1, GRAPH_VERSIONS = 4, VERSIONS_PRODUCER = 1, PRODUCER = 22 };
enum { NODE_NAME = 1, NODE_OP = 2, NODE_INPUT = 3, NODE_ATTRIBUTE = 5 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2, ATTRIBUTE_LIST = 1, LIST_SHAPE = 7 };
enum { HEAD = 12 }; /* of a record: length and its checksum */

/* ---- records ---- */

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
    tdl_pb_double(out, EVENT_WALL_TIME, wall_time);
    if (step) // proto3 leaves out what is zero
        tdl_pb_uint(out, EVENT_STEP, step);
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
    char check[sizeof(uint32_t)];

    if (!out->failed) {
        write_little_endian(check, checksum(out->at + begin + HEAD, n), sizeof check);
        tdl_buf_add(out, check, sizeof check);
    }
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

    tdl_pb_text(out, EVENT_FILE_VERSION, "brain.Event:2");
    end_event(out, event);
}

void tdl_tb_put_scalars(tdl_buf *out, double wall_time, uint64_t step, const tdl_tb_scalar *scalars,
                        size_t scalars_n)
{
    size_t event = begin_event(out, wall_time, step);
    size_t summary = tdl_pb_begin(out, EVENT_SUMMARY);

    for (size_t i = 0; i < scalars_n; i++) {
        size_t value = tdl_pb_begin(out, SUMMARY_VALUE);
        tdl_pb_text(out, VALUE_TAG, scalars[i].tag);
        tdl_pb_float(out, VALUE_SIMPLE, scalars[i].value);
        tdl_pb_end(out, value);
    }
    tdl_pb_end(out, summary);
    end_event(out, event);
}

void tdl_tb_put_histogram(tdl_buf *out, double wall_time, uint64_t step, const char *tag,
                          const tdl_tb_histogram *h)
{
    size_t event = begin_event(out, wall_time, step);
    size_t summary = tdl_pb_begin(out, EVENT_SUMMARY);
    size_t value = tdl_pb_begin(out, SUMMARY_VALUE);

    tdl_pb_text(out, VALUE_TAG, tag);
    size_t histogram = tdl_pb_begin(out, VALUE_HISTOGRAM);
    tdl_pb_double(out, HISTOGRAM_MIN, h->min);
    tdl_pb_double(out, HISTOGRAM_MAX, h->max);
    tdl_pb_double(out, HISTOGRAM_NUM, h->count);
    tdl_pb_double(out, HISTOGRAM_SUM, h->sum);
    tdl_pb_double(out, HISTOGRAM_SUM_SQUARES, h->sum_squares);
    tdl_pb_doubles(out, HISTOGRAM_LIMIT, h->limit, h->buckets_n);
    tdl_pb_doubles(out, HISTOGRAM_BUCKET, h->bucket, h->buckets_n);
    tdl_pb_end(out, histogram);
    tdl_pb_end(out, value);
    tdl_pb_end(out, summary);
    end_event(out, event);
}

/* metadata { plugin_data { plugin_name: "text" } data_class: TENSOR } */
static void put_text_metadata(tdl_buf *out)
{
    size_t metadata = tdl_pb_begin(out, VALUE_METADATA);
    size_t plugin = tdl_pb_begin(out, METADATA_PLUGIN);

    tdl_pb_text(out, PLUGIN_NAME, "text");
    tdl_pb_end(out, plugin);
    tdl_pb_uint(out, METADATA_DATA_CLASS, DATA_CLASS_TENSOR);
    tdl_pb_end(out, metadata);
}

/* dim { size: shape[0] } dim { size: shape[1] } ... */
static void put_shape(tdl_buf *out, uint32_t field, const int64_t *size, size_t rank)
{
    size_t shape = tdl_pb_begin(out, field);

    for (size_t i = 0; i < rank; i++) {
        size_t dim = tdl_pb_begin(out, SHAPE_DIM);
        tdl_pb_int(out, DIM_SIZE, size[i]);
        tdl_pb_end(out, dim);
    }
    tdl_pb_end(out, shape);
}

/* tensor { dtype: DT_STRING tensor_shape { dim { size: 1 } } string_val: text } */
static void put_text_tensor(tdl_buf *out, const char *text)
{
    size_t tensor = tdl_pb_begin(out, VALUE_TENSOR);

    tdl_pb_uint(out, TENSOR_DTYPE, DT_STRING);
    put_shape(out, TENSOR_SHAPE, (const int64_t[]){1}, 1);
    tdl_pb_text(out, TENSOR_STRING, text);
    tdl_pb_end(out, tensor);
}

void tdl_tb_put_text(tdl_buf *out, double wall_time, const char *tag, const char *text)
{
    size_t event = begin_event(out, wall_time, 0);
    size_t summary = tdl_pb_begin(out, EVENT_SUMMARY);
    size_t value = tdl_pb_begin(out, SUMMARY_VALUE);

    tdl_pb_text(out, VALUE_TAG, tag);
    put_text_tensor(out, text);
    put_text_metadata(out);
    tdl_pb_end(out, value);
    tdl_pb_end(out, summary);
    end_event(out, event);
}

/* ---- graphs ---- */

/* attr { key: "_output_shapes" value { list { shape { ... } } } } */
static void put_output_shape(tdl_buf *out, const tdl_graph_node *node)
{
    size_t entry = tdl_pb_begin(out, NODE_ATTRIBUTE);

    tdl_pb_text(out, ENTRY_KEY, "_output_shapes");
    size_t value = tdl_pb_begin(out, ENTRY_VALUE);
    size_t list = tdl_pb_begin(out, ATTRIBUTE_LIST);
    put_shape(out, LIST_SHAPE, node->shape, node->rank);
    tdl_pb_end(out, list);
    tdl_pb_end(out, value);
    tdl_pb_end(out, entry);
}

void tdl_tb_put_graph(tdl_buf *out, double wall_time, const tdl_graph_node *node, size_t n)
{
    size_t event = begin_event(out, wall_time, 0);
    size_t graph = tdl_pb_begin(out, EVENT_GRAPH);

    for (size_t k = 0; k < n; k++) {
        size_t one = tdl_pb_begin(out, GRAPH_NODE);
        tdl_pb_text(out, NODE_NAME, node[k].name);
        tdl_pb_text(out, NODE_OP, node[k].op);
        for (size_t i = 0; i < node[k].inputs_n; i++)
            tdl_pb_text(out, NODE_INPUT, node[k].input[i]);
        put_output_shape(out, &node[k]);
        tdl_pb_end(out, one);
    }
    size_t versions = tdl_pb_begin(out, GRAPH_VERSIONS);
    tdl_pb_uint(out, VERSIONS_PRODUCER, PRODUCER);
    tdl_pb_end(out, versions);
    tdl_pb_end(out, graph);
    end_event(out, event);
}

void tdl_tb_describe_graph(tdl_buf *out, const tdl_graph_node *node, size_t n)
{
    for (; n > 0; n--, node++) {
        tdl_buf_printf(out, "%s = %s(", node->name, node->op);
        for (size_t i = 0; i < node->inputs_n; i++)
            tdl_buf_printf(out, "%s%s", i ? ", " : "", node->input[i]);
        tdl_buf_text(out, ") [");
        for (size_t i = 0; i < node->rank; i++) {
            tdl_buf_text(out, i ? ", " : "");
            if (node->shape[i] < 0)
                tdl_buf_char(out, '*');
            else
                tdl_buf_printf(out, "%lld", (long long)node->shape[i]);
        }
        tdl_buf_text(out, "]\n");
    }
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
