#include "loop/erase.h"

#include <pthread.h>
#include <stdlib.h>

enum { NAMES_BYTES = 64 << 20, EVENTS_BYTES = 256 << 20 };

struct tdl_loop_erased {
    pthread_mutex_t lock; /* one at a time */
    int64_t position;     /* erasures up to here are forgotten */
};

tdl_status tdl_loop_erased_open(tdl_store *store, tdl_loop_erased **ret, tdl_report *why)
{
    tdl_loop_erased *erased = calloc(1, sizeof *erased);

    if (!erased)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory for the serving state");
    erased->position = -1;
    tdl_status st = tdl_store_new_erasures(store, &erased->position, NULL, NULL, NULL, why);
    if (st) {
        free(erased);
        return st;
    }
    pthread_mutex_init(&erased->lock, NULL);
    *ret = erased;
    return TDL_OK;
}

void tdl_loop_erased_close(tdl_loop_erased *erased)
{
    if (!erased)
        return;
    pthread_mutex_destroy(&erased->lock);
    free(erased);
}

/* Those who were erased, and by which ids apps knew them. */
typedef struct forgetting {
    const tdl_store *store;
    const tdl_str *names; /* [names_n] */
    size_t names_n;
    tdl_arena *arena;
    struct known *known;
} forgetting;

typedef struct known {
    struct known *next;
    tdl_str id;
} known;

/* Without memory to note the id, what is left of the person is learnt with the next start. */
static bool is_gone(void *context, tdl_str id)
{
    forgetting *f = context;

    if (!tdl_store_is_named(f->store, id, f->names, f->names_n))
        return false;
    known *one = tdl_arena_alloc(f->arena, 1, sizeof *one);
    if (one) {
        *one = (known){f->known, tdl_arena_str(f->arena, id)};
        f->known = one;
    }
    return true;
}

/* Oldest first, as they came. */
static tdl_status learn_again(tdl_loop *loop, tdl_str id, tdl_report *why)
{
    tdl_arena *arena = tdl_arena_new(EVENTS_BYTES);
    tdl_event *events;
    size_t n = 0;
    tdl_status st =
        arena ? tdl_store_user_events(tdl_loop_store(loop), id, SIZE_MAX, arena, &events, &n, why)
              : TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to learn what is left");

    while (!st && n > 0)
        tdl_loop_learn_again(loop, &events[--n]);
    tdl_arena_free(arena);
    return st;
}

static tdl_status forget(tdl_loop *loop, tdl_loop_erased *erased, tdl_arena *arena, tdl_report *why)
{
    forgetting f = {.store = tdl_loop_store(loop), .arena = arena};
    tdl_str *names = NULL;
    tdl_status st = tdl_store_new_erasures(tdl_loop_store(loop), &erased->position, arena, &names,
                                           &f.names_n, why);

    if (st || !f.names_n)
        return st;
    f.names = names;
    tdl_loop_forget(loop, is_gone, &f);
    for (const known *one = f.known; !st && one; one = one->next)
        st = learn_again(loop, one->id, why);
    return st;
}

tdl_status tdl_loop_erased_refresh(tdl_loop *loop, tdl_report *why)
{
    tdl_loop_erased *erased = tdl_loop_erased_of(loop);
    tdl_arena *arena = tdl_arena_new(NAMES_BYTES);
    tdl_status st;

    if (!arena)
        return TDL_FAIL(why, TDL_E_NO_MEMORY, "no memory to forget who was erased");
    pthread_mutex_lock(&erased->lock);
    st = forget(loop, erased, arena, why);
    pthread_mutex_unlock(&erased->lock);
    tdl_arena_free(arena);
    return st;
}

tdl_status tdl_loop_erase(tdl_loop *loop, const tdl_erase_request *request, tdl_arena *arena,
                          tdl_erasure *ret, tdl_report *why)
{
    tdl_status st = tdl_store_erase(tdl_loop_store(loop), request, arena, ret, why);

    return st ? st : tdl_loop_erased_refresh(loop, why);
}
