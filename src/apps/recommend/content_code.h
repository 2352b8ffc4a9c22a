/* What an item says of itself as one short vector, made at once and from the item alone: no
 * dictionary, nothing that was learnt, so a new item has its vector when it is described.
 *
 *     text      words, pairs of neighbouring words and, of words in letters, runs of 3 to 5
 * letters, each once; of Han characters single ones and pairs (table/words.h); title and text, and
 * attributes of more than TDL_CONTENT_LABEL_MAX bytes labels    categories, tags, seller and every
 * other short attribute, by name and value; "a|b" is two numbers   price, own numbers and the day
 * of publication, each as the cells it lies in on grids of six widths over log2(1 + |v|): near
 * numbers share more cells image     content_image.h
 *
 * Each feature is a vector of random signs, drawn from a hash of its name; a block is the sum of
 * its features at length 1, or 0 where nothing is said. Inner products of such sums are those of
 * the sets of features, with an error of about 1 / sqrt(cells) (Johnson and Lindenstrauss, 1984;
 * Achlioptas, 2003). Kept as int8 with a scale a block and its sum of squares: 416 bytes an item.
 *
 * Same item, same bits, in every process.
 */
#ifndef TDL_APPS_RECOMMEND_CONTENT_CODE_H
#define TDL_APPS_RECOMMEND_CONTENT_CODE_H

#include "store/item.h"

typedef enum tdl_content_block {
    TDL_CONTENT_TEXT,
    TDL_CONTENT_LABELS,
    TDL_CONTENT_NUMBERS,
    TDL_CONTENT_IMAGE,
    TDL_CONTENT_BLOCKS_N
} tdl_content_block;

enum {
    TDL_CONTENT_TEXT_CELLS = 192,
    TDL_CONTENT_CELLS = 64, /* of each other block */
    TDL_CONTENT_D = TDL_CONTENT_TEXT_CELLS + (TDL_CONTENT_BLOCKS_N - 1) * TDL_CONTENT_CELLS,
    TDL_CONTENT_LABEL_MAX = 64,      /* bytes; a longer one is a text */
    TDL_CONTENT_TEXT_MAX = 16 << 10, /* bytes of one text that are read */
    TDL_CONTENT_LABELS_MAX = 1000    /* labels and numbers of an item that are read, each */
};

typedef struct tdl_content_code {
    float scale[TDL_CONTENT_BLOCKS_N]; /* 0: the item says nothing of this kind */
    int32_t
        square[TDL_CONTENT_BLOCKS_N]; /* of the cells, summed: a length that is asked for often */
    int8_t cell[TDL_CONTENT_D];
} tdl_content_code;

/* How much each block counts: lengths, not below 0. All 1 until something was learnt. */
typedef struct tdl_content_weights {
    float block[TDL_CONTENT_BLOCKS_N];
} tdl_content_weights;

/* First cell of a block, and how many it has. */
static inline size_t tdl_content_cell(tdl_content_block block)
{
    return block == TDL_CONTENT_TEXT
               ? 0
               : TDL_CONTENT_TEXT_CELLS + ((size_t)block - 1) * TDL_CONTENT_CELLS;
}
static inline size_t tdl_content_cells(tdl_content_block block)
{
    return block == TDL_CONTENT_TEXT ? TDL_CONTENT_TEXT_CELLS : TDL_CONTENT_CELLS;
}

/*   kept    the item's attributes as they are stored (store/item.h); what cannot be read, or is of
 *           another kind, is left out
 *   images  folder below which an image's path is looked for; NULL = only images in the item */
void tdl_content_encode(tdl_str title, tdl_str kept, const char *images, tdl_content_code *ret);

/* Does it say anything? */
static inline bool tdl_content_says(const tdl_content_code *code)
{
    bool says = false;

    for (tdl_content_block b = 0; b < TDL_CONTENT_BLOCKS_N; b++)
        says |= code->scale[b] > 0;
    return says;
}
/* In floats, each block at its weight: ret[TDL_CONTENT_D]. */
void tdl_content_unpack(const tdl_content_code *code, const tdl_content_weights *weights,
                        float *ret);
/* Length at those weights. */
double tdl_content_length(const tdl_content_code *code, const tdl_content_weights *weights);
/* Cosine at those weights, over the blocks that both have; 0 where they share none. */
double tdl_content_cosine(const tdl_content_code *a, const tdl_content_code *b,
                          const tdl_content_weights *weights);

#endif
