/* Keys and answers made up here. */
#include "cases.h"

#include "apps/recommend/kept.h"

static tdl_digest key_of(uint64_t what, const tdl_history *one, const tdl_history *other)
{
    tdl_arena *arena = tdl_arena_new(1 << 16);
    tdl_digest key;

    assert_true(tdl_kept_key(&what, 1, one, other, arena, &key));
    tdl_arena_free(arena);
    return key;
}

static void what_was_put_is_found_by_its_key_until_it_is_forgotten(void **state)
{
    static int32_t item[] = {1, 2, 3};
    static int64_t time_us[] = {10, 20, 30};
    const tdl_history had = {item, time_us, 2}, none = {0};
    tdl_digest key = key_of(7, &had, &none);
    tdl_kept *k = tdl_kept_new(8, 64);
    double put[3] = {1, 2, 3}, found[3] = {0};

    TDL_UNUSED(state);
    assert_false(tdl_kept_find(k, &key, found, sizeof found));
    tdl_kept_put(k, &key, put, sizeof put);
    assert_false(tdl_kept_find(k, &key, found, sizeof found - 8)); // it is of another size
    assert_true(tdl_kept_find(k, &key, found, sizeof found));
    assert_memory_equal(found, put, sizeof put);
    put[0] = 9;
    tdl_kept_put(k, &key, put, sizeof put); // the newest stands
    assert_true(tdl_kept_find(k, &key, found, sizeof found));
    expect_near(found[0], 9, 0);
    tdl_kept_forget(k);
    assert_false(tdl_kept_find(k, &key, found, sizeof found));
    tdl_kept_free(k);
}

/* Each differs from the first in one thing that an answer depends on. */
static void every_part_of_a_question_is_in_its_key(void **state)
{
    static int32_t item[] = {1, 2, 3}, other_item[] = {1, 4, 3};
    static int64_t time_us[] = {10, 20, 30}, other_us[] = {10, 21, 30};
    const tdl_history had = {item, time_us, 2}, none = {0};
    const tdl_history longer = {item, time_us, 3}, another = {other_item, time_us, 2},
                      later = {item, other_us, 2};
    const tdl_digest key[] = {key_of(7, &had, &none),     key_of(8, &had, &none),
                              key_of(7, &none, &had),     key_of(7, &longer, &none),
                              key_of(7, &another, &none), key_of(7, &later, &none),
                              key_of(7, &had, &had)};

    TDL_UNUSED(state);
    for (size_t i = 0; i < COUNT(key); i++)
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(&key[i], &key[k], sizeof key[i]);
}

static void what_is_too_large_is_not_kept(void **state)
{
    static unsigned char large[65];
    const tdl_history none = {0};
    tdl_digest key = key_of(1, &none, &none);
    tdl_kept *k = tdl_kept_new(8, 64);

    TDL_UNUSED(state);
    tdl_kept_put(k, &key, large, sizeof large);
    assert_false(tdl_kept_find(k, &key, large, sizeof large));
    tdl_kept_free(k);
    tdl_kept_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_found_by_its_key_until_it_is_forgotten),
        cmocka_unit_test(every_part_of_a_question_is_in_its_key),
        cmocka_unit_test(what_is_too_large_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
