/* Files of events, line by line or as a table, with a map of the columns, packed or not. The first
 * byte chooses: lines (0); a table whose first line is the map (1); each with personal data masked
 * (2, 3). What is handed on passes the store's own check. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/timestamp.h"
#include "cli/import.h"
#include "store/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static tdl_status take_events(void *context, const tdl_event *events, size_t events_n,
                              size_t *ret_new, tdl_report *why)
{
    size_t *taken = context;

    TDL_UNUSED(why);
    for (size_t i = 0; i < events_n; i++)
        if (tdl_event_check(&events[i], tdl_time_now() + 1000000, NULL))
            abort();
    *taken += events_n;
    *ret_new = events_n;
    return TDL_OK;
}

static tdl_status take_items(void *context, const tdl_item *items, size_t items_n, tdl_report *why)
{
    TDL_UNUSED(context);
    for (size_t i = 0; i < items_n; i++)
        if (tdl_check_item(&items[i], why))
            abort();
    return TDL_OK;
}

static char path[2][64];

static void remove_files(void)
{
    unlink(path[0]);
    unlink(path[1]);
}

static void write_file(const char *name, const void *bytes, size_t n)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

    if (fd < 0 || write(fd, bytes, n) != (ssize_t)n)
        abort();
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data + 1;
    tdl_import_personal personal = {.policy = TDL_PERSONAL_MASK};
    char map[200] = "";
    size_t taken = 0;

    if (!size)
        return 0;
    if (!path[0][0]) {
        snprintf(path[0], sizeof path[0], "/tmp/treadle-fuzz-%d.jsonl", (int)getpid());
        snprintf(path[1], sizeof path[1], "/tmp/treadle-fuzz-%d.csv", (int)getpid());
        atexit(remove_files);
    }
    size--;
    const char *end = data[0] & 1 ? memchr(text, '\n', size) : NULL;
    if (end && (size_t)(end - text) < sizeof map) {
        memcpy(map, text, (size_t)(end - text));
        size -= (size_t)(end + 1 - text);
        text = end + 1;
    }
    const char *name = path[data[0] & 1];
    write_file(name, text, size);
    tdl_import_options options = {
        .path = name, .map = map, .attributes = "title", .kind = "view", .source = "fuzz"};
    if (data[0] & 2)
        options.personal = &personal;
    tdl_import_sink sink = {
        .context = &taken, .batch_n = 10, .events = take_events, .items = take_items};
    tdl_progress progress = {0};
    tdl_import_result result = {0};
    tdl_report why = {0};
    if (tdl_import_file(&options, &sink, &progress, &result, &why) && !why.message[0])
        abort();
    if (result.stored != taken || result.stored + result.rejected > result.rows)
        abort();
    return 0;
}
