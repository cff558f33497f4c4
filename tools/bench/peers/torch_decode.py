"""programs/decode.dsl in PyTorch: a static cache with a mask, so that a compiled step is compiled once."""
import torch
import torch.nn.functional as F
from peers.torch_common import compiled, linear, parameter

ROTARY_BASE, EPSILON = 10000, 1e-6


def rotary(x, c, s):
    a, b = x.chunk(2, -1)
    return torch.cat([a * c - b * s, b * c + a * s], -1)


class Block(torch.nn.Module):
    def __init__(self, weights, prefix):
        super().__init__()
        get = lambda name: weights[f"{prefix}.{name}"]
        embed, _, self.head = get("attention.query").shape
        self.query, self.key, self.value = (linear(get(f"attention.{name}").reshape(embed, -1))
                                            for name in ("query", "key", "value"))
        self.out = linear(get("attention.out").reshape(-1, embed))
        self.gate, self.up, self.down = (linear(get(f"{name}.w")) for name in ("gate", "up", "down"))
        self.gain1, self.gain2 = parameter(get("norm1.gain")), parameter(get("norm2.gain"))
        self.register_buffer("keys", torch.from_numpy(get("attention.keys")))
        self.register_buffer("values", torch.from_numpy(get("attention.values")))

    def forward(self, x, position, mask, c, s):
        n = F.rms_norm(x, x.shape[-1:], self.gain1, EPSILON)
        q = rotary(self.query(n).view(-1, self.head), c, s)
        k = rotary(self.key(n).view(-1, self.head), c, s)
        self.keys.index_copy_(1, position, k[:, None])
        self.values.index_copy_(1, position, self.value(n).view(-1, 1, self.head))
        mixed = F.scaled_dot_product_attention(q[None, :, None], self.keys[None], self.values[None], mask, enable_gqa=True)
        h = x + self.out(mixed.reshape(1, -1))
        n = F.rms_norm(h, h.shape[-1:], self.gain2, EPSILON)
        return h + self.down(F.silu(self.gate(n)) * self.up(n))


class Llama(torch.nn.Module):
    def __init__(self, weights, layers):
        super().__init__()
        self.table, self.gain = parameter(weights["llama.embedding.table"]), parameter(weights["llama.norm.gain"])
        self.blocks = torch.nn.ModuleList(Block(weights, f"llama.blocks[{i}]") for i in range(layers))
        self.head = linear(weights["llama.head.w"])

    def forward(self, token, position):
        first = self.blocks[0]
        half = first.head // 2
        angle = position * ROTARY_BASE ** (-2 * torch.arange(half, dtype=torch.float32) / first.head)
        mask = torch.arange(first.keys.shape[1])[None] <= position
        c, s = angle.cos(), angle.sin()
        x = F.embedding(token, self.table)
        for block in self.blocks:
            x = block(x, position, mask, c, s)
        logits = self.head(F.rms_norm(x, x.shape[-1:], self.gain, EPSILON))
        return logits.logsumexp(-1) - logits.amax(-1), logits.argmax(-1)


class Decoder:
    def __init__(self, weights, row, variant):
        self.decode = compiled(Llama(weights, row.sizes["Layers"]), variant)
        self.room, self.first, self.step = row.sizes["Room"], row.sizes["Cache"] - row.sizes["Room"], 0

    @torch.inference_mode()
    def train(self, token):
        loss, _ = self.decode(torch.from_numpy(token), torch.tensor([self.first + self.step % self.room]))
        self.step += 1
        return loss.item()


def make(weights, row, variant):
    return Decoder(weights, row, variant)
