// RUN: %cleave run %s --steps 1 --quiet
// Functions of nn at points whose values are known (from their formulas in double precision).
import nn

axis N = 3, K = 3, Four = 4, A = 2

function close(x: f64, y: f64) -> bool {
  return abs(x - y) <= 1e-9 * (1 + abs(y))
}

entry train() -> (done: bool) {
  let x[n: N] = where(n == 0, -1.5, where(n == 1, 0.3, f64(2.0)))
  let relu = nn.relu(x)
  assert(close(relu[0], 0) && close(relu[1], 0.3) && close(relu[2], 2), "relu")
  let sigmoid = nn.sigmoid(x)
  assert(close(sigmoid[0], 0.18242552380635635) && close(sigmoid[2], 0.8807970779778823), "sigmoid")
  let silu = nn.silu(x)
  assert(close(silu[0], -0.2736382857095345) && close(silu[2], 1.7615941559557646), "silu")
  let gelu = nn.gelu(x)
  assert(close(gelu[0], -0.10042842301976707) && close(gelu[1], 0.18537092354275922), "gelu")
  let gelu_erf = nn.gelu_erf(x)
  assert(close(gelu_erf[0], -0.10021080190328713) && close(gelu_erf[2], 1.9544997361036416), "gelu_erf")

  // Large logits: exp of them is infinite.
  let logits[a: A, k: K] = 1000 + f64(k)
  let p = nn.softmax(logits, over: K)
  let q = nn.row_softmax(logits)
  let l = nn.log_softmax(logits, over: K)
  assert(close(p[0, 2], 0.6652409557748219) && close(q[1, 0], 0.09003057317038046), "softmax")
  assert(close(l[0, 0], -2.4076059644443806) && close(l[1, 2], -0.4076059644443804), "log_softmax")
  let target[a: A] = i32(2 * a)
  assert(close(nn.cross_entropy(logits, target), 1.4076059644443804), "cross_entropy")
  assert(close(nn.mean_squared_error(x, relu), 0.75), "mean_squared_error")

  let y[f: Four] = f64(f + 1 + f / 2)
  let one[f: Four] = f64(1)
  let none[f: Four] = f64(0)
  let normed = nn.layer_norm(y, one, none)
  let scaled = nn.rms_norm(y, one)
  assert(close(normed[0], -1.264908534252813) && close(normed[2], 0.6324542671264065), "layer_norm")
  assert(close(scaled[3], 1.4744194974437772), "rms_norm")
  return true
}
