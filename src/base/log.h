/* Log sink: one line per happening on stderr, `key=value` text or JSON. Used by the command line
 * and the server only; the library below them returns reports instead.
 *
 *     tdl_log(TDL_LOG_INFO, "listening", "address=%s port=%d", address, port);
 *     tdl_log(TDL_LOG_WARN, "slow", "path=%s ms=%d", tdl_log_quote(path, quoted), ms);
 *
 * Values with blanks or quotes, and any text from outside, must be given with tdl_log_quote. Never
 * log a key or a body. A line is one write; control characters in it become blanks.
 */
#ifndef TDL_BASE_LOG_H
#define TDL_BASE_LOG_H

#include <stdbool.h>

#include "base/report.h"
#include "treadle/str.h"

typedef enum tdl_log_level {
    TDL_LOG_DEBUG,
    TDL_LOG_INFO,
    TDL_LOG_WARN,
    TDL_LOG_ERROR
} tdl_log_level;

void tdl_log_setup(tdl_log_level lowest, bool json); /* before threads start; default INFO, text */
void tdl_log(tdl_log_level level, const char *event, const char *format, ...) TDL_PRINTF(3, 4);
void tdl_log_report(tdl_log_level level, const char *event, const tdl_report *why);

/* Room for any report's message with its quotes and line ends escaped. */
enum { TDL_LOG_QUOTE_MAX = 1200 };

/* `value` in double quotes, escaped as in JSON, cut at a code point when too long; gives `ret`. */
const char *tdl_log_quote(tdl_str value, char ret[TDL_LOG_QUOTE_MAX]);

#endif
