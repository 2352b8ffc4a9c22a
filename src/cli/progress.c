#include "cli/progress.h"

#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/timestamp.h"

enum { REDRAW_US = 100000, WIDTH = 24 };

tdl_progress tdl_progress_start(bool quiet)
{
    return (tdl_progress){.shown = !quiet && isatty(STDERR_FILENO),
                          .started_us = tdl_time_monotonic()};
}

void tdl_progress_draw(tdl_progress *progress, const char *stage, double done, const char *rate)
{
    int64_t now_us = tdl_time_monotonic();

    if (!progress->shown || now_us - progress->drawn_us < REDRAW_US)
        return;
    progress->drawn_us = now_us;
    done = fmin(fmax(done, 0), 1);
    char bar[WIDTH + 1];
    for (int i = 0; i < WIDTH; i++)
        bar[i] = i < (int)(done * WIDTH) ? '#' : '.';
    bar[WIDTH] = '\0';
    double elapsed_s = (double)(now_us - progress->started_us) / 1e6;
    double left_s = done > 0.01 ? elapsed_s * (1 - done) / done : 0;
    fprintf(stderr, "\r\033[K[%s] %3.0f%%  %s%s%s", bar, 100 * done, stage, rate ? "  " : "",
            rate ? rate : "");
    if (left_s >= 1)
        fprintf(stderr, "  ETA %.0f s", left_s);
    fflush(stderr);
}

void tdl_progress_finish(tdl_progress *progress)
{
    if (progress->shown && progress->drawn_us)
        fputs("\r\033[K", stderr);
}

bool tdl_progress_tell(void *context, const char *stage, double done, const char *detail)
{
    tdl_progress_draw(context, stage, done, detail);
    return true;
}
