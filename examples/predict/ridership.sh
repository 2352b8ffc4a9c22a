#!/bin/sh
# How many passengers will a station have? 5,698 days in Chicago: docs/guide/ridership.md
set -eu
# shellcheck source=examples/predict/common.sh
. "$(dirname "$0")/common.sh"
table=$data/Chicago.csv
need "$table" "tools/export-tables Chicago writes it"

# Two years by what the series itself says, four weeks at a time; then what weather, games, other
# stations and holidays add.
treadle forecast backtest "$table" --value ridership --time date --layout long \
    --horizon 28 --origins 26
treadle forecast backtest "$table" --value ridership --time date --covariates all \
    --holidays us --horizon 730

# The last week as if it had not been: its values emptied, its covariates kept.
days=$(wc -l <"$table")
awk -v known=$((days - 7)) 'NR > known { sub(/^[^,]*/, "") } 1' "$table" >"$out/week.csv"
treadle forecast "$out/week.csv" --value ridership --time date --covariates all \
    --holidays us
printf '\nWhat happened:\n'
tail -n 7 "$table" | awk -F, '{ print $NF, $1 }'
