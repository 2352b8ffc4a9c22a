/* A `treadle serve` of its own process, so that what it uses is its own. */
#ifndef TDL_BENCH_CHILD_H
#define TDL_BENCH_CHILD_H

#include <stdint.h>
#include <sys/types.h>

#include "base/report.h"
#include "cli/folder.h"

typedef struct tdl_child {
    pid_t pid;
    char folder[TDL_FOLDER_MAX];
    char url[64], admin_key[64];
    uint16_t port;
} tdl_child;

/* Start this same program as a server on a free port over a fresh temporary folder. */
tdl_status tdl_child_start(tdl_child *ret, tdl_report *why);
/* SIGTERM, wait, remove the folder. Accepts a zeroed child. */
void tdl_child_stop(tdl_child *child);
/* Resident memory now, in bytes; 0 when it cannot be read. */
/* CPU seconds that the server has used so far, to 10 ms. */
double tdl_child_cpu(const tdl_child *child);
double tdl_child_memory(const tdl_child *child);

#endif
