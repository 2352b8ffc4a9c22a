/* What can be said of items: the names of attributes, and of what kinds their values were. Rules
 * are checked against it, and so a misspelt name is told when the rule is saved.
 *
 * Life cycle   tdl_attributes_new -> add / find ... -> tdl_attributes_free
 * Threads      none of its own; readers may run together while nobody adds
 */
#ifndef TDL_APPS_RECOMMEND_ATTRIBUTES_H
#define TDL_APPS_RECOMMEND_ATTRIBUTES_H

#include "base/arena.h"
#include "base/json.h"

typedef enum tdl_operand_kind {
    TDL_OPERAND_NONE = 0, /* not said */
    TDL_OPERAND_BOOL = 1,
    TDL_OPERAND_NUMBER = 2,
    TDL_OPERAND_TEXT = 4,
    TDL_OPERAND_LIST = 8,
    TDL_OPERAND_ANY = 15 /* as a set of kinds: nothing is known of them */
} tdl_operand_kind;

/* A value of an attribute, or of an expression. */
typedef struct tdl_operand tdl_operand;
struct tdl_operand {
    tdl_operand_kind kind;
    bool truth;
    double number;
    tdl_str text;
    const tdl_operand *item; /* [items_n] of a list: texts, numbers and truths */
    size_t items_n;
};

/* In `arena`, texts included. What rules cannot speak of (objects, null, lists in lists) is NONE.
 * False: no memory. */
bool tdl_operand_read(const json_t *value, tdl_arena *arena, tdl_operand *ret);

/* Of one kind and the same; what is not said equals nothing. */
bool tdl_operand_equal(const tdl_operand *a, const tdl_operand *b);
bool tdl_operand_among(const tdl_operand *one, const tdl_operand *list);
/* Have the two, each a value or a list of them, a value in common? */
bool tdl_operand_meet(const tdl_operand *a, const tdl_operand *b);

typedef struct tdl_attributes tdl_attributes;

enum { TDL_ATTRIBUTES_MAX = 1000 }; /* different names; further ones are not known to rules */

tdl_attributes *tdl_attributes_new(void);                                    /* NULL: no memory */
void tdl_attributes_free(tdl_attributes *attributes);                        /* accepts NULL */
int32_t tdl_attributes_find(const tdl_attributes *attributes, tdl_str name); /* -1: unknown */
/* Found or added, with values of `kinds` (bits) too. -1: there are too many, or no memory. */
int32_t tdl_attributes_add(tdl_attributes *attributes, tdl_str name, unsigned kinds);
unsigned tdl_attributes_kinds(const tdl_attributes *attributes, int32_t number);
/* The most similar names: "color, colors", or "" when none is near. */
void tdl_attributes_nearest(const tdl_attributes *attributes, tdl_str name, char *ret, size_t size);

const char *tdl_operand_kind_name(unsigned kinds); /* of one bit: "number"; of several: "value" */

#endif
