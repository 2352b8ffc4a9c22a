/* Numbers and texts packed one after the other, little-endian: what decisions keep of themselves.
 * Reading asks for no more than there is.
 */
#ifndef TDL_APPS_RECOMMEND_PACKED_H
#define TDL_APPS_RECOMMEND_PACKED_H

#include "base/str.h"

/* The lowest `bytes` of value. Gives where the next piece goes. */
char *tdl_packed_put(char *at, uint64_t value, size_t bytes);

typedef struct tdl_packed {
    const char *at;
    size_t left;
    bool bad; /* more was asked for than there is */
} tdl_packed;

tdl_str tdl_packed_take(tdl_packed *c, size_t n);        /* borrowed; empty when bad */
uint64_t tdl_packed_number(tdl_packed *c, size_t bytes); /* 0 when bad */

#endif
