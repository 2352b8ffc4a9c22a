/* Cards in Chinese: every reason that a learner can give has its sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "apps/predict/card_words.h"
#include "learn/learner.h"
#include "stats/calibrate.h"
#include "stats/metric.h"
#include "table/leak.h"

static bool is_chinese(const char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text >= 0xE4 && (unsigned char)*text <= 0xE9)
            return true;
    return false;
}

static char *reason_of(const char *english)
{
    tdl_buf out = {0};

    if (!tdl_card_reason(tdl_str_of(english), &out))
        fail_msg("no translation: %s", english);
    tdl_buf_char(&out, '\0');
    assert_false(out.failed);
    return out.at;
}

/* All tasks, and sizes at which something or other does not suit. */
static void every_reason_of_every_learner_reads_in_chinese(void **state)
{
    static const size_t sizes[] = {5, 1000, 1000000};
    size_t reasons = 0;

    (void)state;
    for (size_t l = 0; l < tdl_learners_n; l++)
        for (int task = TDL_TASK_BINARY; task <= TDL_TASK_RANKING; task++)
            for (size_t r = 0; r < 3; r++)
                for (size_t c = 0; c < 3; c++) {
                    tdl_problem problem = {.task = (tdl_task)task, .classes_n = 2000};
                    tdl_report why;

                    if (tdl_learners[l]->suits(&problem, sizes[r], c ? sizes[c] : 0, &why))
                        continue;
                    char *zh = reason_of(why.message);
                    assert_true(is_chinese(zh));
                    free(zh);
                    reasons++;
                }
    assert_true(reasons > 50);
}

static void every_name_of_a_card_has_its_word(void **state)
{
    (void)state;
    for (size_t i = 0; i < tdl_learners_n; i++)
        assert_non_null(tdl_card_word(tdl_str_of(tdl_learners[i]->name)));
    for (size_t i = 0; i < tdl_metrics_n; i++)
        assert_non_null(tdl_card_word(tdl_str_of(tdl_metrics[i].name)));
    for (int task = TDL_TASK_BINARY; task <= TDL_TASK_RANKING; task++)
        assert_non_null(tdl_card_word(tdl_str_of(tdl_task_name((tdl_task)task))));
    for (int m = 0; m < TDL_CALIBRATION_METHODS; m++)
        assert_non_null(tdl_card_word(tdl_str_of(tdl_calibration_name((tdl_calibration_method)m))));
    for (int k = TDL_LEAK_TARGET; k <= TDL_LEAK_DUPLICATE; k++)
        assert_non_null(tdl_card_word(tdl_str_of(tdl_leak_kind_name((tdl_leak_kind)k))));
    assert_null(tdl_card_word(TDL_STR("age")));
}

static void numbers_and_names_are_taken_over(void **state)
{
    static const char *const pairs[][2] = {
        {"nearest keeps and searches every row: 41256 are more than 20000",
         "nearest 要保存并搜索每一行：41256 行多于 20000 行"},
        {"linear is of numbers, not of binary", "linear 用于数值，不用于二分类"},
        {"boosted trees need libxgboost.so.0, which is not installed",
         "梯度提升树需要 libxgboost.so.0，尚未安装"},
        {"trees, fold 3: the time was over before it had learnt",
         "梯度提升树，第 3 折：尚未学完，时间已用完"},
        {"takes about 12 s, and 3 s are left of the budget: give --budget 40",
         "约需 12 秒，预算只剩 3 秒：请用 --budget 40"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        char *zh = reason_of(pairs[i][0]);
        assert_string_equal(zh, pairs[i][1]);
        free(zh);
    }
}

/* A card out of a file may hold any text: it stays as it is. */
static void an_unknown_sentence_stays_as_it_is(void **state)
{
    static const char *const texts[] = {"", "*", "{1}", "a, fold b: c, fold d: e, fold f: g, fold",
                                        "a, fold b: a, fold b: a, fold b: a, fold b: a, fold b: x"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        tdl_buf out = {0};

        bool known = tdl_card_reason(tdl_str_of(texts[i]), &out);
        tdl_buf_char(&out, '\0');
        assert_false(out.failed);
        if (!known)
            assert_string_equal(out.at, texts[i]);
        tdl_buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reason_of_every_learner_reads_in_chinese),
        cmocka_unit_test(every_name_of_a_card_has_its_word),
        cmocka_unit_test(numbers_and_names_are_taken_over),
        cmocka_unit_test(an_unknown_sentence_stays_as_it_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
