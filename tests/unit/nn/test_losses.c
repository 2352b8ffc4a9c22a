/* Losses and their gradients against PyTorch 1.13.1 in double; built in float and in double.
 *
 * Within 1e-9 in double, and in float within 1e-5 for losses and 1e-4 for gradients, relative to
 * the largest entry. Scores are the rows of a table: its gradient is theirs.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "net_case.h"
#include "sasrec_states.h"

enum { ROWS_MAX = 8 };
static const size_t OFFSETS[ROWS_MAX + 1] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
static const int32_t ID[ROWS_MAX] = {0, 1, 2, 3, 4, 5, 6, 7};
static const tdl_real ONES[ROWS_MAX] = {1, 1, 1, 1, 1, 1, 1, 1};

typedef struct loss_case {
    tdl_params params;
    tdl_net net;
    int table[2], scores[2];
    size_t rows, cols;
    tdl_nn_batch batch;
} loss_case;

static double tolerance(bool gradient)
{
    return sizeof(tdl_real) == sizeof(double) ? 1e-9 : gradient ? 1e-4 : 1e-5;
}

static void open_case(loss_case *c, size_t rows, size_t cols)
{
    *c = (loss_case){.rows = rows, .cols = cols};
    c->net.params = &c->params;
    for (int i = 0; i < 2; i++) {
        c->table[i] = tdl_params_add(&c->params, i ? "other" : "scores", rows, cols, true);
        c->scores[i] = tdl_net_embed_bag(&c->net, c->table[i]);
    }
    c->batch = (tdl_nn_batch){.rows = rows, .offsets = OFFSETS, .id = {ID}, .weight = ONES};
}

static void fill(loss_case *c, int slice, const double *x)
{
    const tdl_slice *shape = &c->params.slice[slice];
    tdl_real *value = tdl_params_value(&c->params, slice);

    for (size_t i = 0; i < shape->rows * shape->cols; i++)
        value[i] = (tdl_real)x[i];
}

static void assert_near(const char *what, size_t n, const tdl_real *got, const double *expected)
{
    double largest = 0;

    for (size_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(expected[i]));
    for (size_t i = 0; i < n; i++)
        if (!(fabs((double)got[i] - expected[i]) <= tolerance(true) * largest))
            fail_msg("%s[%zu]: %.12g, expected %.12g", what, i, (double)got[i], expected[i]);
}

/* Mean loss, and backward with its count. */
static double run(loss_case *c)
{
    tdl_report why = {0};
    const tdl_run how = {.training = true};
    double sum, weight;

    if (plan(&c->net, c->rows, true, &why) || tdl_net_forward(&c->net, &c->batch, &how, &why))
        fail_msg("%s", why.message);
    tdl_net_loss(&c->net, &c->batch, &sum, &weight);
    if (tdl_net_backward(&c->net, &c->batch, &how, 1 / weight, &why))
        fail_msg("%s", why.message);
    return sum / weight;
}

static void close_case(loss_case *c)
{
    tdl_net_release(&c->net);
    tdl_params_release(&c->params);
}

/* Seal, fill the scores, run, compare the loss and the gradient of the scores. Closes. */
static void expect(loss_case *c, const double *scores, double loss, const double *gradient)
{
    assert_int_equal(tdl_params_seal(&c->params, NULL), TDL_OK);
    fill(c, c->table[0], scores);
    double got = run(c);
    if (!(fabs(got - loss) <= tolerance(false) * fmax(loss, 1)))
        fail_msg("loss %.12g, expected %.12g", got, loss);
    assert_near("gradient", c->rows * c->cols, tdl_params_grad(&c->params, c->table[0]), gradient);
    close_case(c);
}

/* ---- against numbers ---- */

static const double THREE[] = {0.5, -1, 3};
static const tdl_real THREE_TARGETS[] = {1, -2, 0.5};

static void squared_error(void **state)
{
    const double gradient[] = {-0.333333333333333, 0.666666666666667, 1.66666666666667};
    loss_case c;

    TDL_UNUSED(state);
    open_case(&c, 3, 1);
    c.batch.value = THREE_TARGETS;
    tdl_net_mse(&c.net, c.scores[0], NULL);
    expect(&c, THREE, 2.5, gradient);
}

static void huber_of_delta_one(void **state)
{
    const double gradient[] = {-0.166666666666667, 0.333333333333333, 0.333333333333333};
    loss_case c;

    TDL_UNUSED(state);
    open_case(&c, 3, 1);
    c.batch.value = THREE_TARGETS;
    tdl_net_huber(&c.net, c.scores[0], 1);
    expect(&c, THREE, 0.875, gradient);
}

static void quantiles(void **state)
{
    static const struct {
        double q, loss, gradient[3];
    } known[] = {
        {0.1, 1.06666666666667, {-0.0333333333333333, 0.3, 0.3}},
        {0.5, 0.666666666666667, {-0.166666666666667, 0.166666666666667, 0.166666666666667}},
        {0.9, 0.266666666666667, {-0.3, 0.0333333333333333, 0.0333333333333333}},
    };

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        loss_case c;

        open_case(&c, 3, 1);
        c.batch.value = THREE_TARGETS;
        tdl_net_quantile(&c.net, c.scores[0], &known[i].q, 1);
        expect(&c, THREE, known[i].loss, known[i].gradient);
    }
}

static void binary_cross_entropy_of_logits_as_rows_and_as_labels_of_one_row(void **state)
{
    const double scores[] = {0.6, 0.6, -100, 100, 100, -3};
    const double gradient[] = {
        -0.0590572822957008, 0.107609384370966, -0.166666666666667, 0.166666666666667, 0,
        0.00790431219626113};
    const tdl_real target[] = {1, 0, 1, 0, 1, 0};

    TDL_UNUSED(state);
    for (int as_labels = 0; as_labels < 2; as_labels++) {
        loss_case c;

        open_case(&c, as_labels ? 1 : 6, as_labels ? 6 : 1);
        c.batch.value = target;
        tdl_net_bce(&c.net, c.scores[0], NULL);
        expect(&c, scores, 33.5872605420909, gradient);
    }
}

static void hinge_of_labels(void **state)
{
    const double scores[] = {0.3, 0.3, 2, -2}, gradient[] = {-0.25, 0.25, 0, 0};
    const tdl_real label[] = {1, -1, 1, -1};
    loss_case c;

    TDL_UNUSED(state);
    open_case(&c, 4, 1);
    c.batch.value = label;
    tdl_net_hinge(&c.net, c.scores[0]);
    expect(&c, scores, 0.5, gradient);
}

/* exp(f) - y f and exp(f) - y, each row a quarter */
static void poisson_of_counts(void **state)
{
    const double scores[] = {0.3, -1, 2, 0};
    const double gradient[] = {0.0874647018940008, 0.0919698602928606, 0.597264024732663, 0.25};
    const tdl_real count[] = {1, 0, 5, 0};
    loss_case c;

    TDL_UNUSED(state);
    open_case(&c, 4, 1);
    c.batch.value = count;
    tdl_net_poisson(&c.net, c.scores[0]);
    expect(&c, scores, -0.048301413080476, gradient);
}

static void expect_list(size_t n, const double *scores, const tdl_real *relevance, double loss,
                        const double *gradient)
{
    loss_case c;

    open_case(&c, 1, n);
    c.batch.value = relevance;
    tdl_net_listwise(&c.net, c.scores[0]);
    expect(&c, scores, loss, gradient);
}

static void listwise_against_relevance(void **state)
{
    const double scores[] = {1, 0.2, -0.5};
    const double gradient[] = {0.264588604184322, 0.26866364480777, -0.533252248992093};
    const tdl_real relevance[] = {1, 0, 2};

    TDL_UNUSED(state);
    expect_list(3, scores, relevance, 1.51429507282063, gradient);
}

/* Cross-entropy averaged over the members of the next group, of a list of five. */
static void listwise_against_a_set(void **state)
{
    const double scores[] = {1.2, 0.1, -0.3, 0.7, 0};
    const double gradient[] = {-0.094110727763, 0.135108801911, 0.0905661383168, -0.25381571194,
                               0.122251499475};
    const tdl_real relevance[] = {1, 0, 0, 1, 0};

    TDL_UNUSED(state);
    expect_list(5, scores, relevance, 1.15167488506, gradient);
}

/* ---- against classes ---- */

static const double EXTREME[] = {2, -1, 0.5, 0, 0.1, 0.2, 0.3, 0.4, 1000, -1000, 0, 999};
static const double MILD[] = {2, -1, 0.5, 0, 0.1, 0.2, 0.3, 0.4, 1, 2, 3, 4};

static void expect_classes(const int32_t *target, const tdl_loss_config *config,
                           const double *scores, double loss, const double *gradient)
{
    loss_case c;

    open_case(&c, 3, 4);
    c.batch.target = target;
    tdl_net_softmax_ce(&c.net, c.scores[0], config);
    expect(&c, scores, loss, gradient);
}

static void cross_entropy_plain_smoothed_with_ignored_rows_and_with_class_weights(void **state)
{
    const int32_t target[] = {0, 3, 3}, with_hole[] = {0, TDL_TARGET_NONE, 3};
    const tdl_real class_weight[] = {1, 2, 0.5, 3};
    const double plain[] = {-0.0966333590379419,
                            0.0117845978029163,
                            0.0528149031716599,
                            0.0320338580633657,
                            0.0712794067886615,
                            0.0787759274405126,
                            0.0870608640516918,
                            -0.237116198280866,
                            0.243686192876668,
                            0,
                            0,
                            -0.243686192876668};
    const double smoothed[] = {-0.0716333590379419, 0.00345126446958296, 0.0444815698383266,
                               0.0237005247300324,  0.0629460734553281,  0.0704425941071792,
                               0.0787275307183585,  -0.212116198280866,  0.00235286776002833,
                               0.0207147729140109,  0.0706276060299701,  -0.0936952467040092};
    const double ignoring[] = {-0.144950038556913,
                               0.0176768967043744,
                               0.0792223547574899,
                               0.0480507870950486,
                               0,
                               0,
                               0,
                               0,
                               0.365529289315002,
                               0,
                               0,
                               -0.365529289315002};
    const double weighted[] = {-0.0414142967305465, 0.00505054191553555, 0.02263495850214,
                               0.013728796312871,   0.0916449515854219,  0.101283335280659,
                               0.11193539663789,    -0.30486368350397,   0.0137394014057507,
                               0.0373475651751568,  0.101521207752819,   -0.152608174333726};

    TDL_UNUSED(state);
    expect_classes(target, NULL, EXTREME, 0.966048933121069, plain);
    expect_classes(target, &(tdl_loss_config){.smoothing = 0.1}, MILD, 0.784191603468727, smoothed);
    expect_classes(with_hole, NULL, EXTREME, 0.827805634954022, ignoring);
    expect_classes(target, &(tdl_loss_config){.class_weight = class_weight}, MILD, 0.7700750380627,
                   weighted);
}

static void hinge_of_classes(void **state)
{
    const double gradient[] = {0, 0, 0, 0, 0.125, 0.125, 0.125, -0.375};
    const int32_t target[] = {0, 3};
    loss_case c;

    TDL_UNUSED(state);
    open_case(&c, 2, 4);
    c.batch.target = target;
    tdl_net_hinge_classes(&c.net, c.scores[0], NULL);
    expect(&c, EXTREME, 0.3, gradient);
}

/* At temperature 2.5 with .6 of the teacher; the last row has no class. Expected: the formula in
 * Python's own doubles. */
static void a_student_against_its_teacher_and_classes(void **state)
{
    const double scores[] = {0.3, -1.2, 2, 1.5, 0.2, -0.4, -0.7, 0.9, 0.1};
    const tdl_real teacher[] = {
        (tdl_real)0.47171480902138,  (tdl_real)0.386207420828111, (tdl_real)0.142077770150509,
        (tdl_real)0.665295833513634, (tdl_real)0.134320912222755, (tdl_real)0.200383254263611,
        (tdl_real)0.324329190909259, (tdl_real)0.324329190909259, (tdl_real)0.351341618181483};
    const int32_t target[] = {2, 0, TDL_TARGET_NONE};
    const double gradient[] = {-0.0740112117788, -0.110764688242, 0.18477590002,
                               -0.129762179272,  0.102539658715,  0.0272225205563,
                               -0.0451674528304, 0.0597182484654, -0.014550795635};
    loss_case c;

    TDL_UNUSED(state);
    open_case(&c, 3, 3);
    c.batch.value = teacher;
    c.batch.target = target;
    tdl_net_distil_ce(&c.net, c.scores[0], 2.5, 0.6);
    expect(&c, scores, 0.7148393413130537, gradient);
}

static void pairwise_logistic_and_margin(void **state)
{
    const double better[] = {1, 1, 0.5}, worse[] = {0.2, 1.5, -0.3};
    static const struct {
        double margin, loss, gradient[3];
    } known[] = {
        {0, 0.572092772025221, {-0.103341839624129, -0.207486443733952, -0.103341839624129}},
        {1, 0.633333333333333, {-0.333333333333333, -0.333333333333333, -0.333333333333333}},
    };
    const int32_t target[] = {0, 0, 0};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        loss_case c;
        double opposite[3];

        open_case(&c, 3, 1);
        c.batch.target = target;
        tdl_net_pairwise(&c.net, c.scores[0], c.scores[1], known[i].margin);
        assert_int_equal(tdl_params_seal(&c.params, NULL), TDL_OK);
        fill(&c, c.table[0], better);
        fill(&c, c.table[1], worse);
        assert_true(fabs(run(&c) - known[i].loss) <= tolerance(false));
        for (size_t k = 0; k < 3; k++)
            opposite[k] = -known[i].gradient[k];
        assert_near("better", 3, tdl_params_grad(&c.params, c.table[0]), known[i].gradient);
        assert_near("worse", 3, tdl_params_grad(&c.params, c.table[1]), opposite);
        close_case(&c);
    }
}

/* By hand: of 2, -1, .5, 0 with the target 0 and negatives 3, 0, 3 two pairs of m = 2 are left. */
static void pairwise_of_a_matrix_leaves_out_negatives_that_are_the_target(void **state)
{
    const double scores[] = {2, -1, 0.5, 0},
                 gradient[] = {-0.119202922022118, 0, 0, 0.119202922022118};
    const int32_t target[] = {0}, negative[] = {3, 0, 3};
    loss_case c;

    TDL_UNUSED(state);
    open_case(&c, 1, 4);
    c.batch.target = target;
    c.batch.negative = negative;
    c.batch.negatives_n = 3;
    tdl_net_pairwise(&c.net, c.scores[0], TDL_NONE, 0);
    expect(&c, scores, 0.126928011042972, gradient);
}

/* ---- against a sample of the classes ---- */

/* One row with the input 1: the scores are the column of the table. */
static void expect_sample(bool bce, const tdl_loss_config *config, const tdl_real *log_q,
                          size_t classes, const double *scores, double loss, const double *gradient)
{
    const int32_t target[] = {0}, negative[] = {1, 2, 3};
    const double one[] = {1};
    loss_case c;

    open_case(&c, 1, 1);
    int items = tdl_params_add(&c.params, "items", classes, 1, true);
    c.batch.target = target;
    c.batch.negative = negative;
    c.batch.negatives_n = 3;
    c.batch.log_q = log_q;
    if (bce)
        tdl_net_sampled_bce(&c.net, c.scores[0], items, config);
    else
        tdl_net_sampled_softmax(&c.net, c.scores[0], items, config);
    assert_int_equal(tdl_params_seal(&c.params, NULL), TDL_OK);
    fill(&c, c.table[0], one);
    fill(&c, items, scores);
    double got = run(&c);
    if (!(fabs(got - loss) <= fmax(tolerance(false), 1e-11)))
        fail_msg("loss %.12g, expected %.12g", got, loss);
    assert_near("table", 4, tdl_params_grad(&c.params, items), gradient);
    close_case(&c);
}

static void gbce_of_one_target_and_three_negatives_of_a_hundred(void **state)
{
    static const struct {
        double t, loss, gradient[4];
    } known[] = {
        {0, 0.567155481802, {-0.0298007305055, 0.1556148328, 0.0672353553425, 0.143610629203}},
        {0.75, 0.544077661613, {-0.00812747195605, 0.1556148328, 0.0672353553425, 0.143610629203}},
        {1, 0.536385054883, {-0.000903052439561, 0.1556148328, 0.0672353553425, 0.143610629203}},
    };
    static const double scores[100] = {2, 0.5, -1, 0.3};

    TDL_UNUSED(state);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        expect_sample(
            true,
            &(tdl_loss_config){.negatives_max = 3, .calibrated = true, .parameter = known[i].t},
            NULL, 100, scores, known[i].loss, known[i].gradient);
}

static void sampled_softmax_with_the_target_left_alone_and_corrected(void **state)
{
    const double scores[] = {2, 0.5, -1, 0.3}, q[] = {0.03, 0.02, 0.05, 0.01};
    const double alone[] = {-0.910235009539, 0.33382127829, 0.0297942381143, 0.546619493135};
    const double corrected[] = {-0.47715645671, 0.17499324532, 0.0156185083413, 0.286544703049};
    tdl_real log_q[4];

    TDL_UNUSED(state);
    for (size_t i = 0; i < 4; i++)
        log_q[i] = (tdl_real)log(q[i]);
    expect_sample(false, &(tdl_loss_config){.negatives_max = 3}, log_q, 4, scores, 2.41056024092,
                  alone);
    expect_sample(false, &(tdl_loss_config){.negatives_max = 3, .correct_target = true}, log_q, 4,
                  scores, 0.648473012082, corrected);
}

static const int32_t SASREC_POSITIVE[] = {5, 3, 9, 2, 8, 4, 10};

static double sasrec_loss(bool bce, const tdl_nn_batch *given, const tdl_loss_config *config)
{
    loss_case c;

    open_case(&c, SASREC_STATES, SASREC_D);
    int items = tdl_params_add(&c.params, "items", SASREC_ITEMS, SASREC_D, true);
    c.batch.target = SASREC_POSITIVE;
    c.batch.negative = given->negative;
    c.batch.negatives_n = given->negatives_n;
    c.batch.negatives_each = given->negatives_each;
    c.batch.log_q = given->log_q;
    if (bce)
        tdl_net_sampled_bce(&c.net, c.scores[0], items, config);
    else
        tdl_net_sampled_softmax(&c.net, c.scores[0], items, config);
    assert_int_equal(tdl_params_seal(&c.params, NULL), TDL_OK);
    fill(&c, c.table[0], SASREC_HIDDEN);
    fill(&c, items, SASREC_ITEM);
    double loss = run(&c);
    close_case(&c);
    return loss;
}

static void sasrec_by_one_negative_each(void **state)
{
    const int32_t negative[] = {7, 11, 1, 6, 2, 9, 1};
    const tdl_nn_batch given = {.negative = negative, .negatives_n = 1, .negatives_each = true};
    double loss = sasrec_loss(true, &given, &(tdl_loss_config){.negatives_max = 1});

    TDL_UNUSED(state);
    assert_true(fabs(loss - 1.35606338255887) <= tolerance(false));
}

static void sasrec_by_four_shared_negatives_all_corrected(void **state)
{
    const int32_t negative[] = {2, 6, 9, 11};
    const double q[SASREC_ITEMS] = {1,    1,    0.2, 0.08, 0.08, 0.08, 0.1,
                                    0.08, 0.08, 0.1, 0.08, 0.05, 1};
    tdl_real log_q[SASREC_ITEMS];
    const tdl_nn_batch given = {.negative = negative, .negatives_n = 4, .log_q = log_q};

    TDL_UNUSED(state);
    for (size_t i = 0; i < SASREC_ITEMS; i++)
        log_q[i] = (tdl_real)log(q[i]);
    double loss =
        sasrec_loss(false, &given, &(tdl_loss_config){.negatives_max = 4, .correct_target = true});
    if (!(fabs(loss - 1.3406917817764) <= tolerance(false)))
        fail_msg("%.12g", loss);
}

/* ---- what is refused ---- */

static void expect_refusal(loss_case *c, const char *said)
{
    tdl_report why = {0};
    const tdl_run how = {0};

    assert_int_equal(tdl_params_seal(&c->params, NULL), TDL_OK);
    assert_int_equal(plan(&c->net, c->rows, false, &why), TDL_OK);
    assert_int_equal(tdl_net_forward(&c->net, &c->batch, &how, &why), TDL_E_INVALID);
    assert_string_equal(why.message, said);
    close_case(c);
}

static void targets_out_of_range_are_refused_by_row_and_value(void **state)
{
    const tdl_real value[] = {1, 0, (tdl_real)NAN, 1.5};
    const int32_t target[] = {0, 1, 2, 3}, negative[] = {4};
    loss_case c;

    TDL_UNUSED(state);
    open_case(&c, 3, 1);
    c.batch.value = value;
    tdl_net_mse(&c.net, c.scores[0], NULL);
    expect_refusal(&c, "row 2, column 0: target nan is not finite");
    open_case(&c, 1, 2);
    c.batch.value = value + 2;
    tdl_net_mse(&c.net, c.scores[0], NULL);
    expect_refusal(&c, "row 0, column 0: target nan is not finite");
    open_case(&c, 1, 1);
    c.batch.value = value + 3;
    tdl_net_bce(&c.net, c.scores[0], NULL);
    expect_refusal(&c, "row 0, column 0: target 1.5 is not in [0, 1]");
    open_case(&c, 2, 1);
    c.batch.value = value;
    tdl_net_hinge(&c.net, c.scores[0]);
    expect_refusal(&c, "row 1, column 0: label 0 is not -1 or +1");
    open_case(&c, 1, 1);
    c.batch.value = value + 3;
    tdl_net_distil_ce(&c.net, c.scores[0], 1, 1);
    expect_refusal(&c, "row 0: the teacher's probabilities sum to 1.5, not 1");
    open_case(&c, 4, 3);
    c.batch.target = target;
    tdl_net_hinge_classes(&c.net, c.scores[0], NULL);
    expect_refusal(&c, "row 3: target 3 is not in [0, 3)");
    open_case(&c, 2, 3);
    c.batch.target = target;
    c.batch.negative = negative;
    c.batch.negatives_n = 1;
    tdl_net_pairwise(&c.net, c.scores[0], TDL_NONE, 0);
    expect_refusal(&c, "row 0, negative 0: 4 is not in [0, 3)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(squared_error),
        cmocka_unit_test(huber_of_delta_one),
        cmocka_unit_test(quantiles),
        cmocka_unit_test(binary_cross_entropy_of_logits_as_rows_and_as_labels_of_one_row),
        cmocka_unit_test(hinge_of_labels),
        cmocka_unit_test(poisson_of_counts),
        cmocka_unit_test(listwise_against_relevance),
        cmocka_unit_test(listwise_against_a_set),
        cmocka_unit_test(cross_entropy_plain_smoothed_with_ignored_rows_and_with_class_weights),
        cmocka_unit_test(hinge_of_classes),
        cmocka_unit_test(a_student_against_its_teacher_and_classes),
        cmocka_unit_test(pairwise_logistic_and_margin),
        cmocka_unit_test(pairwise_of_a_matrix_leaves_out_negatives_that_are_the_target),
        cmocka_unit_test(gbce_of_one_target_and_three_negatives_of_a_hundred),
        cmocka_unit_test(sampled_softmax_with_the_target_left_alone_and_corrected),
        cmocka_unit_test(sasrec_by_one_negative_each),
        cmocka_unit_test(sasrec_by_four_shared_negatives_all_corrected),
        cmocka_unit_test(targets_out_of_range_are_refused_by_row_and_value),
    };

    return cmocka_run_group_tests_name("nn/losses", tests, NULL, NULL);
}
