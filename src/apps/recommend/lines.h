/* Lines of text that are sorted and digested: how a set of targets is named so that two programs
 * can tell that they measure the same. */
#ifndef TDL_APPS_RECOMMEND_LINES_H
#define TDL_APPS_RECOMMEND_LINES_H

#include "base/arena.h"
#include "base/str.h"

typedef struct tdl_lines { /* a zeroed one is empty */
    tdl_arena *bytes;
    tdl_str *line; /* [n] */
    size_t n, cap;
} tdl_lines;

void tdl_lines_release(tdl_lines *lines);           /* accepts a zeroed one */
bool tdl_lines_add(tdl_lines *lines, tdl_str line); /* copied; false: no memory */
void tdl_lines_sort(tdl_lines *lines);              /* by bytes */
unsigned long tdl_lines_crc32(tdl_lines *lines);    /* sorted, joined by line ends */

#endif
