#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/uuid.h"

enum { CHUNK = 64 << 10 };

static tdl_status fail_errno(tdl_report *why, const char *path)
{
    int error = errno;
    tdl_status status = error == ENOENT ? TDL_E_NOT_FOUND : TDL_E_IO;

    return TDL_FAIL(why, status, "%s: %s", path, strerror(error));
}

static tdl_status read_all(int fd, const char *path, size_t limit, tdl_buf *ret, tdl_report *why)
{
    char chunk[CHUNK];
    size_t total = 0;

    for (;;) {
        ssize_t got = read(fd, chunk, sizeof chunk);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return fail_errno(why, path);
        if (got == 0)
            return TDL_OK;
        if ((size_t)got > limit - total)
            return TDL_FAIL(why, TDL_E_TOO_LARGE, "%s: more than %zu bytes", path, limit);
        total += (size_t)got;
        tdl_buf_add(ret, chunk, (size_t)got);
        if (ret->failed)
            return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory for %zu bytes", path, total);
    }
}

tdl_status tdl_file_read(const char *path, size_t limit, tdl_buf *ret, tdl_report *why)
{
    size_t before = ret->len, limit_before = ret->limit;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    tdl_status st;

    if (fd < 0)
        return fail_errno(why, path);
    if (ret->limit == 0) /* this call's own limit is the one that counts */
        ret->limit = limit > SIZE_MAX / 4 ? SIZE_MAX / 4 : before + limit;
    st = read_all(fd, path, limit, ret, why);
    ret->limit = limit_before;
    if (st && ret->at) {
        ret->len = before;
        ret->at[before] = '\0';
        ret->failed = false;
    }
    close(fd);
    return st;
}

static tdl_status write_all(int fd, const char *path, tdl_str bytes, tdl_report *why)
{
    while (bytes.len) {
        ssize_t done = write(fd, bytes.at, bytes.len);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fail_errno(why, path);
        bytes.at += done;
        bytes.len -= (size_t)done;
    }
    return TDL_OK;
}

/* Devices and pipes cannot be synced: EINVAL. */
static tdl_status write_parts(int fd, const char *path, const tdl_str *parts, size_t parts_n,
                              tdl_report *why)
{
    tdl_status st;

    for (size_t i = 0; i < parts_n; i++)
        if ((st = write_all(fd, path, parts[i], why)))
            return st;
    if (fsync(fd) && errno != EINVAL)
        return fail_errno(why, path);
    return TDL_OK;
}

bool tdl_file_is_special(const char *path)
{
    struct stat info;

    return lstat(path, &info) == 0 && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

static tdl_status write_into(const char *path, const tdl_str *parts, size_t parts_n,
                             tdl_report *why)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

    if (fd < 0)
        return fail_errno(why, path);
    tdl_status st = write_parts(fd, path, parts, parts_n, why);
    close(fd);
    return st;
}

/* A rename is durable only once the folder is. Some file systems cannot sync folders: EINVAL. */
static tdl_status sync_folder_of(const char *path, tdl_report *why)
{
    tdl_buf folder = {.limit = 1 << 16};
    const char *slash = strrchr(path, '/');
    tdl_status st = TDL_OK;
    int fd = -1;

    if (slash)
        tdl_buf_add(&folder, path, (size_t)(slash - path) + 1);
    else
        tdl_buf_text(&folder, ".");
    if (folder.failed) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory", path);
        goto out;
    }
    fd = open(folder.at, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) && errno != EINVAL))
        st = fail_errno(why, folder.at);
out:
    if (fd >= 0)
        close(fd);
    tdl_buf_release(&folder);
    return st;
}

tdl_status tdl_file_write_parts(const char *path, const tdl_str *parts, size_t parts_n,
                                tdl_report *why)
{
    tdl_buf beside = {.limit = 1 << 16};
    char id[37];
    tdl_status st;
    int fd = -1;

    if (tdl_file_is_special(path))
        return write_into(path, parts, parts_n, why);
    tdl_uuid7(id);
    tdl_buf_printf(&beside, "%s.%s.tmp", path, id);
    if (beside.failed) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory", path);
        goto out;
    }
    fd = open(beside.at, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd < 0) {
        st = fail_errno(why, path);
        goto out;
    }
    if ((st = write_parts(fd, path, parts, parts_n, why)))
        goto remove;
    if (rename(beside.at, path)) {
        st = fail_errno(why, path);
        goto remove;
    }
    st = sync_folder_of(path, why);
    goto out;
remove:
    unlink(beside.at);
out:
    if (fd >= 0)
        close(fd);
    tdl_buf_release(&beside);
    return st;
}

tdl_status tdl_file_write(const char *path, tdl_str bytes, tdl_report *why)
{
    return tdl_file_write_parts(path, &bytes, 1, why);
}

static tdl_status make_one(const char *path, tdl_report *why)
{
    struct stat info;

    if (mkdir(path, 0700) == 0)
        return TDL_OK;
    if (errno != EEXIST)
        return fail_errno(why, path);
    if (stat(path, &info))
        return fail_errno(why, path);
    if (!S_ISDIR(info.st_mode))
        return TDL_FAIL(why, TDL_E_CONFLICT, "%s: exists and is not a folder", path);
    return TDL_OK;
}

tdl_status tdl_file_make_dir(const char *path, tdl_report *why)
{
    char *partial = strdup(path);
    tdl_status st = TDL_OK;

    if (!partial)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory", path);
    for (char *at = partial + 1; partial[0] && *at && !st; at++) {
        if (*at != '/' || at[-1] == '/')
            continue;
        *at = '\0';
        st = make_one(partial, why);
        *at = '/';
    }
    if (!st)
        st = make_one(partial, why);
    free(partial);
    return st;
}

tdl_status tdl_file_hash(const char *path, char ret_hash[65], int64_t *ret_bytes, tdl_report *why)
{
    crypto_generichash_state state;
    uint8_t chunk[CHUNK], digest[32];
    size_t n;
    FILE *file = fopen(path, "rb");

    if (!file)
        return TDL_FAIL(why, errno == ENOENT ? TDL_E_NOT_FOUND : TDL_E_IO, "%s: %s", path,
                        strerror(errno));
    *ret_bytes = 0;
    crypto_generichash_init(&state, NULL, 0, sizeof digest);
    while ((n = fread(chunk, 1, sizeof chunk, file)) > 0) {
        crypto_generichash_update(&state, chunk, n);
        *ret_bytes += (int64_t)n;
    }
    bool failed = ferror(file) != 0;
    fclose(file);
    if (failed)
        return TDL_FAIL(why, TDL_E_IO, "%s: cannot be read", path);
    crypto_generichash_final(&state, digest, sizeof digest);
    sodium_bin2hex(ret_hash, 65, digest, sizeof digest);
    return TDL_OK;
}
