#!/bin/sh
# Who will not pay back? Two tables of loans: docs/guide/credit-risk.md
#
#   examples/predict/credit.sh [MODEL,...]      default: auto, every model that suits
set -eu
# shellcheck source=examples/predict/common.sh
. "$(dirname "$0")/common.sh"
table=$data/credit_data.csv
need "$table" "tools/export-tables credit_data writes it"

treadle data profile "$table"
# A loan that fails costs five times what a loan refused would have earned.
treadle fit "$table" --target Status --positive bad --cost 1:5 --model "${1:-auto}" --budget 590 \
    --fairness Marital --output "$out/credit.safetensors"
treadle explain "$table" --model "$out/credit.safetensors"
treadle explain "$table" --model "$out/credit.safetensors" --column Seniority

head -n 4 "$table" | cut -d, -f2- >"$out/applicants.csv"
treadle predict "$out/applicants.csv" --model "$out/credit.safetensors" --explain 3
treadle explain "$table" --model "$out/credit.safetensors" --row 3 --until good --keep Age,Marital

# The same question of a lender on the internet, where few loans fail.
[ -r "$data/lending_club.csv" ] || exit 0
treadle fit "$data/lending_club.csv" --target Class --positive bad \
    --model "${1:-auto}" --output "$out/lending.safetensors"
