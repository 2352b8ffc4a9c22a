#!/bin/sh
# How will a student rate a lecture? 73,421 ratings by 2,972 students: docs/guide/assessment.md
set -eu
# shellcheck source=examples/predict/common.sh
. "$(dirname "$0")/common.sh"
table=$data/InstEval.csv
need "$table" "tools/export-tables InstEval writes it"

# Students (s), lecturers (d) and departments have numbers for names: they are categories.
types=s=category,d=category,dept=category,service=category,studage=category,lectage=category
treadle data profile "$table" --types $types
treadle fit "$table" --target y --task regression --types $types \
    --model constant,linear,crossed --output "$out/assessment.safetensors"
treadle explain "$table" --types $types --model "$out/assessment.safetensors"

head -n 4 "$table" | cut -d, -f1-6 >"$out/lectures.csv"
treadle predict "$out/lectures.csv" --types $types --model "$out/assessment.safetensors" \
    --interval .8
