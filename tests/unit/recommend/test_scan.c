/* The int8 scan. Expected values: int8_scan.json of the project's references, double precision; and
 * a plain scan of every row with tdl_dot. */
#include "reference.h"

#include "apps/recommend/scan.h"
#include "base/rng.h"
#include "tensor/most.h"
#include "tensor/rows.h"

enum { N = 20000, D = 24, K = 30 };

static tdl_scan *make_scan(const float *vector, size_t n, size_t d)
{
    tdl_scan *scan = NULL;
    tdl_report why = {0};

    expect_ok(tdl_scan_new(vector, n, d, &scan, &why), &why);
    return scan;
}

/* Rows are quantised as the reference's are; the query is a little coarser (tensor/most.h), so what
 * is expected of it is worked out here from the reference's formula. */
static void approximations_and_bounds_are_the_references(void **state)
{
    enum { ROWS = 4, WIDE = 4, QUERY_BYTES = 8 };
    json_t *reference = read_reference("int8_scan.json");
    const json_t *items = json_object_get(reference, "items");
    float vector[ROWS * WIDE], x[WIDE], approx[ROWS], bound[ROWS];
    int8_t q[QUERY_BYTES];
    double size = 0;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_most_query_bytes(WIDE), QUERY_BYTES);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t k = 0; k < WIDE; k++)
            vector[r * WIDE + k] = (float)number_at(json_array_get(items, r), k);
    for (size_t k = 0; k < WIDE; k++)
        x[k] = (float)number_at(json_object_get(reference, "query"), k);
    double scale = (double)tdl_most_query_of(x, WIDE, q);
    for (size_t k = 0; k < WIDE; k++)
        size += abs(q[k]);
    tdl_scan *scan = make_scan(vector, ROWS, WIDE);
    expect_ok(tdl_scan_bounds(scan, x, approx, bound, &why), &why);
    for (size_t r = 0; r < ROWS; r++) {
        const json_t *own = json_array_get(json_object_get(reference, "q_items"), r);
        double row_scale = number_at(json_object_get(reference, "scale_items"), r);
        double product = 0, row_size = 0;
        for (size_t k = 0; k < WIDE; k++) {
            product += number_at(own, k) * q[k];
            row_size += fabs(number_at(own, k));
        }
        expect_near((double)approx[r], row_scale * scale * product, 1e-6);
        expect_near((double)bound[r], row_scale * scale * (size / 2 + row_size / 2 + WIDE / 4.),
                    1e-8);
        expect_near((double)approx[r], number_at(json_object_get(reference, "exact"), r),
                    (double)bound[r]);
        expect_near((double)bound[r], number_at(json_object_get(reference, "bound"), r), 2e-3);
    }
    tdl_scan_free(scan);
    json_decref(reference);
}

static float *random_rows(size_t n, uint64_t stream)
{
    float *rows = malloc(n * D * sizeof *rows);
    tdl_rng rng = tdl_rng_make(5, stream);

    assert_non_null(rows);
    for (size_t i = 0; i < n * D; i++)
        rows[i] = (float)tdl_rng_normal(&rng);
    return rows;
}

/* What a scan in f32 answers. */
static size_t plain_scan(const float *vector, size_t n, const float *x, const uint64_t *blocked,
                         tdl_scored *ret, size_t k)
{
    float *scores = malloc(n * sizeof *scores);
    size_t found;

    assert_non_null(scores);
    for (size_t i = 0; i < n; i++)
        scores[i] = tdl_dot(vector + i * D, x, D);
    found = tdl_top(scores, n, blocked, -INFINITY, INFINITY, ret, k);
    free(scores);
    return found;
}

static void expect_plain(const tdl_scan *scan, const float *vector, size_t n, tdl_scan_query *q)
{
    tdl_scored expected[K];
    size_t found = plain_scan(vector, n, q->x, q->blocked, expected, q->k);
    tdl_report why = {0};

    expect_ok(tdl_scan_ask(scan, q, 1, &why), &why);
    assert_int_equal(q->ret_n, found);
    for (size_t i = 0; i < found; i++) {
        assert_int_equal(q->ret[i].item, expected[i].item);
        assert_true(q->ret[i].score == expected[i].score);
    }
}

static void the_answer_is_that_of_a_scan_in_f32(void **state)
{
    float *vector = random_rows(N, 1), *x = random_rows(20, 2);
    tdl_scan *scan = make_scan(vector, N, D);
    size_t rescored = 0;

    TDL_UNUSED(state);
    for (size_t i = 0; i < 20; i++) {
        tdl_scored found[K];
        tdl_scan_query q = {.x = x + i * D, .k = K, .ret = found};
        expect_plain(scan, vector, N, &q);
        rescored += q.rescored;
    }
    assert_in_range(rescored, 20 * K, 20 * 1000); /* the bound tells most of them apart */
    tdl_scan_free(scan);
    free(vector);
    free(x);
}

static void many_questions_at_once_are_answered_as_each_alone(void **state)
{
    enum { MANY = 70 };
    float *vector = random_rows(N, 1), *x = random_rows(MANY, 3);
    tdl_scan *scan = make_scan(vector, N, D);
    tdl_scan_query q[MANY];
    static tdl_scored found[MANY][K];
    tdl_report why = {0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < MANY; i++)
        q[i] = (tdl_scan_query){.x = x + i * D, .k = 1 + i % K, .ret = found[i]};
    expect_ok(tdl_scan_ask(scan, q, MANY, &why), &why);
    for (size_t i = 0; i < MANY; i++) {
        tdl_scored expected[K];
        assert_int_equal(q[i].ret_n, plain_scan(vector, N, q[i].x, NULL, expected, q[i].k));
        for (size_t j = 0; j < q[i].ret_n; j++)
            assert_true(q[i].ret[j].item == expected[j].item &&
                        q[i].ret[j].score == expected[j].score);
    }
    tdl_scan_free(scan);
    free(vector);
    free(x);
}

/* Only every 997th row is eligible: fewer than k. */
static void blocked_rows_are_left_out_before_the_best_are_taken(void **state)
{
    static uint64_t blocked[N / TDL_BITS + 1];
    float *vector = random_rows(N, 1), *x = random_rows(1, 2);
    tdl_scan *scan = make_scan(vector, N, D);
    tdl_scored found[K];
    tdl_scan_query q = {.x = x, .k = K, .ret = found, .blocked = blocked};

    TDL_UNUSED(state);
    for (int32_t i = 0; i < N; i++)
        if (i % 997)
            tdl_bits_set(blocked, i);
    expect_plain(scan, vector, N, &q);
    assert_int_equal(q.ret_n, N / 997 + 1);
    for (int32_t i = 0; i < N; i++)
        tdl_bits_set(blocked, i);
    expect_plain(scan, vector, N, &q);
    assert_int_equal(q.ret_n, 0);
    tdl_scan_free(scan);
    free(vector);
    free(x);
}

/* Rows that int8 cannot tell apart: differences of a thousandth of a step. The bound proves nothing
 * until all have been scored again. */
static void what_the_bound_cannot_prove_is_scored_again(void **state)
{
    float *vector = random_rows(1, 1), *x = random_rows(1, 2);
    float *alike = malloc((size_t)N * D * sizeof *alike);
    tdl_scored found[K];
    tdl_scan_query q = {.x = x, .k = K, .ret = found};

    TDL_UNUSED(state);
    assert_non_null(alike);
    for (size_t i = 0; i < N; i++) {
        memcpy(alike + i * D, vector, D * sizeof *alike);
        alike[i * D + i % D] += 1e-5F * (float)(i % 1013);
    }
    tdl_scan *scan = make_scan(alike, N, D);
    expect_plain(scan, alike, N, &q);
    assert_int_equal(q.rescored, N);
    tdl_scan_free(scan);
    free(vector);
    free(alike);
    free(x);
}

/* Rows and queries too small for int8, and a query of zeros: ties by lower number. */
static void tiny_numbers_lose_nothing(void **state)
{
    float *vector = random_rows(N, 1), *x = random_rows(1, 2), zero[D] = {0};
    tdl_scored found[K];
    tdl_scan_query q = {.x = x, .k = K, .ret = found};

    TDL_UNUSED(state);
    for (size_t i = 0; i < D; i++) {
        vector[3 * D + i] *= 1e-33F;
        vector[4 * D + i] = 0;
    }
    tdl_scan *scan = make_scan(vector, N, D);
    expect_plain(scan, vector, N, &q);
    q.x = zero;
    expect_plain(scan, vector, N, &q);
    for (int32_t i = 0; i < K; i++)
        assert_int_equal(found[i].item, i);
    q.x = vector + (size_t)3 * D;
    expect_plain(scan, vector, N, &q);
    tdl_scan_free(scan);
    free(vector);
    free(x);
}

static void numbers_that_are_none_are_refused(void **state)
{
    float vector[] = {1, 2, (float)NAN, 4}, x[] = {1, INFINITY};
    tdl_scored found[2];
    tdl_scan_query q = {.x = x, .k = 2, .ret = found};
    tdl_scan *scan = NULL;
    tdl_report why = {0};

    TDL_UNUSED(state);
    assert_int_equal(tdl_scan_new(vector, 2, 2, &scan, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "row 1: number 0"));
    assert_int_equal(tdl_scan_new(vector, 2, 0, &scan, &why), TDL_E_TOO_LARGE);
    vector[2] = 3;
    scan = make_scan(vector, 2, 2);
    assert_int_equal(tdl_scan_ask(scan, &q, 1, &why), TDL_E_INVALID);
    assert_non_null(strstr(why.message, "query 0: number 1"));
    tdl_scan_free(scan);
    scan = make_scan(vector, 0, 2);
    x[1] = 1;
    expect_ok(tdl_scan_ask(scan, &q, 1, &why), &why);
    assert_int_equal(q.ret_n, 0);
    tdl_scan_free(scan);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(approximations_and_bounds_are_the_references),
        cmocka_unit_test(the_answer_is_that_of_a_scan_in_f32),
        cmocka_unit_test(many_questions_at_once_are_answered_as_each_alone),
        cmocka_unit_test(blocked_rows_are_left_out_before_the_best_are_taken),
        cmocka_unit_test(what_the_bound_cannot_prove_is_scored_again),
        cmocka_unit_test(tiny_numbers_lose_nothing),
        cmocka_unit_test(numbers_that_are_none_are_refused),
    };
    return cmocka_run_group_tests_name("recommend/scan", tests, NULL, NULL);
}
