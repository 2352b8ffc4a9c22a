/* A ring: the newest tie groups of one person, with repeats, in order of time.
 *
 * A group is what a person took at one time, or in one order; an order happened when its first item
 * did. Inside a group items stand by number and once each: the same events make the same ring,
 * whatever the order of arrival, as long as it is not full.
 *
 * What leaves a full ring is kept as sums for each item (the spill), so that a person's part of the
 * popularity can be taken back to the last event.
 *
 * Memory    20 bytes an item of a group; at most TDL_RING_ENTRIES of them, in TDL_RING_GROUPS
 *           groups. Behind a full ring 56 bytes for each item that left it
 */
#ifndef TDL_APPS_RECOMMEND_RING_H
#define TDL_APPS_RECOMMEND_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A model is shown the newest 200 groups; the rest is here so that it can be taken back. */
enum { TDL_RING_GROUPS = 2000, TDL_RING_ENTRIES = 8192 };

/* Half-lives of R0. */
typedef enum tdl_half_life {
    TDL_HALF_LIFE_HOUR,
    TDL_HALF_LIFE_DAY,
    TDL_HALF_LIFE_FORTNIGHT, /* 14 days */
    TDL_HALF_LIFE_QUARTER,   /* 90 days */
    TDL_HALF_LIFE_NONE,      /* all time */
    TDL_HALF_LIVES_N
} tdl_half_life;

extern const double tdl_half_life_us[TDL_HALF_LIVES_N]; /* 0 = all time */

typedef struct tdl_ring_mark {
    int64_t time_us;        /* of the group */
    uint32_t order;         /* a digest of the order's name; 0 = none */
    uint16_t early_minutes; /* by so much later than it came: it decays from then on */
    uint8_t weight;         /* in popularity, and as what follows; 0 = none */
    uint8_t kind;           /* of the event: live_state.h */
} tdl_ring_mark;

/* Of one item, all that left the ring. */
typedef struct tdl_spilt {
    int32_t item;
    int64_t time_us;              /* of the newest of them */
    double sum[TDL_HALF_LIVES_N]; /* as of that time */
} tdl_spilt;

typedef struct tdl_ring {
    int32_t *item;       /* [cap], n in use: by time, order, item */
    tdl_ring_mark *mark; /* [cap] */
    uint32_t n, cap;
    uint32_t groups_n;
    tdl_spilt *spilt; /* [spilt_n] by item */
    uint32_t spilt_n;
} tdl_ring;

void tdl_ring_release(tdl_ring *ring); /* accepts a zeroed one, and leaves one */

/* When an entry counts from. */
static inline int64_t tdl_ring_decays_from(const tdl_ring_mark *mark)
{
    return mark->time_us - INT64_C(60000000) * mark->early_minutes;
}

static inline bool tdl_ring_same_group(const tdl_ring_mark *a, const tdl_ring_mark *b)
{
    return a->time_us == b->time_us && a->order == b->order;
}

/* The group that ends at `end` > 0 begins there; the group that begins at `begin` < n ends there.
 */
size_t tdl_ring_begin(const tdl_ring *ring, size_t end);
size_t tdl_ring_end(const tdl_ring *ring, size_t begin);

/* Where the group of this time and order begins, or would. */
size_t tdl_ring_find(const tdl_ring *ring, int64_t time_us, uint32_t order);
/* Where the group of an order begins; ring->n when there is none. */
size_t tdl_ring_find_order(const tdl_ring *ring, uint32_t order);
/* Where an item stands in the group [begin, end), or would. */
size_t tdl_ring_find_item(const tdl_ring *ring, size_t begin, size_t end, int32_t item);

/* Room for one more. False: no memory. */
bool tdl_ring_reserve(tdl_ring *ring);
/* There is room. groups_n is the caller's to count. */
void tdl_ring_insert(tdl_ring *ring, size_t at, int32_t item, const tdl_ring_mark *mark);
void tdl_ring_remove(tdl_ring *ring, size_t begin, size_t end);

/* Add an item that is too old for the ring to what left it. False: no memory. */
bool tdl_ring_spill(tdl_ring *ring, int32_t item, const tdl_ring_mark *mark);
/* The same of another person's, who turned out to be this one. */
bool tdl_ring_spill_all(tdl_ring *ring, const tdl_ring *other);

size_t tdl_ring_bytes(const tdl_ring *ring);

#endif
