/* Expressions over items: what the rules of a surface are written in.
 *
 *     price < ctx.budget and not ("clearance" in categories) or tag("new")
 *
 *     names       attributes of the item; ctx.NAME of the request; user.NAME of the person
 *     values      12.5, -3, "text", 'text', true, false, ["a", "b"]
 *     operators   == != < <= > >= in, not in, not, and, or, in this order of binding; ( )
 *     tag("x")    is "x" among the item's tags?
 *
 * What is not said, or is of another kind than the other side, equals nothing: == and the orders
 * are false, != and "not in" true. Texts are ordered by their bytes. Evaluation cannot fail.
 *
 * Ownership   an expression lives in the arena it was compiled into, its texts too
 * Threads     immutable: any number may evaluate it
 */
#ifndef TDL_APPS_RECOMMEND_EXPRESSION_H
#define TDL_APPS_RECOMMEND_EXPRESSION_H

#include "apps/recommend/attributes.h"

enum { TDL_EXPRESSION_MAX = 4096, TDL_EXPRESSION_DEPTH = 32 };

typedef struct tdl_expression tdl_expression;

/* known: attributes there are; NULL = names and kinds are not checked.
 * TDL_E_INVALID names the position (in bytes, from 1) and, of an unknown attribute, those most like
 * it. | TDL_E_NO_MEMORY */
tdl_status tdl_expression_compile(tdl_str text, const tdl_attributes *known, tdl_arena *arena,
                                  tdl_expression **ret, tdl_report *why);

/* Does it speak of the request or of the person? Then it must be asked anew for each. */
bool tdl_expression_asks_context(const tdl_expression *expression);
bool tdl_expression_asks_user(const tdl_expression *expression);

/* An expression whose names have been looked up, for one request. */
typedef struct tdl_bound {
    const tdl_expression *expression;
    int32_t *attribute;   /* [names] number of an item's attribute; -1 = no item has it */
    tdl_operand *operand; /* [names] of the request's and the person's */
} tdl_bound;

/* context, user: objects; may be NULL. False: no memory. */
bool tdl_expression_bind(const tdl_expression *expression, const tdl_attributes *known,
                         const json_t *context, const json_t *user, tdl_arena *arena,
                         tdl_bound *ret);

/* What an item says of an attribute. */
typedef const tdl_operand *tdl_attribute_fn(const void *item, int32_t attribute);

/* Is it true of the item? */
bool tdl_expression_holds(const tdl_bound *bound, const void *item, tdl_attribute_fn *attribute);

#endif
