#include "cli/feedlog_reader.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/timestamp.h"
#include "cli/feedlog_parts.h"
#include "table/input.h"

bool tdl_feedlog_is_foreign(const char *path)
{
    static const char *const suffix[] = {".inter", "u.data", ".dat", ".seq", ".json"};

    for (size_t i = 0; i < sizeof suffix / sizeof suffix[0]; i++)
        if (tdl_input_has_suffix(path, suffix[i]))
            return true;
    return false;
}

bool tdl_feedlog_has_no_times(const char *path)
{
    return tdl_input_has_suffix(path, ".seq");
}

void tdl_feedlog_draw(tdl_feedlog *log, uint64_t taken, uint64_t total)
{
    if (log->options->progress)
        tdl_progress_draw(log->options->progress, "read", total ? (double)taken / (double)total : 0,
                          NULL);
}

/* ---- times ---- */

static const double MICROSECONDS_MAX = 9e18;

/* Whole or not, by its size. */
static tdl_status time_of_number(double number, int64_t *ret_us, tdl_report *why)
{
    double scale = number < 1e11 ? 1e6 : number < 1e14 ? 1e3 : 1;

    if (!(number >= 0) || number * scale > MICROSECONDS_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "time %g is before 1970 or has no end", number);
    *ret_us = (int64_t)llround(number * scale);
    return TDL_OK;
}

tdl_status tdl_feedlog_time(tdl_str text, int64_t *ret_us, tdl_report *why)
{
    static const char *const rest[] = {"", "Z", ":00Z", "T00:00:00Z"};
    double number;
    char whole[64];

    text = tdl_str_trim(text);
    if (tdl_str_double(text, &number))
        return time_of_number(number, ret_us, why);
    for (size_t i = 0; text.len < 40 && i < sizeof rest / sizeof rest[0]; i++) {
        snprintf(whole, sizeof whole, "%.*s%s", TDL_FMT(text), rest[i]);
        if (text.len > 10 && whole[10] == ' ')
            whole[10] = 'T';
        if (!tdl_time_parse(tdl_str_of(whole), ret_us, NULL))
            return TDL_OK;
    }
    return TDL_FAIL_HINT(why, TDL_E_INVALID,
                         "seconds since 1970, RFC 3339 and YYYY-MM-DD HH:MM:SS are times",
                         "\"%.*s\" is no time", TDL_FMT(text));
}

/* ---- rows ---- */

void tdl_feedlog_reject(tdl_feedlog *log, size_t line, const tdl_report *why)
{
    if (!log->result->rejected++)
        snprintf(log->result->first_reject, sizeof log->result->first_reject, "line %zu: %.480s",
                 line, why->message);
    if (log->options->rejected)
        log->options->rejected(log->context, line, why);
}

static tdl_status read_cells(const tdl_str *cell, tdl_feedlog_row *row, tdl_report *why)
{
    size_t bad;

    if (!tdl_str_utf8(row->title, &bad))
        row->title.len = 0; // the event is sound
    for (size_t f = 0; f < TDL_FEEDLOG_TITLE; f++)
        if (!tdl_str_utf8(cell[f], &bad))
            return TDL_FAIL(why, TDL_E_INVALID, "%s: byte %zu is not UTF-8",
                            tdl_feedlog_field_name[f], bad + 1);
    if (!row->item.len)
        return TDL_FAIL(why, TDL_E_INVALID, "no item");
    if (!row->user.len && !row->order.len)
        return TDL_FAIL(why, TDL_E_INVALID, "neither a user nor an order");
    if (cell[TDL_FEEDLOG_VALUE].len) {
        if (!tdl_str_double(tdl_str_trim(cell[TDL_FEEDLOG_VALUE]), &row->value))
            return TDL_FAIL(why, TDL_E_INVALID, "value \"%.*s\" is not a number",
                            TDL_FMT(cell[TDL_FEEDLOG_VALUE]));
        row->has_value = true;
    }
    if (cell[TDL_FEEDLOG_TIME].len)
        return tdl_feedlog_time(cell[TDL_FEEDLOG_TIME], &row->time_us, why);
    return TDL_OK;
}

tdl_status tdl_feedlog_cells(tdl_feedlog *log, const tdl_str *cell, size_t line, tdl_report *why)
{
    tdl_feedlog_row row = {.user = tdl_str_trim(cell[TDL_FEEDLOG_USER]),
                           .item = tdl_str_trim(cell[TDL_FEEDLOG_ITEM]),
                           .order = tdl_str_trim(cell[TDL_FEEDLOG_ORDER]),
                           .kind = tdl_str_trim(cell[TDL_FEEDLOG_KIND]),
                           .segment = tdl_str_trim(cell[TDL_FEEDLOG_SEGMENT]),
                           .title = tdl_str_trim(cell[TDL_FEEDLOG_TITLE]),
                           .price = tdl_str_trim(cell[TDL_FEEDLOG_PRICE]),
                           .time_us = (int64_t)log->result->rows,
                           .line = line};
    const char *kind = log->options->kind;
    tdl_report bad = {0};
    tdl_status st;

    log->result->rows++;
    if (kind && kind[0] && !tdl_str_is(row.kind, kind)) {
        log->result->other++;
        return TDL_OK;
    }
    if (!(st = read_cells(cell, &row, &bad))) {
        bool untimed = log->result->timed && !cell[TDL_FEEDLOG_TIME].len;
        st = untimed ? TDL_FAIL(&bad, TDL_E_INVALID, "no time")
                     : log->take(log->context, &row, &bad);
    }
    if (st == TDL_E_INVALID) {
        tdl_feedlog_reject(log, line, &bad);
        return TDL_OK;
    }
    return st ? TDL_FAIL(why, st, "%s: line %zu: %s", log->options->path, line, bad.message)
              : TDL_OK;
}

tdl_status tdl_feedlog_read(const tdl_feedlog_options *options, tdl_feedlog_row_fn *take,
                            void *context, tdl_feedlog_result *ret, tdl_report *why)
{
    tdl_feedlog log = {.options = options, .take = take, .context = context, .result = ret};
    tdl_status st;

    *ret = (tdl_feedlog_result){.format = "", .timed = true};
    if ((st = tdl_feedlog_map(&log, why)))
        return st;
    if (tdl_input_has_suffix(options->path, ".csv") ||
        tdl_input_has_suffix(options->path, ".tsv") ||
        tdl_input_has_suffix(options->path, ".inter"))
        return tdl_feedlog_table(&log, why);
    if (tdl_feedlog_is_foreign(options->path) || tdl_input_has_suffix(options->path, ".jsonl") ||
        tdl_input_has_suffix(options->path, ".ndjson"))
        return tdl_feedlog_lines(&log, why);
    return TDL_FAIL_HINT(why, TDL_E_USAGE,
                         "name it .csv, .tsv, .inter, u.data, .dat, .seq, .json, .jsonl or "
                         ".ndjson; .gz or .zst may follow",
                         "%s: the name does not say what is in it", options->path);
}
