/* The words of an expression, one after the other. Between expression_parse.c and this file. */
#ifndef TDL_APPS_RECOMMEND_EXPRESSION_TOKENS_H
#define TDL_APPS_RECOMMEND_EXPRESSION_TOKENS_H

#include "base/arena.h"
#include "base/str.h"

typedef enum tdl_token_kind {
    TDL_TOKEN_END,
    TDL_TOKEN_NAME,
    TDL_TOKEN_TEXT,
    TDL_TOKEN_NUMBER,
    TDL_TOKEN_SIGN
} tdl_token_kind;

typedef struct tdl_token {
    tdl_token_kind kind;
    size_t at, len; /* in the text */
    double number;
    tdl_str text; /* of TEXT, without its quotes and escapes */
} tdl_token;

typedef struct tdl_tokens {
    tdl_str text;
    tdl_arena *arena;
    tdl_report *why;
    tdl_status status; /* the first failure; everything ends soon after */
    tdl_token next;    /* END after a failure */
    size_t at;         /* behind `next` */
} tdl_tokens;

void tdl_tokens_advance(tdl_tokens *t);
/* Is the next one this, and if so, take it. */
bool tdl_tokens_is(const tdl_tokens *t, tdl_token_kind kind, const char *text);
bool tdl_tokens_take(tdl_tokens *t, tdl_token_kind kind, const char *text);

/* Only the first failure counts. */
void tdl_tokens_fail(tdl_tokens *t, size_t at, const char *what);
void tdl_tokens_no_memory(tdl_tokens *t);

#endif
