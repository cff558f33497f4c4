"""programs/mlp.dsl in PyTorch."""
import torch
import torch.nn.functional as F
from peers.torch_common import AdamTrainer, linear


class Mlp(torch.nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.first, self.second, self.third = (linear(weights[f"mlp.{name}.w"], weights[f"mlp.{name}.b"])
                                               for name in ("first", "second", "third"))

    def forward(self, image, label):
        return F.cross_entropy(self.third(F.relu(self.second(F.relu(self.first(image))))), label.long())


def make(weights, row, variant):
    return AdamTrainer(Mlp(weights), variant, row.hyper["lr"])
