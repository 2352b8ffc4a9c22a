/* JSON lines, and rows of JSON for a schema. The input is "SCHEMA\nROWS\n...": its first two lines
 * are a schema and rows, which must become a frame or be refused in words; all of it is also read
 * as JSON lines. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table/read_parts.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_frame(const tdl_frame *frame)
{
    tdl_buf text = {0};

    for (size_t i = 0; i < frame->columns_n; i++) {
        size_t missing = 0;
        for (size_t row = 0; row < frame->rows; row++) {
            missing += !tdl_column_has(&frame->column[i], row);
            tdl_column_print(&frame->column[i], row, &text);
            tdl_buf_clear(&text);
        }
        if (missing != frame->column[i].missing)
            abort();
    }
    tdl_buf_release(&text);
}

static void ask(tdl_str schema_text, tdl_str rows_text)
{
    json_t *schema = NULL, *rows = NULL;
    tdl_row_fault *fault = NULL;
    size_t faults_n = 0, unknown;
    tdl_frame frame = {0};
    tdl_report why = {0};

    if (!tdl_json_parse(schema_text, TDL_JSON_REFUSE_DUPLICATES, &schema, NULL) &&
        !tdl_json_parse(rows_text, TDL_JSON_REFUSE_DUPLICATES, &rows, NULL)) {
        if (!tdl_frame_of_json(schema, rows, &frame, &unknown, &fault, &faults_n, &why)) {
            check_frame(&frame);
            for (size_t i = 0; i < faults_n; i++)
                if (fault[i].row >= frame.rows || !fault[i].why.message[0])
                    abort();
        } else if (!why.message[0]) {
            abort();
        }
    }
    free(fault);
    tdl_frame_release(&frame);
    json_decref(schema);
    json_decref(rows);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    tdl_read_options options = {.skip_bad = 2};
    tdl_read_counts counts = {0};
    const char *text = (const char *)data, *end = size ? memchr(data, '\n', size) : NULL;
    tdl_report why = {0};
    tdl_frame frame = {0};

    if (end) {
        size_t n = (size_t)(end - text);
        const char *last = memchr(end + 1, '\n', size - n - 1);
        ask((tdl_str){text, n}, (tdl_str){end + 1, last ? (size_t)(last - end - 1) : size - n - 1});
    }
    if (fd < 0) {
        fd = memfd_create("rows", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    if (!tdl_read_jsonl(path, &options, &frame, &counts, &why))
        check_frame(&frame);
    else if (strncmp(why.message, path, strlen(path)) != 0)
        abort();
    tdl_frame_release(&frame);
    return 0;
}
