#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/timestamp.h"

enum { PAIRS_MAX = 4096, LINE_LIMIT = 64 << 10 };

static tdl_log_level lowest_level = TDL_LOG_INFO;
static bool as_json;

static const struct {
    const char *text, *json;
} level_names[] = {
    [TDL_LOG_DEBUG] = {"DEBUG", "debug"},
    [TDL_LOG_INFO] = {"INFO", "info"},
    [TDL_LOG_WARN] = {"WARN", "warn"},
    [TDL_LOG_ERROR] = {"ERROR", "error"},
};

void tdl_log_setup(tdl_log_level lowest, bool json)
{
    lowest_level = lowest;
    as_json = json;
}

const char *tdl_log_quote(tdl_str value, char ret[TDL_LOG_QUOTE_MAX])
{
    tdl_buf quoted = {.limit = TDL_LOG_QUOTE_MAX - 1};
    tdl_jw w = {.out = &quoted};

    tdl_jw_str(&w, value);
    while (quoted.failed && value.len) { /* cut, between two code points */
        value.len -= value.len > TDL_LOG_QUOTE_MAX ? value.len - TDL_LOG_QUOTE_MAX : 1;
        while (value.len && ((unsigned char)value.at[value.len] & 0xC0) == 0x80)
            value.len--;
        tdl_buf_clear(&quoted);
        tdl_jw_str(&w, value);
    }
    memcpy(ret, quoted.failed ? "\"\"" : quoted.at, quoted.failed ? 3 : quoted.len + 1);
    tdl_buf_release(&quoted);
    return ret;
}

/* End of the value at `from`: the blank after it, or the closing quote. */
static size_t value_end(tdl_str text, size_t from)
{
    bool quoted = from < text.len && text.at[from] == '"';

    for (size_t i = from + quoted; i < text.len; i++) {
        if (quoted && text.at[i] == '\\')
            i++;
        else if (quoted && text.at[i] == '"')
            return i + 1;
        else if (!quoted && text.at[i] == ' ')
            return i;
    }
    return text.len;
}

/* What reads as a JSON scalar is one (a quoted text, 17, true); anything else is a text. */
static void add_value(tdl_jw *w, tdl_str value)
{
    json_t *scalar = NULL;

    if (!tdl_json_parse(value, TDL_JSON_LAST_WINS, &scalar, NULL) && !json_is_object(scalar) &&
        !json_is_array(scalar))
        tdl_jw_raw(w, value);
    else
        tdl_jw_str(w, value);
    json_decref(scalar);
}

/* `a=1 b="two words"` as members. What is not a pair is skipped up to the next blank. */
static void add_pairs(tdl_jw *w, tdl_str pairs)
{
    char key[64];
    size_t at = 0;

    while (at < pairs.len) {
        size_t from = at, end;

        while (at < pairs.len && pairs.at[at] != '=' && pairs.at[at] != ' ')
            at++;
        if (at == pairs.len || pairs.at[at] == ' ' || at - from >= sizeof key) {
            at += at < pairs.len;
            continue;
        }
        memcpy(key, pairs.at + from, at - from);
        key[at - from] = '\0';
        end = value_end(pairs, at + 1);
        tdl_jw_key(w, key);
        add_value(w, (tdl_str){pairs.at + at + 1, end - at - 1});
        at = end;
    }
}

static void add_json_line(tdl_buf *line, tdl_log_level level, const char *event, tdl_str pairs)
{
    tdl_jw w = {.out = line};

    tdl_jw_object(&w);
    tdl_jw_ktime(&w, "time", tdl_time_now());
    tdl_jw_ktext(&w, "level", level_names[level].json);
    tdl_jw_ktext(&w, "event", event);
    add_pairs(&w, pairs);
    tdl_jw_end_object(&w);
}

static void add_text_line(tdl_buf *line, tdl_log_level level, const char *event, tdl_str pairs)
{
    char now[TDL_TIME_TEXT_MAX];

    tdl_time_format(tdl_time_now(), now);
    tdl_buf_printf(line, "%s %s %s", now, level_names[level].text, event);
    if (pairs.len)
        tdl_buf_char(line, ' ');
    tdl_buf_str(line, pairs);
    for (size_t i = 0; i < line->len; i++) /* nobody forges a second line */
        if ((unsigned char)line->at[i] < ' ' || line->at[i] == 0x7F)
            line->at[i] = ' ';
}

/* One write, so that lines of several threads do not mix. */
static void put_line(tdl_log_level level, const char *event, tdl_str pairs)
{
    tdl_buf line = {.limit = LINE_LIMIT};
    ssize_t done;

    if (as_json)
        add_json_line(&line, level, event, pairs);
    else
        add_text_line(&line, level, event, pairs);
    tdl_buf_char(&line, '\n');
    if (!line.failed) {
        done = write(STDERR_FILENO, line.at, line.len);
        TDL_UNUSED(done); /* nowhere to complain */
    }
    tdl_buf_release(&line);
}

void tdl_log(tdl_log_level level, const char *event, const char *format, ...)
{
    char pairs[PAIRS_MAX];
    va_list args;

    if (level < lowest_level)
        return;
    va_start(args, format);
    if (vsnprintf(pairs, sizeof pairs, format, args) < 0)
        pairs[0] = '\0';
    va_end(args);
    put_line(level, event, tdl_str_of(pairs));
}

void tdl_log_report(tdl_log_level level, const char *event, const tdl_report *why)
{
    char message[TDL_LOG_QUOTE_MAX], hint[TDL_LOG_QUOTE_MAX];

    tdl_log_quote(tdl_str_of(why->message), message);
    if (why->hint[0])
        tdl_log(level, event, "status=%s message=%s hint=%s", tdl_status_name(why->status), message,
                tdl_log_quote(tdl_str_of(why->hint), hint));
    else
        tdl_log(level, event, "status=%s message=%s", tdl_status_name(why->status), message);
}
