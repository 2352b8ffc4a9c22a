#include "series_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli/command.h"
#include "table/csv.h"

static bool find(const char *name, char *ret, size_t size)
{
    const char *folder = getenv("TREADLE_TEST_DATA");

    if (folder) {
        snprintf(ret, size, "%s/%s.csv", folder, name);
        if (!access(ret, R_OK))
            return true;
    }
    snprintf(ret, size, "../shared/data/series/%s.csv.zst", name);
    return !access(ret, R_OK);
}

tdl_status tdl_series_data_read(const char *name, bool quiet, tdl_series_data *ret, bool *ret_there,
                                tdl_report *why)
{
    tdl_series_data data = {0};
    tdl_csv *csv = NULL;
    const tdl_str *field;
    size_t n, room = 0;
    char path[512];
    bool more;
    tdl_status st;

    *ret_there = find(name, path, sizeof path);
    if (!*ret_there) {
        if (!quiet)
            fprintf(stderr,
                    tdl_tr("series: %s is not there, left out (TREADLE_TEST_DATA names a folder)\n",
                           "series：没有 %s，已略过（TREADLE_TEST_DATA 指定文件夹）\n"),
                    name);
        return TDL_OK;
    }
    if ((st = tdl_csv_open(path, NULL, &csv, why)))
        return st;
    tdl_csv_header(csv, &n);
    data.cols = n - 1;
    while (!(st = tdl_csv_next(csv, &field, &n, &more, why)) && more) {
        if (data.rows == room) {
            double *grown;

            room = room ? 2 * room : 512;
            if (!(grown = realloc(data.at, room * data.cols * sizeof *data.at))) {
                st = TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory", path);
                break;
            }
            data.at = grown;
        }
        for (size_t i = 0; i < data.cols; i++)
            if (!tdl_str_double(field[i + 1], &data.at[data.rows * data.cols + i]))
                data.at[data.rows * data.cols + i] = (double)NAN;
        data.rows++;
    }
    tdl_csv_close(csv);
    if (st) {
        free(data.at);
        return st;
    }
    *ret = data;
    return TDL_OK;
}

double *tdl_series_data_column(const tdl_series_data *data, size_t col, size_t known, size_t n)
{
    double *y = n <= data->rows ? malloc(n * sizeof *y) : NULL, mean = 0, square = 0;

    if (!y)
        return NULL;
    for (size_t t = 0; t < n; t++)
        y[t] = data->at[t * data->cols + col];
    for (size_t t = 0; t < known; t++)
        mean += y[t] / (double)known;
    for (size_t t = 0; t < known; t++)
        square += (y[t] - mean) * (y[t] - mean) / (double)known;
    for (size_t t = 0; t < n; t++)
        y[t] = (y[t] - mean) / sqrt(square);
    return y;
}

bool tdl_series_data_share(const double *const *row, size_t rows_n, size_t n, char *ret_path,
                           size_t size)
{
    int fd;
    bool ok = true;

    snprintf(ret_path, size, "/tmp/treadle-series-XXXXXX");
    if ((fd = mkstemp(ret_path)) < 0)
        return false;
    for (size_t i = 0; i < rows_n && ok; i++)
        ok = write(fd, row[i], n * sizeof **row) == (ssize_t)(n * sizeof **row);
    close(fd);
    if (!ok)
        unlink(ret_path);
    return ok;
}
