/* String slices and a growing byte buffer.
 *
 * tdl_str is borrowed bytes. tdl_buf owns its bytes, is always NUL-terminated once non-empty, and
 * remembers failure: append as often as you like, then check `failed` once.
 *
 *     tdl_buf out = {.limit = 1 << 20};
 *     tdl_buf_printf(&out, "%d", 7);
 *     if (out.failed) ...
 *     tdl_buf_release(&out);
 */
#ifndef TDL_BASE_STR_H
#define TDL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/report.h"
#include "treadle/str.h"

#define TDL_STR(literal) ((tdl_str){(literal), sizeof(literal) - 1}) /* of a literal */
#define TDL_FMT(s)       (int)((s).len > 4096 ? 4096 : (s).len), ((s).at ? (s).at : "") /* "%.*s" */

tdl_str tdl_str_of(const char *nul_terminated); /* NULL gives the empty string */
bool tdl_str_eq(tdl_str a, tdl_str b);
bool tdl_str_is(tdl_str a, const char *nul_terminated);
int tdl_str_cmp(tdl_str a, tdl_str b); /* by bytes, shorter first */
bool tdl_str_starts(tdl_str text, tdl_str prefix);
tdl_str tdl_str_trim(tdl_str text);                      /* ASCII white space off both ends */
bool tdl_str_utf8(tdl_str text, size_t *ret_bad_offset); /* valid UTF-8? ret may be NULL */
bool tdl_str_int(tdl_str text, int64_t *ret);            /* whole text is a decimal integer */
bool tdl_str_double(tdl_str text, double *ret); /* whole text is a finite number, C locale */
uint64_t tdl_str_hash(tdl_str text);            /* SipHash-2-4, key fixed per process */
size_t tdl_str_distance(tdl_str a, tdl_str b, size_t cap); /* Levenshtein; >= cap answers cap */

typedef struct tdl_buf {
    char *at;
    size_t len, cap;
    size_t limit; /* most bytes it may hold; 0 = 64 MiB */
    bool failed;  /* an append did not fit or the system had no memory; contents end before it */
} tdl_buf;

void tdl_buf_release(tdl_buf *buf); /* frees the bytes, keeps the limit; accepts a zeroed buffer */
void tdl_buf_clear(tdl_buf *buf);   /* len = 0, failed = false; keeps the memory */
/* Room for `n` more bytes at once; a hint, which fails as an append of as many would. */
void tdl_buf_reserve(tdl_buf *buf, size_t n);
void tdl_buf_add_slowly(tdl_buf *buf, const void *bytes, size_t n); /* makes room */
static inline void tdl_buf_add(tdl_buf *buf, const void *bytes, size_t n)
{
    if (!n || buf->failed || n >= buf->cap - buf->len) { // the NUL needs room too
        tdl_buf_add_slowly(buf, bytes, n);
        return;
    }
    memcpy(buf->at + buf->len, bytes, n);
    buf->len += n;
    buf->at[buf->len] = '\0';
}
static inline void tdl_buf_str(tdl_buf *buf, tdl_str text)
{
    tdl_buf_add(buf, text.at, text.len);
}
static inline void tdl_buf_char(tdl_buf *buf, char c)
{
    tdl_buf_add(buf, &c, 1);
}
void tdl_buf_text(tdl_buf *buf, const char *nul_terminated);
void tdl_buf_repeat(tdl_buf *buf, size_t begin, size_t end); /* its own bytes [begin, end) again */
void tdl_buf_printf(tdl_buf *buf, const char *format, ...) TDL_PRINTF(2, 3);
tdl_str tdl_buf_view(const tdl_buf *buf);

#endif
