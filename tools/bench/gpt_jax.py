"""The GPT of examples/04_gpt/gpt.dsl in JAX: the independent reference and the peer of `./dev bench train-cpu`.

The same mathematics, written as a JAX user would: one jitted training step with donated buffers, AdamW and clipping
written out. Layers are unrolled or a `lax.scan` over stacked parameters; the benchmark counts the faster of the two.
What the program computes in f64 once per step (rates) is computed in Python floats and passed in.
"""
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

EPSILON_NORM, EPSILON_ADAM = 1e-5, 1e-8
BETA1, BETA2, CLIP = 0.9, 0.99, 1.0
BLOCK = ["norm1.gain", "norm1.offset", "attention.query", "attention.key", "attention.value", "attention.out",
         "norm2.gain", "norm2.offset", "up.w", "up.b", "down.w", "down.b"]
OUTSIDE = {"table": "gpt.embedding.table", "position": "gpt.position", "gain": "gpt.norm.gain",
           "offset": "gpt.norm.offset", "head": "gpt.head.w"}


def parameters(tensors, layers, scanned):
    """The parameters of a saved Cleave state as a tree. `tensors`: name -> array."""
    tree = {short: jnp.array(tensors[name]) for short, name in OUTSIDE.items()}
    blocks = [{name: jnp.array(tensors[f"gpt.blocks[{i}].{name}"]) for name in BLOCK} for i in range(layers)]
    tree["blocks"] = jax.tree.map(lambda *leaves: jnp.stack(leaves), *blocks) if scanned else blocks
    return tree


def layer_norm(x, gain, offset):
    d = x - x.mean(-1, keepdims=True)
    return d * jax.lax.rsqrt((d * d).mean(-1, keepdims=True) + EPSILON_NORM) * gain + offset


def attention(x, p):
    q = jnp.einsum("bse,ehd->bhsd", x, p["attention.query"])
    k = jnp.einsum("bte,ehd->bhtd", x, p["attention.key"])
    v = jnp.einsum("bte,ehd->bhtd", x, p["attention.value"])
    scores = jnp.einsum("bhsd,bhtd->bhst", q, k) / np.float32(math.sqrt(q.shape[-1]))
    causal = jnp.tril(jnp.ones((x.shape[1], x.shape[1]), bool))
    weights = jax.nn.softmax(jnp.where(causal, scores, -jnp.inf), axis=-1)
    return jnp.einsum("bhsd,hde->bse", jnp.einsum("bhst,bhtd->bhsd", weights, v), p["attention.out"])


def block(x, p):
    h = x + attention(layer_norm(x, p["norm1.gain"], p["norm1.offset"]), p)
    up = layer_norm(h, p["norm2.gain"], p["norm2.offset"]) @ p["up.w"] + p["up.b"]
    return h + jax.nn.gelu(up, approximate=True) @ p["down.w"] + p["down.b"]


def loss_of(tree, text):
    tokens, target = text[:, :-1].astype(jnp.int32), text[:, 1:].astype(jnp.int32)
    x = tree["table"][tokens] + tree["position"]
    if isinstance(tree["blocks"], list):
        for p in tree["blocks"]:
            x = block(x, p)
    else:
        x, _ = jax.lax.scan(lambda x, p: (block(x, p), None), x, tree["blocks"])
    logits = layer_norm(x, tree["gain"], tree["offset"]) @ tree["head"]
    picked = jnp.take_along_axis(logits, target[..., None], axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - picked)


@partial(jax.jit, donate_argnums=(0, 1, 2))
def train_step(tree, m, v, text, rate, spread, decay):
    """One step of AdamW on clipped gradients; returns the new tree and moments, and the loss."""
    loss, g = jax.value_and_grad(loss_of)(tree, text)
    norm = jnp.sqrt(sum(jnp.sum(leaf * leaf) for leaf in jax.tree.leaves(g)))
    factor = jnp.where(norm > CLIP, CLIP / norm, 1.0)
    m = jax.tree.map(lambda m, g: np.float32(BETA1) * m + np.float32(1 - BETA1) * (factor * g), m, g)
    v = jax.tree.map(lambda v, g: np.float32(BETA2) * v + np.float32(1 - BETA2) * (factor * g) ** 2, v, g)
    tree = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v * spread) + np.float32(EPSILON_ADAM)) - decay * p,
                        tree, m, v)
    return tree, m, v, loss


def learning_rate(step, peak, steps, warm_up):
    """optim.cosine with least = 0.1 * peak."""
    if step < warm_up:
        return peak * min(1.0, (step + 1) / max(warm_up, 1))
    x = min(max((step - warm_up) / max(steps - warm_up, 1), 0.0), 1.0)
    return 0.1 * peak + 0.9 * peak * 0.5 * (1 + math.cos(math.pi * x))


class Trainer:
    """The state of one training run. `hyper`: lr, steps, warm_up, weight_decay."""

    def __init__(self, tensors, layers, scanned, hyper):
        self.tree = parameters(tensors, layers, scanned)
        self.m = jax.tree.map(jnp.zeros_like, self.tree)
        self.v = jax.tree.map(jnp.zeros_like, self.tree)
        self.hyper, self.step = hyper, 0

    def train(self, text):
        """One step on a batch u8 [Batch, Window]; returns the loss once it is there."""
        h, t = self.hyper, self.step + 1
        rate = learning_rate(self.step, h["lr"], h["steps"], h["warm_up"])
        self.tree, self.m, self.v, loss = train_step(
            self.tree, self.m, self.v, text, np.float32(rate / (1 - BETA1**t)), np.float32(1 / (1 - BETA2**t)),
            np.float32(rate * h["weight_decay"]))
        self.step += 1
        loss = float(loss)
        jax.block_until_ready(self.tree)
        return loss
