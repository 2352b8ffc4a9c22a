#include "store/archive.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

enum { PART_BYTES = 4 << 20, STEP_PAGES = 2000, SUM_HEX = 2 * crypto_hash_sha256_BYTES };

static tdl_status fail_sqlite(sqlite3 *db, const char *path, tdl_report *why)
{
    return TDL_FAIL(why, sqlite3_errcode(db) == SQLITE_FULL ? TDL_E_FULL : TDL_E_IO, "%s: %s", path,
                    db ? sqlite3_errmsg(db) : "out of memory");
}

static tdl_status open_db(const char *path, int flags, sqlite3 **ret, tdl_report *why)
{
    if (!sqlite3_open_v2(path, ret, flags, NULL) && !sqlite3_busy_timeout(*ret, 5000))
        return TDL_OK;
    tdl_status st = fail_sqlite(*ret, path, why);
    sqlite3_close(*ret);
    *ret = NULL;
    return st;
}

static tdl_status run(sqlite3 *db, const char *path, const char *sql, tdl_report *why)
{
    return sqlite3_exec(db, sql, NULL, NULL, NULL) ? fail_sqlite(db, path, why) : TDL_OK;
}

/* ---- checksums ---- */

static tdl_status sum_file(const char *path, char ret[SUM_HEX + 1], tdl_report *why)
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    crypto_hash_sha256_state state;
    FILE *file = fopen(path, "rb");
    char *part = malloc(PART_BYTES);
    size_t n;
    tdl_status st = TDL_OK;

    crypto_hash_sha256_init(&state);
    while (file && part && (n = fread(part, 1, PART_BYTES, file)) > 0)
        crypto_hash_sha256_update(&state, (const unsigned char *)part, n);
    if (!part)
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to read %s", path);
    else if (!file || ferror(file))
        st = TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    crypto_hash_sha256_final(&state, sum);
    sodium_bin2hex(ret, SUM_HEX + 1, sum, sizeof sum);
    if (file)
        fclose(file);
    free(part);
    return st;
}

static tdl_status write_sum(const char *path, const char *sum, tdl_report *why)
{
    tdl_buf text = {0}, name = {0};
    const char *slash = strrchr(path, '/');

    tdl_buf_printf(&text, "%s  %s\n", sum, slash ? slash + 1 : path);
    tdl_buf_printf(&name, "%s.sha256", path);
    tdl_status st = text.failed || name.failed
                        ? TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a checksum")
                        : tdl_file_write(name.at, tdl_buf_view(&text), why);
    tdl_buf_release(&text);
    tdl_buf_release(&name);
    return st;
}

tdl_status tdl_archive_check(const char *path, tdl_report *why)
{
    tdl_buf name = {0}, text = {0};
    char sum[SUM_HEX + 1];
    tdl_status st;

    tdl_buf_printf(&name, "%s.sha256", path);
    if (name.failed)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for a checksum");
    if ((st = tdl_file_read(name.at, PATH_MAX, &text, why)) || (st = sum_file(path, sum, why)))
        goto out;
    if (text.len < SUM_HEX || memcmp(text.at, sum, SUM_HEX) != 0)
        st = TDL_FAIL_HINT(why, TDL_E_CORRUPT, "use another backup; this one is damaged",
                           "%s: its checksum is not the one in %s", path, name.at);
out:
    tdl_buf_release(&name);
    tdl_buf_release(&text);
    return st;
}

/* ---- files inside ---- */

static tdl_status pack_file(sqlite3 *db, const char *archive, const char *files_dir,
                            const char *name, tdl_report *why)
{
    char path[PATH_MAX];
    sqlite3_stmt *s = NULL;
    char *part = malloc(PART_BYTES);
    size_t n = PART_BYTES;
    tdl_status st = TDL_OK;

    snprintf(path, sizeof path, "%s/%s", files_dir, name);
    FILE *file = fopen(path, "rb");
    if (!part || sqlite3_prepare_v2(db, "INSERT INTO files VALUES(?1, ?2, ?3)", -1, &s, NULL))
        st = fail_sqlite(db, archive, why);
    for (int i = 0; !st && file && n == PART_BYTES; i++) { // a lost file is lost here too
        n = fread(part, 1, PART_BYTES, file);
        sqlite3_bind_text(s, 1, name, -1, SQLITE_STATIC);
        sqlite3_bind_int(s, 2, i);
        sqlite3_bind_blob(s, 3, part, (int)n, SQLITE_STATIC);
        if (sqlite3_step(s) != SQLITE_DONE)
            st = fail_sqlite(db, archive, why);
        sqlite3_reset(s);
    }
    if (!st && file && ferror(file))
        st = TDL_FAIL(why, TDL_E_IO, "%s cannot be read", path);
    sqlite3_finalize(s);
    if (file)
        fclose(file);
    free(part);
    return st;
}

static tdl_status pack_files(sqlite3 *db, const char *archive, const char *files_dir,
                             tdl_report *why)
{
    sqlite3_stmt *s = NULL;
    tdl_status st;

    if ((st = run(db, archive,
                  "PRAGMA journal_mode = DELETE; BEGIN; CREATE TABLE files(path TEXT NOT NULL,"
                  " part INTEGER NOT NULL, bytes BLOB NOT NULL, PRIMARY KEY(path, part))",
                  why)))
        return st;
    if (sqlite3_prepare_v2(db, "SELECT DISTINCT path FROM models", -1, &s, NULL))
        return fail_sqlite(db, archive, why);
    while (!st && sqlite3_step(s) == SQLITE_ROW)
        st = pack_file(db, archive, files_dir, (const char *)sqlite3_column_text(s, 0), why);
    sqlite3_finalize(s);
    return st ? st : run(db, archive, "COMMIT", why);
}

/* What a row names stays below the folder. */
static bool is_sound(const char *name)
{
    return name && *name && *name != '/' && !strstr(name, "..");
}

static tdl_status unpack_part(sqlite3_stmt *s, const char *folder, tdl_report *why)
{
    char path[PATH_MAX], parent[PATH_MAX];
    const char *name = (const char *)sqlite3_column_text(s, 0);
    bool first = !sqlite3_column_int(s, 1);
    size_t n = (size_t)sqlite3_column_bytes(s, 2);
    tdl_status st;

    if (!is_sound(name) || snprintf(path, sizeof path, "%s/%s", folder, name) >= PATH_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "the backup names a file outside of its folder");
    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    if ((st = tdl_file_make_dir(parent, why)))
        return st;
    FILE *file = fopen(path, first ? "wb" : "ab");
    bool written = file && (!n || fwrite(sqlite3_column_blob(s, 2), 1, n, file) == n) &&
                   !fflush(file) && !fsync(fileno(file));
    if (!written)
        st = TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    if (file)
        fclose(file);
    return st;
}

static tdl_status unpack_files(const char *archive, const char *folder, tdl_report *why)
{
    sqlite3 *db;
    sqlite3_stmt *s = NULL;
    tdl_status st = open_db(archive, SQLITE_OPEN_READWRITE, &db, why);
    int code = SQLITE_ROW;

    if (st)
        return st;
    if (sqlite3_prepare_v2(db, "SELECT path, part, bytes FROM files ORDER BY path, part", -1, &s,
                           NULL))
        st = TDL_FAIL(why, TDL_E_INVALID, "this is no backup that Treadle made");
    while (!st && (code = sqlite3_step(s)) == SQLITE_ROW)
        st = unpack_part(s, folder, why);
    if (!st && code != SQLITE_DONE)
        st = fail_sqlite(db, archive, why);
    sqlite3_finalize(s);
    if (!st)
        st = run(db, archive, "DROP TABLE files; VACUUM", why);
    sqlite3_close(db);
    return st;
}

/* ---- writing ---- */

/* Page by page inside one snapshot: a writer neither waits nor makes it start again. */
static tdl_status copy_pages(sqlite3 *from, sqlite3 *to, const char *path,
                             tdl_transfer_progress *progress, void *context, tdl_report *why)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int code = backup ? SQLITE_OK : SQLITE_ERROR;

    while (code == SQLITE_OK) {
        code = sqlite3_backup_step(backup, STEP_PAGES);
        int total = sqlite3_backup_pagecount(backup);
        if (progress)
            progress(context, "pages", total - sqlite3_backup_remaining(backup), total);
    }
    if (backup)
        sqlite3_backup_finish(backup);
    return code == SQLITE_DONE ? TDL_OK : fail_sqlite(to, path, why);
}

static tdl_status copy_sqlite(const char *from, const char *path, tdl_transfer_progress *progress,
                              void *context, tdl_report *why)
{
    sqlite3 *source = NULL, *copy = NULL;
    tdl_status st;

    if ((st = open_db(from, SQLITE_OPEN_READONLY, &source, why)) ||
        (st = run(source, from, "BEGIN; SELECT count(*) FROM sqlite_schema", why)) ||
        (st = open_db(path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, &copy, why)))
        goto out;
    st = copy_pages(source, copy, path, progress, context, why);
out:
    sqlite3_close(copy);
    sqlite3_close(source);
    return st;
}

/* What is sealed stays so, under the same keys. */
static tdl_status copy_store(const char *url, const char *files_dir, const char *master_key_file,
                             const char *path, tdl_transfer_progress *progress, void *context,
                             tdl_report *why)
{
    tdl_store_options reading = {
        .read_only = true, .files_dir = files_dir, .master_key_file = master_key_file};
    tdl_store_options writing = {0};
    tdl_transfer_counts here, there;
    tdl_store *from = NULL, *to = NULL;
    char target[PATH_MAX + 8];
    tdl_status st;

    snprintf(target, sizeof target, "sqlite:%s", path);
    if ((st = tdl_store_open(url, &reading, &from, why)))
        goto out;
    if (tdl_store_vault(from))
        writing = (tdl_store_options){.master_key_file = master_key_file, .sealed_as = from};
    if ((st = tdl_store_open(target, &writing, &to, why)))
        goto out;
    st = tdl_store_transfer(from, to, progress, context, &here, &there, why);
out:
    tdl_store_close(to);
    tdl_store_close(from);
    return st;
}

static tdl_status finish(const char *part, const char *path, tdl_report *why)
{
    char sum[SUM_HEX + 1];
    int fd = open(part, O_RDONLY | O_CLOEXEC);
    bool synced = fd >= 0 && !fsync(fd);
    tdl_status st;

    if (fd >= 0)
        close(fd);
    if (!synced)
        return TDL_FAIL(why, TDL_E_IO, "%s: %s", part, strerror(errno));
    if ((st = sum_file(part, sum, why)) || (st = write_sum(path, sum, why)))
        return st;
    return rename(part, path) ? TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno)) : TDL_OK;
}

static void remove_part(const char *part)
{
    static const char *const ends[] = {"", "-wal", "-shm", "-journal"};
    char path[PATH_MAX + 16];

    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        snprintf(path, sizeof path, "%s%s", part, ends[i]);
        unlink(path);
    }
}

static tdl_status write_part(const char *url, const char *files_dir, const char *master_key_file,
                             const char *part, tdl_transfer_progress *progress, void *context,
                             tdl_report *why)
{
    const char *source = !strncmp(url, "sqlite:", 7) ? url + 7 : url;
    sqlite3 *db;
    tdl_status st = !strncmp(source, "postgres", 8) && strstr(source, "://")
                        ? copy_store(url, files_dir, master_key_file, part, progress, context, why)
                        : copy_sqlite(source, part, progress, context, why);

    if (st || (st = open_db(part, SQLITE_OPEN_READWRITE, &db, why)))
        return st;
    st = pack_files(db, part, files_dir, why);
    sqlite3_close(db);
    return st;
}

tdl_status tdl_archive_write(const char *url, const char *files_dir, const char *master_key_file,
                             const char *path, tdl_transfer_progress *progress, void *context,
                             tdl_report *why)
{
    char part[PATH_MAX];
    tdl_status st;

    if (!access(path, F_OK))
        return TDL_FAIL_HINT(why, TDL_E_CONFLICT, "choose another name", "%s exists", path);
    if (snprintf(part, sizeof part, "%s.part", path) >= PATH_MAX - 16)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", path);
    remove_part(part);
    if (!(st = write_part(url, files_dir, master_key_file, part, progress, context, why)))
        st = finish(part, path, why);
    remove_part(part);
    return st;
}

/* ---- unpacking ---- */

static tdl_status copy_bytes(const char *from, const char *to, tdl_report *why)
{
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    char *part = malloc(PART_BYTES);
    size_t n;
    bool good = in && out && part;

    while (good && (n = fread(part, 1, PART_BYTES, in)) > 0)
        good = fwrite(part, 1, n, out) == n;
    good = good && !ferror(in) && !fflush(out) && !fsync(fileno(out));
    tdl_status st =
        good ? TDL_OK : TDL_FAIL(why, TDL_E_IO, "%s to %s: %s", from, to, strerror(errno));
    if (in)
        fclose(in);
    if (out)
        fclose(out);
    free(part);
    return st;
}

tdl_status tdl_archive_unpack(const char *path, const char *folder, tdl_report *why)
{
    char db[PATH_MAX], part[PATH_MAX + 8];
    tdl_status st;

    if (snprintf(db, sizeof db, "%s/treadle.db", folder) >= PATH_MAX - 16)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", folder);
    if (!access(db, F_OK))
        return TDL_FAIL_HINT(why, TDL_E_CONFLICT, "move it away, or choose another --data",
                             "%s exists; a backup is restored into an empty place", db);
    snprintf(part, sizeof part, "%s.part", db);
    if ((st = tdl_archive_check(path, why)) || (st = tdl_file_make_dir(folder, why)))
        return st;
    if (!(st = copy_bytes(path, part, why)) && !(st = unpack_files(part, folder, why)) &&
        rename(part, db))
        st = TDL_FAIL(why, TDL_E_IO, "%s: %s", db, strerror(errno));
    remove_part(part);
    return st;
}
