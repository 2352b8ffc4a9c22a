#include "cli/evaluation.h"

#include "cli/command.h"

static double number(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

void tdl_evaluation_print(FILE *out, const json_t *report)
{
    const json_t *rows = json_object_get(report, "evaluation");
    size_t i;
    json_t *row;

    fprintf(out,
            tdl_tr("%lld users, %lld items, %lld interactions; each user's last item is the test\n",
                   "%lld 位用户，%lld 个物品，%lld 次交互；每位用户的最后一个物品作测试\n"),
            (long long)number(report, "users"), (long long)number(report, "items"),
            (long long)number(report, "interactions"));
    fprintf(out, "  %-12s %-24s %-24s %7s %9s %8s\n", tdl_tr("model", "模型"),
            tdl_tr("HR@10 (95 % interval)", "HR@10（95% 区间）"),
            tdl_tr("NDCG@10 (95 % interval)", "NDCG@10（95% 区间）"), "MRR",
            tdl_tr("coverage", "覆盖率"), tdl_tr("fit s", "训练秒"));
    json_array_foreach(rows, i, row)
    {
        fprintf(out,
                "%c %-12s .%04.0f (%.4f-%.4f)      .%04.0f (%.4f-%.4f)      %7.4f %8.1f%% %8.2f\n",
                json_is_true(json_object_get(row, "promoted")) ? '*' : ' ',
                json_string_value(json_object_get(row, "model")), 1e4 * number(row, "hr10"),
                number(row, "hr10_low"), number(row, "hr10_high"), 1e4 * number(row, "ndcg10"),
                number(row, "ndcg10_low"), number(row, "ndcg10_high"), number(row, "mrr"),
                100 * number(row, "coverage"), number(row, "fit_seconds"));
    }
    json_array_foreach(json_object_get(report, "refused"), i, row)
    {
        fprintf(out, "  %-12s %s\n", json_string_value(json_object_get(row, "model")),
                json_string_value(json_object_get(row, "gate")));
    }
    fprintf(out, "%s\n",
            tdl_tr("* serves: chosen on the validation split, not on these test figures",
                   "* 正在服务：依据验证集选出，而非上面的测试数字"));
}
