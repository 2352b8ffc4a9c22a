/* A folder of checkpoints: step-000000001234.safetensors, and best.safetensors.
 *
 * A file appears whole or not at all; what a kill or a full disk left half-written has another name
 * and is removed at the next start.
 */
#ifndef TDL_TRAIN_CKPT_FOLDER_H
#define TDL_TRAIN_CKPT_FOLDER_H

#include <stdint.h>

#include "base/str.h"

/* Make the folder unless it exists; remove what was left half-written. */
tdl_status tdl_ckpt_folder_open(const char *folder, tdl_report *why);

/* The path of the newest, to be freed; NULL when there is none. */
tdl_status tdl_ckpt_folder_latest(const char *folder, char **ret, tdl_report *why);

/* Write the checkpoint of a step, then remove all but the last `keep` >= 1 of them. When writing
 * fails, those before are as they were. */
tdl_status tdl_ckpt_folder_save(const char *folder, uint64_t step, unsigned keep, tdl_str bytes,
                                tdl_report *why);

/* Replace best.safetensors. */
tdl_status tdl_ckpt_folder_save_best(const char *folder, tdl_str bytes, tdl_report *why);

#endif
