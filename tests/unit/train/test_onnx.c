/* ONNX: the file to the byte, and what is refused. That the layers compute what they should is
 * measured in onnxruntime by tests/e2e/onnx.
 *
 * The worked example is the project's reference bytes; onnx 1.12's checker accepts them, and
 * onnxruntime gives 0.6456563 = sigmoid(0.6) for each element.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "model_file.h"
#include "train/onnx.h"

/* y = Sigmoid(Gemm(x, W, b)); W = 0.5 (2x2), b = 0.1 */
static const char WORKED_EXAMPLE[] =
    "\x08\x08\x12\x07\x74\x72\x65\x61\x64\x6c\x65\x3a\x9a\x01\x0a\x16\x0a\x01\x78\x0a"
    "\x01\x57\x0a\x01\x62\x12\x01\x7a\x1a\x02\x6c\x30\x22\x04\x47\x65\x6d\x6d\x0a\x17"
    "\x0a\x01\x7a\x12\x01\x79\x1a\x06\x6c\x30\x5f\x61\x63\x74\x22\x07\x53\x69\x67\x6d"
    "\x6f\x69\x64\x12\x03\x6d\x6c\x70\x2a\x1b\x08\x02\x08\x02\x10\x01\x42\x01\x57\x4a"
    "\x10\x00\x00\x00\x3f\x00\x00\x00\x3f\x00\x00\x00\x3f\x00\x00\x00\x3f\x2a\x11\x08"
    "\x02\x10\x01\x42\x01\x62\x4a\x08\xcd\xcc\xcc\x3d\xcd\xcc\xcc\x3d\x5a\x18\x0a\x01"
    "\x78\x12\x13\x0a\x11\x08\x01\x12\x0d\x0a\x07\x12\x05\x62\x61\x74\x63\x68\x0a\x02"
    "\x08\x02\x62\x18\x0a\x01\x79\x12\x13\x0a\x11\x08\x01\x12\x0d\x0a\x07\x12\x05\x62"
    "\x61\x74\x63\x68\x0a\x02\x08\x02\x42\x04\x0a\x00\x10\x11";

static const tdl_onnx_dim PAIRS[] = {TDL_ONNX_VARYING("batch"), TDL_ONNX_FIXED(2)};

static void write_to(const folder *f, tdl_onnx *g, tdl_buf *ret)
{
    assert_int_equal(tdl_onnx_write(g, f->file, NULL), TDL_OK);
    tdl_onnx_free(g);
    assert_int_equal(tdl_file_read(f->file, 1 << 24, ret, NULL), TDL_OK);
}

static bool holds(const tdl_buf *bytes, const char *part, size_t n)
{
    return bytes->len >= n && memmem(bytes->at, bytes->len, part, n);
}
#define HOLDS(bytes, literal) holds(bytes, literal, sizeof(literal) - 1)

static void the_worked_example_is_written_to_the_byte(void **state)
{
    static const float w[4] = {0.5F, 0.5F, 0.5F, 0.5F}, b[2] = {0.1F, 0.1F};
    const folder *f = *state;
    tdl_onnx *g = tdl_onnx_new("mlp");
    tdl_buf bytes = {0};

    const char *x = tdl_onnx_input(g, "x", TDL_ONNX_F32, 2, PAIRS);
    const char *weights = tdl_onnx_tensor(g, "W", TDL_ONNX_F32, 2, (size_t[]){2, 2}, w);
    const char *bias = tdl_onnx_tensor(g, "b", TDL_ONNX_F32, 1, (size_t[]){2}, b);
    const char *z = tdl_onnx_add(
        g,
        &(tdl_onnx_node){.op = "Gemm", .name = "l0", .output = "z", .inputs = {x, weights, bias}});
    tdl_onnx_add(g,
                 &(tdl_onnx_node){.op = "Sigmoid", .name = "l0_act", .output = "y", .inputs = {z}});
    tdl_onnx_output(g, "y", TDL_ONNX_F32, 2, PAIRS);
    write_to(f, g, &bytes);
    assert_int_equal(bytes.len, sizeof WORKED_EXAMPLE - 1);
    assert_memory_equal(bytes.at, WORKED_EXAMPLE, bytes.len);
    tdl_buf_release(&bytes);
}

/* Bytes of AttributeProto, by onnx.proto: name = 1, f = 2, i = 3, s = 4, t = 5, ints = 8, type = 20
 * (FLOAT 1, INT 2, STRING 3, TENSOR 4, INTS 7). */
static void attributes_of_every_kind_are_written(void **state)
{
    static const int64_t five = 5;
    const folder *f = *state;
    tdl_onnx *g = tdl_onnx_new("attributes");
    tdl_buf bytes = {0};

    const char *x = tdl_onnx_input(g, "x", TDL_ONNX_F32, 2, PAIRS);
    const char *y =
        tdl_onnx_add(g, &(tdl_onnx_node){.op = "Anything",
                                         .inputs = {x, "", x},
                                         .attributes = {TDL_ONNX_SET_FLOAT("f", 0.25F),
                                                        TDL_ONNX_SET_INT("i", -1),
                                                        TDL_ONNX_SET_STRING("s", "SAME"),
                                                        {.kind = TDL_ONNX_TENSOR_ATTRIBUTE,
                                                         .name = "t",
                                                         .n = 1,
                                                         .type = TDL_ONNX_I64,
                                                         .data = &five},
                                                        TDL_ONNX_SET_INTS("p", 2, {0, 300})}});
    tdl_onnx_output(g, y, TDL_ONNX_F32, 2, PAIRS);
    write_to(f, g, &bytes);
    assert_true(HOLDS(&bytes, "\x0a\x01x\x0a\x00\x0a\x01x\x12\x0a" /* an input left out */
                              "Anything_0"));
    assert_true(HOLDS(&bytes, "\x2a\x0b\x0a\x01"
                              "f\x15\x00\x00\x80\x3e\xa0\x01\x01"));
    assert_true(HOLDS(&bytes, "\x0a\x01i\x18\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01\xa0\x01\x02"));
    assert_true(HOLDS(&bytes, "\x2a\x0c\x0a\x01s\x22\x04SAME\xa0\x01\x03"));
    assert_true(
        HOLDS(&bytes, "\x0a\x01t\x2a\x0e\x08\x01\x10\x07\x4a\x08\x05\0\0\0\0\0\0\0\xa0\x01\x04"));
    assert_true(HOLDS(&bytes, "\x2a\x0b\x0a\x01p\x40\x00\x40\xac\x02\xa0\x01\x07"));
    tdl_buf_release(&bytes);
}

/* TensorProto: dims = 1, data_type = 2 (INT32 6, INT64 7, BOOL 9), name = 8, raw_data = 9. */
static void initializers_of_every_type_are_written(void **state)
{
    const folder *f = *state;
    tdl_onnx *g = tdl_onnx_new("types");
    tdl_buf bytes = {0};

    tdl_onnx_tensor(g, "i", TDL_ONNX_I32, 1, (size_t[]){1}, (const int32_t[]){-2});
    tdl_onnx_tensor(g, "l", TDL_ONNX_I64, 0, NULL, (const int64_t[]){3});
    tdl_onnx_tensor(g, "o", TDL_ONNX_BOOL, 1, (size_t[]){2}, "\1\0");
    tdl_onnx_tensor(g, "n", TDL_ONNX_F32, 2, (size_t[]){0, 4}, NULL);
    tdl_onnx_output(g, "o", TDL_ONNX_BOOL, 0, NULL);
    write_to(f, g, &bytes);
    assert_true(HOLDS(&bytes, "\x2a\x0d\x08\x01\x10\x06\x42\x01i\x4a\x04\xfe\xff\xff\xff"));
    assert_true(HOLDS(&bytes, "\x2a\x0f\x10\x07\x42\x01l\x4a\x08\3\0\0\0\0\0\0\0"));
    assert_true(HOLDS(&bytes, "\x2a\x0b\x08\x02\x10\x09\x42\x01o\x4a\x02\1\0"));
    assert_true(HOLDS(&bytes, "\x2a\x0b\x08\x00\x08\x04\x10\x01\x42\x01n\x4a\x00"));
    tdl_buf_release(&bytes);
}

static void equal_constants_are_stored_once(void **state)
{
    tdl_onnx *g = tdl_onnx_new("constants");

    TDL_UNUSED(state);
    const char *half = tdl_onnx_float(g, 0.5F);
    assert_ptr_equal(tdl_onnx_float(g, 0.5F), half);
    assert_ptr_not_equal(tdl_onnx_float(g, 0.25F), half);
    const char *one = tdl_onnx_int(g, 1), *ones = tdl_onnx_ints(g, (const int64_t[]){1}, 1);
    assert_string_not_equal(one, ones); // one has no axis
    assert_ptr_equal(tdl_onnx_ints(g, (const int64_t[]){1}, 1), ones);
    assert_ptr_not_equal(tdl_onnx_ints(g, (const int64_t[]){1, 1}, 2), ones);
    tdl_onnx_free(g);
}

static void names_are_told_apart_by_their_scope(void **state)
{
    tdl_onnx *g = tdl_onnx_new("scopes");
    const char *x = tdl_onnx_input(g, "x", TDL_ONNX_F32, 2, PAIRS);

    TDL_UNUSED(state);
    assert_string_equal(tdl_onnx_scoped(g, "W"), "W");
    assert_string_equal(tdl_onnx_add(g, &(tdl_onnx_node){.op = "Relu", .inputs = {x}}), "Relu_0");
    tdl_onnx_scope(g, "block.0");
    assert_string_equal(tdl_onnx_scoped(g, "W"), "block.0/W");
    assert_string_equal(tdl_onnx_add(g, &(tdl_onnx_node){.op = "Relu", .inputs = {x}}),
                        "block.0/Relu_1");
    tdl_onnx_free(g);
}

static void refuse(const folder *f, tdl_onnx *g, tdl_status status, const char *says)
{
    tdl_report why = {0};

    assert_int_equal(tdl_onnx_write(g, f->file, &why), status);
    if (!strstr(why.message, says))
        fail_msg("\"%s\" does not say \"%s\"", why.message, says);
    assert_int_equal(access(f->file, F_OK), -1);
    tdl_onnx_free(g);
}

static void wrong_graphs_are_refused_by_name(void **state)
{
    const folder *f = *state;
    tdl_onnx *g = tdl_onnx_new("twice");

    tdl_onnx_input(g, "x", TDL_ONNX_F32, 2, PAIRS);
    tdl_onnx_tensor(g, "x", TDL_ONNX_F32, 1, (size_t[]){1}, (const float[]){0});
    tdl_onnx_output(g, "later", TDL_ONNX_F32, 2, PAIRS); // the first failure is the one told
    refuse(f, g, TDL_E_INVALID, "\"x\": two tensors have this name");
    g = tdl_onnx_new("unmade");
    tdl_onnx_add(g, &(tdl_onnx_node){.op = "Relu", .inputs = {"nowhere"}});
    refuse(f, g, TDL_E_INVALID, "\"nowhere\": a node uses it before it is made");
    g = tdl_onnx_new("spoken of");
    tdl_onnx_output(g, tdl_onnx_scoped(g, "y"), TDL_ONNX_F32, 2, PAIRS);
    refuse(f, g, TDL_E_INVALID, "\"y\": an output which nothing makes");
    g = tdl_onnx_new("nameless");
    tdl_onnx_input(g, "", TDL_ONNX_F32, 2, PAIRS);
    refuse(f, g, TDL_E_INVALID, "UTF-8 and not empty");
    g = tdl_onnx_new("silent");
    tdl_onnx_input(g, "x", TDL_ONNX_F32, 2, PAIRS);
    refuse(f, g, TDL_E_INVALID, "no output");
}

/* The data is borrowed until it is written, so that no gigabytes are needed to be refused. */
static void a_graph_of_two_gigabytes_is_refused(void **state)
{
    const folder *f = *state;
    tdl_onnx *g = tdl_onnx_new("large");

    tdl_onnx_tensor(g, "a", TDL_ONNX_F32, 1, (size_t[]){400000000}, "");
    tdl_onnx_output(g, "a", TDL_ONNX_F32, 1, PAIRS);
    tdl_onnx_tensor(g, "b", TDL_ONNX_F32, 1, (size_t[]){400000000}, "");
    refuse(f, g, TDL_E_TOO_LARGE, "3200000");
    g = tdl_onnx_new("larger");
    tdl_onnx_tensor(g, "a", TDL_ONNX_F32, 2, (size_t[]){SIZE_MAX / 2, 4}, "");
    refuse(f, g, TDL_E_INVALID, "\"a\": too many axes, or a size that overflows");
}

static void a_graph_without_memory_fails_late_and_cleanly(void **state)
{
    const folder *f = *state;

    tdl_onnx_scope(NULL, "scope");
    const char *x = tdl_onnx_input(NULL, "x", TDL_ONNX_F32, 2, PAIRS);
    x = tdl_onnx_add(NULL, &(tdl_onnx_node){.op = "Mul", .inputs = {x, tdl_onnx_float(NULL, 2)}});
    tdl_onnx_take_tensor(NULL, "t", TDL_ONNX_F32, 0, NULL, malloc(4));
    tdl_onnx_output(NULL, x, TDL_ONNX_F32, 2, PAIRS);
    refuse(f, NULL, TDL_E_NO_MEMORY, "out of memory");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(the_worked_example_is_written_to_the_byte),
        IN_FOLDER(attributes_of_every_kind_are_written),
        IN_FOLDER(initializers_of_every_type_are_written),
        cmocka_unit_test(equal_constants_are_stored_once),
        cmocka_unit_test(names_are_told_apart_by_their_scope),
        IN_FOLDER(wrong_graphs_are_refused_by_name),
        IN_FOLDER(a_graph_of_two_gigabytes_is_refused),
        IN_FOLDER(a_graph_without_memory_fails_late_and_cleanly),
    };

    return cmocka_run_group_tests_name("train/onnx", tests, NULL, NULL);
}
