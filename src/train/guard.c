#include "train/guard.h"

#include <math.h>
#include <stdbool.h>

tdl_status tdl_guard_init(tdl_guard *guard, const tdl_guard_config *config, tdl_report *why)
{
    tdl_guard_config c = *config;

    if (!(c.z >= 0 && isfinite(c.z)))
        return TDL_FAIL(why, TDL_E_INVALID, "guard.z: %g is not a number >= 0", c.z);
    if (c.z == 0)
        c.z = 6;
    if (c.in_a_row_max == 0)
        c.in_a_row_max = 3;
    if (c.roll_backs_max == 0)
        c.roll_backs_max = 3;
    *guard = (tdl_guard){.config = c, .rate_scale = 1};
    return TDL_OK;
}

double tdl_guard_z(tdl_guard_window *window, double x)
{
    double mean = 0, squares = 0;

    window->value[window->at] = x;
    window->at = (window->at + 1) % TDL_GUARD_WINDOW;
    if (window->seen < TDL_GUARD_WINDOW)
        window->seen++;
    if (window->seen < TDL_GUARD_WINDOW)
        return 0;
    // in the order of time, not of the ring, so that a resumed run sees the same bits
    for (size_t i = 0; i < TDL_GUARD_WINDOW; i++)
        mean += window->value[(window->at + i) % TDL_GUARD_WINDOW] / TDL_GUARD_WINDOW;
    for (size_t i = 0; i < TDL_GUARD_WINDOW; i++) {
        double away = window->value[(window->at + i) % TDL_GUARD_WINDOW] - mean;
        squares += away * away;
    }
    return squares > 0 ? (x - mean) / sqrt(squares / TDL_GUARD_WINDOW) : 0;
}

static tdl_verdict roll_back(tdl_guard *guard)
{
    guard->roll_backs++;
    guard->in_a_row = 0;
    guard->rate_scale /= 2;
    return guard->roll_backs < guard->config.roll_backs_max ? TDL_VERDICT_ROLL_BACK
                                                            : TDL_VERDICT_DIVERGED;
}

tdl_verdict tdl_guard_judge(tdl_guard *guard, double loss, double norm)
{
    bool finite = isfinite(loss) && isfinite(norm), outlier = false;

    if (finite) {
        double z_loss = tdl_guard_z(&guard->loss, loss), z_norm = tdl_guard_z(&guard->norm, norm);
        outlier = guard->config.outlier != TDL_GUARD_NONE &&
                  (z_loss > guard->config.z || z_norm > guard->config.z);
    }
    if (finite && !outlier) {
        guard->in_a_row = 0;
        return TDL_VERDICT_TAKE;
    }
    guard->skipped++;
    guard->in_a_row++;
    if (outlier && guard->config.outlier == TDL_GUARD_ROLL_BACK)
        return roll_back(guard);
    return guard->in_a_row >= guard->config.in_a_row_max ? roll_back(guard) : TDL_VERDICT_SKIP;
}
