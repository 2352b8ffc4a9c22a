#include "apps/recommend/robots.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_USERS = 1024 };

static const int64_t HOUR_US = INT64_C(3600000000);

static bool grow(tdl_robots *r, size_t n)
{
    size_t to = r->users_n ? r->users_n : FIRST_USERS;

    if (n <= r->users_n)
        return true;
    while (to < n)
        to *= 2;
    tdl_robot *user = realloc(r->user, to * sizeof *user);
    if (!user)
        return false;
    memset(user + r->users_n, 0, (to - r->users_n) * sizeof *user);
    r->user = user;
    r->users_n = to;
    return true;
}

bool tdl_robots_see(tdl_robots *r, int32_t user, int64_t time_us, bool declared)
{
    if (!grow(r, (size_t)user + 1))
        return false;
    tdl_robot *u = &r->user[user];
    bool same_hour = u->times && u->newest_us / HOUR_US == time_us / HOUR_US;
    if (!same_hour)
        u->times = 1;
    else if (u->newest_us != time_us && u->times <= TDL_ROBOT_GROUPS)
        u->times++;
    u->newest_us = time_us;
    u->is |= declared || u->times > TDL_ROBOT_GROUPS;
    return true;
}

void tdl_robots_release(tdl_robots *r)
{
    free(r->user);
    *r = (tdl_robots){0};
}
