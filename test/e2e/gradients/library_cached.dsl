// nn.cached_attention to a cache that nn.cached writes, by keys, values and queries; the cache's old rows as well.
import nn

axis Batch = 2, Heads = 2, Group = 3, Seq = 2, Keys = 5, Head = 4

function mixed(q: f64[Batch, Heads, Group, Seq, Head], k: f64[Batch, Heads, Seq, Head], v: f64[Batch, Heads, Seq, Head],
    old: f64[Batch, Heads, Keys, Head]) -> f64 {
  let start[b: Batch] = i32(b + 1)
  let place[b, s: Seq] = where(s == 1 && b == 1, -1, start[b] + i32(s))
  let keys = nn.cached(old, k, place)
  let values = nn.cached(old, v, place)
  let y = nn.cached_attention(q, keys, values, start)
  return sum(b, h, g, s, d) sin(y[b, h, g, s, d] * (1 + f64(d)) + f64(g) + 0.5 * f64(s))
}

entry loss(q: f64[Batch, Heads, Group, Seq, Head], k: f64[Batch, Heads, Seq, Head], v: f64[Batch, Heads, Seq, Head],
    old: f64[Batch, Heads, Keys, Head]) -> (loss: f64) {
  return mixed(q, k, v, old)
}

entry gradient(q: f64[Batch, Heads, Group, Seq, Head], k: f64[Batch, Heads, Seq, Head], v: f64[Batch, Heads, Seq, Head],
    old: f64[Batch, Heads, Keys, Head]) -> (d_q: f64[Batch, Heads, Group, Seq, Head], d_k: f64[Batch, Heads, Seq, Head],
    d_v: f64[Batch, Heads, Seq, Head], d_old: f64[Batch, Heads, Keys, Head]) {
  return grad(mixed(q, k, v, old), q, k, v, old)
}
