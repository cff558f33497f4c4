// nn: losses.
import nn

axis Batch = 3, Seq = 2, Classes = 5

function value(logits: f64[Batch, Seq, Classes], target: i32[Batch, Seq], p: f64[Batch, Seq], q: f64[Batch, Seq]) -> f64 {
  return nn.cross_entropy(3 * logits, target) + nn.mean_squared_error(p, q)
}

entry loss(logits: f64[Batch, Seq, Classes], target: i32[Batch, Seq], p: f64[Batch, Seq], q: f64[Batch, Seq])
    -> (loss: f64) {
  return value(logits, target, p, q)
}

entry gradient(logits: f64[Batch, Seq, Classes], target: i32[Batch, Seq], p: f64[Batch, Seq], q: f64[Batch, Seq])
    -> (d_logits: f64[Batch, Seq, Classes], d_p: f64[Batch, Seq], d_q: f64[Batch, Seq]) {
  let y = value(logits, target, p, q)
  return grad(y, logits), grad(y, p), grad(y, q)
}
