#include "store/sqlite_wipe.h"

#include <pthread.h>
#include <string.h>

enum {
    FILE_HEADER = 100,
    PAGE_MIN = 512,
    PAGE_MAX = 65536,
    /* A page that is of no tree may begin with the number of another page. Below this number it
     * does not look like a tree's: its first byte is 0 or 1. */
    PAGES_MAX = 0x02000000
};

static size_t get_16(const unsigned char *at)
{
    return (size_t)at[0] << 8 | at[1];
}

/* https://www.sqlite.org/fileformat2.html#b_tree_pages: a page begins with its kind, the place of
 * its first free block, how many cells it has, and where the content of the cells begins; at 8 or
 * 12 an array of their places, up to which nothing may be touched. */
bool tdl_sqlite_wipe_page(unsigned char *page, size_t size, bool first)
{
    size_t header = first ? FILE_HEADER : 0;
    const unsigned char *at = page + header;
    bool leaf = at[0] == 10 || at[0] == 13, inner = at[0] == 2 || at[0] == 5;

    if (!leaf && !inner)
        return false;
    size_t unused = header + (leaf ? 8 : 12) + 2 * get_16(at + 3);
    size_t content = get_16(at + 5) ? get_16(at + 5) : PAGE_MAX;
    if (content > size || unused > content)
        return false;
    memset(page + unused, 0, content - unused);
    return true;
}

/* SQLite's own functions of database files, but for writing. They are the same for all of one
 * file system, so the first to come is copied. */
static const sqlite3_io_methods *original;
static sqlite3_io_methods wiping;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static int write_wiped(sqlite3_file *file, const void *bytes, int n, sqlite3_int64 offset)
{
    unsigned char page[PAGE_MAX];

    if (n < PAGE_MIN || n > PAGE_MAX || n & (n - 1) || offset % n || offset / n >= PAGES_MAX)
        return original->xWrite(file, bytes, n, offset);
    memcpy(page, bytes, (size_t)n);
    tdl_sqlite_wipe_page(page, (size_t)n, offset == 0);
    return original->xWrite(file, page, n, offset);
}

void tdl_sqlite_wipe_pages(sqlite3 *db)
{
    sqlite3_file *file = NULL;

    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_FILE_POINTER, &file) || !file ||
        !file->pMethods)
        return;
    pthread_mutex_lock(&lock);
    if (!original) {
        original = file->pMethods;
        wiping = *original;
        wiping.xWrite = write_wiped;
    }
    if (file->pMethods == original)
        file->pMethods = &wiping;
    pthread_mutex_unlock(&lock);
}
