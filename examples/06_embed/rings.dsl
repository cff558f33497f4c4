// 06: a classifier of three rings, for programs that bring their own data: see README.md in this folder.
//
// Shows: inputs without a data source, which the host program gives; an entry to train, one to apply.
import nn
import optim

axis Batch = 64, Plane = 2, Hidden = 32, Rings = 3
hyper lr: f64 = 1e-2

layer Classifier(x: f32[Batch, Plane]) -> f32[Batch, Rings] {
  layer first = nn.Linear[Plane, Hidden]
  layer second = nn.Linear[Hidden, Hidden]
  layer third = nn.Linear[Hidden, Rings]
  return third(nn.relu(second(nn.relu(first(x)))))
}

layer classifier = Classifier

/// One step on the host's points and the numbers of their rings. The loss starts near 1.1 and falls below 0.1.
entry train(x: f32[Batch, Plane], ring: i32[Batch]) -> (loss: f32) {
  let loss = nn.cross_entropy(classifier(x), ring)
  update classifier with optim.Adam(grad(loss, classifier), lr: lr)
  return loss
}

/// For each point the ring it is most likely on.
entry apply(x: f32[Batch, Plane]) -> (ring: i32[Batch]) {
  let score = classifier(x)
  let ring[b] = i32(argmax(r) score[b, r])
  return ring
}
