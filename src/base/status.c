#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/report.h"
#include "base/utf8.h"
#include "treadle/treadle.h"

static const struct status_row {
    const char *name;
    const char *text;
    int http, exit;
} status_rows[] = {
#define TDL_STATUS_ROW(name, exit_code, http, text) [TDL_##name] = {#name, text, http, exit_code},
    TDL_STATUS_MAP(TDL_STATUS_ROW)
#undef TDL_STATUS_ROW
};

static const struct status_row *row_of(tdl_status status)
{
    size_t at = (size_t)status;

    if (at >= sizeof status_rows / sizeof status_rows[0])
        at = TDL_E_INTERNAL;
    return &status_rows[at];
}

const char *tdl_status_name(tdl_status status)
{
    return row_of(status)->name;
}

const char *tdl_status_text(tdl_status status)
{
    return row_of(status)->text;
}

int tdl_status_http(tdl_status status)
{
    return row_of(status)->http;
}

int tdl_status_exit(tdl_status status)
{
    return row_of(status)->exit;
}

const char *tdl_version(void)
{
    return TDL_VERSION;
}

/* Copy as much of `text` as fits, whole code points only; a byte that is not UTF-8 becomes '?',
 * because messages quote hostile input and end up in JSON. */
static void copy_utf8(char *ret, size_t size, const char *text)
{
    size_t len = strlen(text), out = 0;

    for (size_t i = 0; i < len;) {
        size_t n = tdl_utf8_step(text + i, len - i);
        size_t taken = n ? n : 1;

        if (out + taken >= size)
            break;
        if (n)
            memcpy(ret + out, text + i, n);
        else
            ret[out] = '?';
        out += taken;
        i += taken;
    }
    ret[out] = '\0';
}

/* Long enough that a message is only ever cut by copy_utf8, between two code points. */
enum { SCRATCH = 2 * sizeof((tdl_report){0}.message) };

tdl_status tdl_report_set(tdl_report *why, tdl_status status, const char *hint, const char *format,
                          ...)
{
    char message[SCRATCH], advice[SCRATCH]; /* the arguments may point into `why` */
    va_list args;

    if (!why)
        return status;
    va_start(args, format);
    if (vsnprintf(message, sizeof message, format, args) < 0)
        message[0] = '\0';
    va_end(args);
    copy_utf8(advice, sizeof advice, hint ? hint : "");
    why->status = status;
    copy_utf8(why->message, sizeof why->message, message);
    copy_utf8(why->hint, sizeof why->hint, advice);
    return status;
}

void tdl_report_prefix(tdl_report *why, const char *format, ...)
{
    char context[SCRATCH], message[2 * SCRATCH];
    va_list args;

    if (!why)
        return;
    va_start(args, format);
    if (vsnprintf(context, sizeof context, format, args) < 0)
        context[0] = '\0';
    va_end(args);
    snprintf(message, sizeof message, "%s: %s", context, why->message);
    copy_utf8(why->message, sizeof why->message, message);
}
