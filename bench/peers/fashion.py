"""One epoch of the networks of bench_fashion.c in PyTorch, one thread: prints CPU seconds.

usage: fashion.py IMAGES LABELS   (the training files of Fashion-MNIST, gzip)
"""
import gzip
import json
import sys
import time

import torch
from torch import nn

BATCH = 128


def read_idx(path, header):
    with gzip.open(path) as file:
        return torch.frombuffer(bytearray(file.read()[header:]), dtype=torch.uint8)


def mlp():
    return nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 128), nn.ReLU(), nn.Linear(128, 10))


def cnn():
    return nn.Sequential(
        nn.Unflatten(1, (1, 28, 28)),
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))


def epoch_seconds(model, x, y):
    optim = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loss_of = nn.CrossEntropyLoss()
    started = time.process_time()
    order = torch.randperm(len(y))
    for at in range(0, len(y), BATCH):
        rows = order[at:at + BATCH]
        loss = loss_of(model(x[rows]), y[rows])
        optim.zero_grad()
        loss.backward()
        optim.step()
    return time.process_time() - started


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    x = (read_idx(sys.argv[1], 16).reshape(-1, 784).float() / 255 - 0.286) / 0.353
    y = read_idx(sys.argv[2], 8).long()
    print(json.dumps({"mlp": epoch_seconds(mlp(), x, y), "cnn": epoch_seconds(cnn(), x, y)}))


main()
