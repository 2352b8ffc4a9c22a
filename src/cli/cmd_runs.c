/* treadle runs list | show | compare */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/runs_compare.h"

enum { ARENA_BUDGET = 64 << 20, COMPARED_MAX = 8, NEAR = 8 };

typedef struct list_values {
    tdl_common common;
    int64_t limit;
} list_values;

static const tdl_option list_options[] = {
    {"limit",
     TDL_OPTION_INT,
     offsetof(list_values, limit),
     "N",
     "20",
     1,
     TDL_RUNS_MAX,
     {"how many, newest first", "数量，从最新的开始"}},
};

static tdl_status make_arena(const tdl_common *common, tdl_arena **ret, tdl_report *why)
{
    struct stat info;

    if (stat(common->data, &info) || !S_ISDIR(info.st_mode))
        return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "--data DIR names the data folder",
                             "%s: there is no such data folder", common->data);
    *ret = tdl_arena_new(ARENA_BUDGET);
    return *ret ? TDL_OK : TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
}

static void print_json(const tdl_buf *out)
{
    printf("%s\n", out->at);
}

/* ---- finding one ---- */

static bool contains(tdl_str text, const char *part)
{
    return memmem(text.at, text.len, part, strlen(part)) != NULL;
}

static tdl_status no_such_run(const char *said, const tdl_run_row *rows, size_t n, tdl_report *why)
{
    char hint[160] = "treadle runs list shows what there is";
    size_t best = NEAR;

    for (size_t i = 0; i < n; i++) {
        size_t distance = tdl_str_distance(tdl_str_of(said), rows[i].id, best);
        if (distance < best) {
            best = distance;
            snprintf(hint, sizeof hint, "did you mean %.*s?", TDL_FMT(rows[i].id));
        }
    }
    return TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, hint, "there is no run %s", said);
}

/* By its id, or by any part of it that no other run has. */
static tdl_status find_run(const tdl_common *common, const char *said, tdl_arena *arena,
                           tdl_run_row *ret, tdl_report *why)
{
    tdl_run_row *rows;
    const tdl_run_row *found = NULL;
    size_t n, matches = 0;
    tdl_status st = tdl_runs_read(common->data, tdl_str_of(said), arena, ret, why);

    if (st != TDL_E_NOT_FOUND)
        return st;
    if ((st = tdl_runs_list(common->data, TDL_RUNS_MAX, arena, &rows, &n, NULL, why)))
        return st;
    for (size_t i = 0; i < n; i++)
        if (*said && contains(rows[i].id, said)) {
            found = &rows[i];
            matches++;
        }
    if (matches == 0)
        return no_such_run(said, rows, n, why);
    if (matches > 1)
        return TDL_FAIL_HINT(why, TDL_E_CONFLICT, "give more of its id",
                             "%zu runs have \"%s\" in their id", matches, said);
    return tdl_runs_read(common->data, found->id, arena, ret, why);
}

/* ---- list ---- */

static void print_list(const tdl_run_row *rows, size_t n, size_t skipped)
{
    printf("%-46s  %-8s  %-27s  %5s  %s\n", "id", tdl_tr("status", "状态"),
           tdl_tr("started", "开始时间"), tdl_tr("seed", "种子"), tdl_tr("best", "最佳"));
    for (size_t i = 0; i < n; i++) {
        char started[TDL_TIME_TEXT_MAX];
        tdl_time_format(rows[i].started_us, started);
        printf("%-46.*s  %-8s  %-27s  %5lld", TDL_FMT(rows[i].id),
               tdl_run_status_words(rows[i].status), started, (long long)rows[i].seed);
        if (rows[i].best_tag.len)
            printf("  %.*s %.5g", TDL_FMT(rows[i].best_tag), rows[i].best_value);
        putchar('\n');
    }
    if (skipped)
        fprintf(stderr,
                tdl_tr("%zu folders hold no readable run\n", "%zu 个目录中没有可读的运行记录\n"),
                skipped);
}

static void print_list_json(const tdl_run_row *rows, size_t n, size_t skipped)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_key(&w, "runs");
    tdl_jw_array(&w);
    for (size_t i = 0; i < n; i++) {
        tdl_jw_object(&w);
        tdl_run_write(&w, &rows[i]);
        tdl_jw_end_object(&w);
    }
    tdl_jw_end_array(&w);
    tdl_jw_kint(&w, "skipped", (int64_t)skipped);
    tdl_jw_end_object(&w);
    print_json(&out);
    tdl_buf_release(&out);
}

static tdl_status run_list(const void *values, char **arguments, tdl_report *why)
{
    const list_values *v = values;
    tdl_arena *arena = NULL;
    tdl_run_row *rows;
    size_t n, skipped;
    tdl_status st = make_arena(&v->common, &arena, why);

    TDL_UNUSED(arguments);
    if (st)
        return st;
    st = tdl_runs_list(v->common.data, (size_t)v->limit, arena, &rows, &n, &skipped, why);
    if (!st && v->common.json)
        print_list_json(rows, n, skipped);
    else if (!st)
        print_list(rows, n, skipped);
    tdl_arena_free(arena);
    return st;
}

/* ---- show ---- */

static void print_line(const char *name, tdl_str text)
{
    if (text.len)
        printf("%-12s %.*s\n", name, TDL_FMT(text));
}

static void print_time(const char *name, int64_t time_us)
{
    char text[TDL_TIME_TEXT_MAX];

    tdl_time_format(time_us, text);
    if (time_us)
        print_line(name, tdl_str_of(text));
}

static void print_run(const tdl_run_row *row, const tdl_curves *curves)
{
    print_line("id", row->id);
    print_line(tdl_tr("status", "状态"), tdl_str_of(tdl_run_status_words(row->status)));
    print_line(tdl_tr("stop reason", "停止原因"), row->stop_reason);
    print_line(tdl_tr("message", "信息"), row->message);
    print_time(tdl_tr("started", "开始时间"), row->started_us);
    print_time(tdl_tr("finished", "结束时间"), row->finished_us);
    printf("%-12s %lld\n", tdl_tr("seed", "种子"), (long long)row->seed);
    print_line(tdl_tr("config", "配置"), row->config);
    print_line(tdl_tr("system", "系统"), row->system);
    printf("\n  %-40s %8s %8s %11s %11s\n", tdl_tr("metric", "指标"), tdl_tr("points", "点数"),
           tdl_tr("step", "步"), tdl_tr("last", "末值"), tdl_tr("best", "最佳值"));
    for (size_t i = 0; i < curves->series_n; i++) {
        const tdl_series *s = curves->series[i];
        printf("  %-40s %8zu %8lld %11.5g %11.5g\n", s->tag, s->count, (long long)s->last.step,
               s->last.value, tdl_series_best(s)->value);
    }
    if (curves->skipped)
        fprintf(stderr, tdl_tr("%zu lines make no sense\n", "%zu 行无法读取\n"), curves->skipped);
}

static tdl_status print_run_json(const tdl_run_row *row, const tdl_curves *curves, tdl_report *why)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    tdl_status st = TDL_OK;

    tdl_jw_object(&w);
    tdl_jw_key(&w, "run");
    tdl_jw_object(&w);
    tdl_run_write(&w, row);
    tdl_jw_end_object(&w);
    tdl_curves_write(&w, curves);
    tdl_jw_end_object(&w);
    if (out.failed)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to show the run");
    else
        print_json(&out);
    tdl_buf_release(&out);
    return st;
}

static tdl_status run_show(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    tdl_curves curves = {0};
    tdl_arena *arena = NULL;
    tdl_run_row row;
    tdl_status st;

    if ((st = make_arena(common, &arena, why)))
        goto out;
    if ((st = find_run(common, arguments[0], arena, &row, why)))
        goto out;
    if ((st = tdl_runs_curves(common->data, row.id, 0, &curves, why)))
        goto out;
    if (common->json)
        st = print_run_json(&row, &curves, why);
    else
        print_run(&row, &curves);
out:
    tdl_curves_release(&curves);
    tdl_arena_free(arena);
    return st;
}

/* ---- compare ---- */

static tdl_status run_compare(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    tdl_curves curves[COMPARED_MAX] = {0};
    tdl_run_row row[COMPARED_MAX];
    tdl_arena *arena = NULL;
    size_t n = 0;
    tdl_status st = make_arena(common, &arena, why);

    for (; !st && arguments[n]; n++)
        if (!(st = find_run(common, arguments[n], arena, &row[n], why)))
            st = tdl_runs_curves(common->data, row[n].id, 0, &curves[n], why);
    if (!st)
        st = tdl_runs_compare(row, curves, n, common->json, why);
    for (size_t i = 0; i < COMPARED_MAX; i++)
        tdl_curves_release(&curves[i]);
    tdl_arena_free(arena);
    return st;
}

const tdl_command tdl_command_runs_list = {
    .name = "runs list",
    .values_size = sizeof(list_values),
    .options = list_options,
    .options_n = sizeof list_options / sizeof list_options[0],
    .summary = {"training runs, newest first", "列出训练运行，从最新的开始"},
    .examples = "  treadle runs list\n  treadle runs list --limit 5 --json\n",
    .run = run_list,
};

const tdl_command tdl_command_runs_show = {
    .name = "runs show",
    .arguments = "ID",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"one run: settings, end, metrics; a part of its id is enough",
                "一次运行的设置、结果与指标；给出 ID 的一部分即可"},
    .examples = "  treadle runs show recommend-0198c2a4-7d31-7c55-9a3e-52d1c0b7e6f4\n"
                "  treadle runs show 52d1c0b7e6f4 --json\n",
    .run = run_show,
};

const tdl_command tdl_command_runs_compare = {
    .name = "runs compare",
    .arguments = "A B [C ...]",
    .arguments_n = 2,
    .optional_n = COMPARED_MAX - 2,
    .values_size = sizeof(tdl_common),
    .summary = {"what differs between runs, and what came of it", "比较多次运行的设置与结果"},
    .examples = "  treadle runs compare 52d1c0b7e6f4 0a77c3e91b20\n"
                "  treadle runs compare 52d1c0b7e6f4 0a77c3e91b20 --json\n",
    .run = run_compare,
};
