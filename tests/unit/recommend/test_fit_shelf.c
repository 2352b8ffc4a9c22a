/* The shelf of fitted models: by its header, with models that are single numbers. */
#include "cases.h"

#include "apps/recommend/fit_shelf.h"

typedef struct number {
    size_t bytes;
    unsigned setting;
} number;

static number *make(size_t bytes, unsigned setting)
{
    number *n = calloc(1, sizeof *n);

    assert_non_null(n);
    *n = (number){bytes, setting};
    return n;
}

static size_t bytes_of(const void *model)
{
    return ((const number *)model)->bytes;
}

/* Settings of one ten share what was fitted. */
static bool retune(void *model, unsigned setting)
{
    number *n = model;

    if (n->setting / 10 != setting / 10)
        return false;
    n->setting = setting;
    return true;
}

static const tdl_rung_ops fixed = {.name = "fixed", .free = free, .bytes = bytes_of};
static const tdl_rung_ops tunable = {
    .name = "tunable", .free = free, .bytes = bytes_of, .retune = retune};

static void a_model_is_found_by_rung_settings_and_moment(void **state)
{
    static const int params[2];
    const tdl_fit_options first = {.params = &params[0]}, second = {.params = &params[1]};
    tdl_fit_shelf *shelf = tdl_fit_shelf_new();
    number *model = make(1, 0);
    double cpu_s = 0;

    TDL_UNUSED(state);
    assert_true(tdl_fit_shelf_put(shelf, &fixed, &first, 7, 1.5, model));
    assert_true(tdl_fit_shelf_has(shelf, model));
    assert_ptr_equal(tdl_fit_shelf_find(shelf, &fixed, &first, 7, &cpu_s), model);
    assert_true(cpu_s == 1.5);
    assert_null(tdl_fit_shelf_find(shelf, &fixed, &second, 7, &cpu_s));
    assert_null(tdl_fit_shelf_find(shelf, &fixed, &first, 8, &cpu_s));
    assert_null(tdl_fit_shelf_find(shelf, &tunable, &first, 7, &cpu_s));
    assert_null(tdl_fit_shelf_find(NULL, &fixed, &first, 7, &cpu_s));
    tdl_fit_shelf_free(shelf);
}

static void a_model_that_can_be_retuned_is_found_as_what_is_asked_for(void **state)
{
    const tdl_fit_options first = {.setting = 21}, second = {.setting = 22}, far = {.setting = 31};
    tdl_fit_shelf *shelf = tdl_fit_shelf_new();
    number *model = make(1, 21);
    double cpu_s;

    TDL_UNUSED(state);
    assert_true(tdl_fit_shelf_put(shelf, &tunable, &first, 0, 0, model));
    assert_null(tdl_fit_shelf_find(shelf, &tunable, &far, 0, &cpu_s));
    assert_ptr_equal(tdl_fit_shelf_find(shelf, &tunable, &second, 0, &cpu_s), model);
    assert_int_equal(model->setting, 22);
    assert_ptr_equal(tdl_fit_shelf_find(shelf, &tunable, &first, 0, &cpu_s), model);
    assert_int_equal(model->setting, 21);
    tdl_fit_shelf_free(shelf);
}

static void what_is_large_or_too_much_stays_with_who_fitted_it(void **state)
{
    const tdl_fit_options options = {0};
    tdl_fit_shelf *shelf = tdl_fit_shelf_new();
    number *large = make((size_t)33 << 20, 0), *ninth = make((size_t)32 << 20, 0);

    TDL_UNUSED(state);
    assert_false(tdl_fit_shelf_put(shelf, &fixed, &options, 0, 0, large));
    assert_false(tdl_fit_shelf_has(shelf, large));
    for (int64_t i = 0; i < 8; i++)
        assert_true(tdl_fit_shelf_put(shelf, &fixed, &options, i, 0, make((size_t)32 << 20, 0)));
    assert_false(tdl_fit_shelf_put(shelf, &fixed, &options, 8, 0, ninth));
    assert_false(tdl_fit_shelf_put(NULL, &fixed, &options, 8, 0, ninth));
    free(large);
    free(ninth);
    tdl_fit_shelf_free(shelf);
    tdl_fit_shelf_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_model_is_found_by_rung_settings_and_moment),
        cmocka_unit_test(a_model_that_can_be_retuned_is_found_as_what_is_asked_for),
        cmocka_unit_test(what_is_large_or_too_much_stays_with_who_fitted_it),
    };
    return cmocka_run_group_tests_name("recommend/fit_shelf", tests, NULL, NULL);
}
