/* The CSV reader: the first byte chooses the delimiter, the rest is the file. Rows must be as wide
 * as the header and hold clean UTF-8; errors must name the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "table/csv.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_row(const tdl_str *fields, size_t n, size_t header_n)
{
    if (n != header_n)
        abort();
    for (size_t i = 0; i < n; i++)
        if (!tdl_str_utf8(fields[i], NULL) ||
            (fields[i].len && memchr(fields[i].at, 0, fields[i].len)))
            abort();
}

static tdl_status read_rows(tdl_csv *csv, tdl_report *why)
{
    size_t header_n, n, line = 0;
    const tdl_str *fields;
    bool more;
    tdl_status st;

    tdl_csv_header(csv, &header_n);
    while (!(st = tdl_csv_next(csv, &fields, &n, &more, why)) && more) {
        check_row(fields, n, header_n);
        if (tdl_csv_line(csv) <= line)
            abort();
        line = tdl_csv_line(csv);
    }
    if (!st && tdl_csv_bytes_read(csv) != tdl_csv_bytes_total(csv))
        abort();
    return st;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int fd = -1;
    const char delimiters[] = {',', ';', '\t', '|'};
    tdl_csv_options options = {.field_limit = 4096};
    tdl_report why = {0};
    tdl_csv *csv = NULL;
    tdl_status st;

    if (size < 1)
        return 0;
    if (fd < 0)
        fd = memfd_create("csv", MFD_CLOEXEC);
    if (fd < 0 || ftruncate(fd, 0) || pwrite(fd, data + 1, size - 1, 0) != (ssize_t)(size - 1) ||
        lseek(fd, 0, SEEK_SET))
        abort();
    options.delimiter = delimiters[data[0] % sizeof delimiters];
    st = tdl_csv_open_fd(fd, "fuzz.csv", &options, &csv, &why);
    if (!st)
        st = read_rows(csv, &why);
    if (st && strncmp(why.message, "fuzz.csv: ", 10) != 0)
        abort();
    tdl_csv_close(csv);
    return 0;
}
