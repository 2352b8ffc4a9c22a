/* GGUF: the blocks and the file to the byte, what comes back, what is refused and how.
 *
 * The sample file and its blocks are the project's reference bytes; they come from gguf-py, the
 * Python package of llama.cpp. The refused files break one rule of the sample each.
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

#include <math.h>

#include "base/file.h"
#include "model_file.h"
#include "tensor/formats.h"
#include "train/gguf.h"
#include "train/gguf_block.h"

/* architecture gpt2, alignment 32; a.weight F32 [2, 3] = 0..5; b.weight Q8_0 [32] = SAMPLE_X */
static const char SAMPLE[] =
    "\x47\x47\x55\x46\x03\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00"
    "\x00\x00\x00\x00\x14\x00\x00\x00\x00\x00\x00\x00\x67\x65\x6e\x65\x72\x61\x6c\x2e"
    "\x61\x72\x63\x68\x69\x74\x65\x63\x74\x75\x72\x65\x08\x00\x00\x00\x04\x00\x00\x00"
    "\x00\x00\x00\x00\x67\x70\x74\x32\x11\x00\x00\x00\x00\x00\x00\x00\x67\x65\x6e\x65"
    "\x72\x61\x6c\x2e\x61\x6c\x69\x67\x6e\x6d\x65\x6e\x74\x04\x00\x00\x00\x20\x00\x00"
    "\x00\x08\x00\x00\x00\x00\x00\x00\x00\x61\x2e\x77\x65\x69\x67\x68\x74\x02\x00\x00"
    "\x00\x03\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00\x00\x00\x00\x00\x00\x62\x2e\x77"
    "\x65\x69\x67\x68\x74\x01\x00\x00\x00\x20\x00\x00\x00\x00\x00\x00\x00\x08\x00\x00"
    "\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x3f"
    "\x00\x00\x00\x40\x00\x00\x40\x40\x00\x00\x80\x40\x00\x00\xa0\x40\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x0c\x26\x15\xf0\x65\xf5\x05\x45\xdb\x81\x0b\xf0\xcb\xf5\xf0\x1a"
    "\xbb\xe0\x30\x4f\xc0\x1a\x6a\xdb\xdb\xf0\x2a\x20\x00\xf0\x00\xfb\x20\xe6\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00"
    "\x00\x00\x00\x00\x00\x00\x00\x00";
enum { SAMPLE_BYTES = sizeof SAMPLE - 1, SAMPLE_DATA_END = 258 };

static const float SAMPLE_X[TDL_GGUF_BLOCK] = {
    0.5F,    -0.375F, 2.375F, -0.25F,  0.125F, 1.625F,  -0.875F, -3,      0.25F,  -0.375F, -1.25F,
    -0.25F,  -0.375F, 0.625F, -1.625F, -0.75F, 1.125F,  1.875F,  -1.5F,   0.625F, 2.5F,    -0.875F,
    -0.875F, -0.375F, 1,      0.75F,   0,      -0.375F, 0,       -0.125F, 0.75F,  -0.625F};

static const tdl_str SAMPLE_FILE = {SAMPLE, SAMPLE_BYTES};

/* ---- sixteen-bit floats ---- */

static float float_of_bits(uint32_t bits)
{
    float value;

    memcpy(&value, &bits, sizeof value);
    return value;
}

static void bf16_rounds_to_nearest_even_and_keeps_nan(void **state)
{
    static const struct {
        uint32_t f32;
        uint16_t bf16;
    } samples[] = {
        {0x3f800000, 0x3f80}, {0x3f808000, 0x3f80}, {0x3f818000, 0x3f82}, {0x3f808001, 0x3f81},
        {0x3f807fff, 0x3f80}, {0x7f7fffff, 0x7f80}, {0x7f800000, 0x7f80}, {0xff800000, 0xff80},
        {0x7f800001, 0x7fc0}, {0x00000001, 0x0000}, {0x80000000, 0x8000}, {0x00408000, 0x0040},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof samples / sizeof *samples; i++)
        assert_int_equal(tdl_bf16_of(float_of_bits(samples[i].f32)), samples[i].bf16);
}

/* By definition: between two neighbours, what is below their middle goes down, what is above goes
 * up, and the middle goes to the one that is even. All 31,743 pairs of finite neighbours, both
 * signs. */
static void f16_rounds_to_nearest_even_everywhere(void **state)
{
    TDL_UNUSED(state);
    for (uint32_t low = 0; low < 0x7bff; low++) {
        uint16_t high = (uint16_t)(low + 1), even = (uint16_t)(low & 1 ? high : low);
        float a = tdl_f16_to_float((uint16_t)low), b = tdl_f16_to_float(high), middle = (a + b) / 2;

        assert_true(a < b);
        if (tdl_f16_of(a) != low || tdl_f16_of(middle) != even ||
            tdl_f16_of(nextafterf(middle, a)) != low || tdl_f16_of(nextafterf(middle, b)) != high ||
            tdl_f16_of(-middle) != (even | 0x8000))
            fail_msg("between %g and %g", (double)a, (double)b);
    }
}

/* IEEE 754-2019, table 3.5: the largest number, the smallest normal one, the smallest one. */
static void f16_has_the_limits_of_the_standard(void **state)
{
    TDL_UNUSED(state);
    assert_true(tdl_f16_to_float(0x7bff) == 65504);
    assert_true(tdl_f16_to_float(0x0400) == 0x1p-14F);
    assert_true(tdl_f16_to_float(0x8001) == -0x1p-24F);
    assert_int_equal(tdl_f16_of(65519.99F), 0x7bff);
    assert_int_equal(tdl_f16_of(65520), 0x7c00);
    assert_int_equal(tdl_f16_of(-INFINITY), 0xfc00);
    assert_int_equal(tdl_f16_of(0x1p-25F), 0);
    assert_int_equal(tdl_f16_of(0x1.000002p-25F), 1);
    assert_true(isnan(tdl_f16_to_float(tdl_f16_of(float_of_bits(0x7f800001)))));
    assert_true(isinf(tdl_f16_to_float(0x7c00)));
}

/* ---- blocks ---- */

static void blocks_are_those_of_ggml_to_the_byte(void **state)
{
    static const char q8_0[] =
        "\x0c\x26\x15\xf0\x65\xf5\x05\x45\xdb\x81\x0b\xf0\xcb\xf5\xf0\x1a\xbb\xe0\x30\x4f"
        "\xc0\x1a\x6a\xdb\xdb\xf0\x2a\x20\x00\xf0\x00\xfb\x20\xe6";
    static const char q4_0[] =
        "\x00\x36\xb9\xd7\x4e\xa7\xf8\x6c\x66\x70\xb9\xa7\x85\x77\x87\x8a\xa4\x66";
    char block[64];

    TDL_UNUSED(state);
    assert_int_equal(tdl_gguf_encode(TDL_GGUF_Q8_0, SAMPLE_X, 32, block), 32);
    assert_memory_equal(block, q8_0, sizeof q8_0 - 1);
    assert_int_equal(tdl_gguf_encode(TDL_GGUF_Q4_0, SAMPLE_X, 32, block), 32);
    assert_memory_equal(block, q4_0, sizeof q4_0 - 1);
}

static void blocks_give_back_the_numbers_ggml_gives(void **state)
{
    static const float q8_0[TDL_GGUF_BLOCK] = {0.49603271484375F,
                                               -0.3779296875F,
                                               2.38568115234375F,
                                               -0.25982666015625F,
                                               0.11810302734375F,
                                               1.62982177734375F,
                                               -0.87396240234375F,
                                               -2.99981689453125F,
                                               0.25982666015625F,
                                               -0.3779296875F,
                                               -1.25189208984375F,
                                               -0.25982666015625F,
                                               -0.3779296875F,
                                               0.6141357421875F,
                                               -1.62982177734375F,
                                               -0.755859375F,
                                               1.1337890625F,
                                               1.86602783203125F,
                                               -1.51171875F,
                                               0.6141357421875F,
                                               2.5037841796875F,
                                               -0.87396240234375F,
                                               -0.87396240234375F,
                                               -0.3779296875F,
                                               0.9920654296875F,
                                               0.755859375F,
                                               0,
                                               -0.3779296875F,
                                               0,
                                               -0.11810302734375F,
                                               0.755859375F,
                                               -0.6141357421875F};
    static const float q4_0[TDL_GGUF_BLOCK] = {
        0.375F,  -0.375F, 2.25F,  -0.375F, 0,      1.5F,    -0.75F, -3,    0.375F, -0.375F, -1.125F,
        -0.375F, -0.375F, 0.75F,  -1.5F,   -0.75F, 1.125F,  1.875F, -1.5F, 0.75F,  2.625F,  -0.75F,
        -0.75F,  -0.375F, 1.125F, 0.75F,   0,      -0.375F, 0,      0,     0.75F,  -0.75F};
    char block[64];
    float back[TDL_GGUF_BLOCK];

    TDL_UNUSED(state);
    tdl_gguf_encode(TDL_GGUF_Q8_0, SAMPLE_X, 32, block);
    tdl_gguf_decode(TDL_GGUF_Q8_0, block, 32, back);
    assert_memory_equal(back, q8_0, sizeof q8_0);
    tdl_gguf_encode(TDL_GGUF_Q4_0, SAMPLE_X, 32, block);
    tdl_gguf_decode(TDL_GGUF_Q4_0, block, 32, back);
    for (size_t i = 0; i < TDL_GGUF_BLOCK; i++)
        assert_true(back[i] == q4_0[i]); // a zero may have either sign
}

static void a_block_of_zeros_comes_back_as_zeros(void **state)
{
    static const float zeros[TDL_GGUF_BLOCK];
    static const tdl_gguf_type types[] = {TDL_GGUF_Q8_0, TDL_GGUF_Q4_0};
    float tiny[TDL_GGUF_BLOCK], back[TDL_GGUF_BLOCK];
    char block[64];

    TDL_UNUSED(state);
    for (size_t i = 0; i < TDL_GGUF_BLOCK; i++)
        tiny[i] = 1e-44F; // its scale cannot be inverted
    for (size_t t = 0; t < 2; t++)
        for (size_t k = 0; k < 2; k++) {
            assert_int_equal(tdl_gguf_encode(types[t], k ? tiny : zeros, 32, block), 32);
            tdl_gguf_decode(types[t], block, 32, back);
            for (size_t i = 0; i < TDL_GGUF_BLOCK; i++)
                assert_true(back[i] == 0);
        }
}

static void a_number_without_a_place_in_the_type_is_named(void **state)
{
    float x[64] = {0};
    char bytes[256];

    TDL_UNUSED(state);
    x[40] = 1e5F;
    assert_int_equal(tdl_gguf_encode(TDL_GGUF_F16, x, 64, bytes), 40);
    assert_int_equal(tdl_gguf_encode(TDL_GGUF_BF16, x, 64, bytes), 64);
    assert_int_equal(tdl_gguf_encode(TDL_GGUF_Q8_0, x, 64, bytes), 64); // the scale is 787
    x[40] = 1e8F;
    assert_int_equal(tdl_gguf_encode(TDL_GGUF_Q8_0, x, 64, bytes), 32); // its block begins there
    assert_int_equal(tdl_gguf_encode(TDL_GGUF_Q4_0, x, 64, bytes), 32);
    x[3] = NAN;
    assert_int_equal(tdl_gguf_encode(TDL_GGUF_F32, x, 64, NULL), 3);
    x[3] = 0x1.fffffep127F;
    assert_int_equal(tdl_gguf_encode(TDL_GGUF_BF16, x, 64, bytes), 3); // it would round to infinity
}

/* ---- writing ---- */

static void the_sample_is_written_to_the_byte(void **state)
{
    static const float a[6] = {0, 1, 2, 3, 4, 5};
    const folder *f = *state;
    tdl_gguf_writer *w = tdl_gguf_writer_new("gpt2");
    tdl_buf bytes = {0};

    tdl_gguf_add(w, "a.weight", TDL_GGUF_F32, 2, (size_t[]){2, 3}, a);
    tdl_gguf_add(w, "b.weight", TDL_GGUF_Q8_0, 1, (size_t[]){32}, SAMPLE_X);
    assert_int_equal(tdl_gguf_write(w, f->file, NULL), TDL_OK);
    tdl_gguf_writer_free(w);
    assert_int_equal(tdl_file_read(f->file, 1 << 20, &bytes, NULL), TDL_OK);
    assert_int_equal(bytes.len, SAMPLE_BYTES);
    assert_memory_equal(bytes.at, SAMPLE, SAMPLE_BYTES);
    tdl_buf_release(&bytes);
}

static void write_values(tdl_gguf_writer *w)
{
    static const tdl_str tokens[] = {{"<s>", 3}, {"", 0}, {"\xff", 1}};

    tdl_gguf_set_u32(w, "u32", 4000000000U);
    tdl_gguf_set_u64(w, "u64", UINT64_MAX);
    tdl_gguf_set_i64(w, "i64", -5);
    tdl_gguf_set_float(w, "float", 1e-5F);
    tdl_gguf_set_bool(w, "bool", true);
    tdl_gguf_set_str(w, "str", TDL_STR("text"));
    tdl_gguf_set_strs(w, "strs", tokens, 3);
    tdl_gguf_set_strs(w, "none", NULL, 0);
    tdl_gguf_set_array(w, "kinds", TDL_GGUF_I32, (const int32_t[]){1, -3}, 2);
}

static void values_of_every_kind_come_back(void **state)
{
    const folder *f = *state;
    tdl_gguf_writer *w = tdl_gguf_writer_new("llama");
    tdl_gguf_file *file = NULL;
    tdl_gguf_array array;
    uint64_t u64 = 0;
    double number = 0;
    bool yes = false;
    tdl_str text = {0};
    int32_t kind;

    write_values(w);
    assert_int_equal(tdl_gguf_write(w, f->file, NULL), TDL_OK);
    tdl_gguf_writer_free(w);
    assert_int_equal(tdl_gguf_open(f->file, &file, NULL), TDL_OK);
    assert_int_equal(tdl_gguf_get_u64(file, "u32", &u64, NULL), TDL_OK);
    assert_true(u64 == 4000000000U);
    assert_int_equal(tdl_gguf_get_u64(file, "u64", &u64, NULL), TDL_OK);
    assert_true(u64 == UINT64_MAX);
    assert_int_equal(tdl_gguf_get_u64(file, "i64", &u64, NULL), TDL_E_CORRUPT); // it is negative
    assert_int_equal(tdl_gguf_get_double(file, "float", &number, NULL), TDL_OK);
    assert_true(number == (double)1e-5F);
    assert_int_equal(tdl_gguf_get_bool(file, "bool", &yes, NULL), TDL_OK);
    assert_true(yes);
    assert_int_equal(tdl_gguf_get_str(file, "general.architecture", &text, NULL), TDL_OK);
    assert_true(tdl_str_is(text, "llama"));
    assert_int_equal(tdl_gguf_get_array(file, "strs", TDL_GGUF_STRING, &array, NULL), TDL_OK);
    assert_int_equal(array.n, 3);
    assert_true(tdl_str_is(tdl_gguf_next_str(&array), "<s>"));
    assert_int_equal(tdl_gguf_next_str(&array).len, 0);
    assert_true(tdl_str_is(tdl_gguf_next_str(&array), "\xff"));
    assert_int_equal(tdl_gguf_get_array(file, "none", TDL_GGUF_STRING, &array, NULL), TDL_OK);
    assert_int_equal(array.n, 0);
    assert_int_equal(tdl_gguf_get_array(file, "kinds", TDL_GGUF_I32, &array, NULL), TDL_OK);
    memcpy(&kind, array.at + sizeof kind, sizeof kind);
    assert_int_equal(kind, -3);
    assert_true(tdl_gguf_has(file, "none") && !tdl_gguf_has(file, "nothing"));
    tdl_gguf_free(file);
}

static void a_value_that_is_missing_or_of_another_kind_is_told(void **state)
{
    const folder *f = *state;
    tdl_gguf_writer *w = tdl_gguf_writer_new("llama");
    tdl_gguf_file *file = NULL;
    tdl_gguf_array array;
    tdl_report why = {0};
    tdl_str text;
    bool yes;

    write_values(w);
    assert_int_equal(tdl_gguf_write(w, f->file, NULL), TDL_OK);
    tdl_gguf_writer_free(w);
    assert_int_equal(tdl_gguf_open(f->file, &file, NULL), TDL_OK);
    assert_int_equal(tdl_gguf_get_str(file, "nothing", &text, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, "\"nothing\" is missing"));
    assert_int_equal(tdl_gguf_get_bool(file, "u32", &yes, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "\"u32\" is of kind u32, expected bool"));
    assert_int_equal(tdl_gguf_get_array(file, "kinds", TDL_GGUF_STRING, &array, &why),
                     TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "\"kinds\" is an array of i32, expected of string"));
    tdl_gguf_free(file);
}

/* Q8_0 is off by at most half a scale of 127ths, Q4_0 by a whole one of eighths (its positive end
 * has no eighth), the floats by half a unit of their last place. */
static void tensors_of_every_type_come_back_within_their_precision(void **state)
{
    static const struct {
        const char *name;
        tdl_gguf_type type;
        double off; /* of the largest number */
    } kinds[] = {{"f32", TDL_GGUF_F32, 0},
                 {"f16", TDL_GGUF_F16, 0x1p-11},
                 {"bf16", TDL_GGUF_BF16, 0x1p-8},
                 {"q8_0", TDL_GGUF_Q8_0, 0.51 / 127},
                 {"q4_0", TDL_GGUF_Q4_0, 1.01 / 8}};
    const folder *f = *state;
    tdl_gguf_writer *w = tdl_gguf_writer_new("llama");
    const tdl_gguf_tensor *tensor;
    tdl_gguf_file *file = NULL;
    float x[3 * 64], back[3 * 64];

    for (size_t i = 0; i < 3 * 64; i++)
        x[i] = sinf((float)i);
    for (size_t k = 0; k < 5; k++)
        tdl_gguf_add(w, kinds[k].name, kinds[k].type, 2, (size_t[]){3, 64}, x);
    assert_int_equal(tdl_gguf_write(w, f->file, NULL), TDL_OK);
    tdl_gguf_writer_free(w);
    assert_int_equal(tdl_gguf_open(f->file, &file, NULL), TDL_OK);
    assert_int_equal(tdl_gguf_count(file), 5);
    for (size_t k = 0; k < 5; k++) {
        assert_int_equal(tdl_gguf_get(file, kinds[k].name, 2, (size_t[]){3, 64}, &tensor, NULL),
                         TDL_OK);
        assert_int_equal(tensor->type, kinds[k].type);
        tdl_gguf_floats(tensor, back);
        for (size_t i = 0; i < 3 * 64; i++)
            assert_true(fabs((double)back[i] - (double)x[i]) <= kinds[k].off);
    }
    tdl_gguf_free(file);
}

static void numbers_that_the_writer_takes_are_written_as_borrowed_ones(void **state)
{
    static const float w[6] = {1, 4, 2, 5, 3, 6}; // [3][2]
    static const tdl_gguf_type types[] = {TDL_GGUF_F32, TDL_GGUF_BF16};
    const folder *f = *state;

    for (size_t t = 0; t < 2; t++) {
        tdl_gguf_writer *writer = tdl_gguf_writer_new("llama");
        const tdl_gguf_tensor *tensor = NULL;
        tdl_gguf_file *file = NULL;
        float *taken = malloc(sizeof w), back[6];

        memcpy(taken, w, sizeof w);
        tdl_gguf_take(writer, "w", types[t], 2, (size_t[]){3, 2}, taken);
        assert_int_equal(tdl_gguf_write(writer, f->file, NULL), TDL_OK);
        tdl_gguf_writer_free(writer);
        assert_int_equal(tdl_gguf_open(f->file, &file, NULL), TDL_OK);
        assert_int_equal(tdl_gguf_get(file, "w", 2, (size_t[]){3, 2}, &tensor, NULL), TDL_OK);
        tdl_gguf_floats(tensor, back);
        assert_memory_equal(back, w, sizeof w);
        tdl_gguf_free(file);
    }
}

static void refuse_to_write(const folder *f, tdl_gguf_writer *w, const char *says)
{
    tdl_report why = {0};

    assert_int_equal(tdl_gguf_write(w, f->file, &why), TDL_E_INVALID);
    if (!strstr(why.message, says))
        fail_msg("\"%s\" does not say \"%s\"", why.message, says);
    assert_int_equal(access(f->file, F_OK), -1);
    tdl_gguf_writer_free(w);
}

static void what_llama_cpp_would_not_take_is_not_written(void **state)
{
    static const struct {
        const char *name, *says;
        tdl_gguf_type type;
        size_t rank, shape[5];
    } wrong[] = {
        {"", "empty, too long or not UTF-8", TDL_GGUF_F32, 1, {1}},
        {"\xff", "not UTF-8", TDL_GGUF_F32, 1, {1}},
        {"a.name.of.64.bytes.which.is.one.more.than.llama.cpp.has.room.for",
         "too long",
         TDL_GGUF_F32,
         1,
         {1}},
        {"scalar", "\"scalar\": a tensor has 1 to 4 axes", TDL_GGUF_F32, 0, {0}},
        {"five", "1 to 4 axes", TDL_GGUF_F32, 5, {1, 1, 1, 1, 1}},
        {"void", "an axis is empty", TDL_GGUF_F32, 2, {4, 0}},
        {"huge", "overflows", TDL_GGUF_F32, 2, {SIZE_MAX / 2, 4}},
        {"wide", "overflows", TDL_GGUF_F32, 2, {SIZE_MAX / 4, 2}},
        {"ragged", "a multiple of 32", TDL_GGUF_Q4_0, 2, {32, 31}},
    };
    const folder *f = *state;
    float x[64] = {0};

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tdl_gguf_writer *w = tdl_gguf_writer_new("llama");
        tdl_gguf_add(w, wrong[i].name, wrong[i].type, wrong[i].rank, wrong[i].shape, x);
        refuse_to_write(f, w, wrong[i].says);
    }
    tdl_gguf_writer *w = tdl_gguf_writer_new("llama");
    tdl_gguf_set_u32(w, "general.alignment", 64);
    refuse_to_write(f, w, "\"general.alignment\": given twice");
    w = tdl_gguf_writer_new("llama");
    x[5] = INFINITY;
    tdl_gguf_add(w, "x", TDL_GGUF_F32, 1, (size_t[]){64}, x);
    refuse_to_write(f, w, "\"x\": number 5 (or its block), inf, has no place in F32");
    w = tdl_gguf_writer_new("llama");
    tdl_gguf_take(w, "x", TDL_GGUF_F16, 2, (size_t[]){32, 2},
                  memcpy(malloc(sizeof x), x, sizeof x));
    refuse_to_write(f, w, "\"x\": number 5 (or its block), inf, has no place in F16");
    w = tdl_gguf_writer_new("llama");
    tdl_gguf_take(w, "x", TDL_GGUF_F16, 2, (size_t[]){32, 2}, NULL);
    assert_int_equal(tdl_gguf_write(w, f->file, NULL), TDL_E_NO_MEMORY);
    tdl_gguf_writer_free(w);
    assert_int_equal(access(f->file, F_OK), -1);
    w = tdl_gguf_writer_new("llama");
    tdl_gguf_set_array(w, "array", TDL_GGUF_STRING, x, 1);
    refuse_to_write(f, w, "\"array\": not an array of numbers");
}

static void a_writer_without_memory_fails_late_and_cleanly(void **state)
{
    const folder *f = *state;

    tdl_gguf_set_u32(NULL, "key", 1);
    tdl_gguf_set_strs(NULL, "key", NULL, 0);
    tdl_gguf_add(NULL, "x", TDL_GGUF_F32, 0, NULL, NULL);
    assert_int_equal(tdl_gguf_write(NULL, f->file, NULL), TDL_E_NO_MEMORY);
    tdl_gguf_writer_free(NULL);
    tdl_gguf_free(NULL);
}

/* ---- reading ---- */

static void the_sample_is_read(void **state)
{
    const tdl_gguf_tensor *tensor = NULL;
    tdl_gguf_file *file = NULL;
    tdl_report why = {0};
    float x[32];

    TDL_UNUSED(state);
    assert_int_equal(tdl_gguf_parse(SAMPLE_FILE, &file, NULL), TDL_OK);
    assert_int_equal(tdl_gguf_count(file), 2);
    assert_int_equal(tdl_gguf_get(file, "a.weight", 2, (size_t[]){2, 3}, &tensor, NULL), TDL_OK);
    tdl_gguf_floats(tensor, x);
    for (size_t i = 0; i < 6; i++)
        assert_true(x[i] == (float)i);
    assert_int_equal(tdl_gguf_get(file, "b.weight", 0, NULL, &tensor, NULL), TDL_OK);
    assert_int_equal(tensor->type, TDL_GGUF_Q8_0);
    assert_int_equal(tensor->n, 32);
    assert_int_equal(tdl_gguf_get(file, "c", 0, NULL, &tensor, &why), TDL_E_NOT_FOUND);
    assert_int_equal(tdl_gguf_get(file, "a.weight", 2, (size_t[]){3, 2}, &tensor, &why),
                     TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "\"a.weight\" has the shape [2, 3], expected [3, 2]"));
    tdl_gguf_free(file);
}

/* Places in SAMPLE. */
enum {
    AT_VERSION = 4,
    AT_TENSORS_N = 8,
    AT_KEYS_N = 16,
    AT_KEY_LENGTH = 24,
    AT_KEY_KIND = 52,
    AT_TEXT_LENGTH = 56,
    AT_ALIGNMENT_KIND = 93,
    AT_ALIGNMENT = 97,
    AT_A_NAME_LENGTH = 101,
    AT_A_RANK = 117,
    AT_A_COLUMNS = 121,
    AT_A_ROWS = 129,
    AT_A_TYPE = 137,
    AT_A_OFFSET = 141,
    AT_B_NAME = 157,
    AT_B_COLUMNS = 169,
    AT_B_OFFSET = 181,
};

typedef struct edit {
    const char *what, *says;
    size_t at, bytes; /* `bytes` from `at` on become `value`, little-endian */
    uint64_t value;
} edit;

static const edit REFUSED[] = {
    {"another magic", "not a GGUF file", 0, 1, 'X'},
    {"version 2", "not version 3", AT_VERSION, 4, 2},
    {"big-endian", "not version 3", AT_VERSION, 4, 0x03000000},
    {"tensors beyond the file", "tensors are more than", AT_TENSORS_N, 8, UINT64_MAX},
    {"more tensors than described", "byte 189: the name of tensor 2", AT_TENSORS_N, 8, 3},
    {"keys beyond the file", "keys are more than", AT_KEYS_N, 8, UINT64_C(1) << 60},
    {"fewer keys than written", "byte 68: tensor \"general.alignment\"", AT_KEYS_N, 8, 1},
    {"an empty key", "byte 24: the name of key 0", AT_KEY_LENGTH, 8, 0},
    {"a key of 2^64 - 1 bytes", "byte 24: the name of key 0", AT_KEY_LENGTH, 8, UINT64_MAX},
    {"a key that is not UTF-8", "byte 24: the name of key 0", AT_KEY_LENGTH + 8, 1, 0xff},
    {"a value of an unknown kind", "byte 24: key \"general.architecture\": its kind is unknown",
     AT_KEY_KIND, 4, 13},
    {"a text beyond the file", "its text goes beyond the end", AT_TEXT_LENGTH, 8, UINT64_MAX},
    {"an array of arrays", "or of arrays", AT_KEY_KIND, 8, UINT64_C(9) << 32 | 9},
    {"an array of an unknown kind", "unknown kind", AT_KEY_KIND, 8, UINT64_C(99) << 32 | 9},
    {"alignment 2^30", "\"general.alignment\" must be", AT_ALIGNMENT, 4, 1 << 30},
    {"alignment 0", "\"general.alignment\" must be", AT_ALIGNMENT, 4, 0},
    {"alignment 33", "\"general.alignment\" must be", AT_ALIGNMENT, 4, 33},
    {"alignment as f32", "\"general.alignment\" must be a u32", AT_ALIGNMENT_KIND, 4, 6},
    {"an empty name", "byte 101: the name of tensor 0", AT_A_NAME_LENGTH, 8, 0},
    {"a name of 65 bytes", "byte 101: the name of tensor 0 is not 1 to 64", AT_A_NAME_LENGTH, 8,
     65},
    {"no axis", "byte 101: tensor \"a.weight\": it must have 1 to 4 axes", AT_A_RANK, 4, 0},
    {"five axes", "it must have 1 to 4 axes", AT_A_RANK, 4, 5},
    {"2^32 - 1 axes", "it must have 1 to 4 axes", AT_A_RANK, 4, UINT32_MAX},
    {"an axis of 0", "\"a.weight\": one of its axes is empty", AT_A_COLUMNS, 8, 0},
    {"a shape of 2^64", "its shape overflows", AT_A_COLUMNS, 8, UINT64_C(1) << 63},
    {"bytes past 2^64", "its shape overflows", AT_A_COLUMNS, 8, UINT64_C(1) << 62},
    {"a tensor beyond the file", "it needs more bytes than the file has", AT_A_ROWS, 8, 1 << 20},
    {"a type that was removed", "its type is not F32", AT_A_TYPE, 4, 4},
    {"a type of 2^31", "its type is not F32", AT_A_TYPE, 4, UINT32_C(1) << 31},
    {"a block cut in two", "not a multiple of the type's block", AT_B_COLUMNS, 8, 33},
    {"an offset in the middle", "begins at offset 4 of the data, expected 0", AT_A_OFFSET, 8, 4},
    {"tensors that overlap", "\"b.weight\" begins at offset 0 of the data, expected 32",
     AT_B_OFFSET, 8, 0},
    {"an offset of 2^64 - 32", "\"b.weight\" begins at offset 18446744073709551584", AT_B_OFFSET, 8,
     UINT64_MAX - 31},
    {"a tensor name given twice", "tensor \"a.weight\" is there twice", AT_B_NAME, 1, 'a'},
};

static tdl_str edited(const edit *e, char *bytes)
{
    memcpy(bytes, SAMPLE, SAMPLE_BYTES);
    for (size_t i = 0; i < e->bytes; i++)
        bytes[e->at + i] = (char)(e->value >> (8 * i));
    return (tdl_str){bytes, SAMPLE_BYTES};
}

static void every_broken_rule_is_refused_by_name(void **state)
{
    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        char bytes[SAMPLE_BYTES];
        tdl_gguf_file *file = NULL;
        tdl_report why = {0};
        tdl_status st = tdl_gguf_parse(edited(&REFUSED[i], bytes), &file, &why);

        if (st != TDL_E_CORRUPT || !strstr(why.message, REFUSED[i].says) || file)
            fail_msg("%s: \"%s\"", REFUSED[i].what, why.message);
    }
}

/* The last tensor's padding may be missing: llama.cpp reads such files. */
static void a_file_cut_anywhere_is_refused(void **state)
{
    TDL_UNUSED(state);
    for (size_t n = 0; n <= SAMPLE_DATA_END; n++) {
        tdl_gguf_file *file = NULL;
        char *cut = malloc(n + 1); // its own block: ASan sees a read past the cut

        memcpy(cut, SAMPLE, n);
        assert_int_equal(tdl_gguf_parse((tdl_str){cut, n}, &file, NULL),
                         n < SAMPLE_DATA_END ? TDL_E_CORRUPT : TDL_OK);
        tdl_gguf_free(file);
        free(cut);
    }
}

static void bytes_behind_the_last_tensor_are_refused(void **state)
{
    char bytes[SAMPLE_BYTES + 1] = {0};
    tdl_gguf_file *file = NULL;
    tdl_report why = {0};

    TDL_UNUSED(state);
    memcpy(bytes, SAMPLE, SAMPLE_BYTES);
    assert_int_equal(tdl_gguf_parse((tdl_str){bytes, sizeof bytes}, &file, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "byte 288: 1 bytes belong to no tensor"));
}

/* Arrays whose claimed length goes beyond the file, and bools that are neither. */
static void arrays_are_checked_to_their_end(void **state)
{
    static const struct {
        uint32_t kind;
        uint64_t n;
        const char *says;
    } wrong[] = {
        {TDL_GGUF_U64, 3, "its numbers go beyond"},
        {TDL_GGUF_U8, UINT64_MAX, "its numbers go beyond"},
        {TDL_GGUF_DOUBLE, UINT64_C(1) << 61, "its numbers go beyond"},
        {TDL_GGUF_STRING, 3, "its text goes beyond"},
        {TDL_GGUF_STRING, UINT64_MAX, "its text goes beyond"},
        {TDL_GGUF_BOOL, 2, "neither 0 nor 1"},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        tdl_buf bytes = {0};
        tdl_gguf_file *file = NULL;
        tdl_report why = {0};

        tdl_buf_add(&bytes, "GGUF\3\0\0\0\0\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 24); // no tensor, a key
        tdl_buf_add(&bytes, "\1\0\0\0\0\0\0\0k\t\0\0\0", 13);                    // k: an array
        tdl_buf_add(&bytes, &wrong[i].kind, 4);
        tdl_buf_add(&bytes, &wrong[i].n, 8);
        tdl_buf_add(&bytes, "\0\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0", 16);
        if (wrong[i].kind == TDL_GGUF_BOOL)
            bytes.at[50] = 2;
        assert_int_equal(tdl_gguf_parse(tdl_buf_view(&bytes), &file, &why), TDL_E_CORRUPT);
        if (!strstr(why.message, wrong[i].says))
            fail_msg("%zu: %s", i, why.message);
        tdl_buf_release(&bytes);
    }
}

static void a_file_that_is_not_there_or_not_ours_is_named(void **state)
{
    const folder *f = *state;
    tdl_gguf_file *file = NULL;
    tdl_report why = {0};

    assert_int_equal(tdl_gguf_open(f->file, &file, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, f->file));
    assert_int_equal(tdl_gguf_open(f->path, &file, &why), TDL_E_IO);
    assert_int_equal(tdl_file_write(f->file, (tdl_str){0}, NULL), TDL_OK);
    assert_int_equal(tdl_gguf_open(f->file, &file, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, f->file));
    assert_null(file);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bf16_rounds_to_nearest_even_and_keeps_nan),
        cmocka_unit_test(f16_rounds_to_nearest_even_everywhere),
        cmocka_unit_test(f16_has_the_limits_of_the_standard),
        cmocka_unit_test(blocks_are_those_of_ggml_to_the_byte),
        cmocka_unit_test(blocks_give_back_the_numbers_ggml_gives),
        cmocka_unit_test(a_block_of_zeros_comes_back_as_zeros),
        cmocka_unit_test(a_number_without_a_place_in_the_type_is_named),
        IN_FOLDER(the_sample_is_written_to_the_byte),
        IN_FOLDER(values_of_every_kind_come_back),
        IN_FOLDER(a_value_that_is_missing_or_of_another_kind_is_told),
        IN_FOLDER(tensors_of_every_type_come_back_within_their_precision),
        IN_FOLDER(numbers_that_the_writer_takes_are_written_as_borrowed_ones),
        IN_FOLDER(what_llama_cpp_would_not_take_is_not_written),
        IN_FOLDER(a_writer_without_memory_fails_late_and_cleanly),
        cmocka_unit_test(the_sample_is_read),
        cmocka_unit_test(every_broken_rule_is_refused_by_name),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test(bytes_behind_the_last_tensor_are_refused),
        cmocka_unit_test(arrays_are_checked_to_their_end),
        IN_FOLDER(a_file_that_is_not_there_or_not_ours_is_named),
    };

    return cmocka_run_group_tests_name("train/gguf", tests, NULL, NULL);
}
