/* Filling in a tdl_report. See treadle/status.h for the contract.
 *
 *     return TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
 *     return TDL_FAIL_HINT(why, TDL_E_INVALID, "use --missing=median", "row %zu: ...", row);
 */
#ifndef TDL_BASE_REPORT_H
#define TDL_BASE_REPORT_H

#include "treadle/status.h"

#define TDL_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#define TDL_UNUSED(x)                  ((void)(x))

tdl_status tdl_report_set(tdl_report *why, tdl_status status, const char *hint, const char *format,
                          ...) TDL_PRINTF(4, 5);

/* `given`, in a form in which compilers and analysers see that a failure is never TDL_OK. */
static inline tdl_status tdl_report_done(tdl_status reported, tdl_status given)
{
    TDL_UNUSED(reported);
    return given;
}

/* Both evaluate to `status`, which must have no side effects. The hint is a plain text. */
#define TDL_FAIL(why, status, ...) TDL_FAIL_HINT((why), (status), "", __VA_ARGS__)
#define TDL_FAIL_HINT(why, status, hint, ...)                                                      \
    tdl_report_done(tdl_report_set((why), (status), (hint), __VA_ARGS__), (status))

/* Put "context: " before the message already there, so that a caller may name its input. */
void tdl_report_prefix(tdl_report *why, const char *format, ...) TDL_PRINTF(2, 3);

#endif
