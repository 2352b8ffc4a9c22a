/* What is known of one item beside its title: what rules ask, and what an answer must respect.
 *
 * Life cycle   tdl_record_new -> read only, tdl_record_take -> tdl_record_free, once for each
 * Memory       one block each
 */
#ifndef TDL_APPS_RECOMMEND_RECORD_H
#define TDL_APPS_RECOMMEND_RECORD_H

#include <stdatomic.h>

#include "apps/recommend/attributes.h"
#include "store/item.h"

/* Numbers of the attributes that every catalogue knows: "id", then the fields of store/item.h. */
enum { TDL_ATTRIBUTE_ID = 0, TDL_ATTRIBUTE_FIELDS = 1 };
#define TDL_ATTRIBUTE_OF(field) (TDL_ATTRIBUTE_FIELDS + TDL_ITEM_##field)

typedef struct tdl_record_attribute {
    int32_t number;
    tdl_operand value;
} tdl_record_attribute;

typedef struct tdl_record {
    atomic_int references;
    bool deleted, available;
    double stock;                          /* below 0: not said, and so never out */
    int64_t published_us, expires_us;      /* shown in [published, expires) */
    const tdl_record_attribute *attribute; /* [attributes_n], by number; id is not among them */
    size_t attributes_n;
    const uint64_t *feature; /* [features_n] hashes of categories, tags, seller and brand, rising */
    size_t features_n;
} tdl_record;

/* The attributes that every catalogue knows. False: no memory. */
bool tdl_record_begin(tdl_attributes *attributes);

/* New names are added to `attributes`. What is stored is not trusted: values of other kinds are
 * left out. *ret = NULL when the item says nothing of itself. False: no memory. */
bool tdl_record_new(tdl_str kept, tdl_attributes *attributes, tdl_record **ret);
tdl_record *tdl_record_take(const tdl_record *record); /* counts one more; accepts NULL */
void tdl_record_free(tdl_record *record);              /* accepts NULL */

/* NULL: not said. record may be NULL. */
const tdl_operand *tdl_record_at(const tdl_record *record, int32_t attribute);

/* Cosine of the two sets of features, in [0, 1]; 0 where one says nothing. */
double tdl_record_similarity(const tdl_record *a, const tdl_record *b);

#endif
