/* Distillation: a teacher is asked, a student learns from it. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "clusters.h"
#include "train/distil.h"

/* Expected: softmax of (0, log 4) at temperature 2 is (1, 2) / 3, by hand. */
static void a_teacher_is_asked_for_softened_probabilities(void **state)
{
    const float x[] = {1, 0}, w[] = {0, 1.3862943611F};
    const tdl_mlp_config config = {.in = 1, .out = 2};
    const tdl_plan_options plan = {.rows = 2};
    const int32_t target[] = {0, 1};
    const tdl_nn_batch batch = {.rows = 2, .x = x, .target = target};
    float p[4];
    tdl_mlp teacher;

    TDL_UNUSED(state);
    assert_int_equal(tdl_mlp_init(&teacher, &config, NULL), TDL_OK);
    memcpy(tdl_params_value(&teacher.params, teacher.w[0]), w, sizeof w);
    assert_int_equal(tdl_net_plan(&teacher.net, &plan, NULL), TDL_OK);
    assert_int_equal(tdl_distil_teach(&teacher.net, teacher.scores, &batch, 2, NULL, p, NULL),
                     TDL_OK);
    assert_true(fabs((double)p[0] - 1.0 / 3) < 1e-6 && fabs((double)p[1] - 2.0 / 3) < 1e-6);
    assert_true(p[2] == 0.5F && p[3] == 0.5F);
    assert_int_equal(tdl_distil_teach(&teacher.net, teacher.scores, &batch, 0, NULL, p, NULL),
                     TDL_E_INVALID);
    assert_int_equal(tdl_distil_teach(&teacher.net, 0, &batch, 2, NULL, p, NULL), TDL_E_INVALID);
    tdl_mlp_release(&teacher);
}

/* No point has a label. */
static void a_student_learns_from_its_teacher_alone(void **state)
{
    static clusters teacher, student;

    TDL_UNUSED(state);
    clusters_open(&teacher, 64, 0);
    clusters_train(&teacher);
    clusters_open(&student, 6, 1);
    assert_int_equal(tdl_distil_teach(&teacher.model.net, teacher.model.scores, &teacher.batch, 2,
                                      NULL, student.teacher, NULL),
                     TDL_OK);
    for (size_t i = 0; i < CLUSTERS_POINTS; i++)
        student.target[i] = TDL_TARGET_NONE;
    student.loop.epochs = 30;
    clusters_train(&student);
    memcpy(student.target, teacher.target, sizeof student.target);
    assert_true(clusters_accuracy(&student) > 0.9);
    clusters_close(&student);
    clusters_close(&teacher);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_teacher_is_asked_for_softened_probabilities),
        cmocka_unit_test(a_student_learns_from_its_teacher_alone),
    };

    return cmocka_run_group_tests_name("train/distil", tests, NULL, NULL);
}
