/* safetensors: what is read, what is refused and how, and that what is written comes back.
 *
 * The samples are the project's reference bytes; the first two are test vectors of
 * huggingface/safetensors, the refused ones break one rule of the format each.
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
#include "train/safetensors.h"

#define BYTES(literal)                                                                             \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

typedef struct sample {
    const char *what, *says; /* says: what the refusal must mention */
    tdl_str bytes;
} sample;

/* one tensor attn.0 = 0..5 (huggingface/safetensors test vector) */
static const sample ONE_TENSOR = {
    "one tensor", "",
    BYTES("@\000\000\000\000\000\000\000{\"attn.0\":{\"dtype\":\"F32\",\"shape\":[1,2,3],"
          "\"data_offsets\":[0,24]}}\000\000\000\000\000\000\200?\000\000\000@\000\000@@"
          "\000\000\200@\000\000\240@")};
/* no tensors (same source) */
static const sample NO_TENSORS = {"no tensors", "",
                                  BYTES("\010\000\000\000\000\000\000\000{}      ")};
/* empty tensor w[2,0], scalar s = 2.5, metadata format=pt */
static const sample EMPTY_AND_SCALAR = {
    "empty and scalar", "",
    BYTES("\220\000\000\000\000\000\000\000{\"__metadata__\":{\"format\":\"pt\"},\"w\":{"
          "\"dtype\":\"F32\",\"shape\":[2,0],\"data_offsets\":[0,0]},\"s\":{\"dtype\":\"F"
          "32\",\"shape\":[],\"data_offsets\":[0,4]}}     \000\000 @")};

static const sample REFUSED[] = {
    {"shorter than 8 bytes", "3 bytes are too few", BYTES("\010\000\000")},
    {"header length beyond the file", "claims 1099511627776 bytes",
     BYTES("\000\000\000\000\000\001\000\000{}")},
    {"header length over 100000000", "claims 100000001 bytes",
     BYTES("\001\341\365\005\000\000\000\000{}")},
    {"header is not JSON", "header: line 1", BYTES("\005\000\000\000\000\000\000\000{\"a\":")},
    {"header is not UTF-8", "header: line 1", BYTES("\002\000\000\000\000\000\000\000\377\376")},
    {"trailing bytes not covered by any tensor", "1 bytes of data belong to no tensor",
     BYTES("\002\000\000\000\000\000\000\000{}\000")},
    {"gap before the first tensor", "\"a\" begins at byte 4 of the data, expected 0",
     BYTES("6\000\000\000\000\000\000\000{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_of"
           "fsets\":[4,8]}}\000\000\000\000\000\000\000\000")},
    {"two tensors overlap", "\"b\" begins at byte 2 of the data, expected 4",
     BYTES("k\000\000\000\000\000\000\000{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_of"
           "fsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[2,6]}}"
           "\000\000\000\000\000\000")},
    {"end before begin", "\"a\": data_offsets must be two rising offsets",
     BYTES("6\000\000\000\000\000\000\000{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_of"
           "fsets\":[4,0]}}\000\000\000\000")},
    {"byte count does not fit the shape", "its shape needs 8 bytes, data_offsets give 4",
     BYTES("6\000\000\000\000\000\000\000{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_of"
           "fsets\":[0,4]}}\000\000\000\000")},
    {"shape product overflows 64 bits", "its shape overflows",
     BYTES("L\000\000\000\000\000\000\000{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4"
           "294967296,4],\"data_offsets\":[0,0]}}")},
    {"negative dimension", "axis 0 has no size",
     BYTES("7\000\000\000\000\000\000\000{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_o"
           "ffsets\":[0,4]}}\000\000\000\000")},
    {"unknown dtype", "unknown dtype \"Q7\"",
     BYTES("5\000\000\000\000\000\000\000{\"a\":{\"dtype\":\"Q7\",\"shape\":[1],\"data_off"
           "sets\":[0,4]}}\000\000\000\000")},
    {"duplicate tensor name", "header: line 1",
     BYTES("k\000\000\000\000\000\000\000{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_of"
           "fsets\":[0,4]},\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,8]}}"
           "\000\000\000\000\000\000\000\000")},
    {"metadata value is not a string", "__metadata__ \"step\" must be a string",
     BYTES("\033\000\000\000\000\000\000\000{\"__metadata__\":{\"step\":5}}")},
    {"data shorter than declared", "within the 4 bytes of data",
     BYTES("6\000\000\000\000\000\000\000{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_of"
           "fsets\":[0,8]}}\000\000\000\000")},
};

/* ---- reading ---- */

static void a_tensor_is_read_with_its_shape_and_values(void **state)
{
    tdl_st_file *file = NULL;
    const tdl_st_view *view;

    TDL_UNUSED(state);
    assert_int_equal(tdl_st_parse(ONE_TENSOR.bytes, &file, NULL), TDL_OK);
    assert_int_equal(tdl_st_count(file), 1);
    assert_int_equal(tdl_st_get(file, "attn.0", TDL_F32, 3, &view, NULL), TDL_OK);
    assert_int_equal(view->shape[0], 1);
    assert_int_equal(view->shape[1], 2);
    assert_int_equal(view->shape[2], 3);
    assert_int_equal(view->n, 6);
    for (size_t i = 0; i < 6; i++)
        assert_true(((const float *)view->data)[i] == (float)i);
    assert_int_equal(tdl_st_meta_get(file, "format").len, 0);
    tdl_st_free(file);
}

static void a_file_may_hold_no_tensor(void **state)
{
    tdl_st_file *file = NULL;

    TDL_UNUSED(state);
    assert_int_equal(tdl_st_parse(NO_TENSORS.bytes, &file, NULL), TDL_OK);
    assert_int_equal(tdl_st_count(file), 0);
    tdl_st_free(file);
}

static void empty_tensors_and_scalars_are_tensors(void **state)
{
    tdl_st_file *file = NULL;
    const tdl_st_view *view;

    TDL_UNUSED(state);
    assert_int_equal(tdl_st_parse(EMPTY_AND_SCALAR.bytes, &file, NULL), TDL_OK);
    assert_int_equal(tdl_st_get(file, "w", TDL_F32, 2, &view, NULL), TDL_OK);
    assert_int_equal(view->n, 0);
    assert_int_equal(tdl_st_get(file, "s", TDL_F32, 0, &view, NULL), TDL_OK);
    assert_int_equal(view->n, 1);
    assert_true(*(const float *)view->data == 2.5F);
    assert_true(tdl_str_is(tdl_st_meta_get(file, "format"), "pt"));
    tdl_st_free(file);
}

static void data_at_an_odd_address_is_aligned_for_its_type(void **state)
{
    tdl_st_file *file = NULL;
    char *odd = malloc(ONE_TENSOR.bytes.len + 1);

    TDL_UNUSED(state);
    memcpy(odd + 1, ONE_TENSOR.bytes.at, ONE_TENSOR.bytes.len);
    assert_int_equal(tdl_st_parse((tdl_str){odd + 1, ONE_TENSOR.bytes.len}, &file, NULL), TDL_OK);
    assert_int_equal((uintptr_t)tdl_st_at(file, 0)->data % 4, 0);
    assert_true(((const float *)tdl_st_at(file, 0)->data)[5] == 5);
    tdl_st_free(file);
    free(odd);
}

static void a_tensor_that_is_missing_or_of_another_type_is_told(void **state)
{
    tdl_st_file *file = NULL;
    const tdl_st_view *view = NULL;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_st_parse(ONE_TENSOR.bytes, &file, NULL), TDL_OK);
    assert_int_equal(tdl_st_get(file, "attn.1", TDL_F32, 3, &view, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "attn.1"));
    assert_int_equal(tdl_st_get(file, "attn.0", TDL_I32, 3, &view, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "is F32 with 3 axes, expected I32 with 3"));
    assert_int_equal(tdl_st_get(file, "attn.0", TDL_F32, 2, &view, &why), TDL_E_CORRUPT);
    assert_null(view);
    tdl_st_free(file);
}

/* ---- refusing ---- */

static void every_broken_rule_is_refused_by_name(void **state)
{
    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof REFUSED / sizeof *REFUSED; i++) {
        tdl_st_file *file = NULL;
        tdl_report why = {0};

        if (tdl_st_parse(REFUSED[i].bytes, &file, &why) != TDL_E_CORRUPT ||
            why.status != TDL_E_CORRUPT || !strstr(why.message, REFUSED[i].says) || file)
            fail_msg("%s: \"%s\"", REFUSED[i].what, why.message);
    }
}

static void a_file_cut_anywhere_is_refused(void **state)
{
    const tdl_str whole = ONE_TENSOR.bytes;

    TDL_UNUSED(state);
    for (size_t n = 0; n < whole.len; n++) {
        tdl_st_file *file = NULL;
        char *cut = malloc(n + 1); // its own block: ASan sees a read past the cut

        memcpy(cut, whole.at, n);
        assert_int_equal(tdl_st_parse((tdl_str){cut, n}, &file, NULL), TDL_E_CORRUPT);
        assert_null(file);
        free(cut);
    }
}

/* ---- writing ---- */

static void what_is_written_comes_back(void **state)
{
    const folder *f = *state;
    const uint8_t u8[3] = {1, 2, 255};
    const float f32[4] = {1.5F, -2, 0, 3e38F};
    const double f64[2] = {0.1, -1e300};
    const int32_t i32[2] = {INT32_MIN, 7};
    const int64_t i64[1] = {INT64_MIN};
    tdl_st_writer *w = tdl_st_writer_new();
    tdl_st_file *file = NULL;
    const tdl_st_view *view;

    tdl_st_meta(w, "version", TDL_STR("a \"quoted\" \n line"));
    tdl_st_add_1d(w, "u8", TDL_U8, 3, u8); // odd in length, and before wider ones
    tdl_st_add(w, "f32", TDL_F32, 2, (size_t[]){2, 2}, f32);
    tdl_st_add_1d(w, "f64", TDL_F64, 2, f64);
    tdl_st_add_1d(w, "i32", TDL_I32, 2, i32);
    tdl_st_add_1d(w, "i64", TDL_I64, 1, i64);
    tdl_st_add_1d(w, "none", TDL_F32, 0, NULL);
    assert_int_equal(tdl_st_write(w, f->file, NULL), TDL_OK);
    tdl_st_writer_free(w);
    assert_int_equal(tdl_st_open(f->file, &file, NULL), TDL_OK);
    assert_int_equal(tdl_st_count(file), 6);
    assert_true(tdl_str_is(tdl_st_meta_get(file, "version"), "a \"quoted\" \n line"));
    assert_int_equal(tdl_st_get(file, "u8", TDL_U8, 1, &view, NULL), TDL_OK);
    assert_memory_equal(view->data, u8, sizeof u8);
    assert_int_equal(tdl_st_get(file, "f32", TDL_F32, 2, &view, NULL), TDL_OK);
    assert_memory_equal(view->data, f32, sizeof f32);
    assert_int_equal(tdl_st_get(file, "f64", TDL_F64, 1, &view, NULL), TDL_OK);
    assert_memory_equal(view->data, f64, sizeof f64);
    assert_int_equal(tdl_st_get(file, "i32", TDL_I32, 1, &view, NULL), TDL_OK);
    assert_memory_equal(view->data, i32, sizeof i32);
    assert_int_equal(tdl_st_get(file, "i64", TDL_I64, 1, &view, NULL), TDL_OK);
    assert_memory_equal(view->data, i64, sizeof i64);
    assert_int_equal(tdl_st_get(file, "none", TDL_F32, 1, &view, NULL), TDL_OK);
    tdl_st_free(file);
}

/* By the format: eight bytes of length, then a header that ends on a multiple of eight. */
static void the_header_is_padded_to_eight_bytes(void **state)
{
    const folder *f = *state;
    const float one = 1;
    tdl_st_writer *w = tdl_st_writer_new();
    tdl_buf bytes = {0};

    tdl_st_add_1d(w, "x", TDL_F32, 1, &one);
    assert_int_equal(tdl_st_write(w, f->file, NULL), TDL_OK);
    tdl_st_writer_free(w);
    assert_int_equal(tdl_file_read(f->file, 1 << 20, &bytes, NULL), TDL_OK);
    size_t header_n = (uint8_t)bytes.at[0];
    assert_int_equal(header_n % 8, 0);
    assert_int_equal(bytes.len, 8 + header_n + sizeof one);
    assert_int_equal(bytes.at[8], '{');
    assert_memory_equal(bytes.at + 8 + header_n, &one, sizeof one);
    tdl_buf_release(&bytes);
}

/* Three bytes named "a" would push "b" off its alignment: wider types go first. */
static void wide_types_come_first_so_that_all_are_aligned(void **state)
{
    const folder *f = *state;
    const uint8_t narrow[3] = {1, 2, 3};
    const double wide = 0.1;
    tdl_st_writer *w = tdl_st_writer_new();
    tdl_buf bytes = {0};

    tdl_st_add_1d(w, "a", TDL_U8, 3, narrow);
    tdl_st_add_1d(w, "b", TDL_F64, 1, &wide);
    assert_int_equal(tdl_st_write(w, f->file, NULL), TDL_OK);
    tdl_st_writer_free(w);
    assert_int_equal(tdl_file_read(f->file, 1 << 20, &bytes, NULL), TDL_OK);
    size_t data = 8 + (size_t)(uint8_t)bytes.at[0];
    assert_int_equal(bytes.len, data + 11);
    assert_memory_equal(bytes.at + data, &wide, sizeof wide);
    assert_memory_equal(bytes.at + data + sizeof wide, narrow, sizeof narrow);
    tdl_buf_release(&bytes);
}

static void refuse_to_write(const folder *f, tdl_st_writer *w, const char *says)
{
    tdl_report why = {0};

    assert_int_equal(tdl_st_write(w, f->file, &why), TDL_E_INVALID);
    if (!strstr(why.message, says))
        fail_msg("\"%s\" does not say \"%s\"", why.message, says);
    assert_int_equal(access(f->file, F_OK), -1);
    tdl_st_writer_free(w);
}

static void what_no_reader_would_take_is_not_written(void **state)
{
    const folder *f = *state;
    const float one = 1;
    tdl_st_writer *w = tdl_st_writer_new();

    tdl_st_add_1d(w, "x", TDL_F32, 1, &one);
    tdl_st_add_1d(w, "x", TDL_F32, 1, &one);
    refuse_to_write(f, w, "\"x\": given twice");
    w = tdl_st_writer_new();
    tdl_st_add_1d(w, "__metadata__", TDL_F32, 1, &one);
    refuse_to_write(f, w, "not a name");
    w = tdl_st_writer_new();
    tdl_st_add_1d(w, "\377", TDL_F32, 1, &one);
    refuse_to_write(f, w, "not a name");
    w = tdl_st_writer_new();
    tdl_st_add(w, "huge", TDL_F64, 2, (size_t[]){SIZE_MAX / 4, 4}, &one);
    refuse_to_write(f, w, "\"huge\": its size overflows");
    w = tdl_st_writer_new();
    tdl_st_meta(w, "key", TDL_STR("\377"));
    refuse_to_write(f, w, "UTF-8");
    w = tdl_st_writer_new();
    tdl_st_meta(w, "key", TDL_STR("1"));
    tdl_st_meta(w, "key", TDL_STR("2"));
    refuse_to_write(f, w, "\"key\": metadata given twice");
}

static void a_file_that_is_not_there_or_not_ours_is_named(void **state)
{
    const folder *f = *state;
    tdl_st_file *file = NULL;
    tdl_report why = {0};

    assert_int_equal(tdl_st_open(f->file, &file, &why), TDL_E_NOT_FOUND);
    assert_non_null(strstr(why.message, f->file));
    assert_int_equal(tdl_file_write(f->file, TDL_STR("no safetensors"), NULL), TDL_OK);
    assert_int_equal(tdl_st_open(f->file, &file, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, f->file));
    assert_null(file);
}

static void a_writer_without_memory_fails_late_and_cleanly(void **state)
{
    const folder *f = *state;

    tdl_st_meta(NULL, "key", TDL_STR("1"));
    tdl_st_add_1d(NULL, "x", TDL_F32, 0, NULL);
    assert_int_equal(tdl_st_write(NULL, f->file, NULL), TDL_E_NO_MEMORY);
    tdl_st_writer_free(NULL);
    tdl_st_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tensor_is_read_with_its_shape_and_values),
        cmocka_unit_test(a_file_may_hold_no_tensor),
        cmocka_unit_test(empty_tensors_and_scalars_are_tensors),
        cmocka_unit_test(data_at_an_odd_address_is_aligned_for_its_type),
        cmocka_unit_test(a_tensor_that_is_missing_or_of_another_type_is_told),
        cmocka_unit_test(every_broken_rule_is_refused_by_name),
        cmocka_unit_test(a_file_cut_anywhere_is_refused),
        cmocka_unit_test_setup_teardown(what_is_written_comes_back, make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(the_header_is_padded_to_eight_bytes, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(wide_types_come_first_so_that_all_are_aligned, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(what_no_reader_would_take_is_not_written, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_file_that_is_not_there_or_not_ours_is_named, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(a_writer_without_memory_fails_late_and_cleanly, make_folder,
                                        remove_folder),
    };

    return cmocka_run_group_tests_name("train/safetensors", tests, NULL, NULL);
}
