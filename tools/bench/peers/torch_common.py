"""What the PyTorch peers share: threads, and a training step."""
import torch

THREADS = 2
torch.set_num_threads(THREADS)


def parameter(array):
    return torch.nn.Parameter(torch.from_numpy(array))


def linear(w, b=None):
    """A Linear whose weights were saved as [In, Out]."""
    layer = torch.nn.Linear(*w.shape, bias=b is not None, device="meta")
    layer.weight = torch.nn.Parameter(torch.from_numpy(w).t().contiguous())
    if b is not None:
        layer.bias = parameter(b)
    return layer


def compiled(module, variant):
    return torch.compile(module) if variant == "compiled" else module


class AdamTrainer:
    """Trains a module that gives the loss of a batch, with Adam at a constant learning rate."""

    def __init__(self, module, variant, lr):
        self.loss_of = compiled(module, variant)
        self.optimizer = torch.optim.Adam(module.parameters(), lr=lr, fused=True)

    def train(self, *batch):
        loss = self.loss_of(*map(torch.from_numpy, batch))
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return loss.item()
