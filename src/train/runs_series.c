/* Lines of metrics to series of bounded length. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "train/runs.h"

enum { POINTS_FIRST = 16, KEPT_MAX = TDL_SERIES_POINTS_MAX - 1 }; /* and the last one */

/* ---- series ---- */

static tdl_series *series_new(tdl_str tag)
{
    tdl_series *s = calloc(1, sizeof *s);

    if (!s)
        return NULL;
    s->stride = 1;
    s->tag = strndup(tag.at, tag.len);
    if (!s->tag) {
        free(s);
        return NULL;
    }
    return s;
}

static void series_free(tdl_series *s)
{
    free(s->tag);
    free(s->point);
    free(s);
}

/* Keep every second of the points that are there, and from now on half as many. */
static void thin_out(tdl_series *s)
{
    s->points_n = (s->points_n + 1) / 2;
    for (size_t i = 0; i < s->points_n; i++)
        s->point[i] = s->point[2 * i];
    s->stride *= 2;
}

/* Room is doubled up to the most that is kept; it is a power of two times POINTS_FIRST before. */
static bool make_room(tdl_series *s)
{
    size_t n = s->points_n;

    if (n != 0 && (n < POINTS_FIRST || (n & (n - 1)) != 0))
        return true;
    size_t room = n ? 2 * n : POINTS_FIRST;
    if (room > KEPT_MAX)
        room = KEPT_MAX;
    tdl_metric_point *grown = realloc(s->point, room * sizeof *grown);
    if (!grown)
        return false;
    s->point = grown;
    return true;
}

static bool series_add(tdl_series *s, tdl_metric_point point)
{
    if (s->count % s->stride == 0 && s->points_n == KEPT_MAX)
        thin_out(s);
    if (s->count % s->stride == 0) {
        if (s->stride == 1 && !make_room(s))
            return false;
        s->point[s->points_n++] = point;
    }
    if (s->count == 0 || point.value < s->min.value)
        s->min = point;
    if (s->count == 0 || point.value > s->max.value)
        s->max = point;
    s->last = point;
    s->count++;
    return true;
}

size_t tdl_series_points(const tdl_series *s, tdl_metric_point *ret)
{
    size_t n = s->points_n;

    if (n == 0)
        return 0;
    memcpy(ret, s->point, n * sizeof *ret);
    if ((s->count - 1) % s->stride != 0)
        ret[n++] = s->last;
    return n;
}

/* ---- lines ---- */

static tdl_series *series_of(tdl_curves *curves, tdl_str tag)
{
    for (size_t i = 0; i < curves->series_n; i++)
        if (tdl_str_is(tag, curves->series[i]->tag))
            return curves->series[i];
    if (curves->series_n == TDL_SERIES_MAX)
        return NULL;
    tdl_series *s = series_new(tag);
    if (s)
        curves->series[curves->series_n++] = s;
    else
        curves->failed = true;
    return s;
}

/* False when the line makes no sense. A text, and a value that was not finite (null), do. */
static bool take(tdl_curves *curves, const json_t *line)
{
    tdl_str tag, text;
    tdl_metric_point point;

    if (!tdl_json_get_str(line, "tag", &tag) || tag.len == 0 || tag.len > TDL_TAG_MAX)
        return false;
    if (tdl_json_get_str(line, "text", &text))
        return true;
    if (!tdl_json_get_int(line, "step", &point.step) || point.step < 0)
        return false;
    if (json_is_null(json_object_get(line, "value")))
        return true;
    if (!tdl_json_get_number(line, "value", &point.value))
        return false;
    tdl_series *s = series_of(curves, tag);
    if (s && !series_add(s, point))
        curves->failed = true;
    return s != NULL;
}

static void end_line(tdl_curves *curves)
{
    json_t *line = NULL;
    bool good =
        !curves->too_long && !curves->line.failed &&
        !tdl_json_parse(tdl_buf_view(&curves->line), TDL_JSON_REFUSE_DUPLICATES, &line, NULL) &&
        take(curves, line);

    json_decref(line);
    if (!good)
        curves->skipped++;
    tdl_buf_clear(&curves->line);
    curves->too_long = false;
    curves->next += curves->line_begun + 1;
    curves->line_begun = 0;
}

static void extend_line(tdl_curves *curves, tdl_str part)
{
    curves->line_begun += part.len;
    if (curves->line_begun > TDL_METRICS_LINE_MAX)
        curves->too_long = true;
    if (!curves->too_long)
        tdl_buf_str(&curves->line, part);
}

void tdl_curves_feed(tdl_curves *curves, tdl_str bytes)
{
    while (bytes.len) {
        const char *end = memchr(bytes.at, '\n', bytes.len);
        size_t n = end ? (size_t)(end - bytes.at) : bytes.len;

        extend_line(curves, (tdl_str){bytes.at, n});
        if (end)
            end_line(curves);
        bytes.at += n + (end != NULL);
        bytes.len -= n + (end != NULL);
    }
}

void tdl_curves_release(tdl_curves *curves)
{
    for (size_t i = 0; i < curves->series_n; i++)
        series_free(curves->series[i]);
    tdl_buf_release(&curves->line);
    *curves = (tdl_curves){0};
}
