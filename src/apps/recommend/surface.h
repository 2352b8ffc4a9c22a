/* Surfaces: the places of a product where recommendations stand, each with its policy.
 *
 *     home     for a person
 *     similar  to an item
 *     cart     to items that are about to be bought
 *     email    for people, in a batch
 *
 * These four are always there, with policies of their own. A surface of another name is one of the
 * four kinds with another policy. What is saved is laid over the kind's own policy, member by
 * member.
 *
 * Life cycle   tdl_surfaces_new -> load / put / take ... -> tdl_surfaces_free
 * Ownership    a surface is immutable and counted: drop what was taken
 * Threads      any
 */
#ifndef TDL_APPS_RECOMMEND_SURFACE_H
#define TDL_APPS_RECOMMEND_SURFACE_H

#include <pthread.h>
#include <stdatomic.h>

#include "apps/recommend/contenders.h"
#include "apps/recommend/eligible.h"
#include "apps/recommend/policy.h"
#include "store/store.h"

typedef enum tdl_surface_kind {
    TDL_SURFACE_HOME,
    TDL_SURFACE_SIMILAR,
    TDL_SURFACE_CART,
    TDL_SURFACE_EMAIL,
    TDL_SURFACE_KINDS_N
} tdl_surface_kind;

typedef struct tdl_surface {
    atomic_int references;
    tdl_str name;
    tdl_surface_kind kind;
    int64_t version;        /* 0: it was never changed */
    json_t *own;            /* what was saved, an object */
    tdl_policy *policy;     /* that over the kind's own */
    tdl_eligible_kept kept; /* guards itself */
} tdl_surface;

/* What its answers are measured by: where everything may come again, the next group; else something
 * new. TDL_RECOMMEND_TASKS_N of "similar": nothing. */
tdl_recommend_task tdl_surface_task(tdl_surface_kind kind, const tdl_policy *policy);

typedef struct tdl_surfaces tdl_surfaces;

tdl_surfaces *tdl_surfaces_new(void);           /* NULL: no memory */
void tdl_surfaces_free(tdl_surfaces *surfaces); /* accepts NULL */

/* TDL_E_NOT_FOUND: the report names those there are. */
tdl_status tdl_surfaces_take(tdl_surfaces *surfaces, tdl_str name, tdl_surface **ret,
                             tdl_report *why);
void tdl_surface_drop(tdl_surface *surface); /* accepts NULL */

/* The trait that the first surface with a segment names: ret [TDL_SEGMENT_MAX], empty = none. */
size_t tdl_surfaces_segment(tdl_surfaces *surfaces, char *ret);

/* A surface that is not there, or not kept: of a draft. known as tdl_policy_read. */
tdl_status tdl_surface_draft(tdl_str name, tdl_surface_kind kind, const json_t *own,
                             const tdl_attributes *known, tdl_surface **ret, tdl_report *why);

/* Read those that the store has. One that cannot be read any more is left as its kind has it;
 * ret_warning (may be NULL) says which. */
tdl_status tdl_surfaces_load(tdl_surfaces *surfaces, tdl_store *store, tdl_report *ret_warning,
                             tdl_report *why);

/* Keep one. document: {"version", "policy", "kind"?}; version is the one that is replaced, 0 of a
 * surface that was never changed or is new; kind is wanted for a new one.
 *   lock     of the catalogue, taken for reading while the rules are checked
 *   returns  TDL_OK | TDL_E_INVALID | TDL_E_CONFLICT (the version is stale) | those of the store */
tdl_status tdl_surfaces_put(tdl_surfaces *surfaces, tdl_store *store, tdl_str name,
                            const json_t *document, const tdl_catalogue *catalogue,
                            pthread_rwlock_t *lock, tdl_report *why);

/* {"name", "kind", "version", "policy", "effective"}: what was saved, and what it comes to. */
void tdl_surface_write(const tdl_surface *surface, tdl_jw *w);
/* All of them, an array, by name; the four kinds first. */
void tdl_surfaces_write(tdl_surfaces *surfaces, tdl_jw *w);

/* Which of them may show an item: [{"surface", "kept_out"}], null or why not, whoever asks. Under
 * the catalogue's lock. False: no memory. */
bool tdl_surfaces_write_item(tdl_surfaces *surfaces, const tdl_catalogue *catalogue, int32_t item,
                             int64_t now_us, tdl_jw *w);

const char *tdl_surface_kind_name(tdl_surface_kind kind); /* "home", ... */
bool tdl_surface_kind_parse(tdl_str name, tdl_surface_kind *ret);

#endif
