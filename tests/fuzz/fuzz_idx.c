/* The IDX reader: whatever the bytes, a refusal names the file, and what is read is what the header
 * says, byte for byte in the plain form. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table/idx.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_array(const tdl_idx *idx, const uint8_t *data, size_t size)
{
    size_t n = 1, header = 4 + 4 * idx->rank;

    for (size_t i = 0; i < idx->rank; i++)
        n *= idx->size[i];
    if (n != idx->n)
        abort();
    if (data[0] == 0x1f) // gzip
        return;
    if (size != header + n || (n && memcmp(idx->data, data + header, n) != 0))
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    tdl_report why = {0};
    tdl_idx idx = {0};

    if (fd < 0)
        fd = memfd_create("idx", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data, size, 0) != (ssize_t)size ||
        lseek(fd, 0, SEEK_SET))
        abort();
    if (!tdl_idx_read_fd(fd, "fuzz.idx", 1 << 20, &idx, &why))
        check_array(&idx, data, size);
    else if (strncmp(why.message, "fuzz.idx: ", 10) != 0)
        abort();
    tdl_idx_release(&idx);
    return 0;
}
