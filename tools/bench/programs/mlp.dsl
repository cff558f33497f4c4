// A classifier of 28 x 28 images with two hidden layers, trained with Adam: row `mlp` of `./dev bench train-cpu`.
import nn
import optim

axis Batch = 128, Pixels = 784, First = 512, Second = 512, Classes = 10
hyper lr: f64 = 1e-3

data images = npy("images.npy")
data labels = npy("labels.npy")

layer Mlp(x: f32[Batch, Pixels]) -> f32[Batch, Classes] {
  layer first = nn.Linear[Pixels, First]
  layer second = nn.Linear[First, Second]
  layer third = nn.Linear[Second, Classes]
  return third(nn.relu(second(nn.relu(first(x)))))
}

layer mlp = Mlp

entry train(image: f32[Batch, Pixels] from images in order, label: i32[Batch] from labels in order) -> (loss: f32) {
  let loss = nn.cross_entropy(mlp(image), label)
  update mlp with optim.Adam(grad(loss, mlp), lr: lr)
  return loss
}

/// The first layer's columns on two ranks, and the rows of the second that read them.
plan columns on mesh(tp: 2) {
  shard First over tp
}
