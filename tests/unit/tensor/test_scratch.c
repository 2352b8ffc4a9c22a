/* The pack buffer of a thread, and products called from many threads at once. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tensor/scratch.h"
#include "tensor_case.h"

static void buffers_are_aligned_writable_and_grow(void **state)
{
    static const size_t sizes[] = {0, 1, 16, 1000, 10, 600000, 5};

    (void)state;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        float *x = tdl_scratch(sizes[i]), *y = tdl_floats_new(sizes[i]);

        assert_non_null(x);
        assert_non_null(y);
        assert_int_equal((uintptr_t)x % 64, 0);
        assert_int_equal((uintptr_t)y % 64, 0);
        memset(x, 1, sizes[i] * sizeof *x);
        memset(y, 1, sizes[i] * sizeof *y);
        free(y);
    }
}

static void a_buffer_is_kept_while_it_is_large_enough(void **state)
{
    float *x = tdl_scratch(700000);

    (void)state;
    assert_ptr_equal(tdl_scratch(10), x);
    assert_ptr_equal(tdl_scratch(700000), x);
}

static void sizes_past_the_address_space_are_refused(void **state)
{
    (void)state;
    assert_null(tdl_floats_new(SIZE_MAX));
    assert_null(tdl_floats_new(SIZE_MAX / sizeof(float)));
    assert_null(tdl_scratch(SIZE_MAX));
    assert_non_null(tdl_scratch(1)); /* and the thread goes on */
}

enum { M = 20, N = 90, K = 300, THREADS = 4, ROUNDS = 20 };

static void *multiply_often(void *context)
{
    const float *expected = context;
    float *a = tdl_case_floats((size_t)M * K, 1), *b = tdl_case_floats((size_t)K * N, 2);
    float *c = tdl_case_floats((size_t)M * N, 3);
    bool same = true;

    for (int i = 0; i < ROUNDS; i++) {
        tdl_gemm(false, false, M, N, K, a, K, b, N, c, N, false, NULL, NULL);
        same &= !memcmp(c, expected, sizeof *c * M * N);
    }
    free(a);
    free(b);
    free(c);
    return same ? context : NULL;
}

/* Leaks of the threads' buffers show under the leak sanitizer, sharing under the thread sanitizer.
 */
static void threads_do_not_share_their_buffers(void **state)
{
    float *a = tdl_case_floats((size_t)M * K, 1), *b = tdl_case_floats((size_t)K * N, 2);
    float *expected = tdl_case_floats((size_t)M * N, 4);
    pthread_t threads[THREADS];
    void *same;

    (void)state;
    tdl_case_contract(false, false, M, N, K, a, K, b, N, expected, N, false);
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, multiply_often, expected), 0);
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], &same), 0);
        assert_non_null(same);
    }
    free(a);
    free(b);
    free(expected);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_are_aligned_writable_and_grow),
        cmocka_unit_test(a_buffer_is_kept_while_it_is_large_enough),
        cmocka_unit_test(sizes_past_the_address_space_are_refused),
        cmocka_unit_test(threads_do_not_share_their_buffers),
    };

    return cmocka_run_group_tests_name("tensor/scratch", tests, NULL, NULL);
}
