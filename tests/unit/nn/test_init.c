/* Initial values by name and by setting; tests of the uniform kinds are in test_params.c. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "nn/init.h"

enum { IN = 300, OUT = 100, N = IN * OUT };

static tdl_params open_slice(bool decay)
{
    tdl_params p = {0};

    tdl_params_add(&p, "w", IN, OUT, decay);
    assert_int_equal(tdl_params_seal(&p, NULL), TDL_OK);
    return p;
}

/* 30,000 draws: mean and spread within five of their own standard deviations. */
static void check_normal(tdl_init_config config, double mean, double std)
{
    tdl_params p = open_slice(true);
    double sum = 0, squares = 0;

    assert_int_equal(tdl_init_fill(&p, 0, &config, 7, NULL, NULL), TDL_OK);
    for (size_t i = 0; i < N; i++)
        sum += (double)p.value[i];
    for (size_t i = 0; i < N; i++)
        squares += ((double)p.value[i] - sum / N) * ((double)p.value[i] - sum / N);
    assert_true(fabs(sum / N - mean) < 5 * std / sqrt(N));
    assert_true(fabs(sqrt(squares / N) - std) < 5 * std / sqrt(2.0 * N));
    tdl_params_release(&p);
}

/* Deviations for 300 -> 100: torch.nn.init of PyTorch 1.13.1 (the project's reference values). */
static void the_normal_kinds_have_their_deviations(void **state)
{
    TDL_UNUSED(state);
    check_normal((tdl_init_config){.kind = TDL_INIT_XAVIER_NORMAL}, 0, 0.07071067811865475);
    check_normal((tdl_init_config){.kind = TDL_INIT_HE_NORMAL}, 0, 0.08164965809277261);
    check_normal((tdl_init_config){.kind = TDL_INIT_HE_NORMAL, .gain = 3}, 0,
                 3 * 0.08164965809277261);
    check_normal((tdl_init_config){.kind = TDL_INIT_GAUSSIAN, .mean = 1.5, .std = 0.25}, 1.5, 0.25);
}

static void kinds_are_found_by_name(void **state)
{
    tdl_init kind = TDL_INIT_ZERO;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_init_find("he_normal", &kind, NULL), TDL_OK);
    assert_int_equal(kind, TDL_INIT_HE_NORMAL);
    assert_int_equal(tdl_init_find("xavier_uniform", &kind, NULL), TDL_OK);
    assert_int_equal(kind, TDL_INIT_XAVIER);
    assert_int_equal(tdl_init_find("kaiming", &kind, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.hint, "he_uniform"));
}

static void a_gain_of_one_is_what_a_scale_of_one_always_was(void **state)
{
    tdl_params a = open_slice(true), b = open_slice(true);

    TDL_UNUSED(state);
    tdl_init_slice(&a, 0, TDL_INIT_HE, 1, 7);
    assert_int_equal(tdl_init_fill(&b, 0, &(tdl_init_config){.kind = TDL_INIT_HE}, 7, NULL, NULL),
                     TDL_OK);
    assert_memory_equal(a.value, b.value, N * sizeof *a.value);
    tdl_params_release(&a);
    tdl_params_release(&b);
}

static void settings_out_of_range_are_refused_by_name(void **state)
{
    const struct {
        const char *says;
        tdl_init_config config;
    } bad[] = {{"w: std", {.kind = TDL_INIT_GAUSSIAN, .std = -1}},
               {"w: std", {.kind = TDL_INIT_GAUSSIAN, .std = NAN}},
               {"w: mean", {.kind = TDL_INIT_GAUSSIAN, .mean = INFINITY}},
               {"w: gain", {.kind = TDL_INIT_HE, .gain = -1}},
               {"w: gain", {.kind = TDL_INIT_XAVIER, .gain = NAN}}};
    tdl_params p = open_slice(true);

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        tdl_report why = {0};

        assert_int_equal(tdl_init_fill(&p, 0, &bad[i].config, 1, NULL, &why), TDL_E_INVALID);
        assert_non_null(strstr(why.message, bad[i].says));
    }
    tdl_params_release(&p);
}

static void zero_for_a_matrix_is_accepted_with_a_note(void **state)
{
    const tdl_init_config zero = {.kind = TDL_INIT_ZERO};
    tdl_params matrix = open_slice(true), bias = open_slice(false);
    tdl_report note = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_init_fill(&bias, 0, &zero, 1, &note, NULL), TDL_OK);
    assert_string_equal(note.message, "");
    assert_int_equal(tdl_init_fill(&matrix, 0, &zero, 1, &note, NULL), TDL_OK);
    assert_non_null(strstr(note.message, "hidden units stay identical"));
    tdl_params_release(&matrix);
    tdl_params_release(&bias);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_normal_kinds_have_their_deviations),
        cmocka_unit_test(kinds_are_found_by_name),
        cmocka_unit_test(a_gain_of_one_is_what_a_scale_of_one_always_was),
        cmocka_unit_test(settings_out_of_range_are_refused_by_name),
        cmocka_unit_test(zero_for_a_matrix_is_accepted_with_a_note),
    };

    return cmocka_run_group_tests_name("nn/init", tests, NULL, NULL);
}
