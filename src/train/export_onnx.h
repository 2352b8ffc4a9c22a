/* Any net of ours as an ONNX file: its ops are walked and each becomes the nodes of onnx_layers.h.
 *
 * | the net reads            | inputs of the file                                          |
 * |--------------------------|-------------------------------------------------------------|
 * | numbers, pixels          | x [batch, columns] f32; pixels channels first               |
 * | the columns of a table   | x, and categories [batch, columns] int64                    |
 * | tokens                   | ids [batch, length] int64, padded behind with any legal id; |
 * |                          | types, a second stream, likewise; lengths [batch] int64     |
 * | ... and when they were   | times [batch, length] int64, seconds, padded behind with    |
 * |                          | any                                                         |
 *
 * The output is y: [batch, columns], [batch, rows, columns], or [batch, length, columns] for
 * tokens, of which a row's first `lengths` are of use. A length of 0 gives finite numbers that mean
 * nothing. Positions are counted from 0: a batch's own have no input.
 *
 * Forward sense only: dropout vanishes, of a loss there is nothing. An op that ONNX cannot say is
 * refused by name; nothing is approximated.
 */
#ifndef TDL_TRAIN_EXPORT_ONNX_H
#define TDL_TRAIN_EXPORT_ONNX_H

#include "nn/net.h"

/* What makes `value` of the net, planned or not, with its parameters as they are now.
 *   returns  TDL_OK | TDL_E_INVALID (which op has no like in ONNX) | TDL_E_TOO_LARGE (2 GiB) |
 *            TDL_E_NO_MEMORY | TDL_E_IO */
tdl_status tdl_export_onnx(tdl_net *net, int value, const char *path, tdl_report *why);

#endif
