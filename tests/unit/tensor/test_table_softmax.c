/* Expected values: the formulas of table_softmax.h in double, one row and one class at a time. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/kernel.h"

enum { ROWS_MAX = 70, CLASSES_MAX = 600, D_MAX = 300 };

/* One case: numbers by a fixed recurrence; a third of the rows do not count. */
typedef struct table_case {
    float x[ROWS_MAX * D_MAX], table[CLASSES_MAX * D_MAX], bias[CLASSES_MAX], weight[ROWS_MAX];
    float own[ROWS_MAX], d_own[ROWS_MAX], loss[ROWS_MAX];
    float d_x[ROWS_MAX * D_MAX], d_table[CLASSES_MAX * D_MAX];
    int32_t target[ROWS_MAX], id[CLASSES_MAX];
    double want_loss, want_own, want_x[D_MAX];
    double want_table[CLASSES_MAX * D_MAX], p[CLASSES_MAX];
    tdl_table_softmax job;
} table_case;

static void fill(size_t n, float scale, float *to)
{
    uint32_t x = 12345;

    for (size_t i = 0; i < n; i++) {
        x = x * 1664525U + 1013904223U;
        to[i] = scale * ((float)(x >> 8) / (float)(1 << 23) - 1);
    }
}

static table_case *new_case(size_t rows, size_t classes, size_t d, bool sampled)
{
    table_case *c = calloc(1, sizeof *c);

    assert_non_null(c);
    fill(rows * d, 1, c->x);
    fill(classes * d, .5F, c->table);
    fill(classes, .3F, c->bias);
    fill(rows * d, .1F, c->d_x);
    fill(classes * d, .1F, c->d_table);
    fill(rows, 2, c->own);
    for (size_t r = 0; r < rows; r++) {
        c->weight[r] = r % 3 == 1 ? 0 : .25F + (float)(r % 4);
        c->target[r] = r % 3 == 1 ? -1 : (int32_t)(r * 7 % classes);
    }
    for (size_t k = 0; k < classes; k++) // every class of a sample twice
        c->id[k] = (int32_t)(k / 2 * 7 % classes);
    c->job = (tdl_table_softmax){.rows = rows,
                                 .classes = classes,
                                 .d = d,
                                 .x = c->x,
                                 .table = c->table,
                                 .bias = sampled ? c->bias : NULL,
                                 .target = c->target,
                                 .weight = c->weight,
                                 .id = sampled ? c->id : NULL,
                                 .own = sampled ? c->own : NULL,
                                 .d_own = c->d_own,
                                 .loss = c->loss,
                                 .d_x = c->d_x,
                                 .d_x_add = sampled,
                                 .d_table = c->d_table};
    for (size_t i = 0; i < classes * d; i++)
        c->want_table[i] = (double)c->d_table[i];
    return c;
}

/* What row r should give; its part of d table is added. `before` is d_x before the run. */
static void work_out(table_case *c, size_t r, const float *before)
{
    const tdl_table_softmax *j = &c->job;
    double sum = j->own ? exp((double)c->own[r]) : 0, of_target = j->own ? (double)c->own[r] : 0;
    double weight = (double)c->weight[r];

    for (size_t k = 0; k < j->classes; k++) {
        double z = j->bias ? (double)c->bias[k] : 0;
        for (size_t i = 0; i < j->d; i++)
            z += (double)c->x[r * j->d + i] * (double)c->table[k * j->d + i];
        c->p[k] = j->id && c->id[k] == c->target[r] ? 0 : exp(z);
        sum += c->p[k];
        if (!j->own && (int32_t)k == c->target[r])
            of_target = z;
    }
    c->want_loss = weight > 0 ? log(sum) - of_target : 0;
    c->want_own = weight * (exp((double)c->own[r]) / sum - 1);
    for (size_t i = 0; i < j->d; i++)
        c->want_x[i] = j->d_x_add ? (double)before[i] : 0;
    for (size_t k = 0; weight > 0 && k < j->classes; k++) {
        bool is_target = !j->own && (int32_t)k == c->target[r];
        double slope = weight * (c->p[k] / sum - is_target);
        for (size_t i = 0; i < j->d; i++) {
            c->want_x[i] += slope * (double)c->table[k * j->d + i];
            c->want_table[k * j->d + i] += slope * (double)c->x[r * j->d + i];
        }
    }
}

static void expect_near(const char *what, double got, double want)
{
    if (!(fabs(got - want) <= 2e-5 * (1 + fabs(want))))
        fail_msg("%s: %.9g, expected %.9g", what, got, want);
}

static void check(const tdl_kernel *kernel, size_t rows, size_t classes, size_t d, bool sampled)
{
    table_case *c = new_case(rows, classes, d, sampled), *before = malloc(sizeof *before);

    assert_non_null(before);
    memcpy(before, c, sizeof *c);
    assert_int_equal(tdl_table_softmax_on(kernel, &c->job, NULL, NULL), TDL_OK);
    for (size_t r = 0; r < rows; r++) {
        work_out(c, r, before->d_x + r * d);
        expect_near("loss", (double)c->loss[r], c->want_loss);
        if (sampled && c->weight[r] > 0)
            expect_near("d own", (double)c->d_own[r], c->want_own);
        for (size_t i = 0; i < d; i++)
            expect_near("d x", (double)c->d_x[r * d + i], c->want_x[i]);
    }
    for (size_t i = 0; i < classes * d; i++)
        expect_near("d table", (double)c->d_table[i], c->want_table[i]);
    free(before);
    free(c);
}

static void losses_and_gradients_are_those_of_the_formulas(void **state)
{
    TDL_UNUSED(state);
    for (size_t k = 0; tdl_kernel_at(k); k++)
        for (int sampled = 0; sampled < 2; sampled++) {
            check(tdl_kernel_at(k), 70, 37, 64, sampled);
            check(tdl_kernel_at(k), 5, 600, 7, sampled);
            check(tdl_kernel_at(k), 33, 13, 300, sampled);
            check(tdl_kernel_at(k), 1, 1, 1, sampled);
        }
}

static void threads_and_instruction_sets_give_the_same_bits(void **state)
{
    TDL_UNUSED(state);
    for (int sampled = 0; sampled < 2; sampled++) {
        table_case *first = new_case(70, 600, 70, sampled);

        assert_int_equal(tdl_table_softmax_on(tdl_kernel_at(0), &first->job, NULL, NULL), TDL_OK);
        for (size_t k = 0; tdl_kernel_at(k); k++)
            for (unsigned threads = 1; threads <= 3; threads += 2) {
                table_case *c = new_case(70, 600, 70, sampled);
                tdl_pool *pool = tdl_pool_new(threads);

                assert_int_equal(tdl_table_softmax_on(tdl_kernel_at(k), &c->job, pool, NULL),
                                 TDL_OK);
                assert_memory_equal(c->loss, first->loss, sizeof c->loss);
                assert_memory_equal(c->d_own, first->d_own, sizeof c->d_own);
                assert_memory_equal(c->d_x, first->d_x, sizeof c->d_x);
                assert_memory_equal(c->d_table, first->d_table, sizeof c->d_table);
                tdl_pool_free(pool);
                free(c);
            }
        free(first);
    }
}

static void scores_far_apart_do_not_overflow(void **state)
{
    const float x[] = {1}, table[] = {1000, 0, -1000}, weight[] = {1};
    const int32_t first[] = {0}, last[] = {2};
    float loss[1], d_x[1], d_table[3] = {0};
    tdl_table_softmax job = {.rows = 1,
                             .classes = 3,
                             .d = 1,
                             .x = x,
                             .table = table,
                             .target = first,
                             .weight = weight,
                             .loss = loss,
                             .d_x = d_x,
                             .d_table = d_table};

    TDL_UNUSED(state);
    assert_int_equal(tdl_table_softmax_run(&job, NULL, NULL), TDL_OK);
    assert_true(loss[0] == 0 && d_x[0] == 0);
    job.target = last;
    assert_int_equal(tdl_table_softmax_run(&job, NULL, NULL), TDL_OK);
    assert_true(loss[0] == 2000 && d_x[0] == 2000);
    assert_true(d_table[0] == 1 && d_table[1] == 0 && d_table[2] == -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_and_gradients_are_those_of_the_formulas),
        cmocka_unit_test(threads_and_instruction_sets_give_the_same_bits),
        cmocka_unit_test(scores_far_apart_do_not_overflow),
    };

    return cmocka_run_group_tests_name("tensor/table_softmax", tests, NULL, NULL);
}
