#include "apps/predict/search_log.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/crc32c.h"
#include "base/file.h"

static const char magic[] = {'T', 'D', 'L', 'S', 'R', 'C', 'H', '1'};

enum { HEAD = 8 + TDL_SEARCH_KEY_BYTES, FRAMING = 8 };

static const size_t file_limit = (size_t)1 << 30, record_limit = (size_t)1 << 28;

typedef struct fields { /* of a record, before its variable parts */
    uint32_t id_n, note_n;
    uint64_t scores_n, features;
    double metric, seconds;
} fields;

typedef struct kept {
    fields fields;
    const char *id, *note, *score; /* into the bytes of the file; not aligned */
} kept;

struct tdl_search_log {
    int file;
    char *path;
    tdl_buf bytes; /* of the file as it was opened */
    kept *kept;    /* [kept_n] */
    size_t kept_n, kept_max;
    pthread_mutex_t lock; /* of the rest */
    size_t size;          /* of the file */
    size_t found;
    bool broken; /* nothing more is kept */
};

/* ---- reading ---- */

/* The record at `at`; false: it is torn, or none. */
static bool read_record(tdl_str bytes, size_t at, kept *ret, size_t *ret_next)
{
    uint32_t size, crc;
    const char *body = bytes.at + at + FRAMING;

    if (bytes.len - at < FRAMING)
        return false;
    memcpy(&size, bytes.at + at, sizeof size);
    memcpy(&crc, bytes.at + at + sizeof size, sizeof crc);
    if (size < sizeof ret->fields || size > bytes.len - at - FRAMING ||
        crc != tdl_crc32c_masked(tdl_crc32c(0, body, size)))
        return false;
    memcpy(&ret->fields, body, sizeof ret->fields);
    const fields *f = &ret->fields;
    size_t left = size - sizeof *f;
    if (f->id_n > TDL_SEARCH_ID_MAX || f->id_n > left || f->note_n > left - f->id_n ||
        f->scores_n > record_limit / sizeof(double) ||
        f->scores_n * sizeof(double) != left - f->id_n - f->note_n)
        return false;
    ret->id = body + sizeof *f;
    ret->note = ret->id + f->id_n;
    ret->score = ret->note + f->note_n;
    *ret_next = at + FRAMING + size;
    return true;
}

static bool remember(tdl_search_log *log, const kept *record)
{
    if (log->kept_n == log->kept_max) {
        size_t more = log->kept_max ? 2 * log->kept_max : 256;
        kept *grown = realloc(log->kept, more * sizeof *grown);

        if (!grown)
            return false;
        log->kept = grown;
        log->kept_max = more;
    }
    log->kept[log->kept_n++] = *record;
    return true;
}

static tdl_status read_records(tdl_search_log *log, tdl_report *why)
{
    tdl_str bytes = tdl_buf_view(&log->bytes);
    kept record;

    for (size_t next; log->size < bytes.len; log->size = next) {
        if (!read_record(bytes, log->size, &record, &next))
            return TDL_OK;
        if (!remember(log, &record))
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu results", log->kept_n);
    }
    return TDL_OK;
}

/* ---- opening ---- */

static bool write_all(int file, const char *bytes, size_t n, size_t at)
{
    while (n) {
        ssize_t wrote = pwrite(file, bytes, n, (off_t)at);

        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote <= 0)
            return false;
        bytes += wrote;
        at += (size_t)wrote;
        n -= (size_t)wrote;
    }
    return true;
}

static tdl_status begin_anew(tdl_search_log *log, const unsigned char *key, tdl_report *why)
{
    char head[HEAD];

    memcpy(head, magic, sizeof magic);
    memcpy(head + 8, key, TDL_SEARCH_KEY_BYTES);
    tdl_buf_clear(&log->bytes);
    if (ftruncate(log->file, 0) || !write_all(log->file, head, sizeof head, 0))
        return TDL_FAIL(why, TDL_E_IO, "%s: %s", log->path, strerror(errno));
    log->size = HEAD;
    return TDL_OK;
}

static tdl_status read_file(tdl_search_log *log, const unsigned char *key, tdl_report *why)
{
    struct stat about;
    tdl_status st;

    if (fstat(log->file, &about))
        return TDL_FAIL(why, TDL_E_IO, "%s: %s", log->path, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return TDL_FAIL(why, TDL_E_IO, "%s is no file", log->path);
    if ((size_t)about.st_size < HEAD || (size_t)about.st_size > file_limit)
        return begin_anew(log, key, why);
    if ((st = tdl_file_read(log->path, file_limit, &log->bytes, why)))
        return st;
    tdl_str bytes = tdl_buf_view(&log->bytes);
    if (bytes.len < HEAD || memcmp(bytes.at, magic, sizeof magic) != 0 ||
        memcmp(bytes.at + 8, key, TDL_SEARCH_KEY_BYTES) != 0)
        return begin_anew(log, key, why);
    log->size = HEAD;
    return read_records(log, why);
}

tdl_status tdl_search_log_open(const char *path, const unsigned char key[TDL_SEARCH_KEY_BYTES],
                               tdl_search_log **ret, tdl_report *why)
{
    tdl_search_log *log = calloc(1, sizeof *log);
    tdl_status st;

    *ret = NULL;
    if (!log)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    pthread_mutex_init(&log->lock, NULL);
    log->file = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (log->file < 0)
        st = TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    else if (!(log->path = strdup(path)))
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "out of memory");
    else if (flock(log->file, LOCK_EX | LOCK_NB)) {
        tdl_search_log_close(log);
        return TDL_OK; // another fit is at it
    } else {
        st = read_file(log, key, why);
    }
    if (st)
        tdl_search_log_close(log);
    else
        *ret = log;
    return st;
}

void tdl_search_log_close(tdl_search_log *log)
{
    if (!log)
        return;
    if (log->file >= 0)
        close(log->file);
    tdl_buf_release(&log->bytes);
    pthread_mutex_destroy(&log->lock);
    free(log->kept);
    free(log->path);
    free(log);
}

void tdl_search_log_remove(tdl_search_log *log)
{
    if (log)
        unlink(log->path);
    tdl_search_log_close(log);
}

/* ---- results ---- */

static bool take_scores(const kept *k, double *ret)
{
    memcpy(ret, k->score, (size_t)k->fields.scores_n * sizeof *ret);
    for (size_t i = 0; i < k->fields.scores_n; i++)
        if (!isfinite(ret[i]))
            return false;
    return true;
}

static const kept *look_up(const tdl_search_log *log, const char *id)
{
    size_t n = strlen(id);

    for (size_t i = 0; i < log->kept_n; i++)
        if (log->kept[i].fields.id_n == n && !memcmp(log->kept[i].id, id, n))
            return &log->kept[i];
    return NULL;
}

bool tdl_search_log_find(tdl_search_log *log, const char *id, size_t scores_n,
                         tdl_search_result *ret, double *ret_score)
{
    const kept *k = log ? look_up(log, id) : NULL;
    json_t *note = NULL;

    if (!k || k->fields.scores_n != scores_n || !(k->fields.seconds >= 0) ||
        isinf(k->fields.metric) || !take_scores(k, ret_score))
        return false;
    if (k->fields.note_n &&
        tdl_json_parse((tdl_str){k->note, k->fields.note_n}, TDL_JSON_LAST_WINS, &note, NULL))
        return false;
    *ret = (tdl_search_result){.metric = k->fields.metric,
                               .seconds = k->fields.seconds,
                               .features = k->fields.features,
                               .note = note,
                               .score = ret_score,
                               .scores_n = scores_n};
    pthread_mutex_lock(&log->lock);
    log->found++;
    pthread_mutex_unlock(&log->lock);
    return true;
}

static void write_record(tdl_search_log *log, tdl_buf *record)
{
    uint32_t size = (uint32_t)(record->len - FRAMING);
    uint32_t crc = tdl_crc32c_masked(tdl_crc32c(0, record->at + FRAMING, size));

    memcpy(record->at, &size, sizeof size);
    memcpy(record->at + sizeof size, &crc, sizeof crc);
    pthread_mutex_lock(&log->lock);
    if (!log->broken && log->size + record->len <= file_limit &&
        write_all(log->file, record->at, record->len, log->size) &&
        !ftruncate(log->file, (off_t)(log->size + record->len)))
        log->size += record->len;
    else
        log->broken = true;
    pthread_mutex_unlock(&log->lock);
}

void tdl_search_log_add(tdl_search_log *log, const char *id, const tdl_search_result *result)
{
    static const char framing[FRAMING] = {0};
    fields f = {.id_n = (uint32_t)strlen(id),
                .scores_n = result->scores_n,
                .features = result->features,
                .metric = result->metric,
                .seconds = result->seconds};
    tdl_buf note = {0}, record = {0};

    if (!log || f.id_n > TDL_SEARCH_ID_MAX || f.scores_n > record_limit / (2 * sizeof(double)))
        return;
    if (result->note)
        tdl_json_dump(&note, result->note);
    f.note_n = (uint32_t)note.len;
    tdl_buf_add(&record, framing, sizeof framing);
    tdl_buf_add(&record, &f, sizeof f);
    tdl_buf_add(&record, id, f.id_n);
    if (note.len)
        tdl_buf_add(&record, note.at, note.len);
    tdl_buf_add(&record, result->score, result->scores_n * sizeof *result->score);
    if (!note.failed && !record.failed && record.len < record_limit)
        write_record(log, &record);
    tdl_buf_release(&note);
    tdl_buf_release(&record);
}

size_t tdl_search_log_found(const tdl_search_log *log)
{
    return log ? log->found : 0;
}
