// Attention of a sequence to itself.

/// Attention in which a position sees itself and what came before.
///
/// Shapes: q [...L, Seq, Head], k and v [...L, Keys, Head] -> [...L, Seq, Head]; the heads are among ...L.
/// Formula: softmax(q k' / sqrt(Head), over keys t <= s) v. Terms that the mask excludes are not formed at all.
/// Gradient: the probabilities are computed again from the logarithm of their sum; no score is saved.
/// Source: Vaswani et al., "Attention is all you need", NeurIPS 2017, sections 3.2.1 and 3.2.3; Dao et al.,
/// "FlashAttention", NeurIPS 2022, section 3.1 and appendix B.2.
composite function causal_attention[T: float, Seq, Keys, Head, ...L](q: T[...L, Seq, Head], k: T[...L, Keys, Head],
    v: T[...L, Keys, Head]) -> (y: T[...L, Seq, Head]) {
  let a[...l, s, t] = (sum(d) q[...l, s, d] * k[...l, t, d]) / sqrt(Head)
  let m[...l, s] = max(t) where(t <= s, a[...l, s, t], -inf)
  let e[...l, s, t] = where(t <= s, exp(a[...l, s, t] - m[...l, s]), 0)
  let z[...l, s] = sum(t) where(t <= s, e[...l, s, t], 0)
  residual total = m + log(z)
  let mixed[...l, s, d] = sum(t) where(t <= s, e[...l, s, t] * v[...l, t, d], 0)
  return y[...l, s, d] = mixed[...l, s, d] / z[...l, s]
} backward (dy) {
  let a[...l, s, t] = (sum(d) q[...l, s, d] * k[...l, t, d]) / sqrt(Head)
  let p[...l, s, t] = where(t <= s, exp(a[...l, s, t] - total[...l, s]), 0)
  let mean_dp[...l, s] = sum(d) dy[...l, s, d] * y[...l, s, d]
  let dp[...l, s, t] = sum(d) dy[...l, s, d] * v[...l, t, d]
  let da[...l, s, t] = where(t <= s, p[...l, s, t] * (dp[...l, s, t] - mean_dp[...l, s]) / sqrt(Head), 0)
  let dq[...l, s, d] = sum(t) where(t <= s, da[...l, s, t] * k[...l, t, d], 0)
  let dk[...l, t, d] = sum(s) where(t <= s, da[...l, s, t] * q[...l, s, d], 0)
  let dv[...l, t, d] = sum(s) where(t <= s, p[...l, s, t] * dy[...l, s, d], 0)
  return dq, dk, dv
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
