#include "cli/import_state.h"

#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"

enum {
    HEAD_BYTES = 64 << 10,
    STATE_MAX = 4096,
    NAME_BYTES = 16,
    NAME_MAX_TEXT = 2 * NAME_BYTES + 1
};

static bool state_path(const tdl_import_options *options, char ret[PATH_MAX])
{
    return snprintf(ret, PATH_MAX, "%s.import", options->path) < PATH_MAX;
}

/* What the file is, and where its rows go. Pipes and the like have no name. */
static bool name_of(const tdl_import_options *options, char ret[NAME_MAX_TEXT])
{
    char head[HEAD_BYTES];
    unsigned char digest[NAME_BYTES];
    crypto_generichash_state hash;
    struct stat info;
    FILE *file = !options->target || stat(options->path, &info) || !S_ISREG(info.st_mode)
                     ? NULL
                     : fopen(options->path, "rbe");

    if (!file)
        return false;
    size_t n = fread(head, 1, sizeof head, file);
    fclose(file);
    crypto_generichash_init(&hash, NULL, 0, sizeof digest);
    crypto_generichash_update(&hash, (const unsigned char *)&info.st_size, sizeof info.st_size);
    crypto_generichash_update(&hash, (const unsigned char *)head, n);
    crypto_generichash_update(&hash, (const unsigned char *)options->target,
                              strlen(options->target));
    crypto_generichash_update(&hash, (const unsigned char *)options->map, strlen(options->map));
    crypto_generichash_final(&hash, digest, sizeof digest);
    sodium_bin2hex(ret, NAME_MAX_TEXT, digest, sizeof digest);
    return true;
}

size_t tdl_import_state_rows(const tdl_import_options *options)
{
    char path[PATH_MAX], name[NAME_MAX_TEXT];
    tdl_buf text = {0};
    json_t *state = NULL;
    tdl_str said = {0};
    size_t rows = 0;

    if (state_path(options, path) && name_of(options, name) && !access(path, F_OK) &&
        !tdl_file_read(path, STATE_MAX, &text, NULL) &&
        !tdl_json_parse(tdl_buf_view(&text), TDL_JSON_LAST_WINS, &state, NULL) &&
        tdl_json_get_str(state, "of", &said) && tdl_str_is(said, name)) {
        json_int_t n = json_integer_value(json_object_get(state, "rows"));
        rows = n > 0 ? (size_t)n : 0;
    }
    json_decref(state);
    tdl_buf_release(&text);
    return rows;
}

void tdl_import_state_keep(const tdl_import_options *options, size_t rows)
{
    char path[PATH_MAX], next[PATH_MAX], name[NAME_MAX_TEXT];

    if (!state_path(options, path) || !name_of(options, name) ||
        snprintf(next, sizeof next, "%s.new", path) >= (int)sizeof next)
        return;
    FILE *file = fopen(next, "we");
    if (!file)
        return;
    bool written = fprintf(file, "{\"of\":\"%s\",\"rows\":%zu}\n", name, rows) > 0;
    if (fclose(file) || !written || rename(next, path))
        unlink(next);
}

void tdl_import_state_drop(const tdl_import_options *options)
{
    char path[PATH_MAX];

    if (options->target && state_path(options, path))
        unlink(path);
}
