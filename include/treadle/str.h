/* A borrowed string: bytes and length, not NUL-terminated. {NULL, 0} is the empty string. */
#ifndef TREADLE_STR_H
#define TREADLE_STR_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct tdl_str {
    const char *at;
    size_t len;
} tdl_str;

#ifdef __cplusplus
}
#endif
#endif
