/* Log sink: one line per happening on stderr, `key=value` text or JSON. Used by the command line
 * and the server only; the library below them returns reports instead.
 *
 *     tdl_log(TDL_LOG_INFO, "listening", "address=%s port=%d", address, port);
 *
 * Values with blanks or quotes must be given with tdl_log_quote. Never log a key or a body.
 */
#ifndef TDL_BASE_LOG_H
#define TDL_BASE_LOG_H

#include <stdbool.h>

#include "base/report.h"

typedef enum tdl_log_level { TDL_LOG_DEBUG, TDL_LOG_INFO, TDL_LOG_WARN, TDL_LOG_ERROR } tdl_log_level;

void tdl_log_setup(tdl_log_level lowest, bool json); /* before threads start; default INFO, text */
void tdl_log(tdl_log_level level, const char *event, const char *format, ...) TDL_PRINTF(3, 4);
void tdl_log_report(tdl_log_level level, const char *event, const tdl_report *why);

#endif
