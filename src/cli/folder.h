/* Temporary folders of the demo and the benchmarks. */
#ifndef TDL_CLI_FOLDER_H
#define TDL_CLI_FOLDER_H

#include "base/report.h"

enum { TDL_FOLDER_MAX = 64 };

/* Below TMPDIR (when short enough) or /tmp; mode 0700. */
tdl_status tdl_folder_temporary(char ret_path[TDL_FOLDER_MAX], tdl_report *why);
/* Remove it and all it holds; never follows links. */
void tdl_folder_remove(const char *path);

#endif
