#include "train/ckpt_folder.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

#define SUFFIX ".safetensors"

enum { PATH_SIZE = 4096, STEP_DIGITS = 12 };

static tdl_status path_in(const char *folder, const char *name, char ret[PATH_SIZE],
                          tdl_report *why)
{
    if (snprintf(ret, PATH_SIZE, "%s/%s", folder, name) >= PATH_SIZE)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: the path is too long", folder);
    return TDL_OK;
}

static bool is_leftover(const char *name)
{
    size_t n = strlen(name);

    return strstr(name, SUFFIX ".") && n > 4 && !strcmp(name + n - 4, ".tmp");
}

enum { NAME_SIZE = 64 };

static void name_of(uint64_t step, char ret[NAME_SIZE])
{
    snprintf(ret, NAME_SIZE, "step-%0*llu" SUFFIX, STEP_DIGITS, (unsigned long long)step);
}

static bool parse_step(const char *name, uint64_t *ret)
{
    const char *before = "step-";
    char same[NAME_SIZE];

    if (strncmp(name, before, strlen(before)) != 0)
        return false;
    *ret = strtoull(name + strlen(before), NULL, 10);
    name_of(*ret, same);
    return !strcmp(name, same);
}

static tdl_status open_folder(const char *folder, DIR **ret, tdl_report *why)
{
    *ret = opendir(folder);
    return *ret ? TDL_OK : TDL_FAIL(why, TDL_E_IO, "%s: %s", folder, strerror(errno));
}

tdl_status tdl_ckpt_folder_open(const char *folder, tdl_report *why)
{
    char path[PATH_SIZE];
    const struct dirent *entry;
    DIR *dir;
    tdl_status st;

    if ((st = tdl_file_make_dir(folder, why)) || (st = open_folder(folder, &dir, why)))
        return st;
    while (!st && (entry = readdir(dir)))
        if (is_leftover(entry->d_name) && !(st = path_in(folder, entry->d_name, path, why)))
            unlink(path);
    closedir(dir);
    return st;
}

/* The steps for which there is a checkpoint, in no order; to be freed. */
static tdl_status list_steps(const char *folder, uint64_t **ret, size_t *ret_n, tdl_report *why)
{
    uint64_t *steps = NULL, step;
    size_t n = 0, cap = 0;
    const struct dirent *entry;
    DIR *dir;
    tdl_status st = open_folder(folder, &dir, why);

    if (st)
        return st;
    while ((entry = readdir(dir))) {
        if (!parse_step(entry->d_name, &step))
            continue;
        if (n == cap) {
            uint64_t *grown = realloc(steps, (cap = 2 * cap + 16) * sizeof *grown);
            if (!grown) {
                free(steps);
                closedir(dir);
                return TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory to list it", folder);
            }
            steps = grown;
        }
        steps[n++] = step;
    }
    closedir(dir);
    *ret = steps;
    *ret_n = n;
    return TDL_OK;
}

static tdl_status path_of(const char *folder, uint64_t step, char ret[PATH_SIZE], tdl_report *why)
{
    char name[NAME_SIZE];

    name_of(step, name);
    return path_in(folder, name, ret, why);
}

static int newest_first(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;

    return *x < *y ? 1 : *x > *y ? -1 : 0;
}

tdl_status tdl_ckpt_folder_latest(const char *folder, char **ret, tdl_report *why)
{
    char path[PATH_SIZE];
    uint64_t *steps = NULL;
    size_t n = 0;
    tdl_status st = list_steps(folder, &steps, &n, why);

    if (st)
        return st;
    if (n == 0) {
        *ret = NULL;
        goto out;
    }
    qsort(steps, n, sizeof *steps, newest_first);
    if ((st = path_of(folder, steps[0], path, why)))
        goto out;
    char *copy = strdup(path);
    if (copy)
        *ret = copy;
    else
        st = TDL_FAIL(why, TDL_E_NO_MEMORY, "%s: no memory", folder);
out:
    free(steps);
    return st;
}

static tdl_status remove_old(const char *folder, unsigned keep, tdl_report *why)
{
    char path[PATH_SIZE];
    uint64_t *steps = NULL;
    size_t n = 0;
    tdl_status st = list_steps(folder, &steps, &n, why);

    if (st)
        return st;
    if (n > keep)
        qsort(steps, n, sizeof *steps, newest_first);
    for (size_t i = keep; !st && i < n; i++)
        if (!(st = path_of(folder, steps[i], path, why)) && unlink(path) && errno != ENOENT)
            st = TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    free(steps);
    return st;
}

tdl_status tdl_ckpt_folder_save(const char *folder, uint64_t step, unsigned keep, tdl_str bytes,
                                tdl_report *why)
{
    char path[PATH_SIZE];
    tdl_status st;

    if ((st = path_of(folder, step, path, why)) || (st = tdl_file_write(path, bytes, why)))
        return st;
    return remove_old(folder, keep, why);
}

tdl_status tdl_ckpt_folder_save_best(const char *folder, tdl_str bytes, tdl_report *why)
{
    char path[PATH_SIZE];
    tdl_status st = path_in(folder, "best" SUFFIX, path, why);

    return st ? st : tdl_file_write(path, bytes, why);
}
