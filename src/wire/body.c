#include "wire/body.h"

#include <string.h>
#include <strings.h>
#include <zlib.h>

enum {
    VALUES_MAX = 1000000,
    RATIO_MAX = 200,
    RATIO_FREE = 1 << 20,   /* below it the ratio does not matter */
    FEW_VALUES = 256 << 10, /* a text this short cannot hold too many values */
    CHUNK = 64 << 10
};

static bool is_gzip(tdl_str raw)
{
    return raw.len >= 2 && (unsigned char)raw.at[0] == 0x1f && (unsigned char)raw.at[1] == 0x8b;
}

/* RFC 1950: method 8, and the two bytes are a multiple of 31. */
static bool is_zlib(tdl_str raw)
{
    if (raw.len < 2)
        return false;
    unsigned first = (unsigned char)raw.at[0], second = (unsigned char)raw.at[1];
    return (first & 0x0f) == 8 && (first * 256 + second) % 31 == 0;
}

bool tdl_body_is_json(tdl_str text)
{
    tdl_str inner = tdl_str_trim(text);
    return inner.len && (inner.at[0] == '{' || inner.at[0] == '[');
}

static bool named(tdl_str encoding, const char *name)
{
    return encoding.len == strlen(name) && !strncasecmp(encoding.at, name, encoding.len);
}

static tdl_status check_size(const z_stream *z, size_t max, tdl_report *why)
{
    if (z->total_out > max)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "the body is larger than %zu bytes when inflated",
                        max);
    if (z->total_out > RATIO_FREE && z->total_out / RATIO_MAX > z->total_in)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "the body inflates to more than %d times its size",
                        RATIO_MAX);
    return TDL_OK;
}

static tdl_status inflate_all(z_stream *z, size_t max, tdl_buf *ret, tdl_report *why)
{
    unsigned char chunk[CHUNK];
    int code;

    do {
        z->next_out = chunk;
        z->avail_out = sizeof chunk;
        code = inflate(z, Z_NO_FLUSH);
        tdl_status st = check_size(z, max, why);
        if (st)
            return st;
        tdl_buf_add(ret, chunk, sizeof chunk - z->avail_out);
    } while (code == Z_OK);
    if (ret->failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the inflated body");
    if (code == Z_BUF_ERROR)
        return TDL_FAIL(why, TDL_E_INVALID, "the packed body ends too early, after %lu bytes",
                        z->total_in);
    if (code != Z_STREAM_END)
        return TDL_FAIL(why, TDL_E_INVALID, "the packed body is damaged at byte %lu: %s",
                        z->total_in, z->msg ? z->msg : zError(code));
    if (z->avail_in)
        return TDL_FAIL(why, TDL_E_INVALID, "%u bytes follow the packed body", z->avail_in);
    return TDL_OK;
}

static tdl_status inflate_with(tdl_str packed, int window_bits, size_t max, tdl_buf *ret,
                               tdl_report *why)
{
    z_stream z = {.next_in = (z_const Bytef *)packed.at, .avail_in = (uInt)packed.len};
    size_t before = ret->len;

    if (packed.len > UINT32_MAX)
        return TDL_FAIL(why, TDL_E_TOO_LARGE, "the packed body is larger than 4 GiB");
    if (inflateInit2(&z, window_bits) != Z_OK)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for inflating");
    tdl_status st = inflate_all(&z, max, ret, why);
    inflateEnd(&z);
    if (st)
        ret->len = before;
    return st;
}

tdl_status tdl_inflate(tdl_str packed, size_t max, tdl_buf *ret, tdl_report *why)
{
    return inflate_with(packed, MAX_WBITS + 32, max, ret, why); // + 32: gzip or zlib, as found
}

size_t tdl_body_inflated_max(const tdl_body_limits *limits)
{
    return limits->inflated_max ? limits->inflated_max : TDL_BODY_INFLATED_MAX;
}

tdl_status tdl_body_check_values(tdl_str text, const tdl_body_limits *limits, tdl_report *why)
{
    size_t values = 1, max = limits->values_max ? limits->values_max : VALUES_MAX;
    bool in_string = false;

    if (text.len <= FEW_VALUES)
        return TDL_OK;
    for (size_t i = 0; i < text.len && values <= max; i++) {
        char c = text.at[i];
        if (in_string) {
            i += c == '\\';
            in_string = c != '"';
        } else if (c == '"') {
            in_string = true;
        } else {
            values += c == ',' || c == ':' || c == '[' || c == '{';
        }
    }
    if (values > max)
        return TDL_FAIL_HINT(why, TDL_E_TOO_LARGE, "send smaller batches",
                             "the body holds more than %zu JSON values", max);
    return TDL_OK;
}

static tdl_status unpack(tdl_str raw, tdl_str encoding, size_t max, tdl_buf *storage, tdl_str *ret,
                         tdl_report *why)
{
    bool gzip = named(encoding, "gzip") || named(encoding, "x-gzip");
    bool deflate = named(encoding, "deflate");
    tdl_status st;

    if (encoding.len && !gzip && !deflate && !named(encoding, "identity"))
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "send gzip, deflate or nothing packed",
                             "Content-Encoding \"%.*s\" is not known", TDL_FMT(encoding));
    if (is_gzip(raw) || (gzip && !tdl_body_is_json(raw)) || (deflate && is_zlib(raw)))
        st = tdl_inflate(raw, max, storage, why);
    else if (deflate && !tdl_body_is_json(raw))
        st = inflate_with(raw, -MAX_WBITS, max, storage, why);
    else {
        *ret = raw;
        return TDL_OK;
    }
    if (!st)
        *ret = tdl_buf_view(storage);
    return st;
}

tdl_status tdl_body_decode(tdl_str raw, tdl_str encoding, const tdl_body_limits *limits,
                           tdl_buf *storage, tdl_str *ret, tdl_report *why)
{
    tdl_str text;
    tdl_status st = unpack(raw, encoding, tdl_body_inflated_max(limits), storage, &text, why);

    if (!st)
        st = tdl_body_check_values(text, limits, why);
    if (!st)
        *ret = text;
    return st;
}
