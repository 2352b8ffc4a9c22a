#!/bin/sh
# Is a tumour malignant? 699 biopsies, nine scores of what the cells look like: docs/guide/diagnosis.md
#
#   examples/predict/diagnosis.sh [MODEL,...]      default: auto, every model that suits
set -eu
# shellcheck source=examples/predict/common.sh
. "$(dirname "$0")/common.sh"
table=$data/BreastCancer.csv
need "$table" "tools/export-tables BreastCancer writes it"

treadle data profile "$table"
# A miss is worse than a false alarm: it counts ten times.
treadle fit "$table" --target Class --positive malignant --cost 1:10 --prefer simple \
    --model "${1:-auto}" --min-auc .99 --output "$out/diagnosis.safetensors"
treadle explain "$table" --model "$out/diagnosis.safetensors"
treadle explain "$table" --model "$out/diagnosis.safetensors" --row 7
treadle explain "$table" --model "$out/diagnosis.safetensors" --row 7 --until benign

# A new patient, with a score missing.
head -n 1 "$table" | sed 's/,"Class"$//' >"$out/patient.csv"
echo '"new",7,4,6,4,6,,4,3,1' >>"$out/patient.csv"
treadle predict "$out/patient.csv" --model "$out/diagnosis.safetensors" \
    --interval .95 --explain 3
