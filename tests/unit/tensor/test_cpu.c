/* Which instruction set is chosen, and what is said about one that is not there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/kernel.h"

static void no_wish_gives_the_best(void **state)
{
    const tdl_kernel *kernel;

    (void)state;
    assert_int_equal(tdl_kernel_find(NULL, &kernel, NULL), TDL_OK);
    assert_ptr_equal(kernel, tdl_kernel_at(0));
    assert_int_equal(tdl_kernel_find("", &kernel, NULL), TDL_OK);
    assert_ptr_equal(kernel, tdl_kernel_at(0));
}

static void every_listed_kernel_is_found_by_its_name(void **state)
{
    const tdl_kernel *kernel, *found;
    bool has_scalar = false;

    (void)state;
    for (size_t i = 0; (kernel = tdl_kernel_at(i)); i++) {
        assert_int_equal(tdl_kernel_find(kernel->name, &found, NULL), TDL_OK);
        assert_ptr_equal(found, kernel);
        has_scalar |= !strcmp(kernel->name, "scalar");
    }
    assert_true(has_scalar);
}

static void an_unknown_name_is_reported_and_the_best_is_used(void **state)
{
    static const char *const wrong[] = {"sse9", "AVX2", "avx", "scalar ", "scalarx"};

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        const tdl_kernel *kernel = NULL;
        tdl_report why = {0};

        assert_int_equal(tdl_kernel_find(wrong[i], &kernel, &why), TDL_E_INVALID);
        assert_ptr_equal(kernel, tdl_kernel_at(0));
        assert_non_null(strstr(why.message, wrong[i]));
        assert_non_null(strstr(why.hint, "scalar"));
    }
}

/* The choice is made once in a process: this program makes it with a wrong name, set in main. */
static void isa_check_reports_what_the_environment_asked_for(void **state)
{
    tdl_report why = {0};

    (void)state;
    assert_int_equal(tdl_isa_check(&why), TDL_E_INVALID);
    assert_int_equal(tdl_isa_check(NULL), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "TREADLE_ISA=pentium"));
    assert_string_equal(tdl_isa_name(), tdl_kernel_at(0)->name);
    assert_int_equal(setenv("TREADLE_ISA", "scalar", 1), 0);
    assert_string_equal(tdl_isa_name(), tdl_kernel_at(0)->name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_wish_gives_the_best),
        cmocka_unit_test(every_listed_kernel_is_found_by_its_name),
        cmocka_unit_test(an_unknown_name_is_reported_and_the_best_is_used),
        cmocka_unit_test(isa_check_reports_what_the_environment_asked_for),
    };

    if (setenv("TREADLE_ISA", "pentium", 1))
        return 1;
    return cmocka_run_group_tests_name("tensor/cpu", tests, NULL, NULL);
}
