/* What xgboost_worker.c and xgboost_child.c say to each other. Internal to this folder.
 *
 * Both are one program on one machine: structs go over as they lie in memory.
 *
 *     memfd   head, x [rows][cols], y [rows], weight [rows] (or 1), group [rows] (or 0), fold
 * [rows] socket  request, its parameters  ->     <- replies, each with `bytes` bytes after it
 */
#ifndef TDL_LEARN_XGBOOST_PROTOCOL_H
#define TDL_LEARN_XGBOOST_PROTOCOL_H

#include <stdint.h>

enum {
    TDL_XGB_SOCKET_FD = 3,
    TDL_XGB_DATA_FD = 4,
    TDL_XGB_PARAMETERS_MAX = 16 << 20,
    TDL_XGB_MODEL_MAX = 1 << 30
};

typedef struct tdl_xgb_head {
    uint64_t rows, cols, folds_n;
    uint64_t lists; /* 1: the groups are lists */
} tdl_xgb_head;

typedef enum tdl_xgb_ask { TDL_XGB_ROUNDS, TDL_XGB_TRAIN } tdl_xgb_ask;

typedef struct tdl_xgb_request {
    uint32_t ask;  /* tdl_xgb_ask */
    uint32_t loss; /* tdl_xgboost_loss */
    uint32_t rounds, minimum, patience;
    uint32_t parameters_n; /* bytes that follow */
    uint64_t groups_n;
    double seconds, parameter;
} tdl_xgb_request;

typedef enum tdl_xgb_say {
    TDL_XGB_READY,
    TDL_XGB_BEAT,   /* a round is done */
    TDL_XGB_RESULT, /* rounds, loss; the model's bytes follow */
    TDL_XGB_FAILED  /* the message and the hint follow, each with its NUL */
} tdl_xgb_say;

typedef struct tdl_xgb_reply {
    uint32_t say;    /* tdl_xgb_say */
    uint32_t status; /* FAILED: a tdl_status */
    uint32_t rounds;
    uint32_t unused;
    double loss;
    uint64_t bytes;
} tdl_xgb_reply;

#endif
