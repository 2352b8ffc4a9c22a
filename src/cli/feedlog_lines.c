/* Logs without a header: MovieLens' u.data and .dat, sequences, objects of JSON. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/feedlog_parts.h"
#include "cli/line_input.h"
#include "table/input.h"

enum { JSON_BYTES_MAX = 256 << 20, CHUNK = 64 << 10, NUMBER_BYTES = 32 };

/* user, item, rating, time */
static const tdl_feedlog_field rating_fields[] = {TDL_FEEDLOG_USER, TDL_FEEDLOG_ITEM,
                                                  TDL_FEEDLOG_VALUE, TDL_FEEDLOG_TIME};
enum { RATING_FIELDS = sizeof rating_fields / sizeof *rating_fields };

static tdl_status take_rating(tdl_feedlog *log, tdl_str line, const char *separator, size_t number,
                              tdl_report *why)
{
    tdl_str cell[TDL_FEEDLOG_FIELDS_N] = {0};
    size_t width = strlen(separator), n = 0;
    tdl_report bad = {0};

    while (n < RATING_FIELDS) {
        const char *end = line.len ? memmem(line.at, line.len, separator, width) : NULL;
        size_t len = end ? (size_t)(end - line.at) : line.len;
        cell[rating_fields[n++]] = (tdl_str){line.at, len};
        if (!end)
            break;
        line = (tdl_str){end + width, line.len - len - width};
    }
    if (n == RATING_FIELDS)
        return tdl_feedlog_cells(log, cell, number, why);
    TDL_FAIL(&bad, TDL_E_INVALID, "%zu fields where there should be %d: user, item, rating, time",
             n, (int)RATING_FIELDS);
    log->result->rows++;
    tdl_feedlog_reject(log, number, &bad);
    return TDL_OK;
}

/* A person named by the number of the line. */
static tdl_status take_sequence(tdl_feedlog *log, tdl_str line, size_t number, tdl_report *why)
{
    char user[NUMBER_BYTES];
    tdl_status st = TDL_OK;

    snprintf(user, sizeof user, "%zu", number);
    while (!st && line.len) {
        size_t n = 0;
        while (n < line.len && line.at[n] != ' ')
            n++;
        tdl_str cell[TDL_FEEDLOG_FIELDS_N] = {
            [TDL_FEEDLOG_USER] = tdl_str_of(user), [TDL_FEEDLOG_ITEM] = {line.at, n}};
        if (n)
            st = tdl_feedlog_cells(log, cell, number, why);
        n += n < line.len;
        line = (tdl_str){line.at + n, line.len - n};
    }
    return st;
}

/* ---- JSON ---- */

/* Strings as they are, numbers written out; anything else is absent. */
static tdl_str text_of(const json_t *value, char number[NUMBER_BYTES])
{
    if (json_is_string(value))
        return (tdl_str){json_string_value(value), json_string_length(value)};
    if (json_is_integer(value))
        snprintf(number, NUMBER_BYTES, "%lld", (long long)json_integer_value(value));
    else if (json_is_real(value))
        snprintf(number, NUMBER_BYTES, "%.15g", json_real_value(value));
    else
        return (tdl_str){0};
    return tdl_str_of(number);
}

static tdl_status take_object(tdl_feedlog *log, const json_t *object, size_t line, tdl_report *why)
{
    tdl_str cell[TDL_FEEDLOG_FIELDS_N] = {0};
    char number[TDL_FEEDLOG_FIELDS_N][NUMBER_BYTES];
    const char *key;
    json_t *value;
    tdl_report bad = {0};

    if (!json_is_object(object)) {
        TDL_FAIL(&bad, TDL_E_INVALID, "expected an object, found %s", tdl_json_type_name(object));
        log->result->rows++;
        tdl_feedlog_reject(log, line, &bad);
        return TDL_OK;
    }
    json_object_foreach((json_t *)object, key, value)
    {
        tdl_feedlog_field f = tdl_feedlog_field_of(log, tdl_str_of(key));
        if (f < TDL_FEEDLOG_FIELDS_N && !cell[f].len)
            cell[f] = text_of(value, number[f]);
    }
    return tdl_feedlog_cells(log, cell, line, why);
}

static tdl_status take_json_line(tdl_feedlog *log, tdl_str line, size_t number, tdl_report *why)
{
    json_t *object = NULL;
    tdl_report bad = {0};
    tdl_status st = tdl_json_parse(line, TDL_JSON_LAST_WINS, &object, &bad);

    if (st == TDL_E_NO_MEMORY)
        return TDL_FAIL(why, st, "%s", bad.message);
    if (st) {
        log->result->rows++;
        tdl_feedlog_reject(log, number, &bad);
        return TDL_OK;
    }
    st = take_object(log, object, number, why);
    json_decref(object);
    return st;
}

/* One array of objects, as gorse's REST interface answers: its rows are counted, not its lines. */
static tdl_status read_array(tdl_feedlog *log, tdl_report *why)
{
    tdl_input *input = NULL;
    tdl_buf text = {.limit = JSON_BYTES_MAX};
    char some[CHUNK / 16];
    size_t n = 1, i;
    json_t *array = NULL, *object;
    tdl_status st = tdl_input_open(log->options->path, &input, why);

    while (!st && n && !(st = tdl_input_read(input, some, sizeof some, &n, why)))
        tdl_buf_add(&text, some, n);
    if (!st && text.failed)
        st = TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "write one object a line and call it .jsonl",
                           "an array of more than %d MB", JSON_BYTES_MAX >> 20);
    if (!st)
        st = tdl_json_parse(tdl_buf_view(&text), TDL_JSON_LAST_WINS, &array, why);
    if (st)
        tdl_report_prefix(why, "%s", log->options->path);
    json_array_foreach(array, i, object)
    {
        if (st)
            break;
        st = take_object(log, object, i + 1, why);
    }
    json_decref(array);
    tdl_buf_release(&text);
    tdl_input_close(input);
    return st;
}

/* ---- the whole ---- */

typedef enum shape { TABS, COLONS, SEQUENCES, JSON } shape;

static shape shape_of(tdl_feedlog *log)
{
    const char *path = log->options->path;
    shape s = tdl_input_has_suffix(path, "u.data") ? TABS
              : tdl_input_has_suffix(path, ".dat") ? COLONS
              : tdl_input_has_suffix(path, ".seq") ? SEQUENCES
                                                   : JSON;

    log->result->format = s == JSON ? "json" : s == SEQUENCES ? "sequences" : "movielens";
    log->result->timed = s != SEQUENCES;
    return s;
}

static tdl_status take_line(tdl_feedlog *log, shape s, tdl_str line, size_t number, tdl_report *why)
{
    if (!tdl_str_trim(line).len)
        return TDL_OK;
    switch (s) {
    case TABS:
    case COLONS:
        return take_rating(log, line, s == TABS ? "\t" : "::", number, why);
    case SEQUENCES:
        return take_sequence(log, tdl_str_trim(line), number, why);
    default:
        return take_json_line(log, line, number, why);
    }
}

tdl_status tdl_feedlog_lines(tdl_feedlog *log, tdl_report *why)
{
    shape s = shape_of(log);
    tdl_line_input *in = NULL;
    tdl_str line;
    bool more = true, array = false;
    tdl_status st = tdl_line_input_open(log->options->path, &in, why);

    while (!st && !array && !(st = tdl_line_input_next(in, &line, &more, why)) && more) {
        array = s == JSON && tdl_line_input_line(in) == 1 && tdl_str_trim(line).len &&
                tdl_str_trim(line).at[0] == '[';
        if (!array)
            st = take_line(log, s, line, tdl_line_input_line(in), why);
        tdl_feedlog_draw(log, tdl_line_input_taken(in), tdl_line_input_total(in));
    }
    tdl_line_input_close(in);
    return array ? read_array(log, why) : st;
}
