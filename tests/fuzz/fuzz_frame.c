/* CSV into a frame and on into its profile and its schema. The first byte chooses options, the rest
 * is the file. A frame must be what frame.h says: levels ascending and in range, missing cells as
 * counted, no infinity; each value must print. Reading it again as its own schema must work. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table/profile.h"
#include "table/read.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_column(const tdl_column *column, size_t rows)
{
    size_t missing = 0;
    tdl_buf text = {0};

    for (size_t i = 1; i < column->levels_n; i++)
        if (column->type != TDL_COLUMN_BOOLEAN &&
            tdl_str_cmp(column->levels[i - 1], column->levels[i]) >= 0)
            abort();
    for (size_t i = 0; i < rows; i++) {
        missing += !tdl_column_has(column, i);
        if (column->level && (column->level[i] < -1 || column->level[i] >= (int)column->levels_n))
            abort();
        if (column->number && isinf(column->number[i]))
            abort();
        tdl_buf_clear(&text);
        tdl_column_print(column, i, &text);
        if (!tdl_str_utf8(tdl_buf_view(&text), NULL))
            abort();
    }
    tdl_buf_release(&text);
    if (missing != column->missing || column->infinite > missing || !column->name[0])
        abort();
}

static void check_profile(const tdl_frame *frame)
{
    tdl_profile profile = {0};
    tdl_buf text = {0};
    tdl_jw w = {.out = &text};
    json_t *parsed = NULL;

    if (tdl_profile_of(frame, &profile, NULL))
        abort();
    tdl_profile_write(&profile, &w);
    if (tdl_json_parse(tdl_buf_view(&text), TDL_JSON_REFUSE_DUPLICATES, &parsed, NULL))
        abort();
    json_decref(parsed);
    tdl_buf_release(&text);
    tdl_profile_release(&profile);
}

/* A file reads again under the types that were told of it. */
static void check_again(const char *path, const tdl_read_options *options, const tdl_frame *frame)
{
    json_t *schema = tdl_schema_save(frame);
    tdl_read_options again = *options;
    tdl_column_wish *wish = NULL;
    tdl_frame second = {0};
    tdl_report why = {0};

    if (!schema || tdl_schema_wishes(schema, &wish, &again.wishes_n, NULL))
        abort();
    again.wish = wish;
    if (tdl_frame_read(path, &again, &second, NULL, &why)) {
        fprintf(stderr, "%s\n", why.message);
        abort();
    }
    for (size_t i = 0; i < frame->columns_n; i++)
        if (second.column[i].type != frame->column[i].type ||
            second.column[i].missing != frame->column[i].missing)
            abort();
    free(wish);
    json_decref(schema);
    tdl_frame_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    tdl_read_options options = {0};
    tdl_report why = {0};
    tdl_frame frame = {0};

    if (size < 1)
        return 0;
    if (fd < 0) {
        fd = memfd_create("frame", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data + 1, size - 1, 0) != (ssize_t)(size - 1))
        abort();
    options.skip_bad = data[0] & 1 ? 3 : 0;
    options.missing = data[0] & 2 ? "-,x" : NULL;
    options.encoding = data[0] & 4 ? "gb18030" : NULL;
    options.delimiter = data[0] & 8 ? ';' : 0;
    if (!tdl_frame_read(path, &options, &frame, NULL, &why)) {
        for (size_t i = 0; i < frame.columns_n; i++)
            check_column(&frame.column[i], frame.rows);
        check_profile(&frame);
        check_again(path, &options, &frame);
        tdl_frame_release(&frame);
    } else if (strncmp(why.message, path, strlen(path)) != 0) {
        abort();
    }
    return 0;
}
