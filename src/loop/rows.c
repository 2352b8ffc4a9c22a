#include "loop/rows.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/uuid.h"
#include "loop/apps.h"

/* The app, if it answers for rows. */
static tdl_app *find(tdl_loop *loop, const char *name, const tdl_app_ops **ret_ops, tdl_report *why)
{
    tdl_app *app = tdl_loop_app(loop, tdl_str_of(name), ret_ops, why);

    if (app && !(*ret_ops)->answer_rows) {
        TDL_FAIL(why, TDL_E_NOT_FOUND, "app \"%s\" does not answer for rows", name);
        return NULL;
    }
    return app;
}

/* ---- asking ---- */

static tdl_status name_decisions(size_t n, tdl_arena *arena, char (**ret)[37], tdl_report *why)
{
    n = n < TDL_ASK_ROWS_MAX ? n : TDL_ASK_ROWS_MAX; // more are refused
    if (!(*ret = tdl_arena_alloc(arena, n + 1, sizeof **ret)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    for (size_t i = 0; i < n; i++)
        tdl_uuid7((*ret)[i]);
    return TDL_OK;
}

tdl_status tdl_loop_predict(tdl_loop *loop, const char *name, const tdl_rows_ask *ask, bool log,
                            tdl_arena *arena, tdl_jw *out, tdl_report *why)
{
    const tdl_app_ops *ops;
    tdl_app *app = find(loop, name, &ops, why);
    tdl_rows_ask asked = *ask;
    tdl_decision *decision = NULL;
    char(*id)[37] = NULL;
    size_t n = 0;
    tdl_status st;

    if (!app)
        return TDL_E_NOT_FOUND;
    if (log && (st = name_decisions(json_array_size(ask->rows), arena, &id, why)))
        return st;
    asked.id = (const char(*)[37])id;
    st = ops->answer_rows(app, &asked, arena, &decision, &n, out, why);
    for (size_t i = 0; i < n && !st; i++)
        st = tdl_store_log_decision(tdl_loop_store(loop), &decision[i], why);
    return st;
}

tdl_status tdl_loop_explain_rows(tdl_loop *loop, const char *name, const tdl_rows_ask *ask,
                                 tdl_jw *out, tdl_report *why)
{
    const tdl_app_ops *ops;
    tdl_app *app = find(loop, name, &ops, why);

    return app ? ops->explain_rows(app, ask, out, why) : TDL_E_NOT_FOUND;
}

tdl_status tdl_loop_tell(tdl_loop *loop, const char *name, tdl_about about, tdl_str model,
                         size_t limit, tdl_arena *arena, tdl_jw *out, tdl_report *why)
{
    const tdl_app_ops *ops;
    tdl_app *app = find(loop, name, &ops, why);

    return app ? ops->tell(app, about, model, limit, arena, out, why) : TDL_E_NOT_FOUND;
}

/* ---- series ---- */

static tdl_app *find_forecasts(tdl_loop *loop, const char *name, const tdl_app_ops **ret_ops,
                               tdl_report *why)
{
    tdl_app *app = tdl_loop_app(loop, tdl_str_of(name), ret_ops, why);

    if (app && !(*ret_ops)->forecast) {
        TDL_FAIL(why, TDL_E_NOT_FOUND, "app \"%s\" does not forecast series", name);
        return NULL;
    }
    return app;
}

tdl_status tdl_loop_forecast(tdl_loop *loop, const char *name, const tdl_series_ask *ask, bool log,
                             tdl_arena *arena, tdl_jw *out, tdl_report *why)
{
    const tdl_app_ops *ops;
    tdl_app *app = find_forecasts(loop, name, &ops, why);
    size_t many = json_is_array(ask->series)    ? json_array_size(ask->series)
                  : ask->series || ask->history ? 1
                                                : TDL_ASK_ROWS_MAX;
    tdl_series_ask asked = *ask;
    tdl_decision *decision = NULL;
    char(*id)[37] = NULL;
    size_t n = 0;
    tdl_status st;

    if (!app)
        return TDL_E_NOT_FOUND;
    if (log && (st = name_decisions(many, arena, &id, why)))
        return st;
    asked.id = (const char(*)[37])id;
    st = ops->forecast(app, &asked, arena, &decision, &n, out, why);
    for (size_t i = 0; i < n && !st; i++)
        st = tdl_store_log_decision(tdl_loop_store(loop), &decision[i], why);
    return st;
}

tdl_status tdl_loop_series_truths(tdl_loop *loop, const char *name, tdl_str model,
                                  const json_t *outcomes, tdl_arena *arena, size_t *ret_stored,
                                  tdl_report *why)
{
    const tdl_app_ops *ops;
    tdl_app *app = find_forecasts(loop, name, &ops, why);
    size_t n = json_array_size(outcomes);
    tdl_event *event;
    tdl_status st = TDL_OK;

    if (!app)
        return TDL_E_NOT_FOUND;
    if (!(event = tdl_arena_zalloc(arena, n + 1, sizeof *event)))
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "the request needs too much memory");
    for (size_t i = 0; i < n; i++)
        if ((st = ops->series_truth(app, model, json_array_get(outcomes, i), arena, &event[i],
                                    why))) {
            tdl_report_prefix(why, "outcome %zu", i);
            return st;
        }
    *ret_stored = 0;
    return n ? tdl_store_append(tdl_loop_store(loop), event, n, ret_stored, why) : TDL_OK;
}

tdl_status tdl_loop_tell_series(tdl_loop *loop, const char *name, tdl_str model, tdl_str series,
                                tdl_jw *out, tdl_report *why)
{
    const tdl_app_ops *ops;
    tdl_app *app = find_forecasts(loop, name, &ops, why);

    return app ? ops->tell_series(app, model, series, out, why) : TDL_E_NOT_FOUND;
}

/* ---- learning ---- */

/* A file in memory, so that a table that was sent leaves nothing on the disk. */
static tdl_status keep_table(tdl_str text, int *ret, tdl_report *why)
{
    int fd = memfd_create("table", MFD_CLOEXEC);

    if (fd < 0)
        return TDL_FAIL(why, TDL_E_IO, "no room for the table: %s", strerror(errno));
    for (size_t at = 0; at < text.len;) {
        ssize_t n = write(fd, text.at + at, text.len - at);

        if (n < 0 && errno != EINTR) {
            tdl_status st = TDL_FAIL(why, TDL_E_IO, "no room for the table: %s", strerror(errno));
            close(fd);
            return st;
        }
        at += n > 0 ? (size_t)n : 0;
    }
    *ret = fd;
    return TDL_OK;
}

tdl_status tdl_loop_fit_start(tdl_loop *loop, const char *name, tdl_str text,
                              const json_t *settings, tdl_report *why)
{
    const tdl_app_ops *ops;
    tdl_app *app = find(loop, name, &ops, why);
    char path[32];
    int table;
    tdl_status st;

    if (!app)
        return TDL_E_NOT_FOUND;
    if ((st = keep_table(text, &table, why)))
        return st;
    snprintf(path, sizeof path, "/proc/self/fd/%d", table);
    const tdl_train_table from = {.path = path, .settings = settings};
    if ((st = ops->admit(app, &from, why))) {
        close(table);
        return st;
    }
    return tdl_trainer_start_table(tdl_loop_trainer(loop), name, table,
                                   json_incref((json_t *)settings), why);
}
