/* Who is a robot: whoever an event declares to be one (taken.h), and who takes things at more than
 * TDL_ROBOT_GROUPS times in one hour of the clock.
 *
 * Life cycle   zeroed -> tdl_robots_see for each event, of each user in order of time ->
 *              tdl_robots_has ... -> tdl_robots_release
 */
#ifndef TDL_APPS_RECOMMEND_ROBOTS_H
#define TDL_APPS_RECOMMEND_ROBOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TDL_ROBOT_GROUPS = 500 };

typedef struct tdl_robot {
    int64_t newest_us;
    uint16_t times; /* in the hour of the newest event */
    bool is;
} tdl_robot;

typedef struct tdl_robots {
    tdl_robot *user; /* [users_n] */
    size_t users_n;
} tdl_robots;

bool tdl_robots_see(tdl_robots *robots, int32_t user, int64_t time_us,
                    bool declared); /* false: no memory */
void tdl_robots_release(tdl_robots *robots);

static inline bool tdl_robots_has(const tdl_robots *robots, int32_t user)
{
    return (size_t)user < robots->users_n && robots->user[user].is;
}

#endif
