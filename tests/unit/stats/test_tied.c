/* Metrics by expectation over ties. Expected values: the project's metrics.json, whose recall and
 * NDCG were checked by enumerating all orders; hit rate and reciprocal rank are enumerated here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "stats/tied.h"

enum { ITEMS = 7 };

typedef struct list_case {
    float scores[ITEMS];
    int32_t target[3];
    size_t target_n;
    bool excluded[ITEMS];
    size_t k;
    double recall, ndcg;
} list_case;

static const list_case cases[] = {
    {{3, 2, 2, 2, 1, 0, 0}, {2}, 1, {false}, 3, 0.666666666667, 0.376976584524},
    {{3, 2, 2, 2, 1, 0, 0}, {1, 4}, 2, {false}, 3, 0.333333333333, 0.231142134539},
    {{0, 0, 0, 0, 0, 0, 0}, {5}, 1, {false}, 2, 0.285714285714, 0.232989964796},
    {{5, 4, 3, 2, 1, 0, 0}, {5, 6}, 2, {true, true}, 4, 0.5, 0.264068122573},
    {{1, 1, 1, 1, 1, 2, 2}, {0, 5, 6}, 3, {false, false, false, true}, 2, 1, 1},
};
enum { CASES = sizeof cases / sizeof cases[0] };

static tdl_tied measure(const list_case *c, size_t relevant_n)
{
    tdl_arena *scratch = tdl_arena_new(1 << 16);
    tdl_tied ret;

    assert_int_equal(tdl_tied_metrics(c->scores, c->excluded, ITEMS, c->target, c->target_n,
                                      relevant_n, &c->k, 1, scratch, &ret),
                     0);
    tdl_arena_free(scratch);
    return ret;
}

static void expect(double found, double expected)
{
    if (!(fabs(found - expected) < 1e-11))
        fail_msg("found %.13g, expected %.13g", found, expected);
}

static void recall_and_ndcg_are_those_of_the_reference(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        tdl_tied found = measure(&cases[i], cases[i].target_n);
        expect(found.recall, cases[i].recall);
        expect(found.ndcg, cases[i].ndcg);
    }
}

/* Sums over every order of the candidates that the scores allow. */
typedef struct orders {
    const list_case *c;
    bool placed[ITEMS];
    double n, hits, reciprocal;
} orders;

static size_t candidates(const list_case *c)
{
    size_t n = 0;

    for (size_t i = 0; i < ITEMS; i++)
        n += !c->excluded[i];
    return n;
}

static bool is_target(const list_case *c, size_t item)
{
    for (size_t i = 0; i < c->target_n; i++)
        if ((size_t)c->target[i] == item)
            return true;
    return false;
}

/* first: place of the best target so far, 0 = none */
static void place_next(orders *o, size_t place, size_t first) // NOLINT(misc-no-recursion)
{
    float best = -1;

    if (place > candidates(o->c)) {
        o->n++;
        o->hits += first && first <= o->c->k;
        o->reciprocal += first && first <= o->c->k ? 1 / (double)first : 0;
        return;
    }
    for (size_t i = 0; i < ITEMS; i++)
        if (!o->c->excluded[i] && !o->placed[i] && o->c->scores[i] > best)
            best = o->c->scores[i];
    for (size_t i = 0; i < ITEMS; i++) {
        if (o->c->excluded[i] || o->placed[i] || o->c->scores[i] < best)
            continue;
        o->placed[i] = true;
        place_next(o, place + 1, first || !is_target(o->c, i) ? first : place);
        o->placed[i] = false;
    }
}

static void hit_rate_and_reciprocal_rank_are_means_over_all_orders(void **state)
{
    (void)state;
    for (size_t i = 0; i < CASES; i++) {
        orders o = {.c = &cases[i]};
        place_next(&o, 1, 0);
        tdl_tied found = measure(&cases[i], cases[i].target_n);
        expect(found.hr, o.hits / o.n);
        expect(found.mrr, o.reciprocal / o.n);
    }
}

/* Of the second case only item 1 is known: recall 2/3 of one over min(3, 2). */
static void items_of_later_stay_in_the_denominator(void **state)
{
    list_case c = cases[1];

    (void)state;
    c.target_n = 1;
    expect(measure(&c, 2).recall, 2.0 / 3 / 2);
    c.target_n = 0;
    tdl_tied none = measure(&c, 2);
    assert_true(none.hr == 0 && none.recall == 0 && none.ndcg == 0 && none.mrr == 0);
}

static void a_score_that_is_no_number_ranks_last(void **state)
{
    list_case c = {{NAN, 1, NAN, 0, NAN, NAN, NAN}, {0}, 1, {false}, 2, 0, 0};

    (void)state;
    assert_true(measure(&c, 1).hr == 0);
    c.k = 3; // five share the places from 3 on
    expect(measure(&c, 1).hr, .2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recall_and_ndcg_are_those_of_the_reference),
        cmocka_unit_test(hit_rate_and_reciprocal_rank_are_means_over_all_orders),
        cmocka_unit_test(items_of_later_stay_in_the_denominator),
        cmocka_unit_test(a_score_that_is_no_number_ranks_last),
    };
    return cmocka_run_group_tests_name("stats/tied", tests, NULL, NULL);
}
