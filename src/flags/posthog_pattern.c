/* Regular expressions by PCRE2. Its dialect holds all of that which posthog-node itself evaluates
 * (ASCII, no look-around); the rest is ours alone to decide. Work is bounded, so that no pattern
 * and no text can hold a thread. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>

#include "flags/posthog_match.h"

enum { PATTERN_MAX = 4096, STEPS_MAX = 100000, DEPTH_MAX = 1000, HEAP_KIB = 4096 };

struct tdl_posthog_pattern {
    pcre2_code *code;
    pcre2_match_context *limits;
    tdl_posthog_pattern *next;
};

/* What PCRE2 would take and JavaScript does not: verbs, and a repeated \b. */
static bool is_foreign(tdl_str text)
{
    bool in_class = false;

    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i], next = i + 1 < text.len ? text.at[i + 1] : '\0';
        if (c == '\\') {
            char after = i + 2 < text.len ? text.at[i + 2] : '\0';
            if (!in_class && (next == 'b' || next == 'B') && after && strchr("*+?{", after))
                return true;
            i++;
        } else if (in_class) {
            in_class = c != ']';
        } else if (c == '(' && next == '*') {
            return true;
        } else {
            in_class = c == '[';
        }
    }
    return false;
}

tdl_posthog_pattern *tdl_posthog_pattern_new(tdl_str text, tdl_posthog_pattern **patterns)
{
    tdl_posthog_pattern *pattern;
    int code;
    PCRE2_SIZE at;

    if (text.len > PATTERN_MAX || is_foreign(text) || !(pattern = calloc(1, sizeof *pattern)))
        return NULL;
    pattern->code =
        pcre2_compile((PCRE2_SPTR)text.at, text.len,
                      PCRE2_UTF | PCRE2_NEVER_BACKSLASH_C | PCRE2_DOLLAR_ENDONLY, &code, &at, NULL);
    pattern->limits = pattern->code ? pcre2_match_context_create(NULL) : NULL;
    if (!pattern->limits) {
        tdl_posthog_patterns_free(pattern);
        return NULL;
    }
    pcre2_set_match_limit(pattern->limits, STEPS_MAX);
    pcre2_set_depth_limit(pattern->limits, DEPTH_MAX);
    pcre2_set_heap_limit(pattern->limits, HEAP_KIB);
    pattern->next = *patterns;
    *patterns = pattern;
    return pattern;
}

void tdl_posthog_patterns_free(tdl_posthog_pattern *patterns)
{
    while (patterns) {
        tdl_posthog_pattern *next = patterns->next;
        pcre2_code_free(patterns->code);
        pcre2_match_context_free(patterns->limits);
        free(patterns);
        patterns = next;
    }
}

tdl_tri tdl_posthog_pattern_match(const tdl_posthog_pattern *pattern, tdl_str text)
{
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);

    if (!data)
        return TDL_UNKNOWN;
    int found = pcre2_match(pattern->code, (PCRE2_SPTR)text.at, text.len, 0, PCRE2_NO_UTF_CHECK,
                            data, pattern->limits);
    pcre2_match_data_free(data);
    if (found >= 0)
        return TDL_YES;
    return found == PCRE2_ERROR_NOMATCH ? TDL_NO : TDL_UNKNOWN;
}
