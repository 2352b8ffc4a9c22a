/* TensorBoard records against bytes made with tensorflow/tensorboard's own protocol buffers, and a
 * whole file against a reader that shares no code with the writer.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/json.h"
#include "train/tb.h"

/* Reference bytes of the project, in hexadecimal: one record each. */
static const char VERSION[] =
    "1800000000000000a37f4b220900000040fc54d9411a0d627261696e2e4576656e743a32eced8f9d";
static const char ONE_SCALAR[] =
    "200000000000000029eda9500900006040fc54d94110012a130a110a0a6c6f73732f747261696e15"
    "1872313f44506d2c";
static const char TWO_SCALARS[] =
    "2c00000000000000f4aecc450900008040fc54d94110ac022a1e0a110a0a6c6f73732f747261696e"
    "150000803e0a090a026c72156f12833ad77f85a5";
static const char HISTOGRAM[] =
    "9000000000000000966337fd090000c040fc54d94110ac022a81010a7f0a0a776569676874732f77"
    "312a7109000000000000f0bf11000000000000004019000000000000184021000000000000084029"
    "0000000000001c403220000000000000e0bf0000000000000000000000000000f03f000000000000"
    "00403a20000000000000f03f000000000000f03f000000000000004000000000000000405b3c7fae";

static const char *reader; /* tests/tools/read_tfevents.py */

static void expect_bytes(tdl_buf *out, const char *hex)
{
    assert_false(out->failed);
    assert_int_equal(out->len, strlen(hex) / 2);
    for (size_t i = 0; i < out->len; i++) {
        char pair[3];
        snprintf(pair, sizeof pair, "%02x", (unsigned)(unsigned char)out->at[i]);
        if (memcmp(pair, hex + 2 * i, 2) != 0)
            fail_msg("byte %zu is %s, expected %.2s", i, pair, hex + 2 * i);
    }
    tdl_buf_release(out);
}

static void the_first_record_names_the_format(void **state)
{
    tdl_buf out = {0};

    (void)state;
    tdl_tb_put_version(&out, 1700000000);
    expect_bytes(&out, VERSION);
}

static void scalars_of_one_step_share_an_event(void **state)
{
    tdl_buf out = {0};

    (void)state;
    tdl_tb_put_scalars(&out, 1700000001.5, 1, &(tdl_tb_scalar){"loss/train", 0.6931472F}, 1);
    expect_bytes(&out, ONE_SCALAR);
    tdl_tb_put_scalars(&out, 1700000002, 300,
                       (tdl_tb_scalar[]){{"loss/train", 0.25F}, {"lr", 0.001F}}, 2);
    expect_bytes(&out, TWO_SCALARS);
}

static void a_histogram_is_written_with_its_buckets(void **state)
{
    const double limit[] = {-0.5, 0, 1, 2}, bucket[] = {1, 1, 2, 2};
    tdl_tb_histogram histogram = {-1, 2, 6, 3, 7, 4, limit, bucket};
    tdl_buf out = {0};

    (void)state;
    tdl_tb_put_histogram(&out, 1700000003, 300, "weights/w1", &histogram);
    expect_bytes(&out, HISTOGRAM);
}

static void a_record_that_does_not_fit_leaves_no_part(void **state)
{
    tdl_buf out = {.limit = 60};

    (void)state;
    tdl_tb_put_version(&out, 1700000000);
    size_t whole = out.len;
    tdl_tb_put_text(&out, 1700000000, "graph", "longer than what is left of the buffer");
    assert_true(out.failed);
    assert_int_equal(out.len, whole);
    tdl_buf_release(&out);
}

static void counting_covers_every_finite_value_once(void **state)
{
    const float x[] = {0, 30, 15, 29.5F, NAN, INFINITY, 0.5F, 1};
    double limit[TDL_TB_BUCKETS], bucket[TDL_TB_BUCKETS], sum = 0;
    tdl_tb_histogram h;

    (void)state;
    assert_true(tdl_tb_count(x, 8, limit, bucket, &h));
    for (int k = 0; k < TDL_TB_BUCKETS; k++)
        sum += bucket[k];
    assert_true(sum == 6 && h.count == 6 && h.min == 0 && h.max == 30 && h.sum == 76);
    assert_true(h.sum_squares == 900 + 225 + 870.25 + 0.25 + 1);
    assert_true(bucket[0] == 2 && bucket[1] == 1 && bucket[15] == 1 && bucket[29] == 2);
    assert_true(limit[0] == 1 && limit[29] == 30);
}

static void equal_values_fall_into_one_bucket_and_none_give_no_histogram(void **state)
{
    const float equal[] = {2, 2, 2}, none[] = {NAN};
    double limit[TDL_TB_BUCKETS], bucket[TDL_TB_BUCKETS];
    tdl_tb_histogram h;

    (void)state;
    assert_true(tdl_tb_count(equal, 3, limit, bucket, &h));
    assert_true(bucket[0] == 3 && h.min == 2 && h.max == 2);
    assert_false(tdl_tb_count(none, 1, limit, bucket, &h));
    assert_false(tdl_tb_count(none, 0, limit, bucket, &h));
}

/* By hand from TensorFlow's graph.proto: node { name: "x" op: "input" attr { key: "_output_shapes"
 * value { list { shape { dim { size: 2 } } } } } } versions { producer: 22 }. */
static void a_graph_is_an_event_of_its_own(void **state)
{
    static const unsigned char graph[] = {
        0x22, 0x2c, 0x0a, 0x26, 0x0a, 0x01, 'x',  0x12, 0x05, 'i',  'n',  'p',
        'u',  't',  0x2a, 0x1a, 0x0a, 0x0e, '_',  'o',  'u',  't',  'p',  'u',
        't',  '_',  's',  'h',  'a',  'p',  'e',  's',  0x12, 0x08, 0x0a, 0x06,
        0x3a, 0x04, 0x12, 0x02, 0x08, 0x02, 0x22, 0x02, 0x08, 0x16};
    const tdl_graph_node node = {
        .name = "x", .op = "input", .shape = (const int64_t[]){2}, .rank = 1};
    enum { BEFORE = 12 + 9 /* head, wall_time */ };
    tdl_buf out = {0};

    (void)state;
    tdl_tb_put_graph(&out, 1700000000, &node, 1);
    assert_int_equal(out.len, BEFORE + sizeof graph + 4);
    assert_memory_equal(out.at + BEFORE, graph, sizeof graph);
    tdl_buf_release(&out);
}

/* ---- files ---- */

static json_t *next_event(FILE *pipe)
{
    char line[8192];
    json_t *event = NULL;

    assert_non_null(fgets(line, sizeof line, pipe));
    assert_int_equal(tdl_json_parse(tdl_str_of(line), TDL_JSON_REFUSE_DUPLICATES, &event, NULL),
                     TDL_OK);
    return event;
}

static const json_t *first_value(const json_t *event)
{
    return json_array_get(json_object_get(event, "values"), 0);
}

static void expect_scalar(FILE *pipe, const char *tag, int64_t step, double value)
{
    json_t *event = next_event(pipe);
    double got = 0;

    assert_int_equal(json_integer_value(json_object_get(event, "step")), step);
    assert_string_equal(json_string_value(json_object_get(first_value(event), "tag")), tag);
    assert_true(tdl_json_get_number(first_value(event), "value", &got) && got == value);
    json_decref(event);
}

static void expect_text(FILE *pipe, const char *tag, const char *text)
{
    json_t *event = next_event(pipe);
    const json_t *value = first_value(event);

    assert_string_equal(json_string_value(json_object_get(value, "tag")), tag);
    assert_string_equal(json_string_value(json_object_get(value, "plugin")), "text");
    assert_string_equal(json_string_value(json_array_get(json_object_get(value, "text"), 0)), text);
    json_decref(event);
}

static FILE *read_back(const char *folder)
{
    char command[512];

    snprintf(command, sizeof command, "python3 '%s' %s/*tfevents*", reader, folder);
    FILE *pipe = popen(command, "r");
    assert_non_null(pipe);
    return pipe;
}

static const tdl_graph_node GRAPH[] = {
    {.name = "x", .op = "input", .shape = (const int64_t[]){-1, 2}, .rank = 2},
    {.name = "out/w", .op = "parameter", .shape = (const int64_t[]){2, 3}, .rank = 2},
    {.name = "out/linear",
     .op = "linear",
     .input = (const char *const[]){"x", "out/w"},
     .inputs_n = 2,
     .shape = (const int64_t[]){-1, 3},
     .rank = 2}};

/* A graph_def, and the same as a text. */
static void expect_graph(FILE *pipe)
{
    json_t *event = next_event(pipe);
    const json_t *nodes = json_object_get(event, "graph"), *last = json_array_get(nodes, 2);

    assert_int_equal(json_array_size(nodes), 3);
    assert_string_equal(json_string_value(json_object_get(last, "name")), "out/linear");
    assert_string_equal(json_string_value(json_object_get(last, "op")), "linear");
    const json_t *inputs = json_object_get(last, "inputs"), *shape = json_object_get(last, "shape");
    assert_string_equal(json_string_value(json_array_get(inputs, 1)), "out/w");
    assert_int_equal(json_integer_value(json_array_get(shape, 0)), -1);
    assert_int_equal(json_integer_value(json_array_get(shape, 1)), 3);
    json_decref(event);
    expect_text(pipe, "graph",
                "x = input() [*, 2]\nout/w = parameter() [2, 3]\n"
                "out/linear = linear(x, out/w) [*, 3]\n");
}

static void an_independent_reader_finds_what_was_written(void **state)
{
    const float weights[] = {-1, 0, 3};
    char folder[] = "/tmp/treadle-tb-XXXXXX", command[64], line[8];
    tdl_report why = {0};
    tdl_tb *tb = NULL;

    (void)state;
    assert_non_null(mkdtemp(folder));
    if (tdl_tb_open(folder, &tb, &why))
        fail_msg("%s", why.message);
    tdl_tb_add_scalar(tb, "loss", 0, 0.5);
    tdl_tb_add_scalar(tb, "loss", UINT64_C(1) << 40, -0.25);
    tdl_tb_add_histogram(tb, "w", 7, weights, 3);
    tdl_tb_add_text(tb, "note", "x -> linear \xe5\xb1\x82 -> y\n");
    tdl_tb_add_graph(tb, GRAPH, 3);
    assert_int_equal(tdl_tb_close(tb, &why), TDL_OK);
    FILE *pipe = read_back(folder);
    json_t *version = next_event(pipe);
    assert_string_equal(json_string_value(json_object_get(version, "file_version")),
                        "brain.Event:2");
    json_decref(version);
    expect_scalar(pipe, "loss", 0, 0.5);
    expect_scalar(pipe, "loss", INT64_C(1) << 40, -0.25);
    json_t *histogram = next_event(pipe);
    const json_t *h = json_object_get(first_value(histogram), "histogram");
    assert_true(json_number_value(json_object_get(h, "sum")) == 2);
    assert_int_equal(json_array_size(json_object_get(h, "bucket")), TDL_TB_BUCKETS);
    json_decref(histogram);
    expect_text(pipe, "note", "x -> linear \xe5\xb1\x82 -> y\n");
    expect_graph(pipe);
    assert_null(fgets(line, sizeof line, pipe));
    assert_int_equal(pclose(pipe), 0);
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
}

static void a_folder_that_is_not_there_is_named(void **state)
{
    tdl_report why = {0};
    tdl_tb *tb = NULL;

    (void)state;
    assert_int_equal(tdl_tb_open("/nonexistent/folder", &tb, &why), TDL_E_IO);
    assert_non_null(strstr(why.message, "/nonexistent/folder"));
    assert_int_equal(tdl_tb_close(NULL, NULL), TDL_OK);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_record_names_the_format),
        cmocka_unit_test(scalars_of_one_step_share_an_event),
        cmocka_unit_test(a_histogram_is_written_with_its_buckets),
        cmocka_unit_test(a_record_that_does_not_fit_leaves_no_part),
        cmocka_unit_test(counting_covers_every_finite_value_once),
        cmocka_unit_test(equal_values_fall_into_one_bucket_and_none_give_no_histogram),
        cmocka_unit_test(a_graph_is_an_event_of_its_own),
        cmocka_unit_test(an_independent_reader_finds_what_was_written),
        cmocka_unit_test(a_folder_that_is_not_there_is_named),
    };
    reader = argc > 1 ? argv[1] : "tests/tools/read_tfevents.py";
    return cmocka_run_group_tests_name("train/tb", tests, NULL, NULL);
}
