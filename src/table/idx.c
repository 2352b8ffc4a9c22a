#include "table/idx.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

enum { UNSIGNED_BYTES = 8, FIRST_BYTES = 1 << 16 };

typedef struct source {
    gzFile file;
    const char *name;
} source;

/* What zlib has to say about a read that failed or fell short. */
static tdl_status short_read(const source *s, tdl_report *why)
{
    int number;
    const char *text = gzerror(s->file, &number);

    if (number == Z_ERRNO)
        return TDL_FAIL(why, TDL_E_IO, "%s: %s", s->name, strerror(errno));
    if (number != Z_OK && number != Z_BUF_ERROR)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s: damaged gzip data: %s", s->name, text);
    return TDL_FAIL(why, TDL_E_CORRUPT, "%s: the file ends too early", s->name);
}

static tdl_status read_exactly(const source *s, uint8_t *to, size_t n, tdl_report *why)
{
    while (n) {
        unsigned part = n > INT_MAX ? INT_MAX : (unsigned)n;
        int got = gzread(s->file, to, part);

        if (got <= 0)
            return short_read(s, why);
        to += got;
        n -= (size_t)got;
    }
    return TDL_OK;
}

static uint32_t big_endian(const uint8_t *at)
{
    return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static tdl_status read_header(const source *s, size_t limit, tdl_idx *idx, tdl_report *why)
{
    uint8_t magic[4] = {0}, size[4 * TDL_IDX_RANK_MAX] = {0};
    tdl_status st = read_exactly(s, magic, sizeof magic, why);

    if (st)
        return st;
    if (magic[0] || magic[1] || magic[2] != UNSIGNED_BYTES)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s: begins with %02x %02x %02x, not with 00 00 08",
                        s->name, magic[0], magic[1], magic[2]);
    if (magic[3] < 1 || magic[3] > TDL_IDX_RANK_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s: an array of rank %d, not of 1 to %d", s->name,
                        magic[3], TDL_IDX_RANK_MAX);
    idx->rank = magic[3];
    if ((st = read_exactly(s, size, 4 * idx->rank, why)))
        return st;
    idx->n = 1;
    for (size_t i = 0; i < idx->rank; i++) {
        idx->size[i] = big_endian(size + 4 * i);
        if (__builtin_mul_overflow(idx->n, idx->size[i], &idx->n) || idx->n > limit)
            return TDL_FAIL(why, TDL_E_TOO_LARGE, "%s: its header claims more than %zu bytes",
                            s->name, limit);
    }
    return TDL_OK;
}

/* Memory doubles with what has arrived, so that a short file cannot ask for much. */
static tdl_status read_data(const source *s, tdl_idx *idx, tdl_report *why)
{
    size_t have = 0;

    while (have < idx->n) {
        size_t want = have ? 2 * have : FIRST_BYTES;
        tdl_status st;

        want = want < idx->n ? want : idx->n;
        uint8_t *grown = realloc(idx->data, want);
        if (!grown)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory for %zu bytes", s->name, want);
        idx->data = grown;
        if ((st = read_exactly(s, idx->data + have, want - have, why)))
            return st;
        have = want;
    }
    return TDL_OK;
}

/* Nothing may follow; reading on to the end also checks gzip's sum. */
static tdl_status read_end(const source *s, tdl_report *why)
{
    uint8_t more;
    int number, got = gzread(s->file, &more, 1);

    if (got > 0)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s: bytes follow the array", s->name);
    gzerror(s->file, &number);
    return got < 0 || number != Z_OK ? short_read(s, why) : TDL_OK;
}

tdl_status tdl_idx_read_fd(int fd, const char *name, size_t limit, tdl_idx *ret, tdl_report *why)
{
    source s = {.name = name};
    tdl_idx idx = {0};
    int own = dup(fd);
    tdl_status st;

    s.file = own < 0 ? NULL : gzdopen(own, "rb");
    if (!s.file) {
        st = TDL_FAIL(why, TDL_E_IO, "%s: %s", name, strerror(errno));
        if (own >= 0)
            close(own);
        return st;
    }
    if ((st = read_header(&s, limit, &idx, why)) || (st = read_data(&s, &idx, why)) ||
        (st = read_end(&s, why)))
        goto out;
    *ret = idx;
    idx.data = NULL; // the caller's now
out:
    free(idx.data);
    gzclose(s.file);
    return st;
}

tdl_status tdl_idx_read(const char *path, size_t limit, tdl_idx *ret, tdl_report *why)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    tdl_status st;

    if (fd < 0)
        return TDL_FAIL(why, errno == ENOENT ? TDL_E_NOT_FOUND : TDL_E_IO, "%s: %s", path,
                        strerror(errno));
    st = tdl_idx_read_fd(fd, path, limit, ret, why);
    close(fd);
    return st;
}

void tdl_idx_release(tdl_idx *idx)
{
    free(idx->data);
    *idx = (tdl_idx){0};
}
