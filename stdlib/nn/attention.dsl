// Attention of a sequence to itself.

/// Multi-head attention in which a position sees itself and what came before.
///
/// Shapes: x [...L, Seq, Embed] -> the same; parameters query, key, value [Embed, Heads, Head],
/// out [Heads, Head, Embed].
/// Formula: softmax(q k' / sqrt(Head), over keys t <= s) v, projected back to Embed; per head.
/// Initial values: normal, mean 0, deviation 0.02.
/// Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, sections 3.2.1 to 3.2.3.
layer CausalAttention[T: float, Heads, Head, Seq, Embed, ...L](x: T[...L, Seq, Embed]) -> T[...L, Seq, Embed] {
  axis Keys = Seq
  param query, key, value: T[Embed, Heads, Head] = normal(std: 0.02)
  param out: T[Heads, Head, Embed] = normal(std: 0.02)
  let q[...l, h, s, d] = sum(e) x[...l, s, e] * query[e, h, d]
  let k[...l, h, t: Keys, d] = sum(e) x[...l, t, e] * key[e, h, d]
  let v[...l, h, t: Keys, d] = sum(e) x[...l, t, e] * value[e, h, d]
  let a[...l, h, s, t] = where(t <= s, (sum(d) q[...l, h, s, d] * k[...l, h, t, d]) / sqrt(Head), -inf)
  let p = softmax(a, over: Keys)
  let mixed[...l, s, h, d] = sum(t) p[...l, h, s, t] * v[...l, h, t, d]
  return y[...l, s, e] = sum(h, d) mixed[...l, s, h, d] * out[h, d, e]
}
