/* treadle recommend train | evaluate | for | similar */
#include <stdio.h>

#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/evaluation.h"
#include "cli/open_store.h"
#include "cli/progress.h"
#include "cli/recommend_offline.h"

typedef struct fit_values {
    tdl_common common;
    int64_t seed, threads, ease_max_bytes;
} fit_values;

typedef struct evaluate_values {
    tdl_common common;
    int64_t seed, threads, ease_max_bytes;
    const char *protocol, *task, *cut, *horizon, *map, *kind, *segment, *min_ndcg, *catalogue;
} evaluate_values;

typedef struct ask_values {
    tdl_common common;
    int64_t n;
} ask_values;

static const tdl_option fit_options[] = {
    {"seed",
     TDL_OPTION_INT,
     offsetof(fit_values, seed),
     "N",
     "1",
     0,
     INT64_MAX,
     {"same seed, same data: same bits", "相同种子和数据得到逐位相同的结果"}},
    {"threads",
     TDL_OPTION_INT,
     offsetof(fit_values, threads),
     "N",
     "0",
     0,
     1024,
     {"0 = one per core; never changes the result", "0 = 每核一个；不影响结果"}},
    {"ease-max-bytes",
     TDL_OPTION_INT,
     offsetof(fit_values, ease_max_bytes),
     "N",
     "0",
     0,
     INT64_C(1) << 40,
     {"most memory of the matrix of ease, 4 bytes times items squared; 0 = 12,000 items",
      "ease 矩阵的内存上限（物品数平方 × 4 字节）；0 = 12,000 个物品"}},
};

static const tdl_option evaluate_options[] = {
    {"seed",
     TDL_OPTION_INT,
     offsetof(evaluate_values, seed),
     "N",
     "1",
     0,
     INT64_MAX,
     {"same seed, same data: same bits", "相同种子和数据得到逐位相同的结果"}},
    {"threads",
     TDL_OPTION_INT,
     offsetof(evaluate_values, threads),
     "N",
     "0",
     0,
     1024,
     {"0 = one per core; never changes the result", "0 = 每核一个；不影响结果"}},
    {"protocol",
     TDL_OPTION_TEXT,
     offsetof(evaluate_values, protocol),
     "NAMES",
     "",
     0,
     0,
     {"global-cut,prequential,strong,literature-loo,next-event; of a file global-cut and "
      "literature-loo by default",
      "评测协议：global-cut,prequential,strong,literature-loo,next-event；文件默认 global-cut 和 "
      "literature-loo"}},
    {"task",
     TDL_OPTION_TEXT,
     offsetof(evaluate_values, task),
     "NAMES",
     "",
     0,
     0,
     {"of a global cut: next,discovery,cart,strangers; all by default",
      "global-cut 的任务：next,discovery,cart,strangers；默认全部"}},
    {"cut",
     TDL_OPTION_TEXT,
     offsetof(evaluate_values, cut),
     "TIMES",
     "",
     0,
     0,
     {"where to cut; of several, the first is for tuning", "切分时刻；有多个时第一个用于调参"}},
    {"horizon",
     TDL_OPTION_TEXT,
     offsetof(evaluate_values, horizon),
     "TIME",
     "",
     0,
     0,
     {"how long after the last cut people are asked about, such as 30d",
      "最后一个切分之后的评测时长，如 30d"}},
    {"map",
     TDL_OPTION_TEXT,
     offsetof(evaluate_values, map),
     "LIST",
     "",
     0,
     0,
     {"columns of a file: user=,item=,time=,order=,kind=",
      "文件的列：user=,item=,time=,order=,kind="}},
    {"kind",
     TDL_OPTION_TEXT,
     offsetof(evaluate_values, kind),
     "KIND",
     "",
     0,
     0,
     {"only rows of this kind of a file", "只读文件中该类型的行"}},
    {"segment",
     TDL_OPTION_TEXT,
     offsetof(evaluate_values, segment),
     "COLUMN",
     "",
     0,
     0,
     {"figures for each of its values, such as countries; of a store a property of events",
      "按该列的每个取值（如国家）分别给出指标；对存储则为事件属性"}},
    {"ease-max-bytes",
     TDL_OPTION_INT,
     offsetof(evaluate_values, ease_max_bytes),
     "N",
     "0",
     0,
     INT64_C(1) << 40,
     {"most memory of the matrix of ease, 4 bytes times items squared; 0 = 12,000 items",
      "ease 矩阵的内存上限（物品数平方 × 4 字节）；0 = 12,000 个物品"}},
    {"catalogue",
     TDL_OPTION_TEXT,
     offsetof(evaluate_values, catalogue),
     "FILE",
     "",
     0,
     0,
     {"a table of what items say; tries items that nobody had yet (cold-items)",
      "物品描述表；另评测无人接触过的物品（cold-items）"}},
    {"min-ndcg",
     TDL_OPTION_TEXT,
     offsetof(evaluate_values, min_ndcg),
     "X",
     "",
     0,
     0,
     {"exit 3 when NDCG@10 of what serves is lower", "若上线模型的 NDCG@10 更低则以 3 退出"}},
};

static const tdl_option ask_options[] = {
    {"n",
     TDL_OPTION_INT,
     offsetof(ask_values, n),
     "N",
     "10",
     1,
     100,
     {"how many items", "物品数量"}},
};

static tdl_status print_report(const tdl_common *common, tdl_str text, tdl_report *why)
{
    json_t *report = NULL;
    tdl_status st;

    if (common->json) {
        printf("%.*s\n", (int)text.len, text.at);
        return TDL_OK;
    }
    if ((st = tdl_json_parse(text, TDL_JSON_LAST_WINS, &report, why)))
        return st;
    tdl_evaluation_print(stdout, report);
    json_decref(report);
    return TDL_OK;
}

typedef tdl_status fit_fn(tdl_loop *loop, const char *app, const tdl_train_options *options,
                          tdl_buf *ret_report, tdl_report *why);

static tdl_status run_fit(const fit_values *v, fit_fn *fit, bool activate, tdl_report *why)
{
    tdl_loop *loop = NULL;
    tdl_buf report = {0};
    tdl_progress progress = tdl_progress_start(v->common.quiet);
    tdl_train_options options = {.seed = (uint64_t)v->seed,
                                 .square_bytes_max = (size_t)v->ease_max_bytes,
                                 .activate = activate,
                                 .progress = tdl_progress_tell,
                                 .progress_context = &progress};
    tdl_status st = tdl_open_loop(&v->common, (unsigned)v->threads, &loop, why);

    if (st)
        return st;
    st = fit(loop, "recommend", &options, &report, why);
    tdl_progress_finish(&progress);
    if (!st)
        st = print_report(&v->common, tdl_buf_view(&report), why);
    tdl_buf_release(&report);
    tdl_loop_close(loop);
    return st;
}

static tdl_status run_train(const void *values, char **arguments, tdl_report *why)
{
    TDL_UNUSED(arguments);
    return run_fit(values, tdl_loop_train, true, why);
}

/* A file is a log of its own; a folder is where the store is, which is measured as a training run
 * does it unless a protocol is asked for. */
static tdl_status run_evaluate(const void *values, char **arguments, tdl_report *why)
{
    const evaluate_values *v = values;
    const fit_values fit = {v->common, v->seed, v->threads, v->ease_max_bytes};
    const tdl_recommend_offline offline = {.common = &v->common,
                                           .protocol = v->protocol,
                                           .task = v->task,
                                           .cut = v->cut,
                                           .horizon = v->horizon,
                                           .map = v->map,
                                           .kind = v->kind,
                                           .segment = v->segment,
                                           .min_ndcg = v->min_ndcg,
                                           .catalogue = v->catalogue,
                                           .seed = v->seed,
                                           .threads = v->threads,
                                           .ease_max_bytes = v->ease_max_bytes};

    TDL_UNUSED(arguments);
    if (tdl_is_file(v->common.data) || v->protocol[0])
        return tdl_recommend_offline_run(&offline, why);
    if (v->cut[0] || v->task[0] || v->horizon[0] || v->min_ndcg[0] || v->kind[0] || v->segment[0] ||
        v->catalogue[0])
        return TDL_FAIL_HINT(
            why, TDL_E_USAGE, "add --protocol global-cut, or give a log as --data FILE",
            "--task, --cut, --horizon, --kind, --segment and --min-ndcg need a protocol");
    return run_fit(&fit, tdl_loop_evaluate, false, why);
}

static void print_answer(const tdl_decision *decision)
{
    for (size_t i = 0; i < decision->candidates_n; i++) {
        const tdl_candidate *candidate = &decision->candidates[i];
        if (candidate->chosen)
            printf("%3zu  %-12.*s  %9.4g  %.*s\n", i + 1, TDL_FMT(candidate->item),
                   candidate->score, TDL_FMT(candidate->title));
    }
    printf("%s %s\n", tdl_tr("decision", "决策"), decision->id);
}

/* When the person takes something new, where the answer says it. */
static void print_return(const tdl_buf *answer)
{
    json_t *root = json_loadb(answer->at, answer->len, 0, NULL);
    const json_t *next = json_object_get(root, "next_new");

    if (next)
        printf(tdl_tr("something new within 7 days: %.0f %%, within 30 days: %.0f %%\n",
                      "7 天内接触新物品的概率：%.0f %%，30 天内：%.0f %%\n"),
               100 * json_number_value(json_object_get(next, "within_7_days")),
               100 * json_number_value(json_object_get(next, "within_30_days")));
    json_decref(root);
}

static tdl_status ask(const ask_values *v, tdl_str user, tdl_str item, tdl_report *why)
{
    tdl_loop *loop = NULL;
    tdl_arena *arena = tdl_arena_new((size_t)8 << 20);
    tdl_buf answer = {0};
    tdl_jw w = {.out = &answer};
    tdl_decision decision;
    tdl_ask question = {
        .user = user, .item = item, .n = (size_t)v->n, .forecast = true, .time_us = tdl_time_now()};
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if ((st = tdl_open_loop(&v->common, 1, &loop, why)))
        goto out;
    tdl_jw_object(&w);
    if ((st = tdl_loop_decide(loop, "recommend", &question, arena, &decision, &w, why)))
        goto out;
    tdl_jw_ktext(&w, "decision_id", decision.id);
    tdl_jw_kstr(&w, "model", decision.model_version);
    tdl_jw_end_object(&w);
    if (v->common.json)
        printf("%.*s\n", (int)answer.len, answer.at);
    else {
        print_answer(&decision);
        print_return(&answer);
    }
out:
    tdl_loop_close(loop);
    tdl_buf_release(&answer);
    tdl_arena_free(arena);
    return st;
}

static tdl_status run_for(const void *values, char **arguments, tdl_report *why)
{
    return ask(values, tdl_str_of(arguments[0]), (tdl_str){0}, why);
}

static tdl_status run_similar(const void *values, char **arguments, tdl_report *why)
{
    return ask(values, (tdl_str){0}, tdl_str_of(arguments[0]), why);
}

const tdl_command tdl_command_recommend_train = {
    .name = "recommend train",
    .values_size = sizeof(fit_values),
    .options = fit_options,
    .options_n = sizeof fit_options / sizeof fit_options[0],
    .summary = {"fit every model, measure, let the best serve", "训练并评测所有模型，让最好的服务"},
    .examples = "  treadle recommend train\n"
                "  treadle recommend train --data shop --seed 7 --json\n",
    .run = run_train,
};

const tdl_command tdl_command_recommend_evaluate = {
    .name = "recommend evaluate",
    .values_size = sizeof(evaluate_values),
    .options = evaluate_options,
    .options_n = sizeof evaluate_options / sizeof evaluate_options[0],
    .summary = {"measure every model, change nothing", "评测所有模型，不做任何改动"},
    .examples = "  treadle recommend evaluate\n"
                "  treadle recommend evaluate --data ratings.csv --json\n"
                "  treadle recommend evaluate --data orders.csv.zst --task cart --cut 2011-10-01\n"
                "  treadle recommend evaluate --data ml-100k.inter --protocol literature-loo\n"
                "  treadle recommend evaluate --data clicks.csv --map item=event --protocol "
                "next-event\n",
    .run = run_evaluate,
};

const tdl_command tdl_command_recommend_for = {
    .name = "recommend for",
    .arguments = "USER",
    .arguments_n = 1,
    .values_size = sizeof(ask_values),
    .options = ask_options,
    .options_n = sizeof ask_options / sizeof ask_options[0],
    .summary = {"what a user should see next", "该用户接下来应看到什么"},
    .examples = "  treadle recommend for u42\n"
                "  treadle recommend for u42 --n 5 --json\n",
    .run = run_for,
};

const tdl_command tdl_command_recommend_similar = {
    .name = "recommend similar",
    .arguments = "ITEM",
    .arguments_n = 1,
    .values_size = sizeof(ask_values),
    .options = ask_options,
    .options_n = sizeof ask_options / sizeof ask_options[0],
    .summary = {"items most like an item", "与某物品最相似的物品"},
    .examples = "  treadle recommend similar 260\n"
                "  treadle recommend similar 260 --n 3 --json\n",
    .run = run_similar,
};
