#include "apps/recommend/content_code.h"

#include <math.h>

#include "apps/recommend/content_image.h"
#include "base/timestamp.h"
#include "base/utf8.h"
#include "table/words.h"

enum { SEEN_BITS = 1 << 16, GRAM_LEAST = 3, GRAM_MOST = 5, SIGNS = 64 };

/* Of a feature, by what it is. Exact in binary: sums do not depend on their order. */
static const float word_weight = 1, pair_weight = .75F, gram_weight = .5F;

/* ---- features into cells ---- */

typedef struct encoder {
    float cell[TDL_CONTENT_D];
    uint64_t seen[SEEN_BITS / 64]; /* of the text's features, by the low bits of their hash */
    size_t labels_n, numbers_n;
    const char *images;
} encoder;

static uint64_t mix(uint64_t z) /* the finaliser of splitmix64 */
{
    z = (z ^ z >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ z >> 27) * UINT64_C(0x94D049BB133111EB);
    return z ^ z >> 31;
}

static void add(encoder *e, tdl_content_block block, uint64_t feature, float weight)
{
    float *cell = e->cell + tdl_content_cell(block);

    for (size_t at = 0; at < tdl_content_cells(block); at += SIGNS) {
        uint64_t signs = mix(feature + (at + 1) * UINT64_C(0x9E3779B97F4A7C15));
        for (size_t i = 0; i < SIGNS; i++)
            cell[at + i] += signs >> i & 1 ? weight : -weight;
    }
}

static void add_once(encoder *e, uint64_t feature, float weight)
{
    size_t bit = feature % SEEN_BITS;

    if (e->seen[bit / 64] >> bit % 64 & 1)
        return;
    e->seen[bit / 64] |= UINT64_C(1) << bit % 64;
    add(e, TDL_CONTENT_TEXT, feature, weight);
}

/* Runs of letters of "<word>". */
static void add_grams(encoder *e, tdl_str word)
{
    char text[TDL_WORD_START + 2];
    size_t letter[TDL_WORD_START + 3], letters_n = 0, n = word.len + 2; // where each letter begins

    text[0] = '<';
    memcpy(text + 1, word.at, word.len);
    text[n - 1] = '>';
    for (size_t at = 0; at < n; at += tdl_utf8_step(text + at, n - at))
        letter[letters_n++] = at;
    letter[letters_n] = n;
    for (size_t grams = GRAM_LEAST; grams <= GRAM_MOST; grams++)
        for (size_t i = 0; i + grams <= letters_n; i++)
            add_once(e, ~tdl_words_hash((tdl_str){text + letter[i], letter[i + grams] - letter[i]}),
                     gram_weight);
}

static void add_word(void *context, const tdl_word *word)
{
    encoder *e = context;

    add_once(e, word->hash, word_weight);
    if (word->pair)
        add_once(e, word->pair, pair_weight);
    if (!word->han)
        add_grams(e, word->start);
}

static void add_text(encoder *e, tdl_str text)
{
    text.len = text.len < TDL_CONTENT_TEXT_MAX ? text.len : TDL_CONTENT_TEXT_MAX;
    tdl_words_each(text, add_word, e);
}

/* One label, or several with bars between them. The same text of two fields is two labels. */
static void add_labels(encoder *e, tdl_str name, tdl_str text)
{
    if (text.len > TDL_CONTENT_LABEL_MAX && !memchr(text.at, '|', text.len)) {
        add_text(e, text);
        return;
    }
    while (text.len) {
        const char *bar = memchr(text.at, '|', text.len);
        size_t n = bar ? (size_t)(bar - text.at) : text.len;
        tdl_str label = tdl_str_trim((tdl_str){text.at, n});
        if (label.len && e->labels_n < TDL_CONTENT_LABELS_MAX) {
            e->labels_n++;
            add(e, TDL_CONTENT_LABELS, tdl_words_hash(name) * 3 + tdl_words_hash(label), 1);
        }
        n += bar != NULL;
        text = (tdl_str){text.at + n, text.len - n};
    }
}

/* Shared between the two cells of a grid that it lies between. */
static void add_number(encoder *e, tdl_str name, double value)
{
    static const struct grid {
        double cells_per_octave;
        float weight;
    } grids[] = {{1, 1}, {4, 1}, {16, .75F}, {64, .5F}, {256, .5F}, {1024, .25F}};
    double octaves = log2(1 + fabs(value));

    if (!isfinite(octaves) || e->numbers_n++ >= TDL_CONTENT_LABELS_MAX)
        return;
    for (size_t g = 0; g < sizeof grids / sizeof *grids; g++) {
        double place = octaves * grids[g].cells_per_octave, cell = floor(place);
        uint64_t first = (uint64_t)cell << 4 | g << 1 | (value < 0); // <= 1024 * 1024
        uint64_t grid = tdl_words_hash(name);
        float above = (float)(floor((place - cell) * 256) / 256); // exact sums in any order
        add(e, TDL_CONTENT_NUMBERS, mix(grid + first), grids[g].weight * (1 - above));
        add(e, TDL_CONTENT_NUMBERS, mix(grid + first + 16), grids[g].weight * above);
    }
}

/* ---- an item's words ---- */

static void add_value(encoder *e, tdl_str name, const json_t *value)
{
    size_t n = json_is_array(value) ? json_array_size(value) : 0;

    if (json_is_string(value))
        add_labels(e, name, (tdl_str){json_string_value(value), json_string_length(value)});
    else if (json_is_boolean(value))
        add_labels(e, name, json_is_true(value) ? TDL_STR("true") : TDL_STR("false"));
    else if (json_is_number(value))
        add_number(e, name, json_number_value(value));
    for (size_t i = 0; i < n; i++) {
        const json_t *one = json_array_get(value, i);
        if (json_is_string(one))
            add_labels(e, name, (tdl_str){json_string_value(one), json_string_length(one)});
    }
}

static void add_day(encoder *e, tdl_str text)
{
    int64_t time_us;

    if (!tdl_time_parse(text, &time_us, NULL))
        add_number(e, TDL_STR("$published_at"), (double)time_us / 86400e6);
}

/* Fields that say nothing of what the item is. */
static bool is_mute(tdl_item_field field)
{
    return field == TDL_ITEM_currency || field == TDL_ITEM_stock || field == TDL_ITEM_available ||
           field == TDL_ITEM_regions || field == TDL_ITEM_expires_at || field == TDL_ITEM_url;
}

static void add_field(encoder *e, tdl_item_field field, const json_t *value)
{
    tdl_str text = {json_is_string(value) ? json_string_value(value) : NULL,
                    json_string_length(value)};

    if (field == TDL_ITEM_text)
        add_text(e, text);
    else if (field == TDL_ITEM_image)
        tdl_content_image(text, e->images, e->cell + tdl_content_cell(TDL_CONTENT_IMAGE));
    else if (field == TDL_ITEM_published_at)
        add_day(e, text);
    else
        add_value(e, tdl_str_of(tdl_item_field_key(field)), value);
}

static void add_kept(encoder *e, const json_t *kept)
{
    json_t *members = (json_t *)kept; // jansson's iterators are not const-correct

    for (tdl_item_field f = 0; f < TDL_ITEM_FIELDS_N; f++) {
        const json_t *value = json_object_get(kept, tdl_item_field_key(f));
        if (value && !is_mute(f))
            add_field(e, f, value);
    }
    for (void *it = json_object_iter(members); it; it = json_object_iter_next(members, it)) {
        tdl_str name = tdl_str_of(json_object_iter_key(it));
        if (name.len && name.at[0] != '$')
            add_value(e, name, json_object_iter_value(it));
    }
}

static void quantise(const float *cell, tdl_content_block block, tdl_content_code *ret)
{
    size_t from = tdl_content_cell(block), n = tdl_content_cells(block);
    double length = 0, most = 0;

    for (size_t i = from; i < from + n; i++) {
        length += (double)cell[i] * (double)cell[i];
        most = fmax(most, fabs((double)cell[i]));
    }
    ret->scale[block] = most > 0 ? (float)(most / 127 / sqrt(length)) : 0;
    ret->square[block] = 0;
    for (size_t i = from; i < from + n; i++) {
        ret->cell[i] = most > 0 ? (int8_t)lround((double)cell[i] * 127 / most) : 0;
        ret->square[block] += ret->cell[i] * ret->cell[i];
    }
}

void tdl_content_encode(tdl_str title, tdl_str kept, const char *images, tdl_content_code *ret)
{
    encoder e = {.images = images};
    json_t *object = NULL;

    add_text(&e, title);
    if (kept.len && !tdl_json_parse(kept, TDL_JSON_LAST_WINS, &object, NULL) &&
        json_is_object(object))
        add_kept(&e, object);
    json_decref(object);
    for (tdl_content_block b = 0; b < TDL_CONTENT_BLOCKS_N; b++)
        quantise(e.cell, b, ret);
}

/* ---- reading codes ---- */

void tdl_content_unpack(const tdl_content_code *code, const tdl_content_weights *weights,
                        float *ret)
{
    for (tdl_content_block b = 0; b < TDL_CONTENT_BLOCKS_N; b++) {
        size_t from = tdl_content_cell(b), end = from + tdl_content_cells(b);
        float scale = code->scale[b] * weights->block[b];
        for (size_t i = from; i < end; i++)
            ret[i] = scale * (float)code->cell[i];
    }
}

double tdl_content_length(const tdl_content_code *code, const tdl_content_weights *weights)
{
    double sum = 0;

    for (tdl_content_block b = 0; b < TDL_CONTENT_BLOCKS_N; b++) {
        double scale = (double)(code->scale[b] * weights->block[b]);
        sum += scale * scale * (double)code->square[b];
    }
    return sqrt(sum);
}

static inline __attribute__((always_inline)) double
cosine(const tdl_content_code *a, const tdl_content_code *b, const tdl_content_weights *weights)
{
    double dot = 0, length = 0;

    for (tdl_content_block k = 0; k < TDL_CONTENT_BLOCKS_N; k++) {
        size_t from = tdl_content_cell(k), end = from + tdl_content_cells(k);
        double weight = (double)weights->block[k] * (double)weights->block[k];
        int32_t sum = 0;
        if (!(a->scale[k] > 0 && b->scale[k] > 0 && weight > 0))
            continue;
        for (size_t i = from; i < end; i++)
            sum += (int16_t)a->cell[i] * (int16_t)b->cell[i];
        dot += weight * sum / sqrt((double)a->square[k] * (double)b->square[k]);
        length += weight;
    }
    return length > 0 ? dot / length : 0;
}

#if defined(__x86_64__)
__attribute__((target("avx2"))) static double cosine_avx2(const tdl_content_code *a,
                                                          const tdl_content_code *b,
                                                          const tdl_content_weights *weights)
{
    return cosine(a, b, weights);
}
#endif

double tdl_content_cosine(const tdl_content_code *a, const tdl_content_code *b,
                          const tdl_content_weights *weights)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2"))
        return cosine_avx2(a, b, weights);
#endif
    return cosine(a, b, weights);
}
