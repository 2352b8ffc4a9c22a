#!/usr/bin/python3
"""Write model_*.json: tiny transformers with weights, inputs, outputs, loss and every gradient.

Computed by PyTorch in double precision (Debian's python3-torch), in formulas written out here and
nothing else, so that they are independent of Treadle. Run it in this folder to write the files
again; the same numbers come out. Matrices are [in][out]; weights have three decimals.
"""
import json
import math

import torch
from torch.nn.functional import gelu, silu, softplus

torch.set_default_dtype(torch.float64)
TOKENS, VOCABULARY, ITEMS = [[1, 5, 3, 9, 2], [7], [4, 4, 10]], 11, 13
PAIRED = [[1, 5, 3, 9], [12], [4, 4]]


class Weights:
    """Parameters drawn as they are named, in one seeded order."""

    def __init__(self, seed):
        self.generator = torch.Generator().manual_seed(seed)
        self.named = {}

    def __call__(self, name, *shape, around=0.0, spread=0.3):
        draw = around + spread * torch.randn(shape, generator=self.generator)
        value = (draw * 1000).round() / 1000
        self.named[name] = value.requires_grad_()
        return self.named[name]

    def norm(self, name, d, bias=True):
        gain = self(name + ".g", d, around=1.0, spread=0.1)
        return (gain, self(name + ".b", d, spread=0.1)) if bias else (gain, None)


def layer_norm(x, gain, bias, eps):
    centred = x - x.mean(-1, keepdim=True)
    y = centred / (centred.square().mean(-1, keepdim=True) + eps).sqrt()
    return y if gain is None else y * gain + bias


def rms_norm(x, gain, eps):
    return x / (x.square().mean(-1, keepdim=True) + eps).sqrt() * gain


def heads_of(x, n):
    """[tokens][n d] -> [n][tokens][d]"""
    return x.reshape(x.shape[0], n, -1).transpose(0, 1)


def rope(x, base):
    """[heads][tokens][d]: pairs (2i, 2i+1) turned by position * base^(-2i/d)"""
    d = x.shape[-1]
    angle = torch.arange(x.shape[1])[:, None] * base ** (-torch.arange(0, d, 2) / d)
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = (even * angle.cos() - odd * angle.sin(), even * angle.sin() + odd * angle.cos())
    return torch.stack(turned, -1).flatten(-2)


def attend(q, k, v, causal):
    """[heads][tokens][d] each; fewer key heads are shared by neighbours"""
    k, v = (x.repeat_interleave(q.shape[0] // x.shape[0], 0) for x in (k, v))
    score = q @ k.transpose(1, 2) / math.sqrt(q.shape[-1])
    if causal:
        hidden = torch.ones(score.shape[-2:]).triu(1).bool()
        score = score.masked_fill(hidden, -math.inf)
    return (score.softmax(-1) @ v).transpose(0, 1).flatten(1)


def cross_entropy(logits, targets):
    rows = [(z.logsumexp(0) - z[y]) for z, y in zip(logits, targets) if y >= 0]
    return torch.stack(rows).mean()


def flat(lists):
    return [x for row in lists for x in row]


def block(w, p, d, d_ff):
    """The weights of a usual block, under the names that the files use."""
    return {
        "ln1": w.norm(p + "ln1", d), "wqkv": w(p + "wqkv", d, 3 * d), "bqkv": w(p + "bqkv", 3 * d),
        "wo": w(p + "wo", d, d), "bo": w(p + "bo", d), "ln2": w.norm(p + "ln2", d),
        "w1": w(p + "w1", d, d_ff), "b1": w(p + "b1", d_ff), "w2": w(p + "w2", d_ff, d),
        "b2": w(p + "b2", d),
    }


def self_attention(b, x, heads, causal):
    q, k, v = (heads_of(part, heads) for part in (x @ b["wqkv"] + b["bqkv"]).chunk(3, -1))
    return attend(q, k, v, causal) @ b["wo"] + b["bo"]


def pre_norm_block(b, x, heads, causal, act, eps):
    x = x + self_attention(b, layer_norm(x, *b["ln1"], eps), heads, causal)
    return x + act(layer_norm(x, *b["ln2"], eps) @ b["w1"] + b["b1"]) @ b["w2"] + b["b2"]


def gelu_tanh(x):
    return x / 2 * (1 + (math.sqrt(2 / math.pi) * (x + 0.044715 * x ** 3)).tanh())


def gpt(w):
    d, eps = 8, 1e-5
    wte, wpe = w("wte", VOCABULARY, d), w("wpe", 8, d)
    blocks = [block(w, f"l{i}.", d, 16) for i in range(2)]
    lnf = w.norm("lnf", d)
    targets = [[5, 3, 9, 2, -1], [-1], [4, 10, -1]]

    def forward():
        rows = []
        for tokens in TOKENS:
            x = wte[tokens] + wpe[: len(tokens)]
            for b in blocks:
                x = pre_norm_block(b, x, 2, True, gelu_tanh, eps)
            rows.append(layer_norm(x, *lnf, eps) @ wte.T)
        logits = torch.cat(rows)
        return {"logits": logits}, cross_entropy(logits, flat(targets))

    return {"tokens": TOKENS, "targets": targets}, forward


def llama(w):
    d, eps, dh = 16, 1e-6, 4
    wte = w("wte", VOCABULARY, d)
    n1, wq, wk = w.norm("l0.n1", d, False)[0], w("l0.wq", d, 16), w("l0.wk", d, 8)
    wv, wo = w("l0.wv", d, 8), w("l0.wo", 16, d)
    n2, gate, up = w.norm("l0.n2", d, False)[0], w("l0.wgate", d, 12), w("l0.wup", d, 12)
    down, nf, head = w("l0.wdown", 12, d), w.norm("nf", d, False)[0], w("head", d, VOCABULARY)
    targets = [[5, 3, 9, 2, -1], [-1], [4, 10, -1]]

    def forward():
        rows = []
        for tokens in TOKENS:
            x = wte[tokens]
            h = rms_norm(x, n1, eps)
            q, k = rope(heads_of(h @ wq, 16 // dh), 1e4), rope(heads_of(h @ wk, 8 // dh), 1e4)
            x = x + attend(q, k, heads_of(h @ wv, 8 // dh), True) @ wo
            h = rms_norm(x, n2, eps)
            rows.append(rms_norm(x + (silu(h @ gate) * (h @ up)) @ down, nf, eps) @ head)
        logits = torch.cat(rows)
        return {"logits": logits}, cross_entropy(logits, flat(targets))

    return {"tokens": TOKENS, "targets": targets}, forward


def bert(w):
    d, eps = 8, 1e-12
    wte, wtype, wpe = w("wte", VOCABULARY, d), w("wtype", 2, d), w("wpe", 8, d)
    lne, b = w.norm("lne", d), block(w, "l0.", d, 16)
    bout = w("bout", VOCABULARY)
    types = [[0, 0, 1, 1, 1], [0], [0, 1, 1]]
    targets = [[-1, 5, -1, -1, 9], [7], [-1, -1, 10]]

    def forward():
        rows, first, mean = [], [], []
        for tokens, kinds in zip(TOKENS, types):
            x = layer_norm(wte[tokens] + wtype[kinds] + wpe[: len(tokens)], *lne, eps)
            x = layer_norm(x + self_attention(b, x, 2, False), *b["ln1"], eps)
            hidden = gelu(x @ b["w1"] + b["b1"]) @ b["w2"] + b["b2"]
            x = layer_norm(x + hidden, *b["ln2"], eps)
            rows.append(x @ wte.T + bout)
            first.append(x[0])
            mean.append(x.mean(0))
        logits = torch.cat(rows)
        outputs = {"logits": logits, "pool_cls": torch.stack(first), "pool_mean": torch.stack(mean)}
        return outputs, cross_entropy(logits, flat(targets))

    return {"tokens": TOKENS, "types": types, "targets": targets}, forward


def sasrec(w):
    d, eps, longest = 8, 1e-8, 6
    item, pos = w("item", ITEMS, d), w("pos", longest + 1, d)
    b, lnf = block(w, "l0.", d, 8), w.norm("lnf", d)
    positives, negatives = [[5, 3, 9, 2], [8], [4, 10]], [[7, 11, 1, 6], [2], [9, 1]]
    shared, q = [2, 6, 9, 11], [0.2, 0.1, 0.1, 0.05]
    q_positive = [0.08, 0.08, 0.1, 0.2, 0.08, 0.08, 0.08]

    def sampled(hidden):
        total = 0
        for h, y, qy in zip(hidden, flat(positives), q_positive):
            kept = [(n, p) for n, p in zip(shared, q) if n != y]
            z = [h @ item[y] - math.log(len(shared) * qy)]
            z += [h @ item[n] - math.log(len(shared) * p) for n, p in kept]
            total = total + torch.stack(z).logsumexp(0) - z[0]
        return total / len(hidden)

    def forward():
        rows = []
        for items in PAIRED:
            places = range(longest - len(items) + 1, longest + 1)  # the last item is at `longest`
            x = item[items] * math.sqrt(d) + pos[list(places)]
            x = pre_norm_block(b, x, 1, True, torch.relu, eps)
            rows.append(layer_norm(x, *lnf, eps))
        hidden = torch.cat(rows)
        up = (hidden * item[flat(positives)]).sum(-1)
        down = (hidden * item[flat(negatives)]).sum(-1)
        outputs = {"hidden": hidden, "pos_scores": up, "neg_scores": down}
        outputs["sampled_softmax_loss"] = sampled(hidden)
        return outputs, softplus(-up).mean() + softplus(down).mean()

    inputs = {"items": PAIRED, "positives": positives, "negatives": negatives,
              "shared_negatives": shared, "q_of_negatives": q, "q_of_positive": q_positive}
    return inputs, forward


def hstu(w):
    d, eps, longest, heads, buckets = 8, 1e-6, 6, 2, 16
    item, pos = w("item", ITEMS, d), w("pos", longest, d)
    uvqk, wo, bo = w("l0.uvqk", d, 4 * d), w("l0.wo", d, d), w("l0.bo", d)
    pos_w, ts_w = w("l0.pos_w", 2 * longest - 1), w("l0.ts_w", buckets + 1)
    times, targets = [[0, 3, 60, 4000], [77], [5, 5]], [[5, 3, 9, 2], [8], [4, 10]]

    def bucket(seconds):
        return min(max(int(math.log(max(abs(seconds), 1)) / 0.301), 0), buckets)

    def forward():
        rows = []
        for items, t in zip(PAIRED, times):
            n, after = len(items), t[1:] + t[-1:]
            x = item[items] * math.sqrt(d) + pos[:n]
            u, v, q, k = silu(layer_norm(x, None, None, eps) @ uvqk).chunk(4, -1)
            by_place = pos_w[torch.arange(n)[None] - torch.arange(n)[:, None] + longest - 1]
            by_time = ts_w[torch.tensor([[bucket(end - begin) for begin in t] for end in after])]
            score = heads_of(q, heads) @ heads_of(k, heads).transpose(1, 2) + by_place + by_time
            a = (silu(score) / longest).tril()
            mixed = (a @ heads_of(v, heads)).transpose(0, 1).flatten(1)
            rows.append(x + (u * layer_norm(mixed, None, None, eps)) @ wo + bo)
        hidden = torch.cat(rows)
        return {"hidden": hidden}, cross_entropy(hidden @ item.T, flat(targets))

    return {"items": PAIRED, "times": times, "targets": targets}, forward


def ft(w):
    d, eps = 8, 1e-5
    num_w, cls = w("num_w", 3, d), w("cls", d)
    cat0, cat1, tok_b = w("cat0", 4, d), w("cat1", 3, d), w("tok_b", 5, d)
    layers = []
    for i in range(2):
        p = f"l{i}."
        layer = {"ln0": w.norm(p + "ln0", d) if i else None}
        for name in "qkv":
            layer[name] = (w(p + "w" + name, d, d), w(p + "b" + name, d))
        layer["o"] = (w(p + "wo", d, d), w(p + "bo", d))
        layer["ln1"] = w.norm(p + "ln1", d)
        layer["0"] = (w(p + "w0", d, 20), w(p + "b0", 20))
        layer["1"] = (w(p + "w1", 10, d), w(p + "b1", d))
        layers.append(layer)
    lnf, head = w.norm("lnf", d), (w("head.w", d, 1), w("head.b", 1))
    numbers = [[0.322, 1.939, 0.15], [0.486, -0.492, 1.059], [0.805, -0.084, -2.169]]
    categories, y = [[0, 2], [3, 1], [1, 0]], [0.5, -1.0, 2.0]

    def one(row, kinds):
        x = torch.cat([cls[None], torch.tensor(row)[:, None] * num_w + tok_b[:3],
                       (cat0[kinds[0]] + tok_b[3])[None], (cat1[kinds[1]] + tok_b[4])[None]])
        for i, l in enumerate(layers):
            h = layer_norm(x, *l["ln0"], eps) if l["ln0"] else x
            asks = h[:1] if i + 1 == len(layers) else h
            x = x[: len(asks)]
            q = heads_of(asks @ l["q"][0] + l["q"][1], 2)
            k, v = (heads_of(h @ l[n][0] + l[n][1], 2) for n in "kv")
            x = x + attend(q, k, v, False) @ l["o"][0] + l["o"][1]
            a, gate = (layer_norm(x, *l["ln1"], eps) @ l["0"][0] + l["0"][1]).chunk(2, -1)
            x = x + (a * gate.relu()) @ l["1"][0] + l["1"][1]
        return (layer_norm(x, *lnf, eps).relu() @ head[0] + head[1])[0, 0]

    def forward():
        prediction = torch.stack([one(*both) for both in zip(numbers, categories)])
        return {"prediction": prediction}, (prediction - torch.tensor(y)).square().mean()

    return {"x_num": numbers, "x_cat": categories, "y": y}, forward


def vit(w):
    d, eps = 8, 1e-6
    patch, cls, pos = (w("patch.w", 4, d), w("patch.b", d)), w("cls", d), w("pos", 5, d)
    b, lnf, head = block(w, "l0.", d, 16), w.norm("lnf", d), (w("head.w", d, 3), w("head.b", 3))
    generator = torch.Generator().manual_seed(99)
    images = (torch.randn(2, 4, 4, generator=generator) * 1000).round() / 1000

    def forward():
        rows = []
        for image in images:
            cut = image.reshape(2, 2, 2, 2).transpose(1, 2).reshape(4, 4)
            x = torch.cat([cls[None], cut @ patch[0] + patch[1]]) + pos
            x = pre_norm_block(b, x, 2, False, gelu, eps)
            rows.append(layer_norm(x, *lnf, eps)[0] @ head[0] + head[1])
        logits = torch.stack(rows)
        return {"logits": logits}, cross_entropy(logits, [2, 0])

    return {"image": images.tolist(), "y": [2, 0]}, forward


def adamw_losses(w, forward, steps=10):
    """Loss before each step; matrices decay, vectors do not."""
    start = {name: p.detach().clone() for name, p in w.named.items()}
    groups = [{"params": [p for p in w.named.values() if p.dim() == 2], "weight_decay": 0.01},
              {"params": [p for p in w.named.values() if p.dim() == 1], "weight_decay": 0.0}]
    optimiser, losses = torch.optim.AdamW(groups, lr=0.01), []
    for _ in range(steps):
        loss = forward()[1]
        losses.append(loss.item())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    with torch.no_grad():
        for name, p in w.named.items():
            p.copy_(start[name])
    return losses


def rounded(x):
    """Thirteen digits: far below every tolerance, far fewer bytes."""
    if isinstance(x, list):
        return [rounded(y) for y in x]
    return float(f"{x:.13g}")


def main():
    models = [gpt, llama, bert, sasrec, hstu, ft, vit]
    for seed, make in enumerate(models, 1):
        w = Weights(seed)
        inputs, forward = make(w)
        losses = adamw_losses(w, forward)
        for p in w.named.values():
            p.grad = None
        outputs, loss = forward()
        loss.backward()
        written = {
            "inputs": inputs,
            "params": {name: rounded(p.tolist()) for name, p in w.named.items()},
            "outputs": {name: rounded(x.tolist()) for name, x in outputs.items()},
            "loss": rounded(loss.item()),
            "grads": {name: rounded(p.grad.tolist()) for name, p in w.named.items()},
            "adamw_losses": rounded(losses),
        }
        with open(f"model_{make.__name__}.json", "w", encoding="utf-8") as out:
            json.dump(written, out, separators=(",", ":"))
            out.write("\n")
        print(make.__name__, loss.item())


main()
