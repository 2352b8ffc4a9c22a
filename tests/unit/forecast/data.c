#include "data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "table/csv.h"

static bool find(const char *name, const char *plain_name, char *ret, size_t size)
{
    const char *folder = getenv("TREADLE_TEST_DATA");

    if (folder) {
        snprintf(ret, size, "%s/%s", folder, plain_name);
        if (!access(ret, R_OK))
            return true;
    }
    snprintf(ret, size, "%s/../shared/data/series/%s", TDL_SOURCE_ROOT, name);
    return !access(ret, R_OK);
}

bool load_numbers(const char *name, const char *plain_name, numbers *ret)
{
    char path[512];
    tdl_csv *csv = NULL;
    const tdl_str *field;
    size_t n, room = 0;
    bool more;

    *ret = (numbers){0};
    if (!find(name, plain_name, path, sizeof path) || tdl_csv_open(path, NULL, &csv, NULL)) {
        printf("skipped: %s is not there (TREADLE_TEST_DATA names its folder)\n", plain_name);
        return false;
    }
    tdl_csv_header(csv, &n);
    ret->cols = n - 1;
    while (!tdl_csv_next(csv, &field, &n, &more, NULL) && more) {
        if (ret->rows == room) {
            room = room ? 2 * room : 512;
            ret->at = realloc(ret->at, room * ret->cols * sizeof *ret->at);
            if (!ret->at)
                abort();
        }
        for (size_t i = 0; i < ret->cols; i++) {
            double *cell = &ret->at[ret->rows * ret->cols + i];

            if (!tdl_str_double(field[i + 1], cell))
                *cell = NAN;
        }
        ret->rows++;
    }
    tdl_csv_close(csv);
    return true;
}

double *scaled_column(const numbers *table, size_t col, size_t known, size_t n)
{
    double *y = malloc(n * sizeof *y), mean = 0, square = 0;

    if (!y)
        abort();
    for (size_t t = 0; t < known; t++)
        mean += table->at[t * table->cols + col] / (double)known;
    for (size_t t = 0; t < known; t++)
        square += pow(table->at[t * table->cols + col] - mean, 2) / (double)known;
    for (size_t t = 0; t < n; t++)
        y[t] = (table->at[t * table->cols + col] - mean) / sqrt(square);
    return y;
}
