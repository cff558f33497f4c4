"""examples/04_gpt/gpt.dsl in JAX: the independent reference of its losses, and a peer of `./dev bench train-cpu`.

The same mathematics, written as a JAX user would: one jitted training step with donated buffers, AdamW and clipping
written out. Layers are unrolled or a `lax.scan` over stacked parameters. What the program computes in f64 once per step
(rates) is computed in Python floats and passed in. In bf16, products take casts of f32 parameters.
"""
import math
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from peers.jax_common import Devices, adam, corrections, cross_entropy
from peers.schedule import learning_rate

EPSILON_NORM, BETA1, BETA2, CLIP = 1e-5, 0.9, 0.99, 1.0
BLOCK = ["norm1.gain", "norm1.offset", "attention.query", "attention.key", "attention.value", "attention.out",
         "norm2.gain", "norm2.offset", "up.w", "up.b", "down.w", "down.b"]
OUTSIDE = {"table": "gpt.embedding.table", "position": "gpt.position", "gain": "gpt.norm.gain",
           "offset": "gpt.norm.offset", "head": "gpt.head.w"}
# The dimension along which devices share a parameter (variant "tensor").
CUT = {"attention.query": 1, "attention.key": 1, "attention.value": 1, "attention.out": 0, "up.w": 1, "up.b": 0, "down.w": 0,
       "table": 0, "head": 1}


def cuts(tree):
    """`CUT` in the form of the tree of unrolled layers."""
    return {name: [{part: CUT.get(part, -1) for part in block} for block in part] if name == "blocks" else CUT.get(name, -1)
            for name, part in tree.items()}


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
    scores = jnp.einsum("bhsd,bhtd->bhst", q, k).astype(jnp.float32) / np.float32(math.sqrt(q.shape[-1]))
    causal = jnp.tril(jnp.ones((x.shape[1], x.shape[1]), bool))
    weights = jax.nn.softmax(jnp.where(causal, scores, -jnp.inf), axis=-1).astype(x.dtype)
    return jnp.einsum("bhsd,hde->bse", jnp.einsum("bhst,bhtd->bhsd", weights, v), p["attention.out"])


def block(x, p, dtype):
    cast = {name: value if name.startswith("norm") else value.astype(dtype) for name, value in p.items()}
    h = x + attention(layer_norm(x, p["norm1.gain"], p["norm1.offset"]).astype(dtype), cast).astype(jnp.float32)
    up = layer_norm(h, p["norm2.gain"], p["norm2.offset"]).astype(dtype) @ cast["up.w"] + cast["up.b"]
    return h + (jax.nn.gelu(up, approximate=True) @ cast["down.w"] + cast["down.b"]).astype(jnp.float32)


def loss_of(tree, text, dtype):
    tokens, target = text[:, :-1].astype(jnp.int32), text[:, 1:].astype(jnp.int32)
    x = tree["table"][tokens] + tree["position"]
    if isinstance(tree["blocks"], list):
        for p in tree["blocks"]:
            x = block(x, p, dtype)
    else:
        x, _ = jax.lax.scan(lambda x, p: (block(x, p, dtype), None), x, tree["blocks"])
    logits = layer_norm(x, tree["gain"], tree["offset"]).astype(dtype) @ tree["head"].astype(dtype)
    return cross_entropy(logits.astype(jnp.float32), target)


@partial(jax.jit, static_argnums=0, donate_argnums=(1, 2, 3))
def train_step(dtype, tree, m, v, text, rate, spread, decay):
    """One step of AdamW on clipped gradients; returns the new tree and moments, and the loss."""
    loss, g = jax.value_and_grad(loss_of)(tree, text, dtype)
    norm = jnp.sqrt(sum(jnp.sum(leaf * leaf) for leaf in jax.tree.leaves(g)))
    factor = jnp.where(norm > CLIP, CLIP / norm, 1.0)
    g = jax.tree.map(lambda g: factor * g, g)
    return *adam(tree, m, v, g, BETA1, BETA2, rate, spread, decay), loss


class Trainer:
    """The state of one training run. `hyper`: lr, steps, warm_up, weight_decay."""

    def __init__(self, tensors, layers, variant, hyper, dtype=jnp.float32):
        self.devices = Devices(variant)
        tree = parameters(tensors, layers, variant == "scanned")
        self.tree = self.devices.parameters(tree, cuts(tree) if variant == "tensor" else None)
        self.m = jax.tree.map(jnp.zeros_like, self.tree)
        self.v = jax.tree.map(jnp.zeros_like, self.tree)
        self.hyper, self.dtype, self.step = hyper, dtype, 0

    def train(self, text):
        """One step on a batch u8 [Batch, Window]; returns the loss once it is there."""
        h = self.hyper
        rate = learning_rate(self.step, h["lr"], h["steps"], h["warm_up"])
        self.tree, self.m, self.v, loss = train_step(
            self.dtype, self.tree, self.m, self.v, *self.devices.batch(text), *corrections(rate, self.step, BETA1, BETA2),
            np.float32(rate * h["weight_decay"]))
        self.step += 1
        jax.block_until_ready(self.tree)
        return float(loss)


def make(weights, row, variant):
    return Trainer(weights, row.sizes["Layers"], variant, row.hyper, jnp.bfloat16 if row.bf16 else jnp.float32)
