/* What conditions of flags compare: regular expressions of both families, versions, dates, spans.
 * The first byte chooses; two texts follow, parted by a line break: a pattern and a subject, or two
 * values whose order must be one. */
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "flags/javascript_regex.h"
#include "flags/posthog_match.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void match_javascript(tdl_str pattern, tdl_str text)
{
    for (int ignore_case = 0; ignore_case < 2; ignore_case++) {
        tdl_js_regex *regex = tdl_js_regex_new(pattern, ignore_case);
        if (regex && tdl_js_regex_test(regex, text) != tdl_js_regex_test(regex, text))
            abort();
        tdl_js_regex_free(regex);
    }
}

static void match_posthog(tdl_str pattern, tdl_str text)
{
    tdl_posthog_pattern *all = NULL;
    const tdl_posthog_pattern *one = tdl_posthog_pattern_new(pattern, &all);

    if (one && tdl_posthog_pattern_match(one, text) != tdl_posthog_pattern_match(one, text))
        abort();
    tdl_posthog_patterns_free(all);
}

static void compare_versions(tdl_str a, tdl_str b)
{
    tdl_posthog_version x, y, low, high;

    // past 2^53 one more is the same number, as in the SDK: nothing is in between
    if (tdl_posthog_wildcard_parse(a, &low, &high) && tdl_posthog_version_compare(&low, &high) > 0)
        abort();
    if (!tdl_posthog_version_parse(a, &x) || tdl_posthog_version_compare(&x, &x) != 0 ||
        !tdl_posthog_version_parse(b, &y))
        return;
    if (tdl_posthog_version_compare(&x, &y) != -tdl_posthog_version_compare(&y, &x))
        abort();
}

static void compare_texts(tdl_str a, tdl_str b)
{
    if (tdl_posthog_compare(a, b) != -tdl_posthog_compare(b, a) || tdl_posthog_compare(a, a) != 0)
        abort();
}

static void read_date(tdl_str text)
{
    json_t *value = json_stringn(text.at, text.len);
    tdl_posthog_ago ago;
    int64_t ms;
    double number;

    tdl_posthog_date(value, &ms);
    tdl_posthog_date_words(text, &ms);
    if (tdl_posthog_ago_parse(text, &ago) && ago.n < 0)
        abort(); // the sign is the reader's to drop
    if (tdl_posthog_ago_parse(text, &ago))
        tdl_posthog_ago_ms(ago, INT64_C(1795449172000));
    if (value && tdl_posthog_number(value, &number) && !isfinite(number))
        abort();
    json_decref(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *at = (const char *)data + 1;
    const char *end = size > 1 ? memchr(at, '\n', size - 1) : NULL;

    if (!end || !tdl_str_utf8((tdl_str){at, size - 1}, NULL) || memchr(at, 0, size - 1))
        return 0;
    tdl_str first = {at, (size_t)(end - at)}, second = {end + 1, size - 2 - first.len};
    switch (data[0] % 4) {
    case 0:
        match_javascript(first, second);
        break;
    case 1:
        match_posthog(first, second);
        break;
    case 2:
        compare_versions(first, second);
        compare_texts(first, second);
        break;
    default:
        read_date(first);
    }
    return 0;
}
