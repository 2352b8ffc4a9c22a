/* Patterns of slice names. `*` stands for any text, also none. */
#ifndef TDL_NN_PATTERN_H
#define TDL_NN_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

enum { TDL_PATTERN_STARS_MAX = 8 };

typedef struct tdl_capture {
    const char *at; /* in the text */
    size_t len;
} tdl_capture;

/* Does `text` fit? A star takes as little as it can; only the last one may have to take more.
 *   ret_star  [TDL_PATTERN_STARS_MAX] what the first stars stand for; may be NULL */
bool tdl_pattern_fits(const char *pattern, const char *text, tdl_capture *ret_star);

#endif
