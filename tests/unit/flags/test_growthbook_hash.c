/* Values that GrowthBook's SDK 1.8.0 gave (refs/sdk/hashes.json of the specification). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "flags/growthbook_hash.h"

static uint32_t fnv(const char *text)
{
    return tdl_gb_fnv(TDL_GB_FNV_START, tdl_str_of(text));
}

static void fnv_is_over_utf_16_units(void **state)
{
    (void)state;
    assert_int_equal(fnv(""), 2166136261U);
    assert_int_equal(fnv("a"), 3826002220U);
    assert_int_equal(fnv("btn-expu1"), 1170443415U);
    assert_int_equal(fnv("é"), 1812687940U);
    assert_int_equal(fnv("用户1"), 1352408195U);
}

/* 😀 is the units D83D DE00; computed with the SDK's formula in node 20. */
static void fnv_takes_a_pair_as_two_units(void **state)
{
    (void)state;
    assert_int_equal(fnv("😀"), 0xCB31C4B8U);
}

static void version_2_hashes_twice(void **state)
{
    static const struct {
        const char *id;
        uint32_t bucket;
    } cases[] = {{"u1", 125},  {"u2", 4484}, {"u3", 2935},    {"u4", 898},
                 {"u5", 4329}, {"u6", 685},  {"用户1", 2877}, {"é", 2540}};

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(tdl_gb_bucket(TDL_STR("btn-exp"), tdl_str_of(cases[i].id), 2),
                         cases[i].bucket);
}

static void version_1_puts_the_seed_last(void **state)
{
    (void)state;
    assert_int_equal(tdl_gb_bucket(TDL_STR("btn-exp"), TDL_STR("u1"), 1), 67);
    assert_int_equal(tdl_gb_bucket(TDL_STR("btn-exp"), TDL_STR("u2"), 1), 992);
    assert_int_equal(tdl_gb_bucket(TDL_STR("btn-exp"), tdl_str_of("用户1"), 1), 419);
}

static void a_namespace_is_version_1_behind_two_underscores(void **state)
{
    (void)state;
    assert_int_equal(tdl_gb_bucket(TDL_STR("__ns1"), TDL_STR("u1"), 1), 49);
    assert_int_equal(tdl_gb_bucket(TDL_STR("__ns1"), TDL_STR("u2"), 1), 18);
}

static void other_versions_have_no_buckets(void **state)
{
    (void)state;
    assert_int_equal(tdl_gb_buckets(1), 1000);
    assert_int_equal(tdl_gb_buckets(2), 10000);
    assert_int_equal(tdl_gb_buckets(3), 0);
    assert_int_equal(tdl_gb_buckets(1.5), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fnv_is_over_utf_16_units),
        cmocka_unit_test(fnv_takes_a_pair_as_two_units),
        cmocka_unit_test(version_2_hashes_twice),
        cmocka_unit_test(version_1_puts_the_seed_last),
        cmocka_unit_test(a_namespace_is_version_1_behind_two_underscores),
        cmocka_unit_test(other_versions_have_no_buckets),
    };

    return cmocka_run_group_tests_name("growthbook_hash", tests, NULL, NULL);
}
