/* A learner: one way to learn a target from a matrix. Each is a const table of functions, found by
 * name in one array (learners.c).
 *
 * Scores       what a learner gives for a row, always higher = more of it:
 *              | task       | scores_n | a score is                                     |
 *              |------------|----------|------------------------------------------------|
 *              | binary     | 1        | log odds of class 1                            |
 *              | classes    | classes  | log probability, up to a constant of the row   |
 *              | ordinal    | classes  | likewise                                       |
 *              | regression | 1        | the value itself                               |
 *              | count      | 1        | log of the mean                                |
 *              | quantile   | levels   | the quantile itself, not falling along the row |
 *              | ranking    | 1        | relevance                                      |
 * Settings     a JSON object of numbers and texts, printed in the leaderboard and kept in the file
 * Threads      scoring from any number of threads; fitting uses the problem's pool
 * Replay       same matrix, seed and setting: same bits, for any number of threads
 */
#ifndef TDL_LEARN_LEARNER_H
#define TDL_LEARN_LEARNER_H

#include <stdatomic.h>

#include "base/json.h"
#include "base/pool.h"
#include "table/matrix.h"
#include "table/prepare.h"
#include "train/safetensors.h"

typedef enum tdl_task {
    TDL_TASK_BINARY,
    TDL_TASK_CLASSES,
    TDL_TASK_ORDINAL,
    TDL_TASK_REGRESSION,
    TDL_TASK_COUNT,
    TDL_TASK_QUANTILE,
    TDL_TASK_RANKING
} tdl_task;

/* What is to be low, where a task leaves the choice. Of learners that know squares only, a contest
 * still tells how good they are. */
typedef enum tdl_aim {
    TDL_AIM_USUAL,    /* of each task: squares of a regression, the Poisson deviance of a count */
    TDL_AIM_ABSOLUTE, /* regression: |y - f|, so f is the median */
    TDL_AIM_HUBER,    /* regression: squares near by, straight beyond (Huber, 1964) */
    TDL_AIM_TWEEDIE   /* count: the deviance of power `power`, 1 < power < 2; y may be any >= 0 */
} tdl_aim;

const char *tdl_aim_name(tdl_aim aim); /* "usual", "absolute", "huber", "tweedie" */
const char *tdl_task_name(tdl_task task);
bool tdl_task_find(tdl_str name, tdl_task *ret);

enum { TDL_QUANTILES_MAX = 32 };

typedef struct tdl_problem {
    tdl_task task;
    size_t classes_n; /* binary: 2; 0 where there are none */
    double quantile[TDL_QUANTILES_MAX];
    size_t quantiles_n;
    tdl_aim aim;
    double power; /* TDL_AIM_TWEEDIE */
    bool images;  /* where x is not there yet: the table has a column of images */
    const tdl_matrix *x;
    const float *y;       /* [rows] class number or value, finite */
    const float *weight;  /* [rows] or NULL = 1 */
    const int32_t *group; /* [rows] ranking: which list a row is of; equal ones stand together */
    uint64_t seed;
    tdl_pool *pool;          /* may be NULL */
    double seconds;          /* stop early after so many, with what there is; 0 = no limit */
    const atomic_bool *stop; /* give up: TDL_E_STOPPED; may be NULL */
} tdl_problem;

size_t tdl_problem_scores(const tdl_problem *problem);

typedef struct tdl_learner tdl_learner; /* each kind's own struct; its first member is `ops` */

/* Attributions of one score of each row: sum over features = score - base, up to the error. */
typedef struct tdl_attribution {
    double *x;        /* [rows][cols] */
    double *category; /* [rows][categories_n]; NULL when there are none */
    double *pixel;    /* [rows][channels][height][width] of a network of images; else NULL */
    double *base;     /* [rows] */
    double error;     /* largest |sum + base - score| over max(1, |score - base|) */
} tdl_attribution;

typedef struct tdl_learner_ops {
    const char *name; /* "logistic": in options, leaderboards and files */
    /* How its matrix is to be prepared for the problem's task. */
    tdl_prepare_options prepare;
    bool simple;       /* a floor: always in the contest */
    bool reads_images; /* and shares its score out among pixels */
    bool slow;         /* takes minutes: in a contest by name only, or when there is much time */
    size_t levels_min; /* in a contest by name only, unless a category has so many levels */
    unsigned rank;     /* of complexity: --prefer simple takes the lowest within one standard error;
                          of equal ones that with the fewest terms to read */
    /* What one fit takes one thread: work_ns x rows x features^work_power nanoseconds. A plan must
     * not depend on how busy the machine is, so it is an estimate, good to a factor of 3 or so. */
    double work_ns, work_power;
    bool work_by_class; /* so much for each class, where there are more than two */

    /* Can it? With the reason when it cannot, as for a library that is absent. problem->x may be
     * NULL here: rows and columns are then as given. */
    bool (*suits)(const tdl_problem *problem, size_t rows, size_t columns, tdl_report *why);
    /* Settings worth trying, the first the default: an array, the caller's. At most 24. */
    json_t *(*settings)(const tdl_problem *problem);

    /* Learn. setting: an object of `settings`, or with fewer keys, or NULL; unknown keys and values
     * out of range: TDL_E_INVALID.  ret_note: may be NULL; an object with what was found out on the
     * way ("rounds", "epochs"), the caller's; left alone when there is nothing. */
    tdl_status (*fit)(const tdl_problem *problem, const json_t *setting, tdl_learner **ret,
                      json_t **ret_note, tdl_report *why);
    void (*free)(tdl_learner *learner); /* accepts NULL */

    /* ret [rows][scores_n] */
    tdl_status (*score)(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                        double *ret, tdl_report *why);
    /* Attributions of score number `which`, against the one row of `baseline` where the method has
     * one. NULL: there is no way of its own; Shapley values by columns then serve. */
    tdl_status (*attribute)(const tdl_learner *learner, const tdl_matrix *x,
                            const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                            tdl_attribution *ret, tdl_report *why);
    const char *attribute_name; /* "linear", "tree_shap", "integrated_gradients" */
    bool attribute_slow;        /* milliseconds a row: of many rows at once nobody waits for it */

    /* Tensors named PREFIX..., borrowed until written; ret_about: an object with the rest. */
    tdl_status (*save)(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                       json_t **ret_about, tdl_report *why);
    /* Both are hostile until checked; `x` says of which shape matrices will be (no rows). */
    tdl_status (*load)(const json_t *about, const tdl_st_file *file, const char *prefix,
                       const tdl_matrix *x, tdl_learner **ret, tdl_report *why);
} tdl_learner_ops;

struct tdl_learner {
    const tdl_learner_ops *ops;
    tdl_task task;
    size_t scores_n;
    size_t cols, categories_n; /* of matrices it takes */
};

/* Every learner, simple ones first. */
extern const tdl_learner_ops *const tdl_learners[];
extern const size_t tdl_learners_n;
const tdl_learner_ops *tdl_learner_find(tdl_str name); /* NULL: there is none */

/* ---- through these, which check arguments once; all accept what the ops do ---- */

tdl_status tdl_learner_fit(const tdl_learner_ops *ops, const tdl_problem *problem,
                           const json_t *setting, tdl_learner **ret, json_t **ret_note,
                           tdl_report *why);
void tdl_learner_free(tdl_learner *learner); /* accepts NULL */
/* Does it take milliseconds a row to say what its scores rest on? */
static inline bool tdl_learner_explains_slowly(const tdl_learner *learner)
{
    return !learner->ops->attribute || learner->ops->attribute_slow;
}
tdl_status tdl_learner_score(const tdl_learner *learner, const tdl_matrix *x, tdl_pool *pool,
                             double *ret, tdl_report *why);
/* The arrays of `ret` are the caller's, of the sizes given above. TDL_E_INVALID: has no method. */
tdl_status tdl_learner_attribute(const tdl_learner *learner, const tdl_matrix *x,
                                 const tdl_matrix *baseline, size_t which, tdl_pool *pool,
                                 tdl_attribution *ret, tdl_report *why);
tdl_status tdl_learner_save(const tdl_learner *learner, const char *prefix, tdl_st_writer *writer,
                            json_t **ret_about, tdl_report *why);
tdl_status tdl_learner_load(const json_t *about, const tdl_st_file *file, const char *prefix,
                            const tdl_matrix *x, tdl_learner **ret, tdl_report *why);

/* ---- for learners: settings ---- */

/* The number of a setting; `fallback` when absent. False, and the report, when it is no number in
 * [low, high]. */
bool tdl_setting_number(const json_t *setting, const char *key, double fallback, double low,
                        double high, double *ret, tdl_report *why);
/* TDL_E_INVALID names a key that is none of `known` ("depth eta ..."). */
tdl_status tdl_setting_check(const json_t *setting, const char *known, tdl_report *why);

#endif
