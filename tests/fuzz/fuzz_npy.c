/* NumPy arrays: whatever the bytes, a refusal names the file, and a frame is whole. */
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table/read_parts.h"

/* What was read is looked at: a wild pointer is seen by the sanitizer. */
static volatile uint64_t sink;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t sum_of(const tdl_frame *frame)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < frame->columns_n; i++) {
        const tdl_column *c = &frame->column[i];
        size_t n = c->channels * c->height * c->width;

        for (size_t row = 0; c->number && row < frame->rows; row++)
            sum += isnan(c->number[row]) ? 1 : 0;
        for (size_t k = 0; c->pixel && k < frame->rows * n; k++)
            sum += c->pixel[k];
        if (c->number && sum < c->missing)
            abort();
    }
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    static char path[64];
    tdl_read_options options = {0};
    tdl_read_counts counts = {0};
    tdl_report why = {0};
    tdl_frame frame = {0};

    if (fd < 0) {
        fd = memfd_create("npy", MFD_CLOEXEC);
        snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    }
    if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size)
        abort();
    if (!tdl_read_npy(path, &options, &frame, &counts, &why))
        sink += sum_of(&frame);
    else if (strncmp(why.message, path, strlen(path)) != 0)
        abort();
    tdl_frame_release(&frame);
    return 0;
}
