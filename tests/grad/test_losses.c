/* Every loss against central differences: see grad_case.h. Scores are the rows of a table, so that
 * its gradient is theirs. */
#include "grad_case.h"

enum { ROWS = 6, COLS = 4, D = 3, ITEMS = 9, NEGATIVES = 5 };
static const size_t OFFSETS[ROWS + 1] = {0, 1, 2, 3, 4, 5, 6};
static const int32_t ID[ROWS] = {0, 1, 2, 3, 4, 5};
static const double ONES[ROWS] = {1, 1, 1, 1, 1, 1};
static const int32_t TARGET[ROWS] = {1, 3, 0, TDL_TARGET_NONE, 2, 1};
static const double ROW_WEIGHT[ROWS] = {1, 0.5, 2, 1, 0, 1.5};
static const double CLASS_WEIGHT[] = {1, 2, 0.5, 3, 1, 0.7, 1.1, 0.9, 1};
/* The target of row 0 is among them, and 7 twice. */
static const int32_t NEGATIVE[NEGATIVES] = {7, 1, 4, 7, 8};
static const double LOG_Q[ITEMS] = {-2, -1.5, -3, -2.5, -1, -4, -3, -2, -1.7};

typedef struct loss_case {
    tdl_params params;
    tdl_net net;
    int scores;
    tdl_nn_batch batch;
} loss_case;

static void open_case(loss_case *c, size_t cols)
{
    *c = (loss_case){0};
    c->net.params = &c->params;
    int table = tdl_params_add(&c->params, "scores", ROWS, cols, true);
    c->scores = tdl_net_embed_bag(&c->net, table);
    c->batch = (tdl_nn_batch){.rows = ROWS, .offsets = OFFSETS, .id = {ID}, .weight = ONES};
}

static void check_case(loss_case *c)
{
    start(&c->params);
    check_net(&c->net, &c->batch);
    tdl_params_release(&c->params);
}

/* ---- against numbers ---- */

typedef enum value_loss { MSE, HUBER, BCE, BCE_SMOOTH, POISSON, TWEEDIE, HINGE } value_loss;

static void check_value_loss(value_loss which, size_t cols, bool weighted)
{
    static double value[ROWS * COLS];
    const tdl_loss_config smooth = {.smoothing = 0.2,
                                    .class_weight = weighted ? CLASS_WEIGHT : NULL};
    const tdl_loss_config plain = {.class_weight = weighted ? CLASS_WEIGHT : NULL};
    loss_case c;

    open_case(&c, cols);
    for (size_t i = 0; i < ROWS * cols; i++)
        value[i] = which == HINGE ? (i % 3 ? 1 : -1)
                   : which >= BCE ? (double)(i % 5) / 4
                                  : (double)(i % 7) / 2 - 1;
    c.batch.value = value;
    c.batch.target_weight = weighted ? ROW_WEIGHT : NULL;
    switch (which) {
    case MSE:
        tdl_net_mse(&c.net, c.scores, &plain);
        break;
    case HUBER:
        tdl_net_huber(&c.net, c.scores, 0.8);
        break;
    case BCE:
        tdl_net_bce(&c.net, c.scores, &plain);
        break;
    case BCE_SMOOTH:
        tdl_net_bce(&c.net, c.scores, &smooth);
        break;
    case POISSON:
        tdl_net_poisson(&c.net, c.scores);
        break;
    case TWEEDIE:
        tdl_net_tweedie(&c.net, c.scores, 1.3);
        break;
    case HINGE:
        tdl_net_hinge(&c.net, c.scores);
        break;
    }
    check_case(&c);
}

static void losses_against_numbers(void **state)
{
    TDL_UNUSED(state);
    for (int which = MSE; which <= HINGE; which++) {
        check_value_loss((value_loss)which, 1, false);
        check_value_loss((value_loss)which, COLS, false);
        check_value_loss((value_loss)which, COLS, true);
    }
}

static void two_quantiles_of_each_number(void **state)
{
    const double quantile[] = {0.1, 0.7}, value[ROWS * 2] = {0, 1, 0.3, -1, -0.2, 2, 1, 1, 0, 0, 5};
    loss_case c;

    TDL_UNUSED(state);
    open_case(&c, COLS);
    c.batch.value = value;
    c.batch.target_weight = ROW_WEIGHT;
    tdl_net_quantile(&c.net, c.scores, quantile, 2);
    check_case(&c);
}

static void lists_with_one_that_holds_nothing_relevant(void **state)
{
    const double relevance[ROWS * COLS] = {0, 1, 2, 0, 1, 0, 0, 0, 0, 0, 0,   0,
                                           3, 1, 1, 2, 0, 0, 5, 1, 2, 2, 0.5, 0};
    loss_case c;

    TDL_UNUSED(state);
    open_case(&c, COLS);
    c.batch.value = relevance;
    c.batch.target_weight = ROW_WEIGHT;
    tdl_net_listwise(&c.net, c.scores);
    check_case(&c);
}

/* Lists of three rows, of two, and of one; the second holds nothing relevant. */
static void lists_of_different_lengths(void **state)
{
    const double relevance[ROWS] = {0, 2, 1, 0, 0, 3};
    const int32_t list[ROWS] = {4, 4, 4, 1, 1, 2};
    loss_case c;

    TDL_UNUSED(state);
    open_case(&c, 1);
    c.batch.value = relevance;
    c.batch.target = list;
    c.batch.target_weight = ROW_WEIGHT;
    tdl_net_lists(&c.net, c.scores);
    check_case(&c);
}

/* ---- against classes ---- */

static void hinge_and_smoothed_cross_entropy_with_weights(void **state)
{
    const tdl_loss_config config = {.smoothing = 0.1, .class_weight = CLASS_WEIGHT};

    TDL_UNUSED(state);
    for (int hinge = 0; hinge < 2; hinge++) {
        loss_case c;

        open_case(&c, COLS);
        c.batch.target = TARGET;
        c.batch.target_weight = ROW_WEIGHT;
        if (hinge)
            tdl_net_hinge_classes(&c.net, c.scores, &config);
        else
            tdl_net_softmax_ce(&c.net, c.scores, &config);
        check_case(&c);
    }
}

/* Every row against a table; another reader of the rows has left a gradient there or not. */
static void cross_entropy_over_a_table_with_weights(void **state)
{
    static const double class_weight[] = {1, 0.5, 2, 1, 0.25, 3, 1.5};

    TDL_UNUSED(state);
    for (int k = 0; k < 2; k++) {
        const tdl_loss_config config = {.class_weight = k ? class_weight : NULL};
        loss_case c;

        open_case(&c, COLS);
        int table = tdl_params_add(&c.params, "table", COLS, COLS, true);
        c.batch.target = TARGET;
        c.batch.target_weight = k ? ROW_WEIGHT : NULL;
        tdl_net_table_ce(&c.net, c.scores, table, &config);
        check_case(&c);
    }
}

/* With a class, without one (row 3), and of no weight at all (row 4). */
static void a_student_against_probabilities_and_classes(void **state)
{
    static double probability[ROWS * COLS];

    TDL_UNUSED(state);
    for (size_t r = 0; r < ROWS; r++)
        for (size_t c = 0; c < COLS; c++) // 0, 1, 2 and 3 of 6, turned from row to row
            probability[r * COLS + c] = (double)((r + c) % COLS) / 6;
    for (int which = 0; which < 3; which++) {
        loss_case c;

        open_case(&c, COLS);
        c.batch.value = probability;
        c.batch.target = which == 2 ? NULL : TARGET;
        c.batch.target_weight = ROW_WEIGHT;
        tdl_net_distil_ce(&c.net, c.scores, which ? 3 : 0.5, which ? 0.7 : 0.4);
        check_case(&c);
    }
}

static void pairs_of_two_scores(void **state)
{
    TDL_UNUSED(state);
    for (int margin = 0; margin < 2; margin++) {
        loss_case c;

        open_case(&c, COLS);
        int other = tdl_params_add(&c.params, "other", ROWS, COLS, true);
        c.batch.target = TARGET;
        tdl_net_pairwise(&c.net, c.scores, tdl_net_embed_bag(&c.net, other), margin);
        check_case(&c);
    }
}

static void pairs_of_one_matrix(void **state)
{
    static int32_t each[ROWS * 2] = {0, 5, 3, 1, 7, 0, 1, 2, 4, 4, 1, 6};

    TDL_UNUSED(state);
    for (int kind = 0; kind < 6; kind++) {
        loss_case c;

        open_case(&c, ITEMS);
        c.batch.target = TARGET;
        if (kind / 2) {
            c.batch.negative = kind / 2 == 1 ? NEGATIVE : each;
            c.batch.negatives_n = kind / 2 == 1 ? NEGATIVES : 2;
            c.batch.negatives_each = kind / 2 == 2;
        }
        tdl_net_pairwise(&c.net, c.scores, TDL_NONE, kind % 2);
        check_case(&c);
    }
}

/* ---- against a sample of the classes ---- */

static void check_sampled(bool bce, bool each, bool with_option)
{
    static int32_t own[ROWS * 2] = {0, 5, 3, 1, 7, 0, 1, 2, 4, 4, 1, 6};
    const tdl_loss_config config = {.negatives_max = NEGATIVES + 2,
                                    .class_weight = CLASS_WEIGHT,
                                    .correct_target = with_option,
                                    .calibrated = bce && with_option,
                                    .parameter = 0.75};
    loss_case c;

    open_case(&c, D);
    int items = tdl_params_add(&c.params, "items", ITEMS, D, true);
    c.batch.target = TARGET;
    c.batch.target_weight = ROW_WEIGHT;
    c.batch.negative = each ? own : NEGATIVE;
    c.batch.negatives_n = each ? 2 : NEGATIVES;
    c.batch.negatives_each = each;
    c.batch.log_q = LOG_Q;
    if (bce)
        tdl_net_sampled_bce(&c.net, c.scores, items, &config);
    else
        tdl_net_sampled_softmax(&c.net, c.scores, items, &config);
    check_case(&c);
}

static void sampled_losses(void **state)
{
    TDL_UNUSED(state);
    for (int kind = 0; kind < 8; kind++)
        check_sampled(kind & 1, kind & 2, kind & 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(losses_against_numbers),
        cmocka_unit_test(two_quantiles_of_each_number),
        cmocka_unit_test(lists_of_different_lengths),
        cmocka_unit_test(lists_with_one_that_holds_nothing_relevant),
        cmocka_unit_test(hinge_and_smoothed_cross_entropy_with_weights),
        cmocka_unit_test(cross_entropy_over_a_table_with_weights),
        cmocka_unit_test(a_student_against_probabilities_and_classes),
        cmocka_unit_test(pairs_of_two_scores),
        cmocka_unit_test(pairs_of_one_matrix),
        cmocka_unit_test(sampled_losses),
    };

    return cmocka_run_group_tests_name("grad/losses", tests, NULL, NULL);
}
