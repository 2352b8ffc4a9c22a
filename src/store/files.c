/* Files of models: kept in a store that several processes share, because they need not share a
 * disk. Elsewhere the file in the data folder is all there is. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "store/rows.h"
#include "store/store_parts.h"

/* What a row names stays below the folder. */
static tdl_status locate(const tdl_store *store, tdl_str name, char ret[PATH_MAX], tdl_report *why)
{
    bool sound = name.len && name.at[0] != '/' && !memchr(name.at, '\0', name.len) &&
                 !memmem(name.at, name.len, "..", 2);

    if (!sound || snprintf(ret, PATH_MAX, "%s/%.*s", store->files_dir, TDL_FMT(name)) >= PATH_MAX)
        return TDL_FAIL(why, TDL_E_INVALID, "\"%.*s\" is no path of a model", TDL_FMT(name));
    return TDL_OK;
}

tdl_status tdl_store_send_file(const tdl_store *store, const tdl_store_ops *ops,
                               tdl_backend *backend, tdl_str name, tdl_report *why)
{
    char path[PATH_MAX];

    if (!ops->put_file || !store->files_dir || locate(store, name, path, NULL) ||
        access(path, R_OK))
        return TDL_OK;
    return ops->put_file(backend, name, path, why);
}

static tdl_status receive_parts(tdl_reader *reader, tdl_str name, FILE *out, bool *ret_found,
                                tdl_report *why)
{
    bool more = true;
    tdl_status st = TDL_OK;

    *ret_found = false;
    for (int64_t part = 0; !st && more; part++) {
        tdl_rows r = {.reader = reader};
        if ((st = tdl_rows_start(&r, TDL_READ_FILE, why)))
            break;
        tdl_rows_bind_text(&r, 1, name);
        tdl_rows_bind_number(&r, 2, part);
        if ((more = tdl_rows_next(&r) != NULL)) {
            tdl_str bytes = tdl_rows_bytes(&r, 0);
            *ret_found = true;
            more = fwrite(bytes.at, 1, bytes.len, out) == bytes.len;
        }
        st = tdl_rows_end(&r, why);
    }
    return st;
}

/* Under another name until it is whole. */
static tdl_status receive(tdl_reader *reader, tdl_str name, const char *path, tdl_report *why)
{
    char part[PATH_MAX + 32];
    bool found = false;
    tdl_status st;

    snprintf(part, sizeof part, "%s.%ld.part", path, (long)getpid());
    FILE *out = fopen(part, "wb");
    if (!out)
        return TDL_FAIL(why, TDL_E_IO, "%s: %s", part, strerror(errno));
    st = receive_parts(reader, name, out, &found, why);
    bool written = !ferror(out) && !fflush(out) && !fsync(fileno(out));
    if (fclose(out) || !written)
        st = st ? st : TDL_FAIL(why, TDL_E_IO, "%s: cannot be written", part);
    if (!st && !found)
        st = TDL_FAIL(why, TDL_E_NOT_FOUND, "the store does not hold the file %.*s", TDL_FMT(name));
    if (!st && rename(part, path))
        st = TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    if (st)
        unlink(part);
    return st;
}

tdl_status tdl_store_fetch_model(tdl_store *store, const tdl_model_row *model, tdl_report *why)
{
    char path[PATH_MAX], folder[PATH_MAX];
    tdl_reader *reader;
    tdl_status st;

    if (!store->ops->put_file || !store->files_dir)
        return TDL_OK;
    if ((st = locate(store, model->path, path, why)) || !access(path, F_OK))
        return st;
    snprintf(folder, sizeof folder, "%s", path);
    *strrchr(folder, '/') = '\0'; // there is one: files_dir is in front
    if ((st = tdl_file_make_dir(folder, why)) || (st = tdl_store_take_reader(store, &reader, why)))
        return st;
    st = receive(reader, model->path, path, why);
    tdl_store_give_back(store, reader);
    return st;
}
