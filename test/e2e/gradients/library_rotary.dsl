// nn.rotary and nn.rotary_table, with stretched frequencies.
import nn

axis Batch = 2, Heads = 3, Seq = 4, Head = 6

function spread(x: f64[Batch, Heads, Seq, Head], position: i32[Batch, Seq]) -> f64 {
  let f = nn.stretched_frequencies(head: Head, base: 100.0, factor: 4.0, slow: 1.0, fast: 4.0, trained: 32.0)
  let (cosine, sine) = nn.rotary_table(position, f)
  let y = nn.rotary(x, cosine, sine)
  return sum(b, h, s, d) sin(y[b, h, s, d] * (1 + 0.3 * f64(d)) + f64(h))
}

entry loss(x: f64[Batch, Heads, Seq, Head]) -> (loss: f64) {
  let position[b: Batch, s: Seq] = i32(3 * b + 2 * s)
  return spread(x, position)
}

entry gradient(x: f64[Batch, Heads, Seq, Head]) -> (d_x: f64[Batch, Heads, Seq, Head]) {
  let position[b: Batch, s: Seq] = i32(3 * b + 2 * s)
  return grad(spread(x, position), x)
}
