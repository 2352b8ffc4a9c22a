#include "table/input.h"

#include <errno.h>
#include <fcntl.h>
#include <iconv.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

enum {
    RAW_BYTES = 64 << 10,
    WINDOW_LOG_MAX = 27,
    EITHER_HEADER = 15 + 16 /* gzip only */,
    CONVERT_BYTES = 64 << 10
};

typedef enum packing { PACKING_NONE, PACKING_GZIP, PACKING_ZSTD } packing;

struct tdl_input {
    int fd;
    bool own;
    uint64_t taken, total;
    char *raw; /* [raw_n], of which `at` on are still to be used */
    size_t at, raw_n;
    bool ended; /* the file is read to its end */
    packing packing;
    bool inside; /* a member or frame has begun and not ended */
    z_stream gzip;
    ZSTD_DStream *zstd;
    struct {
        bool on, failed;
        iconv_t as;
        char *from; /* [from_n] of CONVERT_BYTES, not yet converted */
        char *to;   /* [to_n] of 2 * CONVERT_BYTES, of which `at` on are still to be given */
        size_t from_n, to_n, at;
        uint64_t before;  /* bytes converted */
        const char *name; /* owned by the caller: a literal or an option */
    } convert;
};

/* ---- the file ---- */

/* More raw bytes behind those that are there. */
static tdl_status fill(tdl_input *input, tdl_report *why)
{
    ssize_t got;

    if (input->at == input->raw_n)
        input->at = input->raw_n = 0;
    do
        got = read(input->fd, input->raw + input->raw_n, RAW_BYTES - input->raw_n);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return TDL_FAIL(why, TDL_E_IO, "cannot be read: %s", strerror(errno));
    input->raw_n += (size_t)got;
    input->taken += (uint64_t)got;
    input->ended = got == 0;
    return TDL_OK;
}

static tdl_status start_unpacking(tdl_input *input, packing kind, tdl_report *why)
{
    input->packing = kind;
    if (kind == PACKING_GZIP && inflateInit2(&input->gzip, EITHER_HEADER) != Z_OK)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to unpack it");
    if (kind == PACKING_ZSTD) {
        input->zstd = ZSTD_createDStream();
        if (!input->zstd)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to unpack it");
        ZSTD_DCtx_setParameter(input->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
    }
    return TDL_OK;
}

/* What the first bytes say, however short the reads of a pipe are. */
static tdl_status sniff(tdl_input *input, tdl_report *why)
{
    static const char gzip[] = "\x1f\x8b", zstd[] = "\x28\xb5\x2f\xfd";
    tdl_status st = TDL_OK;

    while (!st && !input->ended && input->raw_n < 4)
        st = fill(input, why);
    if (st)
        return st;
    if (input->raw_n >= 2 && !memcmp(input->raw, gzip, 2))
        return start_unpacking(input, PACKING_GZIP, why);
    if (input->raw_n >= 4 && !memcmp(input->raw, zstd, 4))
        return start_unpacking(input, PACKING_ZSTD, why);
    return TDL_OK;
}

tdl_status tdl_input_open_fd(int fd, tdl_input **ret, tdl_report *why)
{
    struct stat info;
    tdl_input *input = calloc(1, sizeof *input);
    tdl_status st;

    if (!input || !(input->raw = malloc(RAW_BYTES))) {
        free(input);
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read it");
    }
    input->fd = fd;
    input->total = fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
    if ((st = sniff(input, why))) {
        tdl_input_close(input);
        return st;
    }
    *ret = input;
    return TDL_OK;
}

tdl_status tdl_input_open(const char *path, tdl_input **ret, tdl_report *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    tdl_status st;

    if (fd < 0)
        return TDL_FAIL(why, errno == ENOENT ? TDL_E_NOT_FOUND : TDL_E_IO, "%s: %s", path,
                        strerror(errno));
    if ((st = tdl_input_open_fd(fd, ret, why))) {
        tdl_report_prefix(why, "%s", path);
        close(fd);
        return st;
    }
    (*ret)->own = true;
    return TDL_OK;
}

void tdl_input_close(tdl_input *input)
{
    if (!input)
        return;
    if (input->packing == PACKING_GZIP)
        inflateEnd(&input->gzip);
    ZSTD_freeDStream(input->zstd);
    if (input->convert.on)
        iconv_close(input->convert.as);
    free(input->convert.from);
    free(input->convert.to);
    if (input->own)
        close(input->fd);
    free(input->raw);
    free(input);
}

uint64_t tdl_input_taken(const tdl_input *input)
{
    return input->taken - (input->raw_n - input->at);
}

uint64_t tdl_input_total(const tdl_input *input)
{
    return input->total;
}

/* ---- unpacking: each takes raw bytes and gives some, maybe none yet ---- */

static size_t copy(tdl_input *input, char *ret, size_t n)
{
    size_t left = input->raw_n - input->at, some = n < left ? n : left;

    memcpy(ret, input->raw + input->at, some);
    input->at += some;
    return some;
}

static tdl_status inflate_some(tdl_input *input, char *ret, size_t n, size_t *ret_n,
                               tdl_report *why)
{
    z_stream *z = &input->gzip;

    if (!input->inside) { // another member may follow
        inflateReset(z);
        input->inside = true;
    }
    z->next_in = (unsigned char *)input->raw + input->at;
    z->avail_in = (unsigned)(input->raw_n - input->at);
    z->next_out = (unsigned char *)ret;
    z->avail_out = (unsigned)(n < RAW_BYTES ? n : RAW_BYTES);
    unsigned room = z->avail_out;
    int code = inflate(z, Z_NO_FLUSH);
    input->at = input->raw_n - z->avail_in;
    *ret_n = room - z->avail_out;
    if (code == Z_STREAM_END)
        input->inside = false;
    return code == Z_OK || code == Z_STREAM_END || code == Z_BUF_ERROR
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_INVALID, "the gzip data are damaged");
}

static tdl_status decompress_some(tdl_input *input, char *ret, size_t n, size_t *ret_n,
                                  tdl_report *why)
{
    ZSTD_inBuffer in = {input->raw, input->raw_n, input->at};
    ZSTD_outBuffer out = {ret, n, 0};
    size_t left = ZSTD_decompressStream(input->zstd, &out, &in);

    if (ZSTD_isError(left))
        return TDL_FAIL(why, TDL_E_INVALID, "the zstd data are damaged: %s",
                        ZSTD_getErrorName(left));
    input->at = in.pos;
    input->inside = left != 0;
    *ret_n = out.pos;
    return TDL_OK;
}

static tdl_status take_some(tdl_input *input, char *ret, size_t n, size_t *ret_n, tdl_report *why)
{
    switch (input->packing) {
    case PACKING_NONE:
        *ret_n = copy(input, ret, n);
        return TDL_OK;
    case PACKING_GZIP:
        return inflate_some(input, ret, n, ret_n, why);
    case PACKING_ZSTD:
        return decompress_some(input, ret, n, ret_n, why);
    }
    return TDL_E_INTERNAL;
}

static tdl_status read_unpacked(tdl_input *input, char *ret, size_t n, size_t *ret_n,
                                tdl_report *why)
{
    tdl_status st = TDL_OK;

    for (*ret_n = 0; !st && !*ret_n;) {
        bool spent = input->at == input->raw_n;
        if (spent && !input->ended && (st = fill(input, why)))
            break;
        spent = input->at == input->raw_n;
        if (spent && !input->inside) // all that there was
            break;
        st = take_some(input, ret, n, ret_n, why);
        if (!st && !*ret_n && spent && input->ended && input->inside)
            st = TDL_FAIL_HINT(why, TDL_E_INVALID, "the file may be truncated",
                               "the packed data end in the middle");
    }
    return st;
}

/* ---- conversion ---- */

tdl_status tdl_input_convert(tdl_input *input, const char *encoding, tdl_report *why)
{
    input->convert.as = iconv_open("UTF-8", encoding);
    if (input->convert.as == (iconv_t)-1) // NOLINT(performance-no-int-to-ptr): POSIX says so
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "utf-8, gb18030, latin1, ...: see iconv --list",
                             "there is no encoding '%s'", encoding);
    input->convert.on = true;
    input->convert.name = encoding;
    input->convert.from = malloc(CONVERT_BYTES);
    input->convert.to = malloc((size_t)2 * CONVERT_BYTES);
    return input->convert.from && input->convert.to
               ? TDL_OK
               : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to convert it");
}

bool tdl_input_misencoded(const tdl_input *input)
{
    return input->convert.failed;
}

/* Convert what is there, up to a character that is not complete yet. */
static tdl_status convert_some(tdl_input *input, bool last, tdl_report *why)
{
    char *from = input->convert.from, *to = input->convert.to;
    size_t left = input->convert.from_n, room = (size_t)2 * CONVERT_BYTES;
    size_t answer = iconv(input->convert.as, &from, &left, &to, &room);
    size_t used = input->convert.from_n - left;

    input->convert.before += used;
    input->convert.at = 0;
    input->convert.to_n = (size_t)(to - input->convert.to);
    memmove(input->convert.from, from, left);
    input->convert.from_n = left;
    if (answer == (size_t)-1 && !input->convert.to_n &&
        (errno == EILSEQ || (errno == EINVAL && last))) {
        input->convert.failed = true;
        return TDL_FAIL_HINT(why, TDL_E_INVALID, "name the encoding it is in",
                             "byte %llu of the file is not %s",
                             (unsigned long long)input->convert.before + 1, input->convert.name);
    }
    return TDL_OK;
}

static tdl_status read_converted(tdl_input *input, char *ret, size_t n, size_t *ret_n,
                                 tdl_report *why)
{
    size_t left, got = 0;
    tdl_status st;

    *ret_n = 0;
    while (input->convert.at == input->convert.to_n) {
        got = 0;
        if (input->convert.from_n < CONVERT_BYTES &&
            (st = read_unpacked(input, input->convert.from + input->convert.from_n,
                                CONVERT_BYTES - input->convert.from_n, &got, why)))
            return st;
        input->convert.from_n += got;
        if (!input->convert.from_n)
            return TDL_OK;
        if ((st = convert_some(input, !got, why)))
            return st;
    }
    left = input->convert.to_n - input->convert.at;
    *ret_n = n < left ? n : left;
    memcpy(ret, input->convert.to + input->convert.at, *ret_n);
    input->convert.at += *ret_n;
    return TDL_OK;
}

tdl_status tdl_input_read(tdl_input *input, char *ret, size_t n, size_t *ret_n, tdl_report *why)
{
    return input->convert.on ? read_converted(input, ret, n, ret_n, why)
                             : read_unpacked(input, ret, n, ret_n, why);
}

bool tdl_input_has_suffix(const char *path, const char *suffix)
{
    static const char *const packed[] = {".gz", ".zst", ""};
    size_t n = strlen(path), k = strlen(suffix);

    for (size_t i = 0; i < sizeof packed / sizeof packed[0]; i++) {
        size_t p = strlen(packed[i]);
        if (n >= p + k && !strcasecmp(path + n - p, packed[i]) &&
            !strncasecmp(path + n - p - k, suffix, k))
            return true;
    }
    return false;
}
