/* A file that a command writes: made whole or not at all, readable by its owner only. */
#ifndef TDL_CLI_WHOLE_FILE_H
#define TDL_CLI_WHOLE_FILE_H

#include <stdio.h>

#include "base/report.h"

typedef tdl_status tdl_whole_file_fn(void *context, FILE *out, tdl_report *why);

/* `write` into a name beside `path`, which takes its place when all is well; straight into a device
 * or pipe. TDL_E_IO. */
tdl_status tdl_whole_file(const char *path, tdl_whole_file_fn *write, void *context,
                          tdl_report *why);
/* The same; "-" is standard output. */
tdl_status tdl_whole_file_or_stdout(const char *path, tdl_whole_file_fn *write, void *context,
                                    tdl_report *why);

#endif
