/* treadle recommend | recommend surfaces */
#include <stdio.h>

#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/open_store.h"
#include "cli/told.h"

enum { ARENA_BYTES = 64 << 20 };

typedef struct surface_values {
    tdl_common common;
    const char *user, *surface, *items, *filter;
    int64_t k, explain;
} surface_values;

static const tdl_option surface_options[] = {
    {"user",
     TDL_OPTION_TEXT,
     offsetof(surface_values, user),
     "USER",
     "",
     0,
     0,
     {"whom for; without it, for a stranger", "为哪位用户；不指定则视为陌生人"}},
    {"surface",
     TDL_OPTION_TEXT,
     offsetof(surface_values, surface),
     "NAME",
     "home",
     0,
     0,
     {"which place of the product: home, similar, cart, email, or one of your own",
      "产品中的哪个推荐位：home、similar、cart、email 或自定义"}},
    {"items",
     TDL_OPTION_TEXT,
     offsetof(surface_values, items),
     "ITEM,...",
     "",
     0,
     0,
     {"of similar: the item asked about; of cart: what is in it",
      "similar：所问物品；cart：购物车中的物品"}},
    {"filter",
     TDL_OPTION_TEXT,
     offsetof(surface_values, filter),
     "EXPRESSION",
     "",
     0,
     0,
     {"only items that meet it, such as 'price < 20'", "只要满足条件的物品，如 'price < 20'"}},
    {"k", TDL_OPTION_INT, offsetof(surface_values, k), "N", "10", 1, 100, {"how many", "数量"}},
    {"explain",
     TDL_OPTION_INT,
     offsetof(surface_values, explain),
     "N",
     "1",
     0,
     3,
     {"reasons for each", "每个物品的理由数"}},
};

/* ---- an answer ---- */

static tdl_status question_of(const surface_values *v, json_t **ret, tdl_report *why)
{
    json_t *items = json_array();
    tdl_str left = tdl_str_of(v->items);
    bool failed = !items;

    while (left.len && !failed) {
        const char *comma = memchr(left.at, ',', left.len);
        size_t n = comma ? (size_t)(comma - left.at) : left.len;
        failed = json_array_append_new(items, json_stringn(left.at, n)) != 0;
        left = (tdl_str){left.at + n + (comma != NULL), left.len - n - (comma != NULL)};
    }
    *ret = failed ? NULL
                  : json_pack("{s:s, s:i, s:i}", "surface", v->surface, "k", (int)v->k, "explain",
                              (int)v->explain);
    if (*ret && v->user[0])
        failed |= json_object_set_new(*ret, "user", json_string(v->user)) != 0;
    if (*ret && v->filter[0])
        failed |= json_object_set_new(*ret, "filter", json_string(v->filter)) != 0;
    if (*ret && v->items[0])
        failed |= json_object_set(*ret, "items", items) != 0;
    json_decref(items);
    return *ret && !failed
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID, "a name or the filter is not valid UTF-8");
}

static void print_cause(const json_t *cause)
{
    const char *kind = tdl_told_text(cause, "kind"), *title = tdl_told_text(cause, "title");

    if (!strcmp(kind, "event"))
        printf("%s %s", tdl_tr("because of", "因为"),
               *title ? title : tdl_told_text(cause, "item"));
    else if (!strcmp(kind, "popular"))
        printf("%s", tdl_tr("popular", "热门"));
    else if (!strcmp(kind, "no_consent"))
        printf("%s", tdl_tr("popular: no personal answer is allowed", "热门：未获准个性化"));
    else if (!strcmp(kind, "rule"))
        printf("%s %s", tdl_tr("rule", "规则"), tdl_told_text(cause, "rule"));
    else if (!strcmp(kind, "explore"))
        printf("%s", tdl_tr("by chance, to learn", "随机探索"));
    else
        printf("%s", kind);
    if (json_object_get(cause, "share"))
        printf(" %.0f%%", 100 * tdl_told_number(cause, "share"));
}

static void print_slate(const json_t *answer)
{
    const json_t *items = json_object_get(answer, "items"), *item, *cause;
    const json_t *few = json_object_get(answer, "short");
    size_t i, c;

    json_array_foreach(items, i, item)
    {
        printf("%3zu  %-14s  %8.3f  %-10s  %s\n", i + 1, tdl_told_text(item, "id"),
               tdl_told_number(item, "score"), tdl_told_text(item, "source"),
               tdl_told_text(item, "title"));
        json_array_foreach(json_object_get(item, "why"), c, cause)
        {
            printf("%s", c ? " · " : "       ");
            print_cause(cause);
        }
        if (json_array_size(json_object_get(item, "why")))
            putchar('\n');
    }
    if (json_is_object(few))
        printf(tdl_tr("%.0f of %.0f items may be shown: %s\n", "可展示 %.0f / %.0f 个物品：%s\n"),
               tdl_told_number(few, "eligible"), tdl_told_number(few, "items"),
               tdl_told_text(few, "reason"));
    if (*tdl_told_text(answer, "suppressed"))
        printf("%s: %s\n", tdl_tr("nothing is sent", "不发送"),
               tdl_told_text(answer, "suppressed"));
    if (!strcmp(tdl_told_text(answer, "fallback"), "no_rung"))
        printf("%s\n", tdl_tr("the model has none of the rungs that the policy names",
                              "模型中没有策略指定的梯级"));
    else if (*tdl_told_text(answer, "fallback"))
        printf("%s: %s\n", tdl_tr("by popularity", "由热门回答"),
               tdl_told_text(answer, "fallback"));
}

static tdl_status ask(tdl_loop *loop, const surface_values *v, tdl_arena *arena, tdl_buf *answer,
                      tdl_report *why)
{
    json_t *question = NULL;
    tdl_jw w = {.out = answer};
    bool must_wait = false;
    tdl_decision decision;
    tdl_status st = question_of(v, &question, why);

    if (!st) {
        const tdl_ask asked = {.user = tdl_str_of(v->user),
                               .question = question,
                               .may_wait = true,
                               .ret_must_wait = &must_wait,
                               .time_us = tdl_time_now()};
        tdl_jw_object(&w);
        st = tdl_loop_decide(loop, "recommend", &asked, arena, &decision, &w, why);
    }
    json_decref(question);
    if (st)
        return st;
    tdl_jw_ktext(&w, "decision_id", decision.id);
    tdl_jw_end_object(&w);
    if (!(st = tdl_told(answer, v->common.json, print_slate, why)) && !v->common.json)
        printf("%s %s\n", tdl_tr("decision", "决策"), decision.id);
    return st;
}

static tdl_status run_ask(const void *values, char **arguments, tdl_report *why)
{
    const surface_values *v = values;
    tdl_loop *loop = NULL;
    tdl_arena *arena = tdl_arena_new(ARENA_BYTES);
    tdl_buf answer = {0};
    tdl_status st;

    TDL_UNUSED(arguments);
    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (!(st = tdl_open_loop(&v->common, 1, &loop, why)))
        st = ask(loop, v, arena, &answer, why);
    tdl_loop_close(loop);
    tdl_buf_release(&answer);
    tdl_arena_free(arena);
    return st;
}

/* ---- the surfaces there are ---- */

/* "auto", or names with commas. */
static void name_rungs(const json_t *rungs, tdl_buf *ret)
{
    const json_t *one;
    size_t i;

    if (!json_is_array(rungs))
        tdl_buf_text(ret, "auto");
    json_array_foreach(rungs, i, one)
        tdl_buf_printf(ret, "%s%s", i ? "," : "", json_string_value(one));
}

static void print_surfaces(const json_t *surfaces)
{
    static const char *const kinds[] = {"boost", "bury", "pin", "cap", "slots"};
    const json_t *one;
    size_t i;

    printf("%-16s  %-8s  %8s  %6s  %-24s  %s\n", tdl_tr("surface", "推荐位"),
           tdl_tr("kind", "类型"), tdl_tr("version", "版本"), tdl_tr("rules", "规则"),
           tdl_tr("rungs", "梯级"), tdl_tr("only items with", "物品条件"));
    json_array_foreach(surfaces, i, one)
    {
        const json_t *policy = json_object_get(one, "effective");
        size_t rules = 0;
        tdl_buf rungs = {0};
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            rules += json_array_size(json_object_get(policy, kinds[k]));
        name_rungs(json_object_get(policy, "rungs"), &rungs);
        printf("%-16s  %-8s  %8.0f  %6zu  %-24.*s  %s\n", tdl_told_text(one, "name"),
               tdl_told_text(one, "kind"), tdl_told_number(one, "version"), rules,
               TDL_FMT(tdl_buf_view(&rungs)), tdl_told_text(policy, "where"));
        tdl_buf_release(&rungs);
    }
}

static tdl_status run_surfaces(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    tdl_loop *loop = NULL;
    tdl_buf answer = {0};
    tdl_jw w = {.out = &answer};
    tdl_status st;

    TDL_UNUSED(arguments);
    if ((st = tdl_open_loop(common, 1, &loop, why)))
        return st;
    if (common->json) { // the same object as the API's
        tdl_jw_object(&w);
        tdl_jw_key(&w, "surfaces");
    }
    st = tdl_loop_settings(loop, "recommend", (tdl_str){0}, NULL, &w, why);
    if (common->json)
        tdl_jw_end_object(&w);
    if (!st)
        st = tdl_told(&answer, common->json, print_surfaces, why);
    tdl_buf_release(&answer);
    tdl_loop_close(loop);
    return st;
}

const tdl_command tdl_command_recommend_surfaces = {
    .name = "recommend surfaces",
    .values_size = sizeof(tdl_common),
    .summary = {"the places of the product, and their policies", "产品中的推荐位及其策略"},
    .examples = "  treadle recommend surfaces\n"
                "  treadle recommend surfaces --json\n",
    .run = run_surfaces,
};

const tdl_command tdl_command_recommend = {
    .name = "recommend",
    .values_size = sizeof(surface_values),
    .options = surface_options,
    .options_n = sizeof surface_options / sizeof surface_options[0],
    .summary = {"what stands on a surface for a user, and why", "某推荐位为用户展示什么及其原因"},
    .examples = "  treadle recommend --user u42 --surface home -k 10\n"
                "  treadle recommend --surface cart --items 85123A,22423 --json\n",
    .run = run_ask,
};
