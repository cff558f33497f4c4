"""What the JAX peers share: Adam over a tree, the loss once it is there, and arrays in parts on several devices."""
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

EPSILON = np.float32(1e-8)


def adam(tree, m, v, g, beta1, beta2, rate, spread, decay=0.0):
    """The new tree and moments. `rate` and `spread`: see `corrections`; `decay`: learning rate times weight decay."""
    m = jax.tree.map(lambda m, g: np.float32(beta1) * m + np.float32(1 - beta1) * g, m, g)
    v = jax.tree.map(lambda v, g: np.float32(beta2) * v + np.float32(1 - beta2) * g * g, v, g)
    tree = jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v * spread) + EPSILON) - decay * p, tree, m, v)
    return tree, m, v


def corrections(lr, step, beta1, beta2):
    """The rate and the factor of the second moments that correct the bias of step `step`, counted from 0."""
    return np.float32(lr / (1 - beta1**(step + 1))), np.float32(1 / (1 - beta2**(step + 1)))


class Devices:
    """Where arrays lie. Variant "data": each device has a part of the batch; "tensor": of parameters, along one dimension each;
    any other: all on one device."""

    def __init__(self, variant):
        self.variant = variant if variant in ("data", "tensor") else ""
        self.mesh = Mesh(np.array(jax.devices()), ("x",)) if self.variant else None

    def put(self, array, dim=None):
        """In parts along `dim`; whole on each device where there is none."""
        spec = PartitionSpec(*([None] * dim), "x") if dim is not None else PartitionSpec()
        return jax.device_put(array, NamedSharding(self.mesh, spec)) if self.mesh else jnp.asarray(array)

    def parameters(self, tree, cut=None):
        """`cut`: the same tree with the dimension that "tensor" cuts at each leaf, -1 where none."""
        cut = cut if self.variant == "tensor" and cut else jax.tree.map(lambda _: -1, tree)
        return jax.tree.map(lambda array, dim: self.put(array, dim if dim >= 0 else None), tree, cut)

    def batch(self, *arrays):
        return [self.put(array, 0 if self.variant == "data" else None) for array in arrays]


class AdamTrainer:
    """Trains a tree on a loss function of tree and batch, with Adam at a constant learning rate."""

    def __init__(self, tree, loss_of, lr, devices, beta1=0.9, beta2=0.999):
        self.devices = devices
        self.state = tree, jax.tree.map(jnp.zeros_like, tree), jax.tree.map(jnp.zeros_like, tree)
        self.lr, self.betas, self.step = lr, (beta1, beta2), 0

        def update(state, rate, spread, *batch):
            loss, g = jax.value_and_grad(loss_of)(state[0], *batch)
            return adam(*state, g, beta1, beta2, rate, spread), loss

        self.update = jax.jit(update, donate_argnums=0)

    def train(self, *batch):
        self.state, loss = self.update(self.state, *corrections(self.lr, self.step, *self.betas),
                                       *self.devices.batch(*batch))
        self.step += 1
        jax.block_until_ready(self.state)
        return float(loss)


def cross_entropy(logits, target):
    picked = jnp.take_along_axis(logits, target[..., None], axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - picked)
