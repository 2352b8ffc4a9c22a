/* Logs of other recommenders, laid out for offline evaluation. The first byte chooses the format.
 * What is laid out keeps the promises of apps/recommend/feedback.h. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/recommend/feedback.h"
#include "cli/feedlog_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const suffix[] = {".inter", "u.data", ".dat", ".seq", ".csv", ".json", ".jsonl"};
enum { SUFFIXES = sizeof suffix / sizeof suffix[0] };

static char path[SUFFIXES][64];

static void remove_files(void)
{
    for (size_t i = 0; i < SUFFIXES; i++)
        unlink(path[i]);
}

static void write_file(const char *name, const void *bytes, size_t n)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    close(fd);
}

static tdl_status take(void *context, const tdl_feedlog_row *row, tdl_report *why)
{
    tdl_feedback_row one = {
        .user = row->user, .item = row->item, .order = row->order, .time_us = row->time_us};

    return tdl_feedback_add(context, &one, why);
}

static void check(const tdl_feedback *f)
{
    const tdl_interactions *all = tdl_feedback_all(f);
    int32_t known = -1;

    if (!all->users_n || !all->items_n || all->offsets[all->users_n] > tdl_feedback_rows(f))
        abort();
    for (size_t u = 0; u < all->users_n; u++) {
        if (all->offsets[u] >= all->offsets[u + 1] || !tdl_feedback_user(f, (int32_t)u).len)
            abort();
        for (size_t i = all->offsets[u]; i < all->offsets[u + 1]; i++) {
            if (all->item[i] < 0 || (size_t)all->item[i] >= all->items_n)
                abort();
            known = all->item[i] > known ? all->item[i] : known;
            if (i > all->offsets[u] && all->time_us[i] < all->time_us[i - 1])
                abort();
        }
    }
    if ((size_t)known + 1 != all->items_n)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    tdl_feedback *f = tdl_feedback_new();
    tdl_feedlog_result result;
    tdl_report why = {0};

    if (!path[0][0]) {
        for (size_t i = 0; i < SUFFIXES; i++)
            snprintf(path[i], sizeof path[i], "/tmp/treadle-feedlog-%d%s", (int)getpid(),
                     suffix[i]);
        atexit(remove_files);
    }
    if (!size || !f)
        goto out;
    const char *name = path[data[0] % SUFFIXES];
    write_file(name, data + 1, size - 1);
    tdl_feedlog_options options = {.path = name};
    tdl_status st = tdl_feedlog_read(&options, take, f, &result, &why);
    if (st && !why.message[0])
        abort();
    if (result.rejected + result.other > result.rows ||
        (result.rejected > 0) != (result.first_reject[0] != '\0'))
        abort();
    if (!st && !tdl_feedback_finish(f, &why))
        check(f);
out:
    tdl_feedback_free(f);
    return 0;
}
