#!/usr/bin/python3
"""The training of bench_behaviour.c in PyTorch, one thread: tokens with a target per CPU-second.

One transformer block of width 64 with dropout 1/2 over item embeddings, tied to the scores, Adam.
Histories of one length stand in one batch, so nothing is padded. Prints one JSON object.
"""
import json
import time

import torch
from torch import nn

WIDTH, WINDOW, NEGATIVES = 64, 50, 512


class Model(nn.Module):
    def __init__(self, items):
        super().__init__()
        self.item, self.position = nn.Embedding(items, WIDTH), nn.Embedding(WINDOW, WIDTH)
        layer = nn.TransformerEncoderLayer(WIDTH, 2, WIDTH, dropout=0.5, batch_first=True,
                                           norm_first=True)
        self.block = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.norm, self.dropout = nn.LayerNorm(WIDTH), nn.Dropout(0.5)

    def forward(self, ids):
        n = ids.shape[1]
        mask = torch.triu(torch.full((n, n), float("-inf")), 1)
        x = self.item(ids) * WIDTH**0.5 + self.position(torch.arange(n))
        return self.norm(self.block(self.dropout(x), mask)).flatten(0, 1)


def full(model, hidden, target):
    return nn.functional.cross_entropy(hidden @ model.item.weight.T, target)


def sampled(model, hidden, target):
    """Negatives shared by the batch: half uniform, half its targets, corrected by log q."""
    items = model.item.num_embeddings
    drawn = torch.randint(0, len(target), (NEGATIVES // 2,))
    negative = torch.cat([torch.randint(0, items, (NEGATIVES // 2,)), target[drawn]])
    q = 0.5 / items + 0.5 * torch.bincount(target, minlength=items) / len(target)
    scores = hidden @ model.item(negative).T - torch.log(NEGATIVES * q[negative])
    scores = scores.masked_fill(negative[None] == target[:, None], float("-inf"))
    own = (hidden * model.item(target)).sum(1, keepdim=True)
    scores = torch.cat([own, scores], 1)
    return nn.functional.cross_entropy(scores, torch.zeros(len(target), dtype=torch.long))


def tokens_per_second(items, rows, lengths, loss, least_seconds):
    model = Model(items)
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-3, betas=(0.9, 0.98))
    batches = [(torch.rand(rows(n), n) ** 2 * items).long() for n in lengths]
    best, spent = 0.0, -1e-9
    while spent < least_seconds:
        before, tokens = time.thread_time(), 0
        for ids in batches:
            optimiser.zero_grad()
            target = ids[:, 1:].flatten()
            loss(model, model(ids[:, :-1]), target).backward()
            optimiser.step()
            tokens += len(target)
        took = time.thread_time() - before
        best, spent = max(best, tokens / took), spent + took
    return best


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    print(json.dumps({
        "full": tokens_per_second(1682, lambda n: 32, [50] * 4, full, 3.0),
        "sampled": tokens_per_second(12101, lambda n: 1600 // n, range(5, 13), sampled, 3.0),
    }))


main()
