#!/usr/bin/python3
"""The shapes of bench_transformer.c in PyTorch, one thread: CPU seconds of the best repetition.

Prints one JSON object. Usage: transformer.py [small|gpt2]
"""
import json
import sys
import time

import torch
from torch import nn


def best(run, least_seconds):
    """Seconds of CPU of the fastest call, over at least that much time."""
    run()
    shortest, spent = float("inf"), 0.0
    while spent < least_seconds:
        before = time.thread_time()
        run()
        took = time.thread_time() - before
        shortest, spent = min(shortest, took), spent + took
    return shortest


def encoder():
    layer = nn.TransformerEncoderLayer(64, 4, 256, dropout=0.0, activation="relu",
                                       batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)


def small():
    model, results = encoder(), {}
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-3)
    model.eval()
    with torch.no_grad():
        for batch in (1, 64):
            x = torch.randn(batch, 32, 64)
            results[f"infer_{batch}"] = best(lambda: model(x), 0.6)
    model.train()
    x = torch.randn(64, 32, 64)

    def step():
        optimiser.zero_grad()
        model(x).square().mean().backward()
        optimiser.step()

    results["step_64"] = best(step, 1.5)
    return results


class Gpt2(nn.Module):
    """GPT-2 small: 12 layers of 768, 12 heads, 50,257 tokens, tied."""

    def __init__(self):
        super().__init__()
        self.token, self.position = nn.Embedding(50257, 768), nn.Embedding(1024, 768)
        layer = nn.TransformerEncoderLayer(768, 12, 3072, dropout=0.0, batch_first=True,
                                           norm_first=True,
                                           activation=lambda x: nn.functional.gelu(
                                               x, approximate="tanh"))
        self.blocks = nn.TransformerEncoder(layer, 12, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(768)

    def forward(self, ids):
        n = ids.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(n)
        x = self.blocks(self.token(ids) + self.position(torch.arange(n)), mask)
        return self.norm(x) @ self.token.weight.T


def gpt2():
    model = Gpt2()
    optimiser = torch.optim.AdamW(model.parameters(), lr=1e-4)
    ids = torch.randint(0, 50257, (4, 65))

    def step():
        optimiser.zero_grad()
        logits = model(ids[:, :-1])
        nn.functional.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
        optimiser.step()

    return {"gpt2_step": best(step, 8.0)}


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    print(json.dumps(gpt2() if sys.argv[1:] == ["gpt2"] else small()))


main()
