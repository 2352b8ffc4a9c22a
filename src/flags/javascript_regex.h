/* JavaScript's regular expressions, without flags or with "i", on PCRE2 over UTF-16 units.
 *
 * A pattern is put into PCRE2's words first: what the two read differently (. \d \w \s \b \v, POSIX
 * classes, verbs, unknown escapes) is spelt out or refused. Not there: lookbehind of no fixed
 * length.
 */
#ifndef TDL_FLAGS_JAVASCRIPT_REGEX_H
#define TDL_FLAGS_JAVASCRIPT_REGEX_H

#include "base/str.h"

typedef struct tdl_js_regex tdl_js_regex;

/* NULL when it is no regular expression, or there is no memory. */
tdl_js_regex *tdl_js_regex_new(tdl_str pattern, bool ignore_case);
void tdl_js_regex_free(tdl_js_regex *regex); /* accepts NULL */

/* Does it match anywhere in the text? No when that takes more than some 100,000 steps. */
bool tdl_js_regex_test(const tdl_js_regex *regex, tdl_str text);

#endif
