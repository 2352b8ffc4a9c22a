#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

enum { SMALLEST = 256, LIMIT_BY_DEFAULT = 64 << 20 };

void tdl_buf_release(tdl_buf *buf)
{
    free(buf->at);
    *buf = (tdl_buf){.limit = buf->limit};
}

void tdl_buf_clear(tdl_buf *buf)
{
    buf->len = 0;
    buf->failed = false;
    if (buf->at)
        buf->at[0] = '\0';
}

/* Make room for `n` more bytes and the NUL. */
static bool reserve(tdl_buf *buf, size_t n)
{
    size_t limit = buf->limit ? buf->limit : LIMIT_BY_DEFAULT;
    size_t cap = buf->cap ? buf->cap : SMALLEST;
    char *grown;

    if (buf->failed)
        return false;
    if (n < buf->cap - buf->len && n <= limit && buf->len <= limit - n) /* cap 0: n < 0 is false */
        return true;
    if (n > limit || buf->len > limit - n)
        goto fail;
    while (cap <= buf->len + n)
        cap *= 2; /* at most twice the limit */
    if (cap > limit)
        cap = limit + 1;
    if (!(grown = realloc(buf->at, cap)))
        goto fail;
    buf->at = grown;
    buf->cap = cap;
    return true;
fail:
    buf->failed = true;
    return false;
}

void tdl_buf_reserve(tdl_buf *buf, size_t n)
{
    reserve(buf, n);
}

void tdl_buf_add_slowly(tdl_buf *buf, const void *bytes, size_t n)
{
    if (n == 0 || !reserve(buf, n))
        return;
    memcpy(buf->at + buf->len, bytes, n);
    buf->len += n;
    buf->at[buf->len] = '\0';
}

void tdl_buf_text(tdl_buf *buf, const char *nul_terminated)
{
    tdl_buf_str(buf, tdl_str_of(nul_terminated));
}

void tdl_buf_repeat(tdl_buf *buf, size_t begin, size_t end)
{
    if (end > buf->len || begin >= end || !reserve(buf, end - begin))
        return;
    memcpy(buf->at + buf->len, buf->at + begin, end - begin);
    buf->len += end - begin;
    buf->at[buf->len] = '\0';
}

void tdl_buf_printf(tdl_buf *buf, const char *format, ...)
{
    size_t room = buf->cap - buf->len;
    va_list args;
    int len;

    if (buf->failed)
        return;
    va_start(args, format);
    len = vsnprintf(buf->at ? buf->at + buf->len : NULL, room, format, args);
    va_end(args);
    if (len < 0 || !reserve(buf, (size_t)len)) {
        buf->failed = true;
        goto out;
    }
    if ((size_t)len >= room) {
        va_start(args, format);
        vsnprintf(buf->at + buf->len, (size_t)len + 1, format, args);
        va_end(args);
    }
    buf->len += (size_t)len;
out:
    if (buf->at)
        buf->at[buf->len] = '\0'; /* a first try that did not fit has overwritten it */
}

tdl_str tdl_buf_view(const tdl_buf *buf)
{
    return (tdl_str){buf->at, buf->len};
}
