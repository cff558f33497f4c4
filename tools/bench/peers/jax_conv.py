"""programs/conv.dsl in JAX."""
import jax
import jax.numpy as jnp
from jax import lax
from peers.jax_common import AdamTrainer, Devices, cross_entropy


def convolve(x, layer):
    return lax.conv_general_dilated(x, layer["w"], (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")) + layer["b"]


def max_pool(x):
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def loss_of(tree, image, label):
    x = jax.nn.relu(convolve(image, tree["first"]))
    x = max_pool(jax.nn.relu(convolve(x, tree["second"])))
    x = max_pool(jax.nn.relu(convolve(x, tree["third"])))
    logits = x.reshape(x.shape[0], -1) @ tree["head"].reshape(-1, tree["head"].shape[-1]) + tree["offset"]
    return cross_entropy(logits, label)


def make(weights, row, variant):
    tree = {name: jnp.array(weights[f"net.{name}"]) for name in ("head", "offset")}
    for name in ("first", "second", "third"):
        tree[name] = {part: jnp.array(weights[f"net.{name}.{part}"]) for part in ("w", "b")}
    devices = Devices(variant)
    return AdamTrainer(devices.parameters(tree), loss_of, row.hyper["lr"], devices)
