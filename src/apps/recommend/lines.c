#include "apps/recommend/lines.h"

#include <stdlib.h>
#include <zlib.h>

enum { FIRST_LINES = 16, BYTES_MAX = 1 << 30 };

void tdl_lines_release(tdl_lines *lines)
{
    tdl_arena_free(lines->bytes);
    free(lines->line);
    *lines = (tdl_lines){0};
}

bool tdl_lines_add(tdl_lines *lines, tdl_str line)
{
    if (!lines->bytes && !(lines->bytes = tdl_arena_new(BYTES_MAX)))
        return false;
    if (lines->n == lines->cap) {
        size_t cap = lines->cap ? 2 * lines->cap : FIRST_LINES;
        tdl_str *moved =
            cap <= SIZE_MAX / sizeof *moved ? realloc(lines->line, cap * sizeof *moved) : NULL;
        if (!moved)
            return false;
        lines->line = moved;
        lines->cap = cap;
    }
    tdl_str copy = tdl_arena_str(lines->bytes, line);
    if (!copy.at)
        return false;
    lines->line[lines->n++] = copy;
    return true;
}

static int by_bytes(const void *left, const void *right)
{
    return tdl_str_cmp(*(const tdl_str *)left, *(const tdl_str *)right);
}

void tdl_lines_sort(tdl_lines *lines)
{
    if (lines->n)
        qsort(lines->line, lines->n, sizeof *lines->line, by_bytes);
}

unsigned long tdl_lines_crc32(tdl_lines *lines)
{
    uLong crc = crc32(0, NULL, 0);

    tdl_lines_sort(lines);
    for (size_t i = 0; i < lines->n; i++) {
        if (i)
            crc = crc32(crc, (const Bytef *)"\n", 1);
        crc = crc32_z(crc, (const Bytef *)lines->line[i].at, lines->line[i].len);
    }
    return crc;
}
