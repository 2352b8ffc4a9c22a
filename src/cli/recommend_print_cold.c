/* Cold items (apps/recommend/cold_items.h) as a table for people. */
#include <string.h>

#include "cli/recommend_offline.h"

static double number(const json_t *row, const char *key)
{
    return json_number_value(json_object_get(row, key));
}

static void print_curve(FILE *out, const json_t *curve, double chosen)
{
    size_t i;
    json_t *p;

    fprintf(out, "  %8s %11s %11s %11s\n", tdl_tr("boost", "提升"),
            tdl_tr("warm HR@10", "热 HR@10"), tdl_tr("cold HR@10", "冷 HR@10"),
            tdl_tr("cold slots", "冷占位"));
    json_array_foreach(json_object_get(curve, "points"), i, p)
    {
        double boost = number(p, "boost");
        bool never = json_is_string(json_object_get(p, "boost"));
        if (never)
            fprintf(out, "  %8s", tdl_tr("never", "从不"));
        else
            fprintf(out, "%s %8.2f", boost == chosen ? "*" : " ", boost);
        fprintf(out, " %11.4f %11.4f %10.1f%%\n", number(p, "warm_hr10"), number(p, "cold_hr10"),
                100 * number(p, "cold_slots"));
    }
}

void tdl_recommend_print_cold(FILE *out, const json_t *task)
{
    const char *way = json_string_value(json_object_get(task, "way"));
    size_t i;
    json_t *curve;

    fprintf(out,
            tdl_tr("%.0f of %.0f items are described; a tenth of the items at a time is cold; %.0f "
                   "people\n",
                   "%.0f 个物品有描述，共 %.0f 个；每轮十分之一为冷物品；%.0f 位用户\n"),
            number(task, "described"), number(task, "items"), number(task, "people"));
    fprintf(out,
            tdl_tr("what items say explains %.1f %% of their learnt vectors\n",
                   "物品描述解释了学得向量的 %.1f %%\n"),
            100 * number(task, "map_explained"));
    fprintf(out,
            tdl_tr("HR@10 warm %.4f (%.4f-%.4f), cold %.4f (%.4f-%.4f): %.0f %%; without cold "
                   "items %.4f, cold without content 0\n",
                   "HR@10 热 %.4f（%.4f-%.4f），冷 %.4f（%.4f-%.4f）：%.0f %%；无冷物品时 %.4f，"
                   "无描述时冷为 0\n"),
            number(task, "warm_hr10"), number(task, "warm_hr10_low"),
            number(task, "warm_hr10_high"), number(task, "cold_hr10"),
            number(task, "cold_hr10_low"), number(task, "cold_hr10_high"),
            100 * number(task, "cold_of_warm"), number(task, "warm_hr10_without_cold"));
    json_array_foreach(json_object_get(task, "curves"), i, curve)
    {
        const char *name = json_string_value(json_object_get(curve, "way"));
        if (way && name && !strcmp(way, name))
            print_curve(out, curve, number(task, "boost"));
    }
}
