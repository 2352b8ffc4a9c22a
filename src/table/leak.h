#ifndef TDL_TABLE_LEAK_H
#define TDL_TABLE_LEAK_H
#include <stdlib.h>
#include "table/prepare.h"
typedef enum { TDL_LEAK_TARGET, TDL_LEAK_ID, TDL_LEAK_FUTURE, TDL_LEAK_CONSTANT, TDL_LEAK_DUPLICATE } tdl_leak_kind;
typedef struct { size_t column; tdl_leak_kind kind; double score; size_t other; } tdl_leak;
typedef struct { tdl_leak *leak; size_t n; } tdl_leaks;
static inline void tdl_leaks_release(tdl_leaks *l) { (void)l; }
#define tdl_leaks_find(...) TDL_OK
#define tdl_frame_duplicates(...) TDL_OK
static inline const char *tdl_leak_name(tdl_leak_kind k) { (void)k; return ""; }
#endif
