#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <string.h>

#include "base/arena.h"

static void pieces_are_aligned_and_do_not_overlap(void **state)
{
    tdl_arena *arena = tdl_arena_new(1 << 20);
    unsigned char *piece[100];

    TDL_UNUSED(state);
    for (size_t i = 0; i < 100; i++) {
        piece[i] = tdl_arena_alloc(arena, i + 1, 7);
        assert_non_null(piece[i]);
        assert_int_equal((uintptr_t)piece[i] % 16, 0);
        memset(piece[i], (int)i, (i + 1) * 7);
    }
    for (size_t i = 0; i < 100; i++)
        for (size_t j = 0; j < (i + 1) * 7; j++)
            assert_int_equal(piece[i][j], i);
    tdl_arena_free(arena);
}

static void zalloc_gives_zeros_even_where_memory_was_used_before(void **state)
{
    tdl_arena *arena = tdl_arena_new(1 << 20);
    const unsigned char zeros[1000] = {0};
    unsigned char *piece = tdl_arena_alloc(arena, 1000, 1);

    TDL_UNUSED(state);
    memset(piece, 0xAA, 1000);
    tdl_arena_reset(arena);
    piece = tdl_arena_zalloc(arena, 500, 2);
    assert_memory_equal(piece, zeros, 1000);
    tdl_arena_free(arena);
}

static void the_budget_holds_and_nothing_aborts(void **state)
{
    tdl_arena *arena = tdl_arena_new(100000);
    size_t given = 0;

    TDL_UNUSED(state);
    while (tdl_arena_alloc(arena, 1, 1000))
        given += 1000;
    assert_in_range(given, 80000, 100000);
    assert_in_range(tdl_arena_used(arena), given, 100000);
    tdl_arena_reset(arena);
    assert_int_equal(tdl_arena_used(arena), 0);
    assert_non_null(tdl_arena_alloc(arena, 1, 50000));
    tdl_arena_free(arena);
}

static void one_piece_over_the_budget_is_refused_and_a_smaller_one_is_not(void **state)
{
    tdl_arena *arena = tdl_arena_new(10000);

    TDL_UNUSED(state);
    assert_null(tdl_arena_alloc(arena, 1, 10001));
    assert_non_null(tdl_arena_alloc(arena, 1, 9000));
    tdl_arena_free(arena);
    arena = tdl_arena_new(0);
    assert_null(tdl_arena_alloc(arena, 1, 1));
    tdl_arena_free(arena);
}

static void a_size_that_overflows_is_refused(void **state)
{
    tdl_arena *arena = tdl_arena_new(SIZE_MAX);

    TDL_UNUSED(state);
    assert_null(tdl_arena_alloc(arena, SIZE_MAX / 2 + 1, 2)); /* would wrap to 0 */
    assert_null(tdl_arena_alloc(arena, SIZE_MAX, 1));
    assert_null(tdl_arena_zalloc(arena, SIZE_MAX / 8 + 2, 8)); /* would wrap to 8 */
    assert_null(tdl_arena_str(arena, (tdl_str){"", SIZE_MAX}).at);
    tdl_arena_free(arena);
}

static void nothing_asked_gives_a_pointer_of_its_own(void **state)
{
    tdl_arena *arena = tdl_arena_new(10000);
    void *a = tdl_arena_alloc(arena, 0, 8), *b = tdl_arena_alloc(arena, 8, 0);

    TDL_UNUSED(state);
    assert_non_null(a);
    assert_non_null(b);
    assert_ptr_not_equal(a, b);
    tdl_arena_free(arena);
}

static void reset_gives_the_first_block_out_again(void **state)
{
    tdl_arena *arena = tdl_arena_new(1 << 20);
    void *first = tdl_arena_alloc(arena, 1, 100);

    TDL_UNUSED(state);
    assert_non_null(tdl_arena_alloc(arena, 1, 100000)); /* a second block */
    tdl_arena_reset(arena);
    assert_ptr_equal(tdl_arena_alloc(arena, 1, 100), first);
    for (int i = 0; i < 1000; i++) { /* the budget of 1 MiB would not hold them all */
        tdl_arena_reset(arena);
        assert_non_null(tdl_arena_alloc(arena, 1, 10000));
    }
    tdl_arena_free(arena);
}

static void strings_are_copied_and_terminated(void **state)
{
    tdl_arena *arena = tdl_arena_new(1 << 16);
    char text[] = "abcdef";
    tdl_str copy = tdl_arena_str(arena, (tdl_str){text, 3});
    tdl_str empty = tdl_arena_str(arena, (tdl_str){0});
    tdl_str number = tdl_arena_printf(arena, "%s-%05d", "n", 42);

    TDL_UNUSED(state);
    text[0] = 'X';
    assert_int_equal(copy.len, 3);
    assert_string_equal(copy.at, "abc");
    assert_int_equal(empty.len, 0);
    assert_string_equal(empty.at, "");
    assert_int_equal(number.len, 7);
    assert_string_equal(number.at, "n-00042");
    tdl_arena_free(arena);
}

static void a_string_past_the_budget_is_null(void **state)
{
    tdl_arena *arena = tdl_arena_new(1000);
    char text[2000];

    TDL_UNUSED(state);
    memset(text, 'a', sizeof text);
    assert_null(tdl_arena_str(arena, (tdl_str){text, sizeof text}).at);
    assert_null(tdl_arena_printf(arena, "%2000d", 1).at);
    assert_int_equal(tdl_arena_printf(arena, "%2000d", 1).len, 0);
    tdl_arena_free(arena);
    tdl_arena_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_do_not_overlap),
        cmocka_unit_test(zalloc_gives_zeros_even_where_memory_was_used_before),
        cmocka_unit_test(the_budget_holds_and_nothing_aborts),
        cmocka_unit_test(one_piece_over_the_budget_is_refused_and_a_smaller_one_is_not),
        cmocka_unit_test(a_size_that_overflows_is_refused),
        cmocka_unit_test(nothing_asked_gives_a_pointer_of_its_own),
        cmocka_unit_test(reset_gives_the_first_block_out_again),
        cmocka_unit_test(strings_are_copied_and_terminated),
        cmocka_unit_test(a_string_past_the_budget_is_null),
    };

    return cmocka_run_group_tests_name("base/arena", tests, NULL, NULL);
}
