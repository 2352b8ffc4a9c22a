#include "nn/pattern.h"

bool tdl_pattern_fits(const char *pattern, const char *text, tdl_capture *ret_star)
{
    tdl_capture ignored[TDL_PATTERN_STARS_MAX], *star = ret_star ? ret_star : ignored;
    const char *retry_pattern = NULL, *retry_text = NULL;
    size_t stars = 0;

    while (*text || *pattern) {
        if (*pattern == '*') {
            if (stars < TDL_PATTERN_STARS_MAX)
                star[stars] = (tdl_capture){text, 0};
            stars++;
            retry_pattern = ++pattern;
            retry_text = text;
        } else if (*pattern && *pattern == *text) {
            pattern++;
            text++;
        } else if (retry_pattern && *retry_text) {
            pattern = retry_pattern;
            text = ++retry_text;
            if (stars <= TDL_PATTERN_STARS_MAX)
                star[stars - 1].len++;
        } else {
            return false;
        }
    }
    return true;
}
