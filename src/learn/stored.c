#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "learn/stored.h"

enum { NAME_SIZE = 256 };

static const char *full_name(const char *prefix, const char *name, char ret[NAME_SIZE])
{
    int n = snprintf(ret, NAME_SIZE, "%s%s", prefix, name);

    return n < 0 || n >= NAME_SIZE ? "" : ret; // the writer and the reader refuse an empty name
}

void tdl_store_doubles(tdl_st_writer *writer, const char *prefix, const char *name, size_t n,
                       const double *data)
{
    char full[NAME_SIZE];

    tdl_st_add_1d(writer, full_name(prefix, name, full), TDL_F64, n, data);
}

void tdl_store_ints(tdl_st_writer *writer, const char *prefix, const char *name, size_t n,
                    const int32_t *data)
{
    char full[NAME_SIZE];

    tdl_st_add_1d(writer, full_name(prefix, name, full), TDL_I32, n, data);
}

void tdl_store_floats(tdl_st_writer *writer, const char *prefix, const char *name, size_t n,
                      const float *data)
{
    char full[NAME_SIZE];

    tdl_st_add_1d(writer, full_name(prefix, name, full), TDL_F32, n, data);
}

void tdl_store_longs(tdl_st_writer *writer, const char *prefix, const char *name, size_t n,
                     const int64_t *data)
{
    char full[NAME_SIZE];

    tdl_st_add_1d(writer, full_name(prefix, name, full), TDL_I64, n, data);
}

/* The tensor's bytes, copied: free(*ret). */
static tdl_status copy(const tdl_st_file *file, const char *prefix, const char *name,
                       tdl_dtype dtype, size_t n, size_t size, void **ret, tdl_report *why)
{
    char full[NAME_SIZE];
    const tdl_st_view *view;
    tdl_status st = tdl_st_get(file, full_name(prefix, name, full), dtype, 1, &view, why);

    if (st)
        return st;
    if (view->n != n)
        return TDL_FAIL(why, TDL_E_CORRUPT, "%s%s: %zu numbers, not %zu", prefix, name, view->n, n);
    if (!(*ret = malloc(n * size + 1))) // as many as the file has: n * size is below its length
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for %s%s", prefix, name);
    if (n)
        memcpy(*ret, view->data, n * size);
    return TDL_OK;
}

tdl_status tdl_stored_doubles(const tdl_st_file *file, const char *prefix, const char *name,
                              size_t n, double **ret, tdl_report *why)
{
    void *data = NULL;
    tdl_status st = copy(file, prefix, name, TDL_F64, n, sizeof **ret, &data, why);
    const double *value = data;

    if (st)
        return st;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(value[i])) {
            free(data);
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s%s: number %zu is not finite", prefix, name, i);
        }
    *ret = data;
    return TDL_OK;
}

tdl_status tdl_stored_floats(const tdl_st_file *file, const char *prefix, const char *name,
                             size_t n, float **ret, tdl_report *why)
{
    void *data = NULL;
    tdl_status st = copy(file, prefix, name, TDL_F32, n, sizeof **ret, &data, why);
    const float *value = data;

    if (st)
        return st;
    for (size_t i = 0; i < n; i++)
        if (!isfinite(value[i])) {
            free(data);
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s%s: number %zu is not finite", prefix, name, i);
        }
    *ret = data;
    return TDL_OK;
}

tdl_status tdl_stored_ints(const tdl_st_file *file, const char *prefix, const char *name, size_t n,
                           int32_t low, int32_t high, int32_t **ret, tdl_report *why)
{
    void *data = NULL;
    tdl_status st = copy(file, prefix, name, TDL_I32, n, sizeof **ret, &data, why);
    const int32_t *value = data;

    if (st)
        return st;
    for (size_t i = 0; i < n; i++)
        if (value[i] < low || value[i] > high) {
            int32_t bad = value[i];

            free(data);
            return TDL_FAIL(why, TDL_E_CORRUPT, "%s%s: number %zu is %d, not in [%d, %d]", prefix,
                            name, i, bad, low, high);
        }
    *ret = data;
    return TDL_OK;
}

tdl_status tdl_stored_longs(const tdl_st_file *file, const char *prefix, const char *name, size_t n,
                            int64_t **ret, tdl_report *why)
{
    void *data = NULL;
    tdl_status st = copy(file, prefix, name, TDL_I64, n, sizeof **ret, &data, why);

    if (!st)
        *ret = data;
    return st;
}

size_t tdl_stored_n(const tdl_st_file *file, const char *prefix, const char *name)
{
    char full[NAME_SIZE];
    const tdl_st_view *view = tdl_st_find(file, full_name(prefix, name, full));

    return view ? view->n : 0;
}

tdl_status tdl_stored_shape(const json_t *about, tdl_task *ret_task, size_t *ret_scores_n,
                            tdl_report *why)
{
    tdl_str task = {0};
    int64_t scores_n = 0;

    if (!tdl_json_get_str(about, "task", &task) || !tdl_task_find(task, ret_task) ||
        !tdl_json_get_int(about, "scores", &scores_n) || scores_n < 1 || scores_n > 1 << 20 ||
        (*ret_task == TDL_TASK_ORDINAL && scores_n < 2))
        return TDL_FAIL(why, TDL_E_CORRUPT, "a learner whose task or scores are not known");
    *ret_scores_n = (size_t)scores_n;
    return TDL_OK;
}
