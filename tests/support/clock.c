/* A wall clock that tests move: preloaded into the server, it adds to the real one what the file
 * named by TREADLE_TEST_CLOCK holds, microseconds in eight bytes. The monotonic clock stays, as it
 * does when somebody sets a machine's clock. */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const volatile int64_t *moved_us; /* NULL: not moved */

__attribute__((constructor)) static void open_clock(void)
{
    const char *path = getenv("TREADLE_TEST_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *at;

    if (fd < 0)
        return;
    at = mmap(NULL, sizeof *moved_us, PROT_READ, MAP_SHARED, fd, 0);
    if (at != MAP_FAILED)
        moved_us = at;
    close(fd);
}

EXPORT int clock_gettime(clockid_t clock, struct timespec *ret)
{
    int status = (int)syscall(SYS_clock_gettime, clock, ret);

    if (!status && moved_us && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) {
        int64_t us = *moved_us + ret->tv_sec * INT64_C(1000000) + ret->tv_nsec / 1000;
        ret->tv_sec = us / 1000000;
        ret->tv_nsec = us % 1000000 * 1000;
    }
    return status;
}

EXPORT int gettimeofday(struct timeval *restrict ret, void *restrict zone)
{
    struct timespec now;

    (void)zone;
    if (clock_gettime(CLOCK_REALTIME, &now))
        return -1;
    *ret = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

EXPORT time_t time(time_t *ret)
{
    struct timespec now = {0};

    clock_gettime(CLOCK_REALTIME, &now);
    if (ret)
        *ret = now.tv_sec;
    return now.tv_sec;
}
