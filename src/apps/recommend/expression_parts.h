/* Between expression.c, which evaluates, and expression_parse.c. */
#ifndef TDL_APPS_RECOMMEND_EXPRESSION_PARTS_H
#define TDL_APPS_RECOMMEND_EXPRESSION_PARTS_H

#include "apps/recommend/expression.h"

typedef enum tdl_expression_op {
    TDL_EXPRESSION_VALUE,
    TDL_EXPRESSION_NAME,
    TDL_EXPRESSION_TAG,
    TDL_EXPRESSION_NOT,
    TDL_EXPRESSION_AND,
    TDL_EXPRESSION_OR,
    TDL_EXPRESSION_EQ,
    TDL_EXPRESSION_NE,
    TDL_EXPRESSION_LT,
    TDL_EXPRESSION_LE,
    TDL_EXPRESSION_GT,
    TDL_EXPRESSION_GE,
    TDL_EXPRESSION_IN,
    TDL_EXPRESSION_NOT_IN
} tdl_expression_op;

typedef enum tdl_scope { TDL_SCOPE_ITEM, TDL_SCOPE_CONTEXT, TDL_SCOPE_USER } tdl_scope;

typedef struct tdl_expression_name {
    tdl_scope scope;
    tdl_str name;
} tdl_expression_name;

typedef struct tdl_node tdl_node;
struct tdl_node {
    tdl_expression_op op;
    size_t name;       /* of NAME, and of TAG, whose name is "tags" */
    tdl_operand value; /* of VALUE; of TAG the tag */
    unsigned kinds;    /* bits of what it may be */
    size_t at;         /* byte in the text */
    tdl_node *first;   /* operands, one after the other; AND and OR have two or more */
    tdl_node *next;
};

struct tdl_expression {
    const tdl_node *root;
    tdl_expression_name *name; /* [names_n] */
    size_t names_n;
};

#endif
