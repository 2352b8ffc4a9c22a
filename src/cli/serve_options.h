/* The options of `treadle serve`, which `treadle config show` also takes. */
#ifndef TDL_CLI_SERVE_OPTIONS_H
#define TDL_CLI_SERVE_OPTIONS_H

#include "cli/command.h"

typedef struct tdl_serve_values {
    tdl_common common;
    const char *address, *log_level, *tls_cert, *tls_key, *trusted_proxy, *sse_origin, *retain_at;
    const char *personal;
    int64_t port, threads, ease_max_bytes;
    int64_t rate_per_key, rate_per_address, rate_burst; /* requests a second; requests */
    int64_t connections_max, connections_per_address;
    int64_t head_timeout, body_timeout, idle_timeout; /* seconds */
    bool access_log, log_json;
    bool origin; /* of config show only */
} tdl_serve_values;

enum { TDL_SERVE_OPTIONS_N = 21 };
/* Those of serve, then "origin", which config show has besides. */
extern const tdl_option tdl_serve_options[TDL_SERVE_OPTIONS_N + 1];

#endif
