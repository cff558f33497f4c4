"""examples/04_gpt/gpt.dsl in PyTorch: eager or compiled, in f32 or under autocast to bf16."""
import torch
import torch.nn.functional as F
from peers.schedule import learning_rate
from peers.torch_common import compiled, linear, parameter

BETAS, CLIP, EPSILON = (0.9, 0.99), 1.0, 1e-5


class Block(torch.nn.Module):
    def __init__(self, weights, prefix):
        super().__init__()
        get = lambda name: weights[f"{prefix}.{name}"]
        embed, self.heads, _ = get("attention.query").shape
        self.norms = torch.nn.ParameterList(parameter(get(name)) for name in
                                            ("norm1.gain", "norm1.offset", "norm2.gain", "norm2.offset"))
        self.qkv = linear(torch.cat([torch.from_numpy(get(f"attention.{name}").reshape(embed, -1))
                                     for name in ("query", "key", "value")], 1).numpy())
        self.out = linear(get("attention.out").reshape(-1, embed))
        self.up, self.down = linear(get("up.w"), get("up.b")), linear(get("down.w"), get("down.b"))

    def forward(self, x):
        batch, seq, embed = x.shape
        gain1, offset1, gain2, offset2 = self.norms
        qkv = self.qkv(F.layer_norm(x, (embed,), gain1, offset1, EPSILON))
        q, k, v = qkv.view(batch, seq, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).reshape(batch, seq, embed)
        h = x + self.out(mixed)
        up = self.up(F.layer_norm(h, (embed,), gain2, offset2, EPSILON))
        return h + self.down(F.gelu(up, approximate="tanh"))


class Gpt(torch.nn.Module):
    def __init__(self, weights, layers, bf16):
        super().__init__()
        self.table, self.position = parameter(weights["gpt.embedding.table"]), parameter(weights["gpt.position"])
        self.blocks = torch.nn.ModuleList(Block(weights, f"gpt.blocks[{i}]") for i in range(layers))
        self.gain, self.offset = parameter(weights["gpt.norm.gain"]), parameter(weights["gpt.norm.offset"])
        self.head = linear(weights["gpt.head.w"])
        self.bf16 = bf16

    def forward(self, text):
        with torch.autocast("cpu", torch.bfloat16, enabled=self.bf16):
            tokens, target = text[:, :-1].int(), text[:, 1:].long()
            x = F.embedding(tokens, self.table) + self.position
            for block in self.blocks:
                x = block(x)
            logits = self.head(F.layer_norm(x, x.shape[-1:], self.gain, self.offset, EPSILON))
        return F.cross_entropy(logits.float().flatten(0, 1), target.flatten())


class Trainer:
    def __init__(self, weights, row, variant):
        self.module = Gpt(weights, row.sizes["Layers"], row.bf16)
        self.loss_of = compiled(self.module, variant)
        self.hyper, self.step = row.hyper, 0
        self.optimizer = torch.optim.AdamW(self.module.parameters(), betas=BETAS, fused=True,
                                           weight_decay=self.hyper["weight_decay"])

    def train(self, text):
        rate = learning_rate(self.step, self.hyper["lr"], self.hyper["steps"], self.hyper["warm_up"])
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self.loss_of(torch.from_numpy(text))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.module.parameters(), CLIP)
        self.optimizer.step()
        self.step += 1
        return loss.item()


def make(weights, row, variant):
    return Trainer(weights, row, variant)
