#include "http/route.h"

#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* Takes the next segment off the path. False once the last one, empty or not, has been taken. */
static bool next_segment(tdl_str *path, tdl_str *ret)
{
    if (!path->at)
        return false;
    const char *slash = memchr(path->at, '/', path->len);
    size_t n = slash ? (size_t)(slash - path->at) : path->len;
    *ret = (tdl_str){path->at, n};
    *path = slash ? (tdl_str){slash + 1, path->len - n - 1} : (tdl_str){0};
    return true;
}

/* "{key...}" */
static bool takes_rest(tdl_str want)
{
    return want.len > 5 && !memcmp(want.at + want.len - 4, "...}", 4);
}

static bool matches(const tdl_route *route, tdl_str path, tdl_str ret_parameters[2])
{
    size_t n = 0;
    tdl_str pattern = tdl_str_of(route->pattern), want, have;

    if (route->sdk && path.len > 1 && path.at[path.len - 1] == '/')
        path.len--;
    while (next_segment(&pattern, &want)) {
        if (!next_segment(&path, &have))
            return false;
        bool parameter = want.len && want.at[0] == '{';
        if (parameter && takes_rest(want) && path.at) {
            have.len += 1 + path.len; // and the slash between them
            path = (tdl_str){0};
        }
        if (parameter ? !have.len : !tdl_str_eq(want, have))
            return false;
        if (parameter)
            ret_parameters[n++ != 0] = have;
    }
    return !path.at;
}

static void allow(char list[64], const char *method)
{
    size_t n = strlen(list);
    snprintf(list + n, 64 - n, "%s%s%s", n ? ", " : "", method,
             strcmp(method, "GET") ? "" : ", HEAD");
}

tdl_route_match tdl_route_find(const tdl_route *routes, size_t routes_n, tdl_str method,
                               tdl_str path)
{
    tdl_route_match match = {0};
    tdl_str wanted = tdl_str_is(method, "HEAD") ? TDL_STR("GET") : method;

    for (size_t i = 0; i < routes_n; i++) {
        tdl_str parameters[2] = {0};
        if (!matches(&routes[i], path, parameters))
            continue;
        match.parameter = parameters[0];
        match.second = parameters[1];
        if (!match.path_only)
            match.path_only = &routes[i];
        if (tdl_str_is(wanted, routes[i].method)) {
            match.route = &routes[i];
            return match;
        }
        allow(match.allow, routes[i].method);
    }
    return match;
}
