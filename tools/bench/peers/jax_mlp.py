"""programs/mlp.dsl in JAX."""
import jax
import jax.numpy as jnp
from peers.jax_common import AdamTrainer, Devices, cross_entropy


def loss_of(tree, image, label):
    x = image
    for w, b in tree[:-1]:
        x = jax.nn.relu(x @ w + b)
    return cross_entropy(x @ tree[-1][0] + tree[-1][1], label)


CUT = [(1, 0), (0, -1), (-1, -1)]  # by weight and offset of each layer


def make(weights, row, variant):
    tree = [(jnp.array(weights[f"mlp.{name}.w"]), jnp.array(weights[f"mlp.{name}.b"]))
            for name in ("first", "second", "third")]
    devices = Devices(variant)
    return AdamTrainer(devices.parameters(tree, CUT), loss_of, row.hyper["lr"], devices)
