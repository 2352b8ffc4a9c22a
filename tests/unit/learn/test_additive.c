#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>

#include "learn/additive_model.h"
#include "made.h"
#include "sheet_table.h"

static made data;

static tdl_learner *fitted(tdl_task task, const char *setting, tdl_pool *pool)
{
    tdl_problem p = made_problem(&data, task);
    tdl_learner *l = NULL;
    tdl_report why = {0};

    p.pool = pool;
    if (made_fit(&p, "additive", setting, &l, &why))
        fail_msg("%s", why.message);
    return l;
}

static void bench(void **state)
{
    static const struct {
        const char *name, *target, *positive, *left_out;
    } set[] = {
        {"wa_churn", "churn", "Yes", NULL},     {"mlc_churn", "churn", "yes", NULL},
        {"credit_data", "Status", "bad", NULL}, {"GermanCredit", "Class", "Bad", NULL},
        {"HMDA", "deny", "yes", NULL},          {"BreastCancer", "Class", "malignant", "Id"},
    };
    tdl_pool *pool = tdl_pool_new(0);

    TDL_UNUSED(state);
    for (size_t k = 0; k < sizeof set / sizeof set[0]; k++) {
        sheet_table t;
        double auc, loss;

        if (!sheet_open(set[k].name, set[k].target, set[k].positive, set[k].left_out,
                        !getenv("ONE"), &t))
            continue;
        assert_int_equal(
            sheet_run(&t, getenv("L"), getenv("S"), getenv("ONE") != NULL, pool, &auc, &loss),
            TDL_OK);
        printf("%-12s AUC %.5f, log-loss %.5f\n", set[k].name, auc, loss);
        sheet_release(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bench),
    };

    make(&data);
    (void)fitted;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
