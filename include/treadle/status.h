/* Status codes and reports: how every fallible function of Treadle answers.
 *
 * A function that can fail returns `tdl_status` and takes `tdl_report *why` last. On failure the
 * report says what failed, on which input, and (in `hint`) what to do about it. A NULL report is
 * allowed. On success the report is left alone. The library never prints, exits or aborts on input.
 */
#ifndef TREADLE_STATUS_H
#define TREADLE_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default) /* all else in the library is hidden */

/* X(name, exit code of the command, HTTP status, text). The single source of all three. */
#define TDL_STATUS_MAP(X)                                                                          \
    X(OK, 0, 200, "ok")                                                                            \
    X(E_INVALID, 1, 400, "invalid input")                                                          \
    X(E_USAGE, 2, 400, "wrong usage")                                                              \
    X(E_UNAUTHORIZED, 1, 401, "missing or wrong key")                                              \
    X(E_FORBIDDEN, 1, 403, "this key may not do that")                                             \
    X(E_NOT_FOUND, 1, 404, "not found")                                                            \
    X(E_CONFLICT, 1, 409, "in conflict with what is there")                                        \
    X(E_TOO_LARGE, 1, 413, "too large")                                                            \
    X(E_CORRUPT, 1, 500, "damaged file")                                                           \
    X(E_INTERNAL, 1, 500, "internal error")                                                        \
    X(E_NO_MEMORY, 1, 503, "memory budget exceeded")                                               \
    X(E_FULL, 1, 503, "overloaded, retry later")                                                   \
    X(E_IO, 1, 503, "input/output error")                                                          \
    X(E_STOPPED, 1, 503, "stopped on request")                                                     \
    X(E_BAR, 3, 500, "a stated bar was not met")                                                   \
    X(E_RATE, 1, 429, "too many requests, retry later")

typedef enum tdl_status {
#define TDL_STATUS_ENUM(name, exit_code, http, text) TDL_##name,
    TDL_STATUS_MAP(TDL_STATUS_ENUM)
#undef TDL_STATUS_ENUM
} tdl_status;

/* What went wrong. Both texts are UTF-8, NUL-terminated, cut at a code point when too long. */
typedef struct tdl_report {
    tdl_status status;
    char message[512]; /* what failed, on which input */
    char hint[256];    /* what to do about it; may be empty */
} tdl_report;

/* Properties of a status. An unknown value answers as TDL_E_INTERNAL. */
const char *tdl_status_name(tdl_status status); /* "E_INVALID" */
const char *tdl_status_text(tdl_status status); /* "invalid input" */
int tdl_status_http(tdl_status status);
int tdl_status_exit(tdl_status status);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
