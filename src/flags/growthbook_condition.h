/* The operators of GrowthBook's conditions. Between growthbook_condition.c and growthbook_match.c.
 */
#ifndef TDL_FLAGS_GROWTHBOOK_CONDITION_H
#define TDL_FLAGS_GROWTHBOOK_CONDITION_H

#include "flags/growthbook.h"

/* X(name in C, name in a condition) */
#define TDL_GB_OPERATOR_MAP(X)                                                                     \
    X(EQ, "$eq")                                                                                   \
    X(NE, "$ne")                                                                                   \
    X(LT, "$lt")                                                                                   \
    X(LTE, "$lte")                                                                                 \
    X(GT, "$gt")                                                                                   \
    X(GTE, "$gte")                                                                                 \
    X(VEQ, "$veq")                                                                                 \
    X(VNE, "$vne")                                                                                 \
    X(VLT, "$vlt")                                                                                 \
    X(VLTE, "$vlte")                                                                               \
    X(VGT, "$vgt")                                                                                 \
    X(VGTE, "$vgte")                                                                               \
    X(EXISTS, "$exists")                                                                           \
    X(TYPE, "$type")                                                                               \
    X(IN, "$in")                                                                                   \
    X(NIN, "$nin")                                                                                 \
    X(INI, "$ini")                                                                                 \
    X(NINI, "$nini")                                                                               \
    X(IN_GROUP, "$inGroup")                                                                        \
    X(NOT_IN_GROUP, "$notInGroup")                                                                 \
    X(REGEX, "$regex")                                                                             \
    X(REGEXI, "$regexi")                                                                           \
    X(NOT, "$not")                                                                                 \
    X(SIZE, "$size")                                                                               \
    X(ALL, "$all")                                                                                 \
    X(ALLI, "$alli")                                                                               \
    X(ELEM_MATCH, "$elemMatch")

typedef enum tdl_gb_operator_kind {
#define TDL_GB_OPERATOR_ENUM(name, text) TDL_GB_OP_##name,
    TDL_GB_OPERATOR_MAP(TDL_GB_OPERATOR_ENUM)
#undef TDL_GB_OPERATOR_ENUM
        TDL_GB_OP_FALSE /* not known, or of an operand that it cannot have: never true */
} tdl_gb_operator_kind;

struct tdl_gb_operator {
    tdl_gb_operator_kind kind;
    const json_t *expected;      /* as it stands in the condition */
    tdl_js_operand operand;      /* of $lt and its kin */
    tdl_str text;                /* of $veq and its kin, made to sort */
    tdl_gb_list list;            /* of $in, in small letters of $ini */
    tdl_gb_group_ref *group;     /* */
    const tdl_js_regex *regex;   /* NULL: a bad one, never matches */
    tdl_gb_test *tests;          /* [tests_n]: of $not and $size one, of $all each element */
    size_t tests_n;              /* */
    tdl_gb_condition *condition; /* of $elemMatch over objects; else its test */
};

#endif
