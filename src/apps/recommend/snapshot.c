#include "apps/recommend/snapshot.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

static const char FORMAT[] = "treadle-recommend-1";

void tdl_snapshot_free(tdl_snapshot *snapshot)
{
    if (!snapshot)
        return;
    for (size_t r = 0; r < TDL_RUNGS_N; r++)
        if (snapshot->model[r])
            tdl_ladder[r]->free(snapshot->model[r]);
    tdl_lineup_release(&snapshot->lineup);
    tdl_content_map_free(snapshot->content_map);
    free(snapshot->item_id);
    free(snapshot->text);
    free(snapshot);
}

size_t tdl_snapshot_bytes(const tdl_snapshot *snapshot)
{
    size_t bytes = tdl_lineup_bytes(&snapshot->lineup);

    for (size_t r = 0; r < TDL_RUNGS_N; r++)
        if (snapshot->model[r])
            bytes += tdl_ladder[r]->bytes(snapshot->model[r]);
    return bytes;
}

/* ---- writing ---- */

/* The ids one after the other. offsets: [count + 1], NULL without memory. */
static int64_t *join_ids(const tdl_names *items, tdl_buf *bytes)
{
    size_t n = (size_t)tdl_names_count(items);
    int64_t *offsets = malloc((n + 1) * sizeof *offsets);

    bytes->limit = SIZE_MAX / 2;
    for (size_t i = 0; offsets && i < n; i++) {
        offsets[i] = (int64_t)bytes->len;
        tdl_buf_str(bytes, tdl_names_at(items, (int32_t)i));
    }
    if (offsets)
        offsets[n] = (int64_t)bytes->len;
    return offsets;
}

static void add_meta(tdl_st_writer *writer, const tdl_snapshot_source *source)
{
    char seed[24];

    snprintf(seed, sizeof seed, "%" PRIu64, source->seed);
    tdl_st_meta(writer, "format", tdl_str_of(FORMAT));
    tdl_st_meta(writer, "version", source->version);
    tdl_st_meta(writer, "promoted", tdl_str_of(tdl_ladder[source->promoted]->name));
    tdl_st_meta(writer, "seed", tdl_str_of(seed));
    tdl_st_meta(writer, "report", source->report);
}

tdl_status tdl_snapshot_write(const char *path, const tdl_snapshot_source *source, tdl_report *why)
{
    tdl_st_writer *writer = tdl_st_writer_new();
    tdl_buf bytes = {0};
    int64_t *offsets = join_ids(source->items, &bytes);
    tdl_status st;

    if (!offsets || bytes.failed) {
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory for the item ids", path);
        goto out;
    }
    add_meta(writer, source);
    tdl_st_add_1d(writer, "items/bytes", TDL_U8, bytes.len, bytes.at);
    tdl_st_add_1d(writer, "items/offsets", TDL_I64, (size_t)tdl_names_count(source->items) + 1,
                  offsets);
    for (size_t r = 0; r < TDL_RUNGS_N; r++)
        if (source->model[r])
            tdl_ladder[r]->save(source->model[r], writer);
    if (source->lineup)
        tdl_lineup_save(source->lineup, writer);
    if (source->content_map)
        tdl_content_map_save(source->content_map, "ials", writer);
    st = tdl_st_write(writer, path, why);
out:
    tdl_st_writer_free(writer);
    tdl_buf_release(&bytes);
    free(offsets);
    return st;
}

/* ---- reading ---- */

static tdl_status check_offsets(const int64_t *offsets, size_t items_n, size_t bytes_n,
                                tdl_report *why)
{
    if (offsets[0] != 0 || offsets[items_n] != (int64_t)bytes_n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "items/offsets: from %lld to %lld, expected 0 to %zu",
                        (long long)offsets[0], (long long)offsets[items_n], bytes_n);
    for (size_t i = 0; i < items_n; i++)
        if (offsets[i + 1] < offsets[i])
            return TDL_FAIL(why, TDL_E_CORRUPT, "items/offsets: item %zu goes from %lld to %lld", i,
                            (long long)offsets[i], (long long)offsets[i + 1]);
    return TDL_OK;
}

static tdl_status read_ids(const tdl_st_file *file, tdl_str version, tdl_snapshot *s,
                           tdl_report *why)
{
    const tdl_st_view *bytes, *offsets;
    tdl_status st;

    if ((st = tdl_st_get(file, "items/bytes", TDL_U8, 1, &bytes, why)) ||
        (st = tdl_st_get(file, "items/offsets", TDL_I64, 1, &offsets, why)))
        return st;
    if (!offsets->n || offsets->n - 1 > INT32_MAX)
        return TDL_FAIL(why, TDL_E_CORRUPT, "items/offsets: %zu values", offsets->n);
    const int64_t *offset = offsets->data;
    s->items_n = offsets->n - 1;
    if ((st = check_offsets(offset, s->items_n, bytes->n, why)))
        return st;
    s->text = malloc(bytes->n + version.len + 1);
    s->item_id = malloc((s->items_n + 1) * sizeof *s->item_id);
    if (!s->text || !s->item_id)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %zu item ids", s->items_n);
    if (bytes->n)
        memcpy(s->text, bytes->data, bytes->n);
    if (version.len)
        memcpy(s->text + bytes->n, version.at, version.len);
    s->version = (tdl_str){s->text + bytes->n, version.len};
    for (size_t i = 0; i < s->items_n; i++)
        s->item_id[i] = (tdl_str){s->text + offset[i], (size_t)(offset[i + 1] - offset[i])};
    return TDL_OK;
}

/* Is any tensor of the rung there? */
static bool is_kept(const tdl_st_file *file, size_t rung)
{
    const char *name = tdl_ladder[rung]->name;
    size_t n = strlen(name);

    for (size_t i = 0; i < tdl_st_count(file); i++) {
        tdl_str tensor = tdl_st_at(file, i)->name;
        if (tensor.len > n && tensor.at[n] == '/' && !memcmp(tensor.at, name, n))
            return true;
    }
    return false;
}

static tdl_status read_rung(const tdl_st_file *file, size_t rung, tdl_snapshot *s, tdl_report *why)
{
    bool needed = rung == s->promoted || rung == s->similar;

    if (!needed && !is_kept(file, rung))
        return TDL_OK;
    return tdl_ladder[rung]->load(file, s->items_n, &s->model[rung], why);
}

/* Files of before have no map. */
static tdl_status read_map(const tdl_st_file *file, tdl_snapshot *s, tdl_report *why)
{
    const void *ials = s->model[tdl_ladder_find(TDL_STR("ials"))];
    size_t d;

    if (!ials || !tdl_st_find(file, "ials/map"))
        return TDL_OK;
    tdl_rung_ials.vectors(ials, &d);
    return tdl_content_map_load(file, "ials", d, &s->content_map, why);
}

static tdl_status read_all(tdl_st_file *file, tdl_str version, tdl_snapshot *s, tdl_report *why)
{
    tdl_str format = tdl_st_meta_get(file, "format"), promoted = tdl_st_meta_get(file, "promoted");
    tdl_status st;

    if (!tdl_str_is(format, FORMAT))
        return TDL_FAIL(why, TDL_E_CORRUPT, "format is \"%.*s\", expected \"%s\"", TDL_FMT(format),
                        FORMAT);
    s->promoted = tdl_ladder_find(promoted);
    if (s->promoted == TDL_RUNGS_N)
        return TDL_FAIL(why, TDL_E_CORRUPT,
                        "it promotes \"%.*s\", which this version does not have",
                        TDL_FMT(promoted));
    s->similar =
        tdl_ladder[s->promoted]->similar ? s->promoted : tdl_ladder_find(TDL_STR("item-knn"));
    if ((st = read_ids(file, version, s, why)))
        return st;
    for (size_t r = 0; !st && r < TDL_RUNGS_N; r++)
        st = read_rung(file, r, s, why);
    if (st || (st = tdl_lineup_load(file, s->items_n, &s->lineup, why)))
        return st;
    return read_map(file, s, why);
}

static tdl_status check_hash(const char *path, const char *expected, tdl_report *why)
{
    char hash[65];
    int64_t bytes;
    tdl_status st = tdl_file_hash(path, hash, &bytes, why);

    if (st || !strcmp(hash, expected))
        return st;
    return TDL_FAIL_HINT(why, TDL_E_CORRUPT, "restore the file, or train again",
                         "%s: its %lld bytes are not those that were written (BLAKE2b %.16s..., "
                         "expected %.16s...)",
                         path, (long long)bytes, hash, expected);
}

tdl_status tdl_snapshot_read(const char *path, tdl_str version, const char *hash,
                             tdl_snapshot **ret, tdl_report *why)
{
    tdl_st_file *file = NULL;
    tdl_snapshot *snapshot = calloc(1, sizeof *snapshot);
    tdl_status st;

    if (!snapshot)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory", path);
    if (hash && (st = check_hash(path, hash, why)))
        goto out;
    if ((st = tdl_st_open(path, &file, why)))
        goto out;
    if ((st = read_all(file, version, snapshot, why))) {
        tdl_report_prefix(why, "%s", path);
        goto out;
    }
    *ret = snapshot;
    snapshot = NULL; /* the caller's now */
out:
    tdl_st_free(file);
    tdl_snapshot_free(snapshot);
    return st;
}
