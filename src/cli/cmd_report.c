/* treadle report list | show | save | delete | run */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/open_store.h"
#include "insight/insight.h"

typedef struct report_values {
    tdl_common common;
    const char *query;
    bool csv;
} report_values;

static const tdl_option save_options[] = {
    {"query",
     TDL_OPTION_TEXT,
     offsetof(report_values, query),
     "FILE",
     "-",
     0,
     0,
     {"what it asks, a JSON object as of POST /v1/insights/query; - reads standard input",
      "查询内容，即 POST /v1/insights/query 的 JSON 对象；- 表示标准输入"}},
};

static const tdl_option run_options[] = {
    {"csv",
     TDL_OPTION_FLAG,
     offsetof(report_values, csv),
     NULL,
     NULL,
     0,
     0,
     {"print CSV (RFC 4180)", "输出 CSV（RFC 4180）"}},
};

/* ---- the store, and a report in it ---- */

typedef struct opened {
    tdl_store *store;
    tdl_arena *arena;
    tdl_saved_report *reports; /* [n] */
    size_t n;
} opened;

static tdl_status open_reports(const tdl_common *common, opened *o, tdl_report *why)
{
    tdl_status st;

    if (!(o->arena = tdl_arena_new(TDL_INSIGHT_BYTES)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if ((st = tdl_open_store(common, false, &o->store, why)))
        return st;
    return tdl_store_reports(o->store, o->arena, &o->reports, &o->n, why);
}

static void close_reports(opened *o)
{
    tdl_store_close(o->store);
    tdl_arena_free(o->arena);
}

/* By id, else by a name that only one has. NULL: there is none; then `why` says so. */
static const tdl_saved_report *find(const opened *o, const char *wanted, tdl_report *why)
{
    const tdl_saved_report *found = NULL;
    size_t named = 0;

    for (size_t i = 0; i < o->n; i++) {
        if (tdl_str_is(o->reports[i].id, wanted))
            return &o->reports[i];
        if (!tdl_str_is(o->reports[i].name, wanted))
            continue;
        found = &o->reports[i];
        named++;
    }
    if (named == 1)
        return found;
    TDL_FAIL_HINT(why, TDL_E_NOT_FOUND, "treadle report list shows what there is",
                  named ? "several reports are called \"%s\": give the id"
                        : "there is no report \"%s\"",
                  wanted);
    return NULL;
}

static void print_buf(tdl_buf *out, bool line)
{
    printf("%.*s%s", TDL_FMT(tdl_buf_view(out)), line ? "\n" : "");
    tdl_buf_release(out);
}

static void write_report(tdl_jw *w, const tdl_saved_report *report)
{
    tdl_jw_object(w);
    tdl_jw_kstr(w, "id", report->id);
    tdl_jw_kstr(w, "name", report->name);
    tdl_jw_kraw(w, "query", report->query);
    tdl_jw_ktime(w, "created", report->created_us);
    tdl_jw_ktime(w, "updated", report->updated_us);
    tdl_jw_end_object(w);
}

/* ---- list, show ---- */

static void print_list_json(const opened *o)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    tdl_jw_object(&w);
    tdl_jw_key(&w, "reports");
    tdl_jw_array(&w);
    for (size_t i = 0; i < o->n; i++)
        write_report(&w, &o->reports[i]);
    tdl_jw_end_array(&w);
    tdl_jw_end_object(&w);
    print_buf(&out, true);
}

static void print_list(const opened *o)
{
    printf("%-36s  %-20s  %s\n", "id", tdl_tr("updated", "更新时间"), tdl_tr("name", "名称"));
    for (size_t i = 0; i < o->n; i++) {
        char updated[TDL_TIME_TEXT_MAX];
        tdl_time_format(o->reports[i].updated_us / 1000000 * 1000000, updated);
        printf("%.*s  %-20s  %.*s\n", TDL_FMT(o->reports[i].id), updated,
               TDL_FMT(o->reports[i].name));
    }
}

static tdl_status run_list(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    opened o = {0};
    tdl_status st = open_reports(common, &o, why);

    TDL_UNUSED(arguments);
    if (!st && common->json)
        print_list_json(&o);
    else if (!st)
        print_list(&o);
    close_reports(&o);
    return st;
}

static tdl_status run_show(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    const tdl_saved_report *report = NULL;
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};
    opened o = {0};
    tdl_status st = open_reports(common, &o, why);

    if (!st && !(report = find(&o, arguments[0], why)))
        st = TDL_E_NOT_FOUND;
    if (report && common->json)
        write_report(&w, report);
    else if (report)
        tdl_buf_str(&out, report->query);
    if (report)
        print_buf(&out, true);
    close_reports(&o);
    return st;
}

/* ---- save, delete ---- */

static tdl_status read_query(const char *path, json_t **ret, tdl_report *why)
{
    bool standard = !strcmp(path, "-");
    FILE *file = standard ? stdin : fopen(path, "rb");
    tdl_buf text = {.limit = TDL_INSIGHT_QUERY_MAX + 1};
    char chunk[4096];
    size_t n;
    tdl_status st;

    if (!file)
        return TDL_FAIL(why, TDL_E_IO, "%s: cannot be opened", path);
    while (!text.failed && (n = fread(chunk, 1, sizeof chunk, file)) > 0)
        tdl_buf_add(&text, chunk, n);
    if (ferror(file))
        st = TDL_FAIL(why, TDL_E_IO, "%s: cannot be read", path);
    else if (text.failed)
        st =
            TDL_FAIL(why, TDL_E_TOO_LARGE, "%s: larger than %d bytes", path, TDL_INSIGHT_QUERY_MAX);
    else if ((st = tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, ret, why)))
        tdl_report_prefix(why, "%s", path);
    if (!standard)
        fclose(file);
    tdl_buf_release(&text);
    return st;
}

static void print_done(const tdl_common *common, const char *id, const char *field,
                       const char *words)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    if (!common->json) {
        printf("%s %s\n", words, id);
        return;
    }
    tdl_jw_object(&w);
    tdl_jw_ktext(&w, "id", id);
    tdl_jw_kbool(&w, field, true);
    tdl_jw_end_object(&w);
    print_buf(&out, true);
}

/* The one that is called so is changed; when none is, there is one more. */
static tdl_status save(const opened *o, const char *name, const json_t *query, char ret_id[37],
                       tdl_report *why)
{
    tdl_report missing = {0};
    const tdl_saved_report *same = find(o, name, &missing);
    size_t named = 0;

    for (size_t i = 0; i < o->n; i++)
        named += tdl_str_is(o->reports[i].name, name);
    if (!same && named)
        return TDL_FAIL_HINT(why, TDL_E_CONFLICT, "delete all but one by id", "%s",
                             missing.message);
    return tdl_insight_save(o->store, same ? same->id : (tdl_str){0},
                            same ? same->name : tdl_str_of(name), query, ret_id, why);
}

static tdl_status run_save(const void *values, char **arguments, tdl_report *why)
{
    const report_values *v = values;
    json_t *query = NULL;
    opened o = {0};
    char id[37];
    tdl_status st = read_query(v->query, &query, why);

    if (!st && !(st = open_reports(&v->common, &o, why)))
        st = save(&o, arguments[0], query, id, why);
    close_reports(&o);
    json_decref(query);
    if (!st)
        print_done(&v->common, id, "saved", tdl_tr("saved", "已保存"));
    return st;
}

static tdl_status run_delete(const void *values, char **arguments, tdl_report *why)
{
    const tdl_common *common = values;
    const tdl_saved_report *report = NULL;
    opened o = {0};
    tdl_status st = open_reports(common, &o, why);

    if (!st && !(report = find(&o, arguments[0], why)))
        st = TDL_E_NOT_FOUND;
    if (report && !(st = tdl_store_drop_report(o.store, report->id, why))) {
        char id[37];
        snprintf(id, sizeof id, "%.*s", TDL_FMT(report->id));
        print_done(common, id, "deleted", tdl_tr("deleted", "已删除"));
    }
    close_reports(&o);
    return st;
}

/* ---- run ---- */

static void write_cell(const tdl_cell *cell, tdl_buf *out)
{
    tdl_jw value = {.out = out};
    char time[TDL_TIME_TEXT_MAX];

    tdl_buf_clear(out);
    if (cell->type == TDL_CELL_TIME) {
        tdl_time_format(cell->time_us, time);
        tdl_buf_text(out, time);
    } else if (cell->type == TDL_CELL_NUMBER) {
        tdl_jw_number(&value, cell->number);
    } else {
        tdl_buf_str(out, cell->type == TDL_CELL_TEXT ? cell->text : TDL_STR("-"));
    }
}

static void print_table(const tdl_table *table)
{
    int width[sizeof table->columns / sizeof table->columns[0]] = {0};
    tdl_buf text = {0};

    for (size_t i = 0; i < table->columns_n; i++)
        width[i] = (int)strlen(table->columns[i]);
    for (size_t i = 0; i < table->rows_n * table->columns_n; i++) {
        write_cell(&table->cells[i], &text);
        int *w = &width[i % table->columns_n];
        *w = (int)text.len > *w ? (int)text.len : *w;
    }
    for (size_t i = 0; i < table->columns_n; i++)
        printf("%-*s%s", width[i], table->columns[i], i + 1 < table->columns_n ? "  " : "\n");
    for (size_t i = 0; i < table->rows_n * table->columns_n; i++) {
        size_t column = i % table->columns_n;
        bool number = table->cells[i].type == TDL_CELL_NUMBER;
        write_cell(&table->cells[i], &text);
        printf("%*.*s%s", number ? width[column] : -width[column], TDL_FMT(tdl_buf_view(&text)),
               column + 1 < table->columns_n ? "  " : "\n");
    }
    tdl_buf_release(&text);
}

static void print_answer(const report_values *v, const tdl_table *table)
{
    tdl_buf out = {0};
    tdl_jw w = {.out = &out};

    if (v->csv) {
        tdl_table_csv(table, &out);
        print_buf(&out, false);
    } else if (v->common.json) {
        tdl_table_json(table, &w);
        print_buf(&out, true);
    } else {
        print_table(table);
    }
}

static tdl_status run_run(const void *values, char **arguments, tdl_report *why)
{
    const report_values *v = values;
    const tdl_saved_report *report = NULL;
    json_t *query = NULL;
    tdl_table table;
    opened o = {0};
    tdl_status st = open_reports(&v->common, &o, why);

    if (!st && !(report = find(&o, arguments[0], why)))
        st = TDL_E_NOT_FOUND;
    if (!st && !(st = tdl_json_parse(report->query, TDL_JSON_LAST_WINS, &query, why)) &&
        !(st = tdl_insight(o.store, query, tdl_time_now() + 1, o.arena, &table, why)))
        print_answer(v, &table);
    json_decref(query);
    close_reports(&o);
    return st;
}

const tdl_command tdl_command_report_list = {
    .name = "report list",
    .values_size = sizeof(tdl_common),
    .summary = {"list saved reports", "列出已保存的报表"},
    .examples = "  treadle report list\n  treadle report list --json\n",
    .run = run_list,
};

const tdl_command tdl_command_report_show = {
    .name = "report show",
    .arguments = "REPORT",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"print what a report asks; REPORT is its name or id",
                "打印报表的查询；REPORT 为名称或 ID"},
    .examples = "  treadle report show \"weekly funnel\" > funnel.json\n",
    .run = run_show,
};

const tdl_command tdl_command_report_save = {
    .name = "report save",
    .arguments = "NAME",
    .arguments_n = 1,
    .values_size = sizeof(report_values),
    .options = save_options,
    .options_n = sizeof save_options / sizeof save_options[0],
    .summary = {"save a report, or change the one of that name", "保存报表，或修改同名的报表"},
    .examples =
        "  echo '{\"report\":\"trend\",\"last\":\"7d\"}' | treadle report save \"last week\"\n"
        "  treadle report save \"weekly funnel\" --query funnel.json\n",
    .run = run_save,
};

const tdl_command tdl_command_report_delete = {
    .name = "report delete",
    .arguments = "REPORT",
    .arguments_n = 1,
    .values_size = sizeof(tdl_common),
    .summary = {"delete a saved report", "删除已保存的报表"},
    .examples = "  treadle report delete \"last week\"\n",
    .run = run_delete,
};

const tdl_command tdl_command_report_run = {
    .name = "report run",
    .arguments = "REPORT",
    .arguments_n = 1,
    .values_size = sizeof(report_values),
    .options = run_options,
    .options_n = sizeof run_options / sizeof run_options[0],
    .summary = {"ask a saved report and print its table", "执行已保存的报表并打印结果"},
    .examples = "  treadle report run \"last week\"\n"
                "  treadle report run \"last week\" --csv > week.csv\n",
    .run = run_run,
};
