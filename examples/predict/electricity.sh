#!/bin/sh
# How hot will a transformer be, and how much load will it carry? ETTh1, 17,420 hours:
# docs/guide/electricity.md. The data set is in no Debian package: put ETTh1.csv into .cache/data.
set -eu
# shellcheck source=examples/predict/common.sh
. "$(dirname "$0")/common.sh"
table=$data/ETTh1.csv
[ -r "$table" ] || table=../shared/data/series/ETTh1.csv.zst
need "$table" "ETTh1.csv of github.com/zhouhaoyi/ETDataset belongs into $data"

treadle forecast backtest "$table" --horizon 96 --levels 80,90,95 --origins 3
treadle forecast "$table" --horizon 96 --levels 80,95 --output "$out/load.csv" \
    --save "$out/load.safetensors"
head -n 4 "$out/load.csv"
# From what was kept, without a fit.
treadle forecast "$table" --model "$out/load.safetensors" --horizon 24 --levels 80 --quiet \
    --output "$out/day.csv"
head -n 2 "$out/day.csv"
