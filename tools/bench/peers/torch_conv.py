"""programs/conv.dsl in PyTorch, in channels-last memory format, which is the faster one here."""
import torch
import torch.nn.functional as F
from peers.torch_common import AdamTrainer, parameter


class Net(torch.nn.Module):
    def __init__(self, weights):
        super().__init__()
        self.convolutions = torch.nn.ModuleList()
        for name in ("first", "second", "third"):
            w = torch.from_numpy(weights[f"net.{name}.w"]).permute(3, 2, 0, 1)
            layer = torch.nn.Conv2d(w.shape[1], w.shape[0], w.shape[2], padding="same", device="meta")
            layer.weight = torch.nn.Parameter(w.contiguous(memory_format=torch.channels_last))
            layer.bias = parameter(weights[f"net.{name}.b"])
            self.convolutions.append(layer)
        self.head = parameter(weights["net.head"].reshape(-1, weights["net.head"].shape[-1]))
        self.offset = parameter(weights["net.offset"])

    def forward(self, image, label):
        first, second, third = self.convolutions
        x = image.permute(0, 3, 1, 2)  # a view: the images come channels last
        x = F.max_pool2d(F.relu(second(F.relu(first(x)))), 2)
        x = F.max_pool2d(F.relu(third(x)), 2)
        return F.cross_entropy(torch.addmm(self.offset, x.permute(0, 2, 3, 1).flatten(1), self.head), label.long())


def make(weights, row, variant):
    return AdamTrainer(Net(weights), variant, row.hyper["lr"])
