// Attention of a sequence to itself.

/// Attention in which a position sees itself and what came before.
///
/// Shapes: q [...L, Seq, Head], k and v [...L, Keys, Head] -> [...L, Seq, Head]; the heads are among ...L.
/// Formula: softmax(q k' / sqrt(Head), over keys t <= s) v.
/// Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, sections 3.2.1 and 3.2.3.
function causal_attention[T: float, Seq, Keys, Head, ...L](q: T[...L, Seq, Head], k: T[...L, Keys, Head],
    v: T[...L, Keys, Head]) -> T[...L, Seq, Head] {
  let a[...l, s, t] = where(t <= s, (sum(d) q[...l, s, d] * k[...l, t, d]) / sqrt(Head), -inf)
  let p = row_softmax(a)
  return y[...l, s, d] = sum(t) p[...l, s, t] * v[...l, t, d]
}

/// Multi-head attention in which a position sees itself and what came before.
///
/// Shapes: x [...L, Seq, Embed] -> the same; parameters query, key, value [Embed, Heads, Head],
/// out [Heads, Head, Embed].
/// Formula: `causal_attention` per head of three projections of x, projected back to Embed.
/// Initial values: normal, mean 0, deviation 0.02.
/// Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, section 3.2.2.
layer CausalAttention[T: float, Heads, Head, Seq, Embed, ...L](x: T[...L, Seq, Embed]) -> T[...L, Seq, Embed] {
  param query, key, value: T.wide[Embed, Heads, Head] = normal(std: 0.02)
  param out: T.wide[Heads, Head, Embed] = normal(std: 0.02)
  let q[...l, h, s, d] = sum(e) x[...l, s, e] * T(query[e, h, d])
  let k[...l, h, s, d] = sum(e) x[...l, s, e] * T(key[e, h, d])
  let v[...l, h, s, d] = sum(e) x[...l, s, e] * T(value[e, h, d])
  let mixed = causal_attention(q, k, v)
  return y[...l, s, e] = sum(h, d) mixed[...l, h, s, d] * T(out[h, d, e])
}
