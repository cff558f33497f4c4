"""programs/decode.dsl in JAX: one jitted step with a donated cache, layers unrolled or scanned."""
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

ROTARY_BASE, EPSILON = 10000, 1e-6
BLOCK = ["norm1.gain", "norm2.gain", "attention.query", "attention.key", "attention.value", "attention.out", "gate.w",
         "up.w", "down.w"]
CACHE = ["attention.keys", "attention.values"]


def rms_norm(x, gain):
    return x * jax.lax.rsqrt((x * x).mean() + np.float32(EPSILON)) * gain


def rotary(x, angle):
    half = x.shape[-1] // 2
    a, b = x[:, :half], x[:, half:]
    c, s = jnp.cos(angle), jnp.sin(angle)
    return jnp.concatenate([a * c - b * s, b * c + a * s], axis=-1)


def attention(x, p, cache, position, angle):
    q = rotary(jnp.einsum("e,ehd->hd", x, p["attention.query"]), angle)
    k = rotary(jnp.einsum("e,egd->gd", x, p["attention.key"]), angle)
    v = jnp.einsum("e,egd->gd", x, p["attention.value"])
    keys = jax.lax.dynamic_update_slice_in_dim(cache["attention.keys"], k[:, None], position, axis=1)
    values = jax.lax.dynamic_update_slice_in_dim(cache["attention.values"], v[:, None], position, axis=1)
    groups, length, head = keys.shape
    scores = jnp.einsum("grd,gtd->grt", q.reshape(groups, -1, head), keys) / np.float32(head**0.5)
    weights = jax.nn.softmax(jnp.where(jnp.arange(length) <= position, scores, -jnp.inf), axis=-1)
    mixed = jnp.einsum("grt,gtd->grd", weights, values).reshape(-1, head)
    return jnp.einsum("hd,hde->e", mixed, p["attention.out"]), {CACHE[0]: keys, CACHE[1]: values}


def block(x, p, cache, position, angle):
    mixed, cache = attention(rms_norm(x, p["norm1.gain"]), p, cache, position, angle)
    h = x + mixed
    n = rms_norm(h, p["norm2.gain"])
    return h + (jax.nn.silu(n @ p["gate.w"]) * (n @ p["up.w"])) @ p["down.w"], cache


@partial(jax.jit, donate_argnums=1)
def decode(tree, cache, token, position):
    head = tree["blocks"][0]["attention.out"].shape[-2] if isinstance(tree["blocks"], list) else \
        tree["blocks"]["attention.out"].shape[-2]
    angle = position * np.float32(ROTARY_BASE) ** (-2 * jnp.arange(head // 2, dtype=jnp.float32) / head)
    x = tree["table"][token]
    if isinstance(tree["blocks"], list):
        fresh = []
        for p, layer_cache in zip(tree["blocks"], cache):
            x, layer_cache = block(x, p, layer_cache, position, angle)
            fresh.append(layer_cache)
    else:
        x, fresh = jax.lax.scan(lambda x, layer: block(x, *layer, position, angle), x, (tree["blocks"], cache))
    logits = rms_norm(x, tree["gain"]) @ tree["head"]
    return fresh, jax.nn.logsumexp(logits) - logits.max(), jnp.argmax(logits)


def stacked(weights, names, layers, scanned):
    blocks = [{name: weights[f"llama.blocks[{i}].{name}"] for name in names} for i in range(layers)] if not scanned else None
    if not scanned:
        return jax.tree.map(jnp.array, blocks)
    return {name: jnp.array(np.stack([weights[f"llama.blocks[{i}].{name}"] for i in range(layers)])) for name in names}


class Decoder:
    def __init__(self, weights, row, scanned):
        layers = row.sizes["Layers"]
        self.tree = {"table": jnp.array(weights["llama.embedding.table"]), "gain": jnp.array(weights["llama.norm.gain"]),
                     "head": jnp.array(weights["llama.head.w"]), "blocks": stacked(weights, BLOCK, layers, scanned)}
        self.cache = stacked(weights, CACHE, layers, scanned)
        self.room, self.first, self.step = row.sizes["Room"], row.sizes["Cache"] - row.sizes["Room"], 0

    def train(self, token):
        self.cache, loss, _ = decode(self.tree, self.cache, token[0], self.first + self.step % self.room)
        self.step += 1
        jax.block_until_ready(self.cache)
        return float(loss)


def make(weights, row, variant):
    return Decoder(weights, row, variant == "scanned")
