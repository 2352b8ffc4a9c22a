/* treadle privacy export | erase | verify-receipt: one person */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/open_store.h"
#include "cli/whole_file.h"
#include "store/erase.h"
#include "store/person_data.h"

enum { ARENA_BYTES = 16 << 20, RECEIPT_MAX = 1 << 20 };

/* ---- export ---- */

typedef struct export_values {
    tdl_common common;
    const char *out;
} export_values;

static const tdl_option export_options[] = {
    {"out",
     TDL_OPTION_TEXT,
     offsetof(export_values, out),
     "FILE",
     "-",
     0,
     0,
     {"where to, readable by its owner only; - is standard output",
      "输出文件，仅所有者可读；- 表示标准输出"}},
};

typedef struct exporting {
    tdl_loop *loop;
    const char *user;
    FILE *out;
    size_t lines_n;
} exporting;

static tdl_status take_line(void *context, tdl_str line, tdl_report *why)
{
    exporting *x = context;

    if (fwrite(line.at, 1, line.len, x->out) != line.len || fputc('\n', x->out) == EOF)
        return TDL_FAIL(why, TDL_E_IO, "writing: %s", strerror(errno));
    x->lines_n++;
    return TDL_OK;
}

static tdl_status explain(void *context, const tdl_decision *decision, tdl_jw *out, tdl_report *why)
{
    const exporting *x = context;

    return tdl_loop_explain(x->loop, decision, out, why);
}

static tdl_status write_lines(void *context, FILE *out, tdl_report *why)
{
    exporting *x = context;
    const tdl_person_sink sink = {.line = take_line, .explain = explain, .context = x};

    x->out = out;
    return tdl_store_export_person(tdl_loop_store(x->loop), tdl_str_of(x->user), &sink, why);
}

static tdl_status run_export(const void *values, char **arguments, tdl_report *why)
{
    const export_values *v = values;
    exporting x = {.user = arguments[0]};
    bool to_file = strcmp(v->out, "-") != 0;
    tdl_status st = tdl_open_loop(&v->common, 1, &x.loop, why);

    if (st)
        return st;
    st = tdl_whole_file_or_stdout(v->out, write_lines, &x, why);
    tdl_loop_close(x.loop);
    if (!st && to_file && v->common.json)
        printf("{\"lines\":%zu}\n", x.lines_n);
    else if (!st && to_file)
        printf(tdl_tr("%zu lines in %s\n", "%zu 行，写入 %s\n"), x.lines_n, v->out);
    return st;
}

/* ---- what a receipt says ---- */

static void print_time(const char *label, int64_t time_us)
{
    char text[TDL_TIME_TEXT_MAX] = "-";

    if (time_us)
        tdl_time_format(time_us, text);
    printf("%s %s\n", label, text);
}

static void print_rows(const json_t *receipt)
{
    json_t *rows = json_object_get(receipt, "rows"), *n;
    const char *table;

    printf("%s", tdl_tr("rows removed:", "删除行数："));
    json_object_foreach(rows, table, n) printf(" %s=%lld", table, (long long)json_integer_value(n));
    printf("\n");
}

static void print_receipt(const json_t *json)
{
    const json_t *receipt = json_object_get(json, "receipt");
    tdl_str text = {0};
    int64_t removed_us = 0, done_us = 0;

    tdl_json_get_str(receipt, "request", &text);
    printf("%s %.*s\n", tdl_tr("request:", "请求："), TDL_FMT(text));
    tdl_json_get_str(receipt, "subject", &text);
    printf("%s %.*s\n", tdl_tr("subject:", "主体："), TDL_FMT(text));
    tdl_json_get_int(receipt, "removed", &removed_us);
    print_time(tdl_tr("removed:", "删除时间："), removed_us);
    tdl_json_get_int(receipt, "done", &done_us);
    print_time(tdl_tr("files clean:", "文件清理完成："), done_us);
    print_rows(receipt);
    if (tdl_json_get_str(json, "public_key", &text))
        printf("%s %.*s\n", tdl_tr("signed with:", "签名公钥："), TDL_FMT(text));
    else
        printf("%s\n", tdl_tr("not signed", "未签名"));
}

/* ---- erase ---- */

typedef struct erase_values {
    tdl_common common;
    const char *from, *until, *kind;
    int64_t backup_days;
    bool yes;
} erase_values;

static const tdl_option erase_options[] = {
    {"from",
     TDL_OPTION_TEXT,
     offsetof(erase_values, from),
     "TIME",
     "",
     0,
     0,
     {"only rows at this time or later, RFC 3339", "仅此时间起的数据，RFC 3339 格式"}},
    {"until",
     TDL_OPTION_TEXT,
     offsetof(erase_values, until),
     "TIME",
     "",
     0,
     0,
     {"only rows before this time", "仅早于此时间的数据"}},
    {"kind",
     TDL_OPTION_TEXT,
     offsetof(erase_values, kind),
     "KIND",
     "",
     0,
     0,
     {"only events of this kind", "仅该类型的事件"}},
    {"backup-days",
     TDL_OPTION_INT,
     offsetof(erase_values, backup_days),
     "N",
     "0",
     0,
     36500,
     {"for how many days backups are kept, for the receipt; 0 = not stated",
      "备份保留的天数，写入回执；0 表示不说明"}},
    {"yes",
     TDL_OPTION_FLAG,
     offsetof(erase_values, yes),
     NULL,
     NULL,
     0,
     0,
     {"it cannot be undone, and that is known", "确认：此操作无法撤销"}},
};

static tdl_status read_time(const char *option, const char *text, int64_t *ret_us, tdl_report *why)
{
    tdl_status st;

    if (!*text)
        return TDL_OK;
    if ((st = tdl_time_parse(tdl_str_of(text), ret_us, why)))
        tdl_report_prefix(why, "--%s", option);
    else if (*ret_us <= 0)
        st = TDL_FAIL(why, TDL_E_USAGE, "--%s must be later than 1970", option);
    return st;
}

static tdl_status print_erasure(const tdl_common *common, const tdl_erasure *e, tdl_report *why)
{
    json_t *json = NULL;
    tdl_status st;

    if (common->json) {
        printf("%.*s\n", TDL_FMT(e->receipt));
        return TDL_OK;
    }
    if ((st = tdl_json_parse(e->receipt, TDL_JSON_REFUSE_DUPLICATES, &json, why)))
        return st;
    print_receipt(json);
    json_decref(json);
    return TDL_OK;
}

static tdl_status erase(const erase_values *v, const tdl_erase_request *request, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(ARENA_BYTES);
    tdl_store *store = NULL;
    tdl_erasure erasure;
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    if (!(st = tdl_open_store(&v->common, false, &store, why)) &&
        !(st = tdl_store_erase(store, request, arena, &erasure, why)) &&
        !(st = print_erasure(&v->common, &erasure, why)) && !erasure.done)
        fprintf(stderr, "%s\n",
                tdl_tr("Somebody still reads an older state of the files. A running server cleans"
                       " them as soon as it can, else the next one to open the store does.",
                       "仍有程序在读取旧状态的文件。运行中的服务会尽快清理，否则由下一个打开存储的"
                       "程序清理。"));
    tdl_store_close(store);
    tdl_arena_free(arena);
    return st;
}

static tdl_status run_erase(const void *values, char **arguments, tdl_report *why)
{
    const erase_values *v = values;
    tdl_str kind = tdl_str_of(v->kind);
    tdl_erase_request request = {.user = tdl_str_of(arguments[0]),
                                 .kinds = &kind,
                                 .kinds_n = kind.len != 0,
                                 .backup_days = v->backup_days};
    tdl_status st;

    if ((st = read_time("from", v->from, &request.from_us, why)) ||
        (st = read_time("until", v->until, &request.until_us, why)))
        return st;
    if (!v->yes)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "say --yes to erase for good",
                             "nothing was erased: what is erased does not come back");
    return erase(v, &request, why);
}

/* ---- verify-receipt ---- */

typedef struct verify_values {
    tdl_common common;
    const char *key;
} verify_values;

static const tdl_option verify_options[] = {
    {"key",
     TDL_OPTION_TEXT,
     offsetof(verify_values, key),
     "HEX",
     "",
     0,
     0,
     {"the public key it must be signed with; without it, the one it names",
      "必须使用的签名公钥；默认为回执中的公钥"}},
};

static tdl_status verify(const verify_values *v, tdl_str text, tdl_report *why)
{
    json_t *json = NULL;
    tdl_status st;

    if ((st = tdl_receipt_verify(text, tdl_str_of(v->key), why)) ||
        (st = tdl_json_parse(text, TDL_JSON_REFUSE_DUPLICATES, &json, why)))
        return st;
    if (v->common.json)
        printf("{\"valid\":true,\"public_key\":\"%s\"}\n",
               json_string_value(json_object_get(json, "public_key")));
    else
        print_receipt(json);
    json_decref(json);
    return TDL_OK;
}

static tdl_status run_verify(const void *values, char **arguments, tdl_report *why)
{
    tdl_buf text = {0};
    tdl_status st = tdl_file_read(arguments[0], RECEIPT_MAX, &text, why);

    if (!st && (st = verify(values, tdl_buf_view(&text), why)))
        tdl_report_prefix(why, "%s", arguments[0]);
    tdl_buf_release(&text);
    return st;
}

const tdl_command tdl_command_privacy_export = {
    .name = "privacy export",
    .arguments = "USER",
    .arguments_n = 1,
    .values_size = sizeof(export_values),
    .options = export_options,
    .options_n = sizeof export_options / sizeof export_options[0],
    .summary = {"all that is stored about a person, as lines of JSON",
                "导出某用户的全部数据（每行一个 JSON 对象）"},
    .examples = "  treadle privacy export ann\n"
                "  treadle privacy export ann@example.com --out ann.jsonl\n",
    .run = run_export,
};

const tdl_command tdl_command_privacy_erase = {
    .name = "privacy erase",
    .arguments = "USER",
    .arguments_n = 1,
    .values_size = sizeof(erase_values),
    .options = erase_options,
    .options_n = sizeof erase_options / sizeof erase_options[0],
    .summary = {"erase a person, or part of what is stored, for good",
                "永久删除某用户的全部或部分数据"},
    .examples = "  treadle privacy erase ann --yes --json > receipt.json\n"
                "  treadle privacy erase ann --from 2026-01-01T00:00:00Z --until"
                " 2026-02-01T00:00:00Z --yes\n"
                "  treadle privacy erase ann --kind search --yes\n",
    .run = run_erase,
};

const tdl_command tdl_command_privacy_verify_receipt = {
    .name = "privacy verify-receipt",
    .arguments = "FILE",
    .arguments_n = 1,
    .values_size = sizeof(verify_values),
    .options = verify_options,
    .options_n = sizeof verify_options / sizeof verify_options[0],
    .summary = {"check the signature of an erasure's receipt, without any store",
                "校验删除回执的签名，不需要存储"},
    .examples = "  treadle privacy verify-receipt receipt.json\n"
                "  treadle privacy verify-receipt receipt.json --key 5f1c... --json\n",
    .run = run_verify,
};
