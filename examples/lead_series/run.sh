#!/usr/bin/env bash
# A chemist's day: from a table of activities to fifty new molecules to look at.
#
#   bash examples/lead_series/run.sh FOLDER [ACTIVITIES.csv]
#
# FOLDER takes all that is made. ACTIVITIES.csv has a column of SMILES and the column pIC50; without it the example's own
# table is written. About ten minutes on two cores. SAMPLES, PICKS and FAST (options for a quick try) may be set outside.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
folder=${1:?"where to? bash run.sh FOLDER [ACTIVITIES.csv]"}
mkdir -p "$folder"
table=${2:-}
if [ -z "$table" ]; then
    table=$folder/activities.csv
    python "$here/activities.py" "$table" ${ROWS:-}
fi
say() { printf '\n== %s\n' "$*"; }

say "1. clean: one form for each molecule, salts stripped, duplicates named"
molgfn data info "$table" --salts largest --charges neutralise --stereo remove -o "$folder/clean.csv"

say "2. fragments: what the series is made of"
molgfn fragments build "$folder/clean.csv" -o "$folder/vocabulary.txt" --size 150 --min-count 2
molgfn fragments check "$folder/vocabulary.txt" --molecules "$folder/clean.csv"

say "3. a proxy of the activity, judged on scaffolds that it has not seen"
molgfn proxy fit "$folder/clean.csv" --property pIC50 --split scaffold -o "$folder/proxy.pt" ${FIT:-}

say "4. train: new molecules in proportion to their reward"
cp "$here/experiment.yaml" "$folder/experiment.yaml"
molgfn train "$folder/experiment.yaml" output="$folder/runs" ${TRAIN:-}
run=$(ls -td "$folder"/runs/lead_series-*/ | head -n 1)
run=${run%/}

say "5. sample, with values, parts of them, alerts and log P_T"
molgfn sample "$run" -n "${SAMPLES:-1000}" --unique -o "$folder/samples.csv"

say "6. pick fifty that differ, at most three of one scaffold"
molgfn pick "$folder/samples.csv" -n "${PICKS:-50}" --by value --method maxmin --best "${BEST:-300}" --per-scaffold 3 \
    -o "$folder/picks.sdf"

say "7. report, beside the series itself"
molgfn evaluate "$run" -n "${SAMPLES:-1000}" --reference "$folder/clean.csv" --no-untrained

say "done: $folder/picks.sdf, $run/evaluation/report.html"
