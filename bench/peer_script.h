/* A peer that is a script: run, and what it printed. */
#ifndef TDL_BENCH_PEER_SCRIPT_H
#define TDL_BENCH_PEER_SCRIPT_H

#include <jansson.h>
#include <stdbool.h>

/* The JSON object that bench/peers/SCRIPT prints, run by Debian's python3 with up to two arguments
 * (NULL = none). NULL when there is no such script below the working folder, or when it failed:
 * the figure is then left out, which is said unless `quiet`. */
json_t *tdl_peer_ask(const char *script, const char *first, const char *second, bool quiet);

/* A number of that object; 0 when it is not there. */
double tdl_peer_number(const json_t *said, const char *key);

#endif
