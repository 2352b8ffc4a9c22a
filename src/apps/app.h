/* What a job is: one const table of functions. The loop knows the jobs only through it, and jobs
 * never include each other. Adding one is a folder and a line in loop/loop.c.
 *
 * Threads      train and evaluate run on the trainer's thread, one at a time; learn_one is called
 *              by the store's writer, in commit order; decide by any number of threads at once. An
 *              app guards its own state: a decision never waits for training
 * Failure      as everywhere: status and report; a failed train leaves the serving model in place
 */
#ifndef TDL_APPS_APP_H
#define TDL_APPS_APP_H

#include "base/arena.h"
#include "base/json.h"
#include "base/pool.h"
#include "store/store.h"

typedef struct tdl_app tdl_app; /* each job's own struct */

/* Lives as long as the app that was opened with it. */
typedef struct tdl_app_context {
    tdl_store *store;
    const char *data_dir; /* model files live below it */
    tdl_pool *pool;       /* for training; may be NULL */
} tdl_app_context;

/* Progress of long work: `done` in [0, 1] over the whole, `stage` names what runs now. Returning
 * false asks the work to stop: it then answers TDL_E_STOPPED. */
typedef bool tdl_progress_fn(void *context, const char *stage, double done, const char *detail);

/* A table to learn from, and how: settings are the app's own. */
typedef struct tdl_train_table {
    const char *path; /* of a file of CSV */
    const json_t *settings;
} tdl_train_table;

typedef struct tdl_train_options {
    uint64_t seed;
    bool activate;                /* let the new version serve */
    const tdl_train_table *table; /* NULL: what is stored is learnt from */
    size_t square_bytes_max;      /* of a matrix of items by items; 0 = the app's own limit */
    tdl_progress_fn *progress;    /* may be NULL */
    void *progress_context;
} tdl_train_options;

typedef struct tdl_ask {
    tdl_str user;
    tdl_str item;    /* "similar to this"; empty = for the user */
    size_t n;        /* answers wanted, 1..100 */
    int64_t time_us; /* of the question */
    bool forecast;   /* also when the user takes something new, if that is known */
    bool impersonal; /* the user denies personal answers: what is known of him is not looked at */
    /* The whole question as the app's own object; `user` and `time_us` stand beside it, the rest is
     * in it. NULL: what stands above is all. */
    const json_t *question;
    bool preview;        /* nothing is logged, and a draft may be asked */
    bool may_wait;       /* for the disk */
    bool *ret_must_wait; /* set when it must and may not: nothing is answered then. With `question`
                          */
} tdl_ask;

/* Many rows of a table asked about at once, each of which is answered by itself. */
enum { TDL_ASK_ROWS_MAX = 1000, TDL_ASK_EXPLAIN_MAX = 100 };

/* What would have to change of a row, for which answer; see apps/predict/counterfactual.h. */
typedef struct tdl_until_ask {
    const char *answer;                               /* NULL: nothing is looked for */
    const char *keep, *only_up, *only_down, *between; /* NULL = none */
    size_t most;                                      /* columns that change; 0 = 3 */
    double seconds;                                   /* for all rows together; 0 = 2 */
} tdl_until_ask;

typedef struct tdl_rows_ask {
    tdl_str model;        /* by its name */
    const json_t *rows;   /* an array of at most TDL_ASK_ROWS_MAX objects */
    size_t explain;       /* how many columns each answer tells of */
    size_t keep;          /* how many its decision keeps; 0 = none is looked for */
    double level;         /* of intervals and sets, in (0, 1); 0 = none */
    tdl_str of_class;     /* what is explained; empty = the class that is predicted */
    tdl_until_ask until;  /* explain_rows: for another answer, instead of what this one rests on */
    const char (*id)[37]; /* [rows] of the decisions; NULL = none is made */
    int64_t time_us;      /* of the question */
} tdl_rows_ask;

/* Series of a forecaster asked about, each of which is answered by itself. */
enum { TDL_ASK_LEVELS_MAX = 8, TDL_ASK_HISTORY_MAX = 1000000 };

typedef struct tdl_series_ask {
    tdl_str model;         /* by its name */
    const json_t *series;  /* a name, or an array of at most TDL_ASK_ROWS_MAX; NULL = all */
    const json_t *history; /* numbers, null where one is missing, of one series; NULL = its own */
    const json_t *start;   /* time of the first of the history; NULL = not said */
    size_t horizon;        /* steps; 0 = all that it was fitted for */
    double level[TDL_ASK_LEVELS_MAX]; /* of intervals, in (0, 1) */
    size_t levels_n;
    const char (*id)[37]; /* of the decisions, as many as series; NULL = none is made */
    int64_t time_us;      /* of the question */
} tdl_series_ask;

/* What there is to tell of models. */
typedef enum tdl_about {
    TDL_ABOUT_MODELS, /* all that serve; `model` is empty */
    TDL_ABOUT_SCHEMA, /* the columns one asks for */
    TDL_ABOUT_LIVE    /* how good it was, by the outcomes that came since */
} tdl_about;

/* A stretch of time, and what is asked about it. */
typedef struct tdl_shown_ask {
    int64_t from_us, until_us; /* [from, until) */
    tdl_str surface;           /* empty = each */
    tdl_str item;              /* told of by itself too; empty = none */
} tdl_shown_ask;

typedef bool tdl_is_gone(void *context, tdl_str id);

typedef struct tdl_app_ops {
    const char *name; /* of models and decisions: this, or this, "/" and more */

    /* Open and load: replay the store's events into serving state, load the active model. A missing
     * model is fine; a damaged model file is reported in `*ret_warning` (which may be NULL), and
     * the app serves what it can without it. */
    tdl_status (*open)(const tdl_app_context *context, tdl_app **ret, tdl_report *ret_warning,
                       tdl_report *why);
    void (*close)(tdl_app *app); /* accepts NULL */

    /* Fit every candidate model on what is stored, measure each, choose, write the model file and
     * its row; with `activate` swap it in. ret_report: JSON object, also stored in the row;
     * appended to. */
    tdl_status (*train)(tdl_app *app, const tdl_train_options *options, tdl_buf *ret_report,
                        tdl_report *why);

    /* The same measurements, nothing written. */
    tdl_status (*evaluate)(tdl_app *app, const tdl_train_options *options, tdl_buf *ret_report,
                           tdl_report *why);

    /* Take in one event; microseconds, no retraining. */
    void (*learn_one)(tdl_app *app, const tdl_event *event, int64_t seq);

    /* `id` is the person's from now on, with all that came under it. On the store's writer thread,
     * before the event that said so. */
    void (*joined)(tdl_app *app, tdl_str person, tdl_str id);

    /* `person` was two persons, of whom it is one: take its history from the store anew. */
    tdl_status (*parted)(tdl_app *app, tdl_str person, tdl_report *why);
    /* Persons were erased, wholly or in part: let go of what was learnt of every id for which
     * is_gone holds. What is left of a person is then told anew by learn_one, with a seq above all
     * others. Numbers of events may come a second time from now on. */
    void (*forgot)(tdl_app *app, tdl_is_gone *is_gone, void *context);

    /* Answer. Everything in `ret` lives in `arena` or as long as the app, except id, which the
     * caller sets (with time_us and app). Its `why` is the app's own short record. Adds
     * `"key":value` members of its own to the answer through `extra`, which stands inside an open
     * JSON object. */
    tdl_status (*decide)(tdl_app *app, const tdl_ask *ask, tdl_arena *arena, tdl_decision *ret,
                         tdl_jw *extra, tdl_report *why);

    /* The reasons of a stored decision in full, as one JSON value: an array with one element per
     * chosen candidate. `decision` is a row as it was read, of this version or an older one; its
     * `why` is not trusted: TDL_E_CORRUPT, and `out` then holds half a value. */
    tdl_status (*explain)(tdl_app *app, const tdl_decision *decision, tdl_jw *out, tdl_report *why);

    /* Load another active version if the registry's row changed (another process trained). */
    tdl_status (*refresh)(tdl_app *app, tdl_report *why);

    /* Catalogue changed. */
    void (*item_changed)(tdl_app *app, const tdl_item *item);

    /* What people set of an app, by name, as one JSON value: all of it without a name. document: to
     * be put in its place first; NULL = asked for only. NULL where there is nothing to set.
     * TDL_E_NOT_FOUND | TDL_E_INVALID | TDL_E_CONFLICT (it changed meanwhile) */
    tdl_status (*settings)(tdl_app *app, tdl_str name, const json_t *document, tdl_jw *out,
                           tdl_report *why);

    /* What was answered in a stretch of time and what came of it, as one JSON object. Reads the
     * log: seconds. NULL where nothing is shown. TDL_E_INVALID | TDL_E_NOT_FOUND */
    tdl_status (*shown)(tdl_app *app, const tdl_shown_ask *ask, tdl_jw *out, tdl_report *why);

    /* What serving knows of an item beside its record: members of the open object. NULL where
     * items mean nothing. TDL_E_NOT_FOUND */
    tdl_status (*item_known)(tdl_app *app, tdl_str item, tdl_jw *out, tdl_report *why);

    /* ---- for apps that answer for rows of tables; NULL for others ---- */

    /* Could a table be learnt from so? What can be said before it is read: settings, columns. */
    tdl_status (*admit)(tdl_app *app, const tdl_train_table *table, tdl_report *why);

    /* Answers as one JSON object. A row that cannot be read gets an error of its own, and no
     * decision.
     *   ret [*ret_n]  decisions in `arena`, complete, of the rows that were answered; ask->id set
     */
    tdl_status (*answer_rows)(tdl_app *app, const tdl_rows_ask *ask, tdl_arena *arena,
                              tdl_decision **ret, size_t *ret_n, tdl_jw *out, tdl_report *why);

    /* What answers rest on, as one JSON object. Nothing is decided. */
    tdl_status (*explain_rows)(tdl_app *app, const tdl_rows_ask *ask, tdl_jw *out, tdl_report *why);

    /* One JSON object. limit: of the newest decisions of all apps that are looked at */
    tdl_status (*tell)(tdl_app *app, tdl_about about, tdl_str model, size_t limit, tdl_arena *arena,
                       tdl_jw *out, tdl_report *why);

    /* ---- for apps that forecast series; NULL for others ---- */

    /* As answer_rows. A series that is not known, and comes without a history, gets an error of its
     * own. */
    tdl_status (*forecast)(tdl_app *app, const tdl_series_ask *ask, tdl_arena *arena,
                           tdl_decision **ret, size_t *ret_n, tdl_jw *out, tdl_report *why);

    /* The event by which a value that became known is kept: {"series", "time", "truth"} of a model.
     * It reaches the app by learn_one, as all do. ret lives in `arena`; TDL_E_INVALID */
    tdl_status (*series_truth)(tdl_app *app, tdl_str model, const json_t *outcome, tdl_arena *arena,
                               tdl_event *ret, tdl_report *why);

    /* How right forecasts were, and those of one series (empty = the first). */
    tdl_status (*tell_series)(tdl_app *app, tdl_str model, tdl_str series, tdl_jw *out,
                              tdl_report *why);
} tdl_app_ops;

extern const tdl_app_ops tdl_recommend_app; /* apps/recommend/recommend.c */
extern const tdl_app_ops tdl_predict_app;   /* apps/predict/predict.c */

#endif
