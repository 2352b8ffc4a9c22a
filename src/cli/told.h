/* What an app wrote as JSON, told to people. */
#ifndef TDL_CLI_TOLD_H
#define TDL_CLI_TOLD_H

#include "base/json.h"

const char *tdl_told_text(const json_t *object, const char *member); /* "": none */
double tdl_told_number(const json_t *object, const char *member);    /* 0: none */

/* As it is, a line; or parsed, by `print`. */
tdl_status tdl_told(const tdl_buf *answer, bool json, void (*print)(const json_t *parsed),
                    tdl_report *why);

#endif
