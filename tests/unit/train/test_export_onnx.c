/* What ONNX cannot say is refused; what the files compute is tested by tests/e2e/onnx. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "nn/layers.h"
#include "nn/transformer.h"
#include "train/export_onnx.h"

#define PATH "export-onnx-test.onnx"

static void assert_refused(tdl_net *net, int value, const char *said)
{
    tdl_report why = {0};

    assert_int_equal(tdl_export_onnx(net, value, PATH, &why), TDL_E_INVALID);
    if (!strstr(why.message, said))
        fail_msg("\"%s\" does not say \"%s\"", why.message, said);
    assert_int_not_equal(access(PATH, F_OK), 0);
}

static void assert_core_refused(const tdl_tf_config *core, const char *said)
{
    const tdl_transformer_config config = {
        .core = *core, .front = TDL_FRONT_TOKENS, .vocabulary = 5, .head = TDL_HEAD_TIED};
    tdl_transformer model;
    tdl_report why;

    assert_int_equal(tdl_transformer_init(&model, &config, &why), TDL_OK);
    assert_refused(&model.net, model.scores, said);
    tdl_transformer_release(&model);
}

static const tdl_tf_config small = {
    .n_layer = 1, .d_model = 4, .n_head = 1, .d_ff = 4, .max_len = 6};

static void refuses_a_mask_with_a_prefix(void **state)
{
    tdl_tf_config core = small;

    TDL_UNUSED(state);
    core.mask = TDL_MASK_PREFIX;
    core.prefix = 2;
    assert_core_refused(&core, "a mask with a prefix");
}

typedef struct plain {
    tdl_params params;
    tdl_net net;
} plain;

static void start(plain *p)
{
    *p = (plain){.net = {.params = NULL}};
    p->net.params = &p->params;
}

static void stop(plain *p)
{
    tdl_net_release(&p->net);
    tdl_params_release(&p->params);
}

static void refuses_an_op_without_a_like_by_name(void **state)
{
    plain p;
    tdl_report why;

    TDL_UNUSED(state);
    start(&p);
    assert_int_equal(tdl_params_seal(&p.params, &why), TDL_OK);
    assert_refused(&p.net, tdl_net_rising(&p.net, tdl_net_input(&p.net, 4), 2), "op 1, rising");
    stop(&p);
}

static void refuses_a_net_whose_shapes_do_not_meet(void **state)
{
    plain p;
    tdl_report why;

    TDL_UNUSED(state);
    start(&p);
    int w = tdl_params_add(&p.params, "w", 3, 2, true);
    assert_int_equal(tdl_params_seal(&p.params, &why), TDL_OK);
    int y = tdl_net_linear(&p.net, tdl_net_input(&p.net, 4), w, TDL_NONE, TDL_ACT_NONE);
    assert_refused(&p.net, y, "op 1");
    assert_refused(&p.net, 7, "op 1");
    stop(&p);
}

static void leaves_out_what_the_value_does_not_need(void **state)
{
    plain p;
    tdl_report why;

    TDL_UNUSED(state);
    start(&p);
    assert_int_equal(tdl_params_seal(&p.params, &why), TDL_OK);
    int x = tdl_net_input(&p.net, 4), y = tdl_net_act(&p.net, x, TDL_ACT_TANH);
    tdl_net_rising(&p.net, x, 2);
    assert_int_equal(tdl_export_onnx(&p.net, y, PATH, &why), TDL_OK);
    assert_int_equal(unlink(PATH), 0);
    stop(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_a_mask_with_a_prefix),
        cmocka_unit_test(refuses_an_op_without_a_like_by_name),
        cmocka_unit_test(refuses_a_net_whose_shapes_do_not_meet),
        cmocka_unit_test(leaves_out_what_the_value_does_not_need),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
