/* Transfer learning: weights by name from files of others, and freezing by pattern. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "nn/lora.h"
#include "nn/mlp.h"
#include "train/params_load.h"

/* ---- a model, and files that are made here ---- */

typedef struct model {
    tdl_params params;
    int w0, b0, w1, head;
} model;

static model open_model(void)
{
    model m = {0};

    m.w0 = tdl_params_add(&m.params, "layer.0.w", 2, 3, true);
    m.b0 = tdl_params_add(&m.params, "layer.0.b", 1, 3, false);
    m.w1 = tdl_params_add(&m.params, "layer.1.w", 3, 2, true);
    m.head = tdl_params_add(&m.params, "head.w", 2, 2, true);
    assert_int_equal(tdl_params_seal(&m.params, NULL), TDL_OK);
    return m;
}

static const float SIX[] = {1, 2, 3, 4, 5, 6}, FOUR[] = {7, 8, 9, 10};

typedef struct tensor {
    const char *name;
    tdl_dtype dtype;
    size_t rank, shape[4];
    const void *data;
} tensor;

static tdl_st_file *file_of(const tensor *tensors, size_t n, tdl_buf *bytes)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_st_file *file = NULL;

    for (size_t i = 0; i < n; i++)
        tdl_st_add(writer, tensors[i].name, tensors[i].dtype, tensors[i].rank, tensors[i].shape,
                   tensors[i].data);
    assert_int_equal(tdl_st_encode(writer, bytes, NULL), TDL_OK);
    tdl_st_writer_free(writer);
    assert_int_equal(tdl_st_parse(tdl_buf_view(bytes), &file, NULL), TDL_OK);
    return file;
}

static void check_values(const model *m, int slice, const float *expected, size_t n)
{
    for (size_t i = 0; i < n; i++)
        assert_true((double)tdl_params_value(&m->params, slice)[i] == (double)expected[i]);
}

/* ---- names ---- */

static const tensor SAME_NAMES[] = {{"layer.0.w", TDL_F32, 2, {2, 3}, SIX},
                                    {"layer.0.b", TDL_F32, 1, {3}, SIX},
                                    {"layer.1.w", TDL_F32, 2, {3, 2}, SIX},
                                    {"head.w", TDL_F32, 2, {2, 2}, FOUR}};

static void slices_are_filled_by_name(void **state)
{
    const tdl_load_rules strict = {.strict = true};
    model m = open_model();
    tdl_load_counts counts = {0};
    tdl_buf bytes = {0};
    tdl_st_file *file = file_of(SAME_NAMES, 4, &bytes);

    TDL_UNUSED(state);
    assert_int_equal(tdl_params_load(file, &m.params, &strict, &counts, NULL, NULL), TDL_OK);
    assert_int_equal(counts.matched, 4);
    check_values(&m, m.w0, SIX, 6);
    check_values(&m, m.b0, SIX, 3);
    check_values(&m, m.w1, SIX, 6);
    check_values(&m, m.head, FOUR, 4);
    tdl_st_free(file);
    tdl_buf_release(&bytes);
    tdl_params_release(&m.params);
}

/* As BERT's names and its [out][in] matrices. */
static void names_are_mapped_by_pattern_and_matrices_turned(void **state)
{
    const tensor tensors[] = {{"bert.encoder.0.dense.weight", TDL_F32, 2, {3, 2}, SIX},
                              {"bert.encoder.1.dense.weight", TDL_F32, 2, {2, 3}, SIX},
                              {"bert.encoder.0.dense.bias", TDL_F32, 1, {3}, SIX}};
    const tdl_rename renames[] = {{"*.encoder.*.dense.weight", "layer.N.w"}, // a first that is no
                                  {"bert.encoder.*.dense.bias", "layer.*.b"}};
    const tdl_rename good[] = {{"bert.encoder.*.dense.weight", "layer.*.w"},
                               {"bert.encoder.*.dense.bias", "layer.*.b"}};
    const char *const turned[] = {"layer.*.w"};
    const float w0[] = {1, 3, 5, 2, 4, 6}, w1[] = {1, 4, 2, 5, 3, 6};
    tdl_load_rules rules = {
        .rename = renames, .rename_n = 2, .transpose = turned, .transpose_n = 1};
    model m = open_model();
    tdl_load_counts counts = {0};
    tdl_buf bytes = {0}, detail = {0};
    tdl_st_file *file = file_of(tensors, 3, &bytes);

    TDL_UNUSED(state);
    assert_int_equal(tdl_params_load(file, &m.params, &rules, &counts, NULL, NULL), TDL_OK);
    assert_int_equal(counts.matched, 1); // the rule that fits first is the one that counts
    rules.rename = good;
    assert_int_equal(tdl_params_load(file, &m.params, &rules, &counts, &detail, NULL), TDL_OK);
    assert_int_equal(counts.matched, 3);
    assert_int_equal(counts.missing, 1);
    assert_string_equal(detail.at, "head.w [2][2] is not in the file\n");
    check_values(&m, m.w0, w0, 6);
    check_values(&m, m.w1, w1, 6);
    check_values(&m, m.b0, SIX, 3);
    tdl_st_free(file);
    tdl_buf_release(&bytes);
    tdl_buf_release(&detail);
    tdl_params_release(&m.params);
}

/* ---- types ---- */

/* 1, -2, 65504, the smallest subnormal, 0, -0: bit patterns of IEEE 754 binary16; bf16 is the upper
 * half of a float (1 = 3f80, 3.140625 = 4049). */
static void halves_and_doubles_are_read_exactly(void **state)
{
    const uint16_t half[] = {0x3c00, 0xc000, 0x7bff, 0x0001, 0x0000, 0x8000},
                   brain[] = {0x3f80, 0x4049, 0xc000};
    const float halves[] = {1, -2, 65504, 0x1p-24F, 0, 0}, brains[] = {1, 3.140625F, -2};
    const double wide[] = {0.1, 1e-3, -5, 1.0 + 0x1p-30};
    const float rounded[] = {0.1F, 1e-3F, -5, 1};
    const tensor tensors[] = {{"layer.0.w", TDL_F16, 2, {2, 3}, half},
                              {"layer.0.b", TDL_BF16, 1, {3}, brain},
                              {"head.w", TDL_F64, 2, {2, 2}, wide}};
    model m = open_model();
    tdl_buf bytes = {0};
    tdl_st_file *file = file_of(tensors, 3, &bytes);

    TDL_UNUSED(state);
    assert_int_equal(tdl_params_load(file, &m.params, NULL, NULL, NULL, NULL), TDL_OK);
    check_values(&m, m.w0, halves, 6);
    assert_true(signbit(tdl_params_value(&m.params, m.w0)[5]));
    check_values(&m, m.b0, brains, 3);
    check_values(&m, m.head, rounded, 4);
    tdl_st_free(file);
    tdl_buf_release(&bytes);
    tdl_params_release(&m.params);
}

/* A convolution [out][in][h][w] is [out][in h w] turned. */
static void axes_are_grouped_into_rows_and_columns(void **state)
{
    const char *const turned[] = {"layer.0.w"};
    const tensor tensors[] = {{"layer.0.w", TDL_F32, 4, {3, 2, 1, 1}, SIX}};
    const tdl_load_rules rules = {.transpose = turned, .transpose_n = 1};
    const float expected[] = {1, 3, 5, 2, 4, 6};
    model m = open_model();
    tdl_buf bytes = {0};
    tdl_st_file *file = file_of(tensors, 1, &bytes);

    TDL_UNUSED(state);
    assert_int_equal(tdl_params_load(file, &m.params, &rules, NULL, NULL, NULL), TDL_OK);
    check_values(&m, m.w0, expected, 6);
    tdl_st_free(file);
    tdl_buf_release(&bytes);
    tdl_params_release(&m.params);
}

/* ---- what does not fit ---- */

static void a_strict_load_refuses_what_is_missing_unused_or_misshapen(void **state)
{
    const int32_t whole[] = {1, 2, 3, 4};
    const struct {
        tensor last;
        const char *says;
    } cases[] = {
        {{"head.w", TDL_F32, 2, {1, 4}, FOUR}, "\"head.w\" is F32[1][4], expected [2][2]"},
        {{"head.w", TDL_I32, 2, {2, 2}, whole}, "\"head.w\" is I32[2][2], expected [2][2]"},
        {{"other", TDL_F32, 2, {2, 2}, FOUR}, "\"other\" is not used (1 missing, 1 unused"}};
    const tdl_load_rules strict = {.strict = true}, partial = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < 3; i++) {
        model m = open_model();
        tensor tensors[4];
        tdl_load_counts counts = {0};
        tdl_report why = {0};
        tdl_buf bytes = {0};

        memcpy(tensors, SAME_NAMES, sizeof tensors);
        tensors[3] = cases[i].last;
        tdl_st_file *file = file_of(tensors, 4, &bytes);
        assert_int_equal(tdl_params_load(file, &m.params, &strict, &counts, NULL, &why),
                         TDL_E_CORRUPT);
        if (!strstr(why.message, cases[i].says))
            fail_msg("\"%s\" does not say %s", why.message, cases[i].says);
        assert_true(tdl_params_value(&m.params, m.w0)[0] == 0); // nothing was changed
        assert_int_equal(tdl_params_load(file, &m.params, &partial, &counts, NULL, NULL), TDL_OK);
        assert_int_equal(counts.matched, 3);
        assert_int_equal(counts.misfits, i < 2);
        assert_true(tdl_params_value(&m.params, m.head)[0] == 0); // left alone
        tdl_st_free(file);
        tdl_buf_release(&bytes);
        tdl_params_release(&m.params);
    }
}

static void numbers_that_are_not_finite_and_two_tensors_for_one_slice_are_refused(void **state)
{
    const uint16_t half[] = {0, 0, 0, 0, 0x7c00, 0};
    const tensor infinite[] = {{"layer.0.b", TDL_F32, 1, {3}, SIX},
                               {"layer.0.w", TDL_F16, 2, {2, 3}, half}},
                 twice[] = {{"a.b", TDL_F32, 1, {3}, SIX}, {"b.b", TDL_F32, 1, {3}, SIX}};
    const tdl_rename all = {"*.b", "layer.0.b"};
    const tdl_load_rules rules = {.rename = &all, .rename_n = 1};
    model m = open_model();
    tdl_report why = {0};
    tdl_buf bytes = {0};
    tdl_st_file *file = file_of(infinite, 2, &bytes);

    TDL_UNUSED(state);
    assert_int_equal(tdl_params_load(file, &m.params, NULL, NULL, NULL, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "\"layer.0.w\": value 4 is inf"));
    assert_true(tdl_params_value(&m.params, m.b0)[0] == 0);
    tdl_st_free(file);
    tdl_buf_clear(&bytes);
    file = file_of(twice, 2, &bytes);
    assert_int_equal(tdl_params_load(file, &m.params, &rules, NULL, NULL, &why), TDL_E_CORRUPT);
    assert_non_null(strstr(why.message, "are both for layer.0.b"));
    tdl_st_free(file);
    tdl_buf_release(&bytes);
    tdl_params_release(&m.params);
}

/* ---- freezing ---- */

static void patterns_freeze_and_thaw(void **state)
{
    model m = open_model();

    TDL_UNUSED(state);
    assert_int_equal(tdl_params_freeze_matching(&m.params, "layer.*"), 3);
    assert_true(m.params.slice[m.w1].frozen && !m.params.slice[m.head].frozen);
    assert_int_equal(tdl_params_thaw_matching(&m.params, "*.1.*"), 1);
    assert_false(m.params.slice[m.w1].frozen);
    assert_int_equal(tdl_params_freeze_matching(&m.params, "layer"), 0); // the whole name
    assert_int_equal(tdl_params_freeze_matching(&m.params, "*w*w"), 0);
    assert_int_equal(tdl_params_freeze_matching(&m.params, "*"), 4);
    assert_int_equal(tdl_params_freeze_matching(&m.params, "l*.*.*b"), 1);
    tdl_params_release(&m.params);
}

/* ---- adapters ---- */

static void open_adapted(tdl_mlp *adapted, uint64_t seed)
{
    static const char *const pattern[] = {"w1"};
    const tdl_lora_config lora = {.pattern = pattern, .patterns_n = 1, .rank = 2, .alpha = 8};
    const tdl_mlp_config config = {
        .in = 4, .head = TDL_HEAD_VALUE, .out = 3, .lora = seed ? &lora : NULL};

    assert_int_equal(tdl_mlp_init(adapted, &config, NULL), TDL_OK);
    tdl_mlp_start(adapted, seed + 1);
}

static tdl_load_counts save_and_load(const tdl_mlp *from, const char *pattern, tdl_mlp *to)
{
    char path[64];
    tdl_load_counts counts = {0};
    tdl_st_file *file = NULL;
    tdl_report why = {0};

    snprintf(path, sizeof path, "/tmp/test_params_load.%d.safetensors", (int)getpid());
    if (tdl_params_save(&from->params, pattern, path, &why) || tdl_st_open(path, &file, &why) ||
        tdl_params_load(file, &to->params, NULL, &counts, NULL, &why))
        fail_msg("%s", why.message);
    tdl_st_free(file);
    unlink(path);
    return counts;
}

/* Only A, the scale and B travel; the base of the receiver stays. */
static void adapters_are_saved_and_loaded_alone(void **state)
{
    tdl_mlp from, to;

    TDL_UNUSED(state);
    open_adapted(&from, 1);
    open_adapted(&to, 2);
    int first = from.params.slice[from.w[0]].adapter;
    float base = tdl_params_value(&to.params, to.w[0])[0];
    tdl_params_value(&from.params, first + TDL_LORA_B)[5] = 0.5F;
    tdl_load_counts counts = save_and_load(&from, "*.lora_*", &to);
    assert_int_equal(counts.matched, 3);
    assert_int_equal(counts.missing, 2);
    assert_true(tdl_params_value(&to.params, to.w[0])[0] == base);
    for (int part = 0; part < 3; part++)
        assert_memory_equal(tdl_params_value(&from.params, first + part),
                            tdl_params_value(&to.params, first + part),
                            from.params.slice[first + part].cols * sizeof(float)); // a row of it
    assert_true(tdl_params_value(&to.params, first + TDL_LORA_B)[5] == 0.5F);
    tdl_mlp_release(&from);
    tdl_mlp_release(&to);
}

/* W + (8 / 2) A B, by name, into a model that knows no adapters. */
static void merged_weights_fit_a_model_without_adapters(void **state)
{
    tdl_mlp from, to;

    TDL_UNUSED(state);
    open_adapted(&from, 1);
    open_adapted(&to, 0);
    int first = from.params.slice[from.w[0]].adapter;
    double w = (double)tdl_params_value(&from.params, from.w[0])[0];
    double a = (double)tdl_params_value(&from.params, first)[1];
    tdl_params_value(&from.params, first + TDL_LORA_B)[3] = 0.25F; // row 1, column 0
    assert_int_equal(tdl_lora_merge(&from.params, NULL, NULL), TDL_OK);
    tdl_load_counts counts = save_and_load(&from, "*", &to);
    assert_int_equal(counts.matched, 2);
    assert_int_equal(counts.missing, 0);
    assert_true(fabs((double)tdl_params_value(&to.params, to.w[0])[0] - (w + 4 * a * 0.25)) < 1e-6);
    tdl_mlp_release(&from);
    tdl_mlp_release(&to);
}

static void saving_what_is_not_there_is_refused(void **state)
{
    tdl_mlp plain;

    TDL_UNUSED(state);
    open_adapted(&plain, 0);
    assert_int_equal(tdl_params_save(&plain.params, "*.lora_*", "/dev/null/x", NULL),
                     TDL_E_INVALID);
    tdl_mlp_release(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(slices_are_filled_by_name),
        cmocka_unit_test(names_are_mapped_by_pattern_and_matrices_turned),
        cmocka_unit_test(halves_and_doubles_are_read_exactly),
        cmocka_unit_test(axes_are_grouped_into_rows_and_columns),
        cmocka_unit_test(a_strict_load_refuses_what_is_missing_unused_or_misshapen),
        cmocka_unit_test(numbers_that_are_not_finite_and_two_tensors_for_one_slice_are_refused),
        cmocka_unit_test(patterns_freeze_and_thaw),
        cmocka_unit_test(adapters_are_saved_and_loaded_alone),
        cmocka_unit_test(merged_weights_fit_a_model_without_adapters),
        cmocka_unit_test(saving_what_is_not_there_is_refused),
    };

    return cmocka_run_group_tests_name("train/params_load", tests, NULL, NULL);
}
