#include "store/intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

/* Names come from outside: the hash must not be predictable, and a map that has no memory to grow
 * must not end the program. */
#define HASH_FUNCTION(key, len, hash)                                                              \
    (hash) = (unsigned)tdl_str_hash((tdl_str){(const char *)(key), (len)})
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct tdl_intern_name {
    UT_hash_handle hh;
    tdl_intern_name *older; /* the fresh name before this one */
    size_t fresh_at;        /* how many were fresh before it */
    int64_t id;
    char text[];
};

bool tdl_intern_find(const tdl_intern *intern, tdl_str text, int64_t *ret)
{
    tdl_intern_name *name;

    HASH_FIND(hh, intern->names, text.at, text.len, name);
    if (name)
        *ret = name->id;
    return name != NULL;
}

void tdl_intern_add(tdl_intern *intern, tdl_str text, int64_t id, bool fresh)
{
    tdl_intern_name *name = malloc(sizeof *name + text.len);
    size_t fresh_at = intern->fresh_n;

    intern->fresh_n += fresh;
    if (!name)
        return;
    *name = (tdl_intern_name){.id = id, .fresh_at = fresh_at};
    memcpy(name->text, text.at, text.len);
    HASH_ADD_KEYPTR(hh, intern->names, name->text, text.len, name);
    if (!name->hh.tbl) { // no memory
        free(name);
        return;
    }
    if (fresh) {
        name->older = intern->fresh;
        intern->fresh = name;
    }
}

void tdl_intern_commit(tdl_intern *intern)
{
    intern->committed_n += (int64_t)intern->fresh_n;
    intern->fresh_n = 0;
    intern->fresh = NULL;
    if (HASH_COUNT(intern->names) > TDL_INTERN_MAX)
        tdl_intern_release(intern);
}

void tdl_intern_undo(tdl_intern *intern, size_t keep_n)
{
    while (intern->fresh && intern->fresh->fresh_at >= keep_n) {
        tdl_intern_name *name = intern->fresh;
        intern->fresh = name->older;
        // NOLINTNEXTLINE(clang-analyzer-*): the analyser cannot follow uthash
        HASH_DEL(intern->names, name);
        free(name);
    }
    if (intern->fresh_n > keep_n)
        intern->fresh_n = keep_n;
}

void tdl_intern_release(tdl_intern *intern)
{
    tdl_intern_name *name, *next;

    HASH_ITER(hh, intern->names, name, next)
    {
        // NOLINTNEXTLINE(clang-analyzer-*): the analyser cannot follow uthash
        HASH_DEL(intern->names, name);
        free(name);
    }
    intern->fresh = NULL;
}
