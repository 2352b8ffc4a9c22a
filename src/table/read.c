/* Which reader a source is for. */
#include "table/read_parts.h"

#include <sys/stat.h>

static bool ends_with(tdl_str text, const char *end)
{
    size_t n = strlen(end);

    return text.len >= n && !memcmp(text.at + text.len - n, end, n);
}

static bool is_folder(const char *path)
{
    struct stat info;

    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static tdl_read_fn *find_reader(const char *source)
{
    static const struct {
        const char *end;
        tdl_read_fn *read;
    } by_end[] = {
        {".jsonl", tdl_read_jsonl}, {".ndjson", tdl_read_jsonl},         {".json", tdl_read_jsonl},
        {".npy", tdl_read_npy},     {"-idx3-ubyte", tdl_read_image_idx},
    };
    tdl_str name = tdl_str_of(source);

    if (tdl_str_starts(name, TDL_STR("sqlite:")))
        return tdl_read_sqlite;
    if (tdl_str_starts(name, TDL_STR("postgres://")) ||
        tdl_str_starts(name, TDL_STR("postgresql://")))
        return tdl_read_postgres;
    if (is_folder(source))
        return tdl_read_image_folder;
    name.len -= ends_with(name, ".gz") ? 3 : ends_with(name, ".zst") ? 4 : 0;
    for (size_t i = 0; i < sizeof by_end / sizeof by_end[0]; i++)
        if (ends_with(name, by_end[i].end))
            return by_end[i].read;
    return tdl_read_csv;
}

tdl_status tdl_frame_read(const char *source, const tdl_read_options *options, tdl_frame *ret,
                          tdl_read_counts *ret_counts, tdl_report *why)
{
    tdl_read_options none = {0};
    tdl_read_counts counts = {0};
    tdl_read_fn *read = find_reader(source);
    tdl_status st;

    if (!options)
        options = &none;
    if (options->query && read != tdl_read_sqlite && read != tdl_read_postgres)
        return TDL_FAIL_HINT(why, TDL_E_USAGE, "name it sqlite:FILE or postgres://...",
                             "%s: a query is for a database", source);
    st = read(source, options, ret, &counts, why);
    if (!st && ret_counts)
        *ret_counts = counts;
    return st;
}

tdl_status tdl_read_tell(const tdl_read_options *options, uint64_t bytes, uint64_t total,
                         tdl_report *why)
{
    if (options->progress && !options->progress(options->progress_context, bytes, total))
        return TDL_FAIL(why, TDL_E_STOPPED, "reading was stopped");
    return TDL_OK;
}
