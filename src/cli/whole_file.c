#include "cli/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

static FILE *create(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *out = fd < 0 ? NULL : fdopen(fd, "w");

    if (fd >= 0 && !out)
        close(fd);
    return out;
}

tdl_status tdl_whole_file(const char *path, tdl_whole_file_fn *write, void *context,
                          tdl_report *why)
{
    char next[PATH_MAX];
    bool beside = !tdl_file_is_special(path);
    FILE *out;
    tdl_status st;

    if (snprintf(next, sizeof next, "%s%s", path, beside ? ".part" : "") >= (int)sizeof next)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", path);
    if (!(out = create(next)))
        return TDL_FAIL(why, TDL_E_IO, "%s: %s", next, strerror(errno));
    st = write(context, out, why);
    if (fclose(out) && !st)
        st = TDL_FAIL(why, TDL_E_IO, "%s: %s", next, strerror(errno));
    if (beside && !st && rename(next, path))
        st = TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    if (beside && st)
        remove(next);
    return st;
}

tdl_status tdl_whole_file_or_stdout(const char *path, tdl_whole_file_fn *write, void *context,
                                    tdl_report *why)
{
    tdl_status st;

    if (strcmp(path, "-"))
        return tdl_whole_file(path, write, context, why);
    st = write(context, stdout, why);
    return st || !fflush(stdout) ? st : TDL_FAIL(why, TDL_E_IO, "writing: %s", strerror(errno));
}
