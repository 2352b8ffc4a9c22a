/* A progress bar on stderr when it is a terminal; nothing otherwise. */
#ifndef TDL_CLI_PROGRESS_H
#define TDL_CLI_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

typedef struct tdl_progress {
    bool shown;         /* stderr is a terminal and --quiet was not given */
    int64_t started_us; /* monotonic */
    int64_t drawn_us;
} tdl_progress;

tdl_progress tdl_progress_start(bool quiet);
/* Redraws at most ten times a second. `rate` is text such as "31,000 events/s", may be NULL. */
void tdl_progress_draw(tdl_progress *progress, const char *stage, double done, const char *rate);
void tdl_progress_finish(tdl_progress *progress); /* clears the line */

/* A tdl_progress_fn (apps/app.h): context is a tdl_progress. */
bool tdl_progress_tell(void *context, const char *stage, double done, const char *detail);

#endif
