/* HTTP load on loopback from one thread: closed loop for throughput, open loop for latency.
 *
 * Latency in the open loop counts from when a request was due, not from when it could be sent, so a
 * server that stalls is charged for everybody who had to wait.
 */
#ifndef TDL_BENCH_LOAD_H
#define TDL_BENCH_LOAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/report.h"
#include "treadle/str.h"

typedef struct tdl_load_options {
    uint16_t port;
    const tdl_str *requests; /* [requests_n] whole HTTP/1.1 requests, sent in turn */
    size_t requests_n;
    unsigned connections; /* kept alive, 1..1024 */
    double rate;          /* requests a second; 0 = as fast as answers come */
    double seconds;       /* how long new requests are sent; or until `count` */
    size_t count;         /* stop after so many; 0 = by time alone */
} tdl_load_options;

typedef struct tdl_load_result {
    size_t answered, failed; /* failed: any status but 2xx; part of answered */
    double per_second, p50_us, p99_us;
} tdl_load_result;

tdl_status tdl_load_run(const tdl_load_options *options, tdl_load_result *ret, tdl_report *why);
/* The same; per_second counts what did not fail: past what the decision log can take a server
 * answers 503, which is no answer. */
tdl_status tdl_load_run_answered(const tdl_load_options *options, tdl_load_result *ret,
                                 tdl_report *why);

#endif
