/* Distillation: a small student learns from a large teacher's probabilities (Hinton, Vinyals and
 * Dean 2015). The student's loss is nn's distil_ce; the teacher is run here, in advance or batch by
 * batch.
 */
#ifndef TDL_TRAIN_DISTIL_H
#define TDL_TRAIN_DISTIL_H

#include "nn/net.h"

/* What the student is to meet as batch->value: softmax(scores / temperature) of the teacher.
 *   teacher  planned; a packed one, or a snapshot's reader, will do
 *   scores   value of the teacher that can be read after a forward: its logits
 *   batch    without targets or with; they are not looked at
 *   ret      [rows of the scores][classes]
 *   TDL_E_INVALID  temperature not > 0, scores that cannot be read, a batch the teacher refuses */
tdl_status tdl_distil_teach(tdl_net *teacher, int scores, const tdl_nn_batch *batch,
                            double temperature, tdl_pool *pool, tdl_real *ret, tdl_report *why);

#endif
