/* What the items of the catalogue say, as serving sees it: a code for each (content_code.h), made
 * when the item is described. An item is like others from that moment on, whatever was trained.
 *
 * Numbering   the catalogue's
 * Memory      416 bytes an item that says anything, in pages of 1,024 items; codes never move
 * Threads     none of its own: the lock over the catalogue
 */
#ifndef TDL_APPS_RECOMMEND_CONTENT_H
#define TDL_APPS_RECOMMEND_CONTENT_H

#include <stdint.h>

#include "apps/recommend/content_code.h"
#include "apps/recommend/top.h"

typedef struct tdl_content tdl_content;

tdl_content *tdl_content_new(void);          /* NULL: no memory */
void tdl_content_free(tdl_content *content); /* accepts NULL */
size_t tdl_content_bytes(const tdl_content *content);

/* Without memory the former one stays. */
void tdl_content_put(tdl_content *content, int32_t item, const tdl_content_code *code);
/* NULL: the item says nothing. */
const tdl_content_code *tdl_content_at(const tdl_content *content, int32_t item);
/* It will be asked for soon. */
void tdl_content_fetch(const tdl_content *content, int32_t item);

/* ---- what somebody likes: the sum of what he had, or the one item that is asked about ---- */

/* Weight of an event halves with every TDL_CONTENT_HALF_LIFE_US that it is older than the newest.
 */
#define TDL_CONTENT_HALF_LIFE_US (INT64_C(30) * 86400 * 1000000)

typedef struct tdl_content_taste {
    tdl_content_weights weights;
    float cell[TDL_CONTENT_D]; /* of length 1, or 0 */
    double length;             /* before that; 0: nothing is known */
    /* or products with the vectors that a map gives (content_map.h), which tell more */
    bool mapped;
    float constant;
    /* the cells in whole numbers: unit (256 high + low) */
    double unit[TDL_CONTENT_BLOCKS_N];
    int16_t high[TDL_CONTENT_D], low[TDL_CONTENT_D];
} tdl_content_taste;

/* Cells that were put there: make them ready to be compared. */
void tdl_content_taste_pack(tdl_content_taste *taste);

/* The same, of a sum of vectors of length 1: scaled to length 1, `length` becomes its own. */
void tdl_content_taste_seal(tdl_content_taste *taste);

/* The taste of who had these items, oldest first.
 *   item [n], time_us [n]; NULL: all at one time */
void tdl_content_taste_of(const tdl_content *content, const tdl_content_weights *weights,
                          const int32_t *item, const int64_t *time_us, size_t n,
                          tdl_content_taste *ret);

/* Cosine of a taste and an item, in [-1, 1], or the product; 0 where nothing is known. */
double tdl_content_liked(const tdl_content_taste *taste, const tdl_content_code *code);

#endif
