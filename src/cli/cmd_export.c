/* treadle export: stored events as lines that `treadle import` takes. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/timestamp.h"
#include "cli/commands.h"
#include "cli/event_json.h"
#include "cli/open_store.h"
#include "cli/whole_file.h"

typedef struct export_values {
    tdl_common common;
    const char *from, *until, *kind;
} export_values;

static const tdl_option export_options[] = {
    {"from",
     TDL_OPTION_TEXT,
     offsetof(export_values, from),
     "TIME",
     "",
     0,
     0,
     {"events at this time or later, RFC 3339", "从此时间起的事件，RFC 3339 格式"}},
    {"until",
     TDL_OPTION_TEXT,
     offsetof(export_values, until),
     "TIME",
     "",
     0,
     0,
     {"events before this time", "早于此时间的事件"}},
    {"kind",
     TDL_OPTION_TEXT,
     offsetof(export_values, kind),
     "KIND",
     "",
     0,
     0,
     {"events of this kind only", "仅限该类型的事件"}},
};

/* What is to be written, and how far it is. */
typedef struct export_range {
    int64_t from_us, until_us;
    tdl_str kind; /* empty = all */
} export_range;

static tdl_status read_time(const char *option, const char *text, int64_t fallback_us,
                            int64_t *ret_us, tdl_report *why)
{
    tdl_status st = TDL_OK;

    *ret_us = fallback_us;
    if (*text && (st = tdl_time_parse(tdl_str_of(text), ret_us, why)))
        tdl_report_prefix(why, "--%s", option);
    return st;
}

static tdl_status write_event(const tdl_event *event, tdl_buf *line, FILE *out, tdl_report *why)
{
    tdl_jw w = {.out = line};

    tdl_buf_clear(line);
    tdl_event_write(&w, event);
    tdl_buf_char(line, '\n');
    if (line->failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    return fwrite(line->at, 1, line->len, out) == line->len
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_IO, "writing: %s", strerror(errno));
}

typedef struct exporting {
    tdl_store *store;
    export_range range;
    size_t n; /* written */
} exporting;

static tdl_status write_events(void *context, FILE *out, tdl_report *why)
{
    exporting *x = context;
    tdl_scan *scan = NULL;
    tdl_buf line = {0};
    tdl_event event;
    bool more = true;
    tdl_status st = tdl_scan_open(x->store, x->range.from_us, TDL_PURPOSE_SHARING, &scan, why);

    while (!st && !(st = tdl_scan_next(scan, &event, NULL, &more, why)) && more &&
           event.time_us < x->range.until_us) {
        if (x->range.kind.len && !tdl_str_eq(event.kind, x->range.kind))
            continue;
        st = write_event(&event, &line, out, why);
        x->n += !st;
    }
    tdl_scan_close(scan);
    tdl_buf_release(&line);
    return st;
}

static tdl_status run_export(const void *values, char **arguments, tdl_report *why)
{
    const export_values *v = values;
    exporting x = {.range.kind = tdl_str_of(v->kind)};
    tdl_status st;

    if ((st = read_time("from", v->from, 0, &x.range.from_us, why)) ||
        (st = read_time("until", v->until, INT64_MAX, &x.range.until_us, why)))
        return st;
    if ((st = tdl_open_store(&v->common, true, &x.store, why)))
        return st;
    if (!(st = tdl_note_file(&v->common, "export", arguments[0], why)))
        st = tdl_whole_file_or_stdout(arguments[0], write_events, &x, why);
    tdl_store_close(x.store);
    if (!st && strcmp(arguments[0], "-")) {
        if (v->common.json)
            printf("{\"events\":%zu}\n", x.n);
        else
            printf(tdl_tr("%zu events written to %s\n", "已将 %zu 个事件写入 %s\n"), x.n,
                   arguments[0]);
    }
    return st;
}

const tdl_command tdl_command_export = {
    .name = "export",
    .arguments = "FILE",
    .arguments_n = 1,
    .values_size = sizeof(export_values),
    .options = export_options,
    .options_n = sizeof export_options / sizeof export_options[0],
    .summary = {"write stored events as JSONL, \"-\" for standard output",
                "将事件导出为 JSONL，\"-\" 表示标准输出"},
    .examples = "  treadle export events.jsonl --from 2026-01-01T00:00:00Z\n"
                "  treadle export - --kind rating | zstd > ratings.jsonl.zst\n",
    .run = run_export,
};
