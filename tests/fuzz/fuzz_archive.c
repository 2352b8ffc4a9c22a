/* Backups whose checksum is right, and whose inside is anything: what is unpacked stays below the
 * folder, and is there whole or not at all. */
#include <ftw.h>
#include <sodium.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/archive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char around[64]; // holds the backup, its checksum and the folder: nothing else may appear
static unsigned outside_n;

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at)
{
    TDL_UNUSED(info);
    TDL_UNUSED(kind);
    outside_n += at->level == 1;
    return at->level ? remove(path) : 0;
}

static void empty(void)
{
    outside_n = 0;
    if (nftw(around, remove_one, 8, FTW_DEPTH | FTW_PHYS))
        abort();
}

static void remove_all(void)
{
    empty();
    rmdir(around);
}

static void write_archive(const char *path, tdl_str bytes)
{
    unsigned char sum[crypto_hash_sha256_BYTES];
    char name[128], text[2 * sizeof sum + 1];

    crypto_hash_sha256(sum, (const unsigned char *)bytes.at, bytes.len);
    sodium_bin2hex(text, sizeof text, sum, sizeof sum);
    snprintf(name, sizeof name, "%s.sha256", path);
    if (tdl_file_write(path, bytes, NULL) || tdl_file_write(name, tdl_str_of(text), NULL))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[96], folder[96], db[128];
    tdl_report why = {0};

    if (!around[0]) {
        snprintf(around, sizeof around, "%s/treadle-fuzz-XXXXXX",
                 access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm"); // nothing here need last
        if (!mkdtemp(around))
            abort();
        atexit(remove_all);
    }
    snprintf(path, sizeof path, "%s/a.backup", around);
    snprintf(folder, sizeof folder, "%s/folder", around);
    snprintf(db, sizeof db, "%s/treadle.db", folder);
    write_archive(path, (tdl_str){(const char *)data, size});
    tdl_status st = tdl_archive_unpack(path, folder, &why);
    if (st ? !why.message[0] || !access(db, F_OK) : access(db, F_OK) != 0)
        abort();
    empty();
    if (outside_n != 3)
        abort();
    return 0;
}
