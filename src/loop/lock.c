#include "loop/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

static tdl_status refuse_held(int fd, const char *data_dir, tdl_report *why)
{
    char holder[32] = "";
    ssize_t n = pread(fd, holder, sizeof holder - 1, 0);

    holder[n > 0 ? strcspn(holder, "\n") : 0] = '\0';
    return TDL_FAIL_HINT(
        why, TDL_E_CONFLICT,
        "talk to the running server over HTTP (import has --url), or stop it first",
        "%s is in use by another treadle (process %s)", data_dir, holder[0] ? holder : "unknown");
}

tdl_status tdl_lock_take(const char *data_dir, int *ret_fd, tdl_report *why)
{
    char path[PATH_MAX];
    char text[32];

    if (snprintf(path, sizeof path, "%s/treadle.lock", data_dir) >= (int)sizeof path)
        return TDL_FAIL(why, TDL_E_INVALID, "%s: path too long", data_dir);
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB)) {
        tdl_status st = errno == EWOULDBLOCK
                            ? refuse_held(fd, data_dir, why)
                            : TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
        close(fd);
        return st;
    }
    // The id is only for the message another process prints; the lock itself is the flock.
    int n = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n) {
        tdl_status st = TDL_FAIL(why, TDL_E_IO, "%s: %s", path, strerror(errno));
        close(fd);
        return st;
    }
    *ret_fd = fd;
    return TDL_OK;
}

void tdl_lock_release(int fd)
{
    if (fd >= 0)
        close(fd);
}
