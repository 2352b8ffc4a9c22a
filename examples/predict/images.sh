#!/bin/sh
# What is on a product's picture? Fashion-MNIST, 28 x 28 grey: docs/guide/images.md
#
#   examples/predict/images.sh [ROWS]      how many of 60,000 to learn from [3000]; 0 = all
set -eu
# shellcheck source=examples/predict/common.sh
. "$(dirname "$0")/common.sh"
images=/usr/share/datasets/fashion-mnist
need $images/train-images-idx3-ubyte.gz "the Debian package dataset-fashion-mnist has it"

treadle fit $images/train-images-idx3-ubyte.gz --target label --model cnn --budget 3600 \
    --rows "${1:-3000}" --output "$out/fashion.safetensors"
# Pictures that took no part in learning, with their labels: answers, and what is measured on them.
treadle predict $images/t10k-images-idx3-ubyte.gz --model "$out/fashion.safetensors" \
    --json --quiet --output "$out/fashion.json"
printf '\n'
sed -n 's/.*"accuracy":{[^}]*"value":\([0-9.]*\).*/accuracy of 10,000 others: \1/p' \
    "$out/fashion.json"
# What the pixels of the first of them add to its answer, 9: an ankle boot.
treadle explain $images/t10k-images-idx3-ubyte.gz --model "$out/fashion.safetensors" \
    --row 1 --class 9 --heatmap "$out/boot.png"
