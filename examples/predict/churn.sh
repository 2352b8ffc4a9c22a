#!/bin/sh
# Which customers will leave? Two telephone companies: docs/guide/churn.md
#
#   examples/predict/churn.sh [MODEL,...]      default: auto, every model that suits
set -eu
# shellcheck source=examples/predict/common.sh
. "$(dirname "$0")/common.sh"
wa=$data/wa_churn.csv
mlc=$data/mlc_churn.csv
need "$wa" "tools/export-tables wa_churn writes it"
need "$mlc" "tools/export-tables mlc_churn writes it"

treadle data profile "$wa"
treadle fit "$wa" --target churn --positive Yes --model "${1:-auto}" --budget 590 \
    --output "$out/wa_churn.safetensors"
treadle explain "$wa" --model "$out/wa_churn.safetensors" --column tenure

treadle fit "$mlc" --target churn --positive yes --model "${1:-auto}" --budget 590 \
    --output "$out/mlc_churn.safetensors"
treadle explain "$mlc" --model "$out/mlc_churn.safetensors"

# Whom to call first: the ten customers most likely to leave, of a list without the answer.
treadle predict "$wa" --model "$out/wa_churn.safetensors" --explain 2 \
    --output "$out/wa_churn.jsonl"
printf '\nThe three rows most likely to leave:\n'
sed 's/.*"probability":\([0-9.eE+-]*\).*/\1/' "$out/wa_churn.jsonl" | awk '{ print $1, NR }' |
    sort -k1,1gr | head -n 3
